//! The client of the supervisor's control socket.

use std::time::Duration;

use futures::future::BoxFuture;
use harness_components::control::{ComponentControl, ComponentUsage, ControlError, Failure, Status, TeardownReport};
use harness_kubernetes::innermost_reason;
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::control::STOP_GRACE;
use super::kubernetes_version::ANNOUNCE_LIMIT;
use super::on_demand::{READY_LIMIT, START_LIMIT};
use super::state_dir::StateDir;

/// The limit of a call that needs no waiting.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// Talks to the supervisor of one cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ControlClient {
    name: String,
    http: reqwest::Client,
}

impl ControlClient {
    pub(crate) fn new(name: &str, state: &StateDir) -> Result<Self, ControlError> {
        harness_tls::install_crypto();
        let http = reqwest::Client::builder()
            .unix_socket(state.socket())
            .no_proxy()
            .build()
            .map_err(|error| control_error(name, "accept a client", error.to_string()))?;
        Ok(Self { name: name.to_owned(), http })
    }

    /// Waits until the start is over.
    pub(crate) async fn ready(&self, limit: Duration) -> Result<Status, ControlError> {
        self.call(Method::GET, "ready", Some(limit), "finish its start").await
    }

    pub(crate) async fn shutdown(&self) -> Result<TeardownReport, ControlError> {
        self.call(Method::POST, "shutdown", Some(CALL_LIMIT), "shut down").await
    }

    /// Reads the value at `path` of the control socket.
    ///
    /// # Errors
    /// When the supervisor does not answer, or refuses.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, doing: &'static str) -> Result<T, ControlError> {
        self.call(Method::GET, path, Some(CALL_LIMIT), doing).await
    }

    /// Replaces the value at `path`.
    ///
    /// # Errors
    /// As [`ControlClient::get`].
    pub async fn put<B: Serialize>(&self, path: &str, body: &B, doing: &'static str) -> Result<(), ControlError> {
        self.finish(self.request(Method::PUT, path, Some(CALL_LIMIT)).json(body), doing).await.map(drop)
    }

    /// Removes the value at `path`.
    ///
    /// # Errors
    /// As [`ControlClient::get`].
    pub async fn delete(&self, path: &str, doing: &'static str) -> Result<(), ControlError> {
        self.send(Method::DELETE, path, Some(CALL_LIMIT), doing).await.map(drop)
    }

    async fn order(
        &self,
        component: &str,
        verb: &str,
        limit: Duration,
        doing: &'static str,
    ) -> Result<(), ControlError> {
        self.send(Method::POST, &format!("components/{component}/{verb}"), Some(limit), doing).await.map(drop)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        limit: Option<Duration>,
        doing: &'static str,
    ) -> Result<T, ControlError> {
        let body = self.send(method, path, limit, doing).await?;
        serde_json::from_slice(&body).map_err(|error| self.error(doing, error.to_string()))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        limit: Option<Duration>,
        doing: &'static str,
    ) -> Result<Vec<u8>, ControlError> {
        self.finish(self.request(method, path, limit), doing).await
    }

    fn request(&self, method: Method, path: &str, limit: Option<Duration>) -> RequestBuilder {
        let request = self.http.request(method, format!("http://supervisor/v1/{path}"));
        match limit {
            Some(limit) => request.timeout(limit),
            None => request,
        }
    }

    async fn finish(&self, request: RequestBuilder, doing: &'static str) -> Result<Vec<u8>, ControlError> {
        let failed = |error: reqwest::Error| self.error(doing, innermost_reason(&error));
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(failed)?;
        if status.is_success() {
            return Ok(body.to_vec());
        }
        let reason = serde_json::from_slice::<serde_json::Value>(&body)
            .ok()
            .and_then(|body| body["error"].as_str().map(str::to_owned))
            .unwrap_or_else(|| status.to_string());
        Err(self.error(doing, reason))
    }

    fn error(&self, doing: &'static str, reason: String) -> ControlError {
        control_error(&self.name, doing, reason)
    }
}

impl ComponentControl for ControlClient {
    fn status(&self) -> BoxFuture<'_, Result<Status, ControlError>> {
        Box::pin(self.call(Method::GET, "status", Some(CALL_LIMIT), "report its status"))
    }

    fn usage(&self) -> BoxFuture<'_, Result<Vec<ComponentUsage>, ControlError>> {
        Box::pin(self.call(Method::GET, "usage", Some(CALL_LIMIT), "report the usage of its components"))
    }

    /// A supervisor that does not answer is a failure, too.
    fn failed(&self) -> BoxFuture<'_, Failure> {
        Box::pin(async {
            let failed = self.call::<Failure>(Method::GET, "failed", None, "report a failure").await;
            failed.unwrap_or_else(|error| Failure {
                component: "supervisor".to_owned(),
                reason: format!("has ended: {error}"),
                log_tail: Vec::new(),
                at: Timestamp::now(),
            })
        })
    }

    fn kill<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>> {
        Box::pin(self.order(component, "kill", CALL_LIMIT, "kill the component"))
    }

    fn restart<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>> {
        Box::pin(self.order(component, "restart", CALL_LIMIT, "restart the component"))
    }

    fn stop<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>> {
        Box::pin(self.order(component, "stop", STOP_GRACE + CALL_LIMIT, "stop the component"))
    }

    fn start_on_demand<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>> {
        Box::pin(self.order(component, "start", START_LIMIT, "start the component"))
    }

    fn component_ready<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>> {
        Box::pin(async move {
            let path = format!("components/{component}/ready");
            self.send(Method::GET, &path, Some(READY_LIMIT + CALL_LIMIT), "see the component ready").await.map(drop)
        })
    }

    fn version_announced<'a>(&'a self, version: &'a str) -> BoxFuture<'a, Result<(), ControlError>> {
        Box::pin(async move {
            let (path, limit) = (format!("kubernetes-version/{version}"), ANNOUNCE_LIMIT + CALL_LIMIT);
            let doing = "announce the Kubernetes version to the NAP controller";
            self.send(Method::GET, &path, Some(limit), doing).await.map(drop)
        })
    }
}

fn control_error(cluster: &str, doing: &'static str, reason: String) -> ControlError {
    ControlError { by: format!("the supervisor of cluster {cluster:?}"), doing: doing.to_owned(), reason }
}
