//! The client of the control endpoint.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http_body_util::{BodyExt, Collected};
use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt;

use crate::api::{
    EvictRequest, FaultState, LedgerSums, OperationCount, OperationStatus, QuotaUsage, Subnets, UnmodelledCall,
    Upgrade, Version, VmRecord,
};
use crate::config::Secret;
use crate::facts::FactsPage;
use harness_simulation::{AzurePrice, Behaviour, ClusterParts, Fault};
use harness_units::Span;

/// How long a call may take beyond the requested wait.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Longer than the simulated Azure waits for the API server, and before that, in a reset, for its VMs.
const SETTLE_LIMIT: Duration = Duration::from_secs(40);

/// A client of a running simulator's control endpoint. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    /// The endpoint itself, where it is in this process: no socket is opened then, and limits of time do not apply.
    inside: Option<Router>,
    url: String,
    token: Secret,
}

/// A control call failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The HTTP client could not be built.
    #[error("cannot build the HTTP client for the simulated Azure's control endpoint: {0}")]
    Build(#[source] reqwest::Error),
    /// No answer.
    #[error("cannot send {method} {path} to the simulated Azure: {source}; check that it still runs")]
    Send {
        /// The HTTP method.
        method: Method,
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It refused the request.
    #[error("the simulated Azure refused {method} {path} with {status}: {message}")]
    Refused {
        /// The HTTP method.
        method: Method,
        /// The path.
        path: String,
        /// The HTTP status.
        status: u16,
        /// Its message.
        message: String,
    },
    /// The answer has another form.
    #[error(
        "cannot read the answer of the simulated Azure to {method} {path}: {source}; check that client and simulator have the same version"
    )]
    Read {
        /// The HTTP method.
        method: Method,
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
}

impl Client {
    /// A client for the endpoint at `url` (`Simulator::control_url`).
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(url: impl Into<String>, token: Secret) -> Result<Self, ControlError> {
        harness_tls::install_crypto();
        let http = reqwest::Client::builder().no_proxy().build().map_err(ControlError::Build)?;
        let mut url = url.into();
        while url.ends_with('/') {
            url.pop();
        }
        Ok(Self { http, inside: None, url, token })
    }

    /// A client for an endpoint in this process.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub(crate) fn in_process(router: Router, token: Secret) -> Result<Self, ControlError> {
        // It only builds requests and opens no connection; a full client would read every certificate of the machine.
        static HTTP: OnceLock<reqwest::Client> = OnceLock::new();
        let url = "http://azure.in-process".to_owned();
        let http = match HTTP.get() {
            Some(http) => http.clone(),
            None => {
                let made = Self::new(url.clone(), token.clone())?.http;
                HTTP.get_or_init(|| made).clone()
            }
        };
        Ok(Self { http, inside: Some(router), url, token })
    }

    /// The behaviour in force.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn behaviour(&self) -> Result<Behaviour, ControlError> {
        self.get("/behaviour").await
    }

    /// What AKS has put into the cluster, or puts there now.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn cluster_parts(&self) -> Result<ClusterParts, ControlError> {
        self.get("/cluster/parts").await
    }

    /// Replaces the behaviour; its faults replace the live ones. Returns when the cluster has the parts of AKS that it asks for.
    ///
    /// # Errors
    /// [`ControlError`]; `Refused` when it is invalid, and when the API server does not take those parts.
    pub async fn set_behaviour(&self, behaviour: &Behaviour) -> Result<(), ControlError> {
        self.send(Method::PUT, "/behaviour", Some(behaviour), SETTLE_LIMIT).await.map(drop)
    }

    /// The live faults.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn faults(&self) -> Result<Vec<FaultState>, ControlError> {
        self.get("/faults").await
    }

    /// Sets a fault. Returns it with its name.
    ///
    /// # Errors
    /// [`ControlError`]; `Refused` when it is invalid or names a VM that does not exist.
    pub async fn add_fault(&self, fault: &Fault) -> Result<Fault, ControlError> {
        self.send_read(Method::POST, "/faults", Some(fault)).await
    }

    /// Removes a fault.
    ///
    /// # Errors
    /// [`ControlError`]; `Refused` with 404 when there is none of that name.
    pub async fn remove_fault(&self, id: &str) -> Result<(), ControlError> {
        let path = format!("/faults/{}", segment(id));
        self.send(Method::DELETE, &path, None::<&()>, CALL_LIMIT).await.map(drop)
    }

    /// The records of all VMs, removed ones included, in the order of their acceptance.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn vms(&self) -> Result<Vec<VmRecord>, ControlError> {
        self.get("/vms").await
    }

    /// The record of one VM, by the name of the VM, its machine or its NodeClaim.
    ///
    /// # Errors
    /// [`ControlError`]; `Refused` with 404 when there is none.
    pub async fn vm(&self, name: &str) -> Result<VmRecord, ControlError> {
        self.get(&format!("/vms/{}", segment(name))).await
    }

    /// Stops a VM; its Node becomes NotReady.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn crash(&self, name: &str) -> Result<(), ControlError> {
        self.act(name, "crash", None::<&()>).await
    }

    /// Starts a stopped VM; its Node becomes Ready.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn restart(&self, name: &str) -> Result<(), ControlError> {
        self.act(name, "restart", None::<&()>).await
    }

    /// Evicts a VM, with notice or immediately.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn evict(&self, name: &str, notice: Option<Duration>) -> Result<(), ControlError> {
        let body = EvictRequest { notice: notice.map(Span::from) };
        self.act(name, "evict", Some(&body)).await
    }

    /// Deletes a VM without the controller, as a user of the portal may.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn delete_vm(&self, name: &str) -> Result<(), ControlError> {
        self.act(name, "delete", None::<&()>).await
    }

    /// What happened after the fact `after`; waits up to `wait` (at most 60 s) for the first one.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn facts(&self, after: u64, wait: Duration) -> Result<FactsPage, ControlError> {
        let path = format!("/facts?after={after}&wait={}", wait.as_secs_f64());
        let response = self.send(Method::GET, &path, None::<&()>, wait + CALL_LIMIT).await?;
        read(response, Method::GET, &path).await
    }

    /// What became of the instances after `after` (0 for all), how long they ran and what they cost.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn ledger(&self, after: u64) -> Result<LedgerSums, ControlError> {
        self.get(&format!("/ledger?after={after}")).await
    }

    /// Calls that are not modelled.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn unmodelled(&self) -> Result<Vec<UnmodelledCall>, ControlError> {
        self.get("/unmodelled").await
    }

    /// Requests by operation and status.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn counters(&self) -> Result<Vec<OperationCount>, ControlError> {
        self.get("/counters").await
    }

    /// Quota with what is used of it: the region's two, and the families that are used or limited.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn quota(&self) -> Result<Vec<QuotaUsage>, ControlError> {
        self.get("/quota").await
    }

    /// The prices that were set and still hold; without any, a VM costs what it does at the start.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn prices(&self) -> Result<Vec<AzurePrice>, ControlError> {
        self.get("/prices").await
    }

    /// Sets what VMs cost from now on.
    ///
    /// # Errors
    /// [`ControlError`]; `Refused` when the price is invalid.
    pub async fn set_price(&self, price: &AzurePrice) -> Result<(), ControlError> {
        self.send(Method::POST, "/prices", Some(price), CALL_LIMIT).await.map(drop)
    }

    /// Puts every price back to that of the start.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn reset_prices(&self) -> Result<(), ControlError> {
        self.send(Method::DELETE, "/prices", None::<&()>, CALL_LIMIT).await.map(drop)
    }

    /// What the ids of the subnets of the nodes' virtual network begin with, without the last `/`.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn subnets_id(&self) -> Result<String, ControlError> {
        let answer: Subnets = self.send_read(Method::GET, "/subnets", None::<&()>).await?;
        Ok(answer.parent)
    }

    /// Publishes a newer version of every node image. Returns it, such as `202608.14.1`. It stays the newest: neither a
    /// behaviour nor a reset takes it back, as Azure takes no image back.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn publish_image(&self) -> Result<String, ControlError> {
        self.version(Method::POST, "/images/publish").await
    }

    /// The control plane's Kubernetes version, without `v`, as the managed cluster reports it.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn kubernetes_version(&self) -> Result<String, ControlError> {
        self.version(Method::GET, "/kubernetes").await
    }

    /// Begins an upgrade of the control plane to the next patch version, as a PUT of the managed cluster does.
    ///
    /// # Errors
    /// [`ControlError`]; `Refused` with 409 while another operation on the managed cluster goes on.
    pub async fn upgrade_kubernetes(&self) -> Result<Upgrade, ControlError> {
        self.send_read(Method::POST, "/kubernetes/upgrade", None::<&()>).await
    }

    /// Where a long-running operation is.
    ///
    /// # Errors
    /// [`ControlError`]; `Refused` with 404 when there is none of that id, or none any more.
    pub async fn operation(&self, id: &str) -> Result<OperationStatus, ControlError> {
        self.get(&format!("/operations/{}", segment(id))).await
    }

    /// Puts the control plane back to the version of the start. Returns it.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn reset_kubernetes(&self) -> Result<String, ControlError> {
        self.version(Method::POST, "/kubernetes/reset").await
    }

    /// Puts everything back to the start: no VMs, no live faults but those of the configuration, counters at zero.
    /// The numbers of facts go on. Returns when the cluster has the parts of AKS that it has at the start.
    ///
    /// # Errors
    /// [`ControlError`]; `Refused` when VMs are not removed in time, and when the API server does not take those parts.
    pub async fn reset(&self) -> Result<(), ControlError> {
        self.send(Method::POST, "/reset", None::<&()>, SETTLE_LIMIT).await.map(drop)
    }

    async fn execute(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, reqwest::Error> {
        let Some(router) = &self.inside else {
            return request.send().await;
        };
        let request: http::Request<reqwest::Body> = request.build()?.try_into()?;
        match router.clone().oneshot(request.map(Body::new)).await {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                // It is in memory already; a body that broke off would be empty, which no answer is read from.
                let bytes = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
                Ok(http::Response::from_parts(parts, bytes).into())
            }
            Err(never) => match never {},
        }
    }

    async fn version(&self, method: Method, path: &str) -> Result<String, ControlError> {
        let answer: Version = self.send_read(method, path, None::<&()>).await?;
        Ok(answer.version)
    }

    async fn act<B: Serialize>(&self, name: &str, verb: &str, body: Option<&B>) -> Result<(), ControlError> {
        let path = format!("/vms/{}/{verb}", segment(name));
        self.send(Method::POST, &path, body, CALL_LIMIT).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ControlError> {
        self.send_read(Method::GET, path, None::<&()>).await
    }

    async fn send_read<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<T, ControlError> {
        let response = self.send(method.clone(), path, body, CALL_LIMIT).await?;
        read(response, method, path).await
    }

    async fn send<B: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
        limit: Duration,
    ) -> Result<reqwest::Response, ControlError> {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.url))
            .bearer_auth(self.token.expose())
            .timeout(limit);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = self.execute(request).await.map_err(|source| ControlError::Send {
            method: method.clone(),
            path: path.to_owned(),
            // The URL holds no secret, but the message names the path already.
            source: source.without_url(),
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.unwrap_or_default();
        let message = serde_json::from_str::<serde_json::Value>(&text)
            .ok()
            .and_then(|v| v["error"]["message"].as_str().map(str::to_owned))
            .unwrap_or(text);
        Err(ControlError::Refused { method, path: path.to_owned(), status: status.as_u16(), message })
    }
}

async fn read<T: DeserializeOwned>(response: reqwest::Response, method: Method, path: &str) -> Result<T, ControlError> {
    response.json().await.map_err(|source| ControlError::Read {
        method,
        path: path.to_owned(),
        source: source.without_url(),
    })
}

/// A name as one segment of a path.
fn segment(name: &str) -> PercentEncode<'_> {
    utf8_percent_encode(name, NON_ALPHANUMERIC)
}
