//! The other end of the control socket.

use std::time::Duration;

use harness_plan::Capability;
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::control::STOP_GRACE;
use super::error::LocalError;
use super::on_demand::START_LIMIT;
use super::state_dir::StateDir;
use super::status::{Failure, Status, TeardownReport};
use super::supervisor::{READY_LIMIT, TELL_LIMIT};
use super::usage::ComponentUsage;

/// A call that answers at once.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// Talks to the supervisor of one cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ControlClient {
    name: String,
    http: reqwest::Client,
}

impl ControlClient {
    pub(crate) fn new(name: &str, state: &StateDir) -> Result<Self, LocalError> {
        super::install_crypto();
        let http = reqwest::Client::builder().unix_socket(state.socket()).no_proxy().build().map_err(|error| {
            LocalError::Supervisor { name: name.to_owned(), doing: "accept a client", reason: error.to_string() }
        })?;
        Ok(Self { name: name.to_owned(), http })
    }

    pub(crate) async fn status(&self) -> Result<Status, LocalError> {
        self.call(Method::GET, "status", Some(CALL_LIMIT), "tell its status").await
    }

    /// Waits until the start is over.
    pub(crate) async fn ready(&self, limit: Duration) -> Result<Status, LocalError> {
        self.call(Method::GET, "ready", Some(limit), "finish its start").await
    }

    pub(crate) async fn usage(&self) -> Result<Vec<ComponentUsage>, LocalError> {
        self.call(Method::GET, "usage", Some(CALL_LIMIT), "tell its usage").await
    }

    /// Waits until the cluster fails; a supervisor that is gone is a failure.
    pub(crate) async fn failed(&self) -> Failure {
        match self.call::<Failure>(Method::GET, "failed", None, "report a failure").await {
            Ok(failure) => failure,
            Err(error) => Failure {
                component: "supervisor".to_owned(),
                reason: format!("is gone: {error}"),
                log_tail: Vec::new(),
                at: Timestamp::now(),
            },
        }
    }

    pub(crate) async fn kill(&self, component: &str) -> Result<(), LocalError> {
        self.order(&format!("components/{component}/kill"), "kill the component").await
    }

    pub(crate) async fn restart(&self, component: &str) -> Result<(), LocalError> {
        self.order(&format!("components/{component}/restart"), "restart the component").await
    }

    /// Asks a component to end, and waits until it has.
    pub(crate) async fn stop(&self, component: &str) -> Result<(), LocalError> {
        let path = format!("components/{component}/stop");
        self.send(Method::POST, &path, Some(STOP_GRACE + CALL_LIMIT), "stop the component").await.map(drop)
    }

    /// Waits until a component is ready.
    pub(crate) async fn component_ready(&self, component: &str) -> Result<(), LocalError> {
        let path = format!("components/{component}/ready");
        self.send(Method::GET, &path, Some(READY_LIMIT + CALL_LIMIT), "see the component ready").await.map(drop)
    }

    /// Waits until the NAP controller is told this version of the control plane.
    pub(crate) async fn told_version(&self, version: &str) -> Result<(), LocalError> {
        let path = format!("kubernetes-version/{version}");
        let limit = Some(TELL_LIMIT + CALL_LIMIT);
        self.send(Method::GET, &path, limit, "tell the NAP controller the new Kubernetes version").await.map(drop)
    }

    /// Has what a capability needs started, and waits until it is ready.
    pub(crate) async fn provide(&self, capability: Capability) -> Result<(), LocalError> {
        let path = format!("capabilities/{capability}");
        self.send(Method::POST, &path, Some(START_LIMIT), "start what a capability needs").await.map(drop)
    }

    pub(crate) async fn shutdown(&self) -> Result<TeardownReport, LocalError> {
        self.call(Method::POST, "shutdown", Some(CALL_LIMIT), "shut down").await
    }

    /// Reads what lies at `path`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, doing: &'static str) -> Result<T, LocalError> {
        self.call(Method::GET, path, Some(CALL_LIMIT), doing).await
    }

    /// Replaces what lies at `path`.
    pub(crate) async fn put<B: Serialize>(&self, path: &str, body: &B, doing: &'static str) -> Result<(), LocalError> {
        self.finish(self.request(Method::PUT, path, Some(CALL_LIMIT)).json(body), doing).await.map(drop)
    }

    /// Removes what lies at `path`.
    pub(crate) async fn delete(&self, path: &str, doing: &'static str) -> Result<(), LocalError> {
        self.send(Method::DELETE, path, Some(CALL_LIMIT), doing).await.map(drop)
    }

    async fn order(&self, path: &str, doing: &'static str) -> Result<(), LocalError> {
        self.send(Method::POST, path, Some(CALL_LIMIT), doing).await.map(drop)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        limit: Option<Duration>,
        doing: &'static str,
    ) -> Result<T, LocalError> {
        let body = self.send(method, path, limit, doing).await?;
        serde_json::from_slice(&body).map_err(|error| self.error(doing, error.to_string()))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        limit: Option<Duration>,
        doing: &'static str,
    ) -> Result<Vec<u8>, LocalError> {
        self.finish(self.request(method, path, limit), doing).await
    }

    fn request(&self, method: Method, path: &str, limit: Option<Duration>) -> RequestBuilder {
        let request = self.http.request(method, format!("http://supervisor/v1/{path}"));
        match limit {
            Some(limit) => request.timeout(limit),
            None => request,
        }
    }

    async fn finish(&self, request: RequestBuilder, doing: &'static str) -> Result<Vec<u8>, LocalError> {
        let failed = |error: reqwest::Error| self.error(doing, describe(&error));
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

    fn error(&self, doing: &'static str, reason: String) -> LocalError {
        LocalError::Supervisor { name: self.name.clone(), doing, reason }
    }
}

/// The innermost reason: "connection refused" says more than "error sending request".
fn describe(error: &reqwest::Error) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(inner) = source.source() {
        source = inner;
    }
    source.to_string()
}
