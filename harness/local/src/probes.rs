//! Whether a component is ready.

use std::time::{Duration, Instant};

use harness_catalogue::Component;
use harness_tls::Pair;

use super::error::LocalError;
use super::layout::Layout;
use super::pki::{PkiFiles, read_pem};
use super::registry::Registry;

/// Between two probes. A probe costs the component next to nothing.
const PERIOD: Duration = Duration::from_millis(40);
/// One probe.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Asks components whether they are ready.
#[derive(Clone)]
pub(crate) struct Probes {
    http: reqwest::Client,
}

impl Probes {
    /// Probes that show the certificate of `identity` where a component asks for one.
    pub(crate) fn new(files: &PkiFiles, identity: &Pair) -> Result<Self, LocalError> {
        let ca = read_pem(&files.certificate("ca"))?;
        let failed = |error: reqwest::Error| LocalError::client("the readiness probes")(error);
        let root = reqwest::Certificate::from_pem(ca.as_bytes()).map_err(failed)?;
        let pem = format!("{}{}", identity.certificate, identity.key);
        let identity = reqwest::Identity::from_pem(pem.as_bytes()).map_err(failed)?;
        let client = reqwest::Client::builder().tls_certs_only([root]).identity(identity);
        Ok(Self { http: client.no_proxy().timeout(ANSWER_LIMIT).build().map_err(failed)? })
    }

    /// Waits until `component` answers its readiness probe with success.
    pub(crate) async fn ready(
        &self,
        registry: &Registry,
        layout: &Layout,
        component: Component,
        limit: Duration,
    ) -> Result<(), LocalError> {
        let probe = component.ready();
        let url = format!("{}://{}{}", probe.scheme, layout.ports.address(component, probe.port), probe.path);
        let started = Instant::now();
        while let Err(last) = self.probe(&url).await {
            if started.elapsed() > limit {
                return Err(LocalError::NotReady {
                    component: component.name().to_owned(),
                    waited_ms: started.elapsed().as_millis() as u64,
                    last,
                    log_tail: registry.tail(component),
                });
            }
            tokio::time::sleep(PERIOD).await;
        }
        Ok(())
    }

    async fn probe(&self, url: &str) -> Result<(), String> {
        match self.http.get(url).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("HTTP {} of {url}", answer.status())),
            Err(error) => Err(format!("no answer of {url}: {error}")),
        }
    }
}
