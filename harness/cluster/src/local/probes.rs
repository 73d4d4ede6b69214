//! Whether a component is ready.

use std::time::{Duration, Instant};

use super::error::LocalError;
use super::layout::Layout;
use super::pki::{Pki, read_pem};
use super::registry::Registry;

/// Between two looks. A look costs the component next to nothing.
const PERIOD: Duration = Duration::from_millis(40);
/// One look.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// Asks components over HTTP.
#[derive(Clone)]
pub(crate) struct Probes {
    http: reqwest::Client,
}

impl Probes {
    pub(crate) fn new(pki: &Pki) -> Result<Self, LocalError> {
        let ca = read_pem(&pki.files.certificate("ca"))?;
        let failed = |error: reqwest::Error| LocalError::Client {
            identity: "the readiness probes".into(),
            reason: error.to_string(),
        };
        let root = reqwest::Certificate::from_pem(ca.as_bytes()).map_err(failed)?;
        let http =
            reqwest::Client::builder().tls_certs_only([root]).no_proxy().timeout(LOOK_LIMIT).build().map_err(failed)?;
        Ok(Self { http })
    }

    /// Waits until `component` answers its readiness probe with success.
    pub(crate) async fn ready(
        &self,
        registry: &Registry,
        layout: &Layout,
        component: &str,
        limit: Duration,
    ) -> Result<(), LocalError> {
        let (url, started) = (url(layout, component), Instant::now());
        // No `wait_for`: the supervisor answers requests with this, and a future over a closure is not known to be Send.
        while let Err(last) = self.look(&url).await {
            if started.elapsed() > limit {
                return Err(not_ready(registry, component, started, last));
            }
            tokio::time::sleep(PERIOD).await;
        }
        Ok(())
    }

    async fn look(&self, url: &str) -> Result<(), String> {
        match self.http.get(url).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("HTTP {} of {url}", answer.status())),
            Err(error) => Err(format!("no answer of {url}: {error}")),
        }
    }
}

/// Waits until the API server says that it is ready; only it knows the bootstrap client.
pub(crate) async fn api_server_ready(
    registry: &Registry,
    client: &kube::Client,
    limit: Duration,
) -> Result<(), LocalError> {
    wait_for(registry, "kube-apiserver", limit, async || {
        let request = http::Request::get("/readyz").body(Vec::new()).map_err(|error| error.to_string())?;
        match tokio::time::timeout(LOOK_LIMIT, client.request_text(request)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer of /readyz in {} s", LOOK_LIMIT.as_secs())),
        }
    })
    .await
}

async fn wait_for(
    registry: &Registry,
    component: &str,
    limit: Duration,
    look: impl AsyncFn() -> Result<(), String>,
) -> Result<(), LocalError> {
    let started = Instant::now();
    loop {
        let last = match look().await {
            Ok(()) => return Ok(()),
            Err(last) => last,
        };
        if started.elapsed() > limit {
            return Err(not_ready(registry, component, started, last));
        }
        tokio::time::sleep(PERIOD).await;
    }
}

fn not_ready(registry: &Registry, component: &str, started: Instant, last: String) -> LocalError {
    LocalError::NotReady {
        component: component.to_owned(),
        waited_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        last,
        log_tail: registry.tail(component),
    }
}

/// The readiness probe of each component, as its own manifests or documents name it.
fn url(layout: &Layout, component: &str) -> String {
    let at = |purpose: &str| layout.ports.address(purpose);
    match component {
        "kube-controller-manager" | "kube-scheduler" => format!("https://{}/healthz", at(component)),
        "kwok" | "kwok-leases" => format!("http://{}/healthz", at(component)),
        // Its artifact server starts when its caches are filled.
        "source-controller" => format!("http://{}/", at("source-controller")),
        "docker-registry" => format!("http://{}/v2/", at(component)),
        "kustomize-controller" => format!("http://{}/readyz", at("kustomize-controller-health")),
        _ => format!("http://{}/readyz", at(&format!("{component}-health"))),
    }
}
