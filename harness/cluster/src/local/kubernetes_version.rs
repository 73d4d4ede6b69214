//! Upgrades of the control plane: what the managed cluster says, the NAP controller is told.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::sync::watch;

use super::error::LocalError;
use super::kubeconfig;
use super::pki::{PkiFiles, read_pem};
use super::registry::Registry;
use super::state_dir::{StateDir, write_private};
use super::version_proxy::{Identity, VersionProxy};

/// The component that is told.
const KARPENTER: &str = "karpenter";

/// What the controller is told now.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The version, without `v`.
    pub(crate) version: String,
    /// Why it could not be told this version.
    pub(crate) failure: Option<String>,
}

/// Follows the managed cluster's version. While it is that of the start, the controller asks the API server; otherwise
/// it asks through a [`VersionProxy`]. The controller keeps a version for 15 minutes and looks again every five
/// (`pkg/cache` and `nodeclass/status` of the provider), so that an upgrade would show after up to 20 minutes; here it is
/// started again and shows in seconds.
pub(crate) struct KubernetesVersion {
    state: StateDir,
    registry: Registry,
    api_url: String,
    /// With the controller's rights, straight to the API server.
    upstream: kube::Client,
    at_start: String,
    told: watch::Sender<Told>,
    proxy: Option<VersionProxy>,
}

impl KubernetesVersion {
    /// For a cluster whose controller has its first kubeconfig. `at_start` is the managed cluster's version.
    pub(crate) async fn new(
        state: &StateDir,
        registry: &Registry,
        api_url: String,
        at_start: String,
    ) -> Result<Self, LocalError> {
        let upstream = kubeconfig::client(&state.kubeconfig(KARPENTER)).await?;
        let told = watch::Sender::new(Told { version: at_start.clone(), failure: None });
        Ok(Self { state: state.clone(), registry: registry.clone(), api_url, upstream, at_start, told, proxy: None })
    }

    /// What the controller is told, to wait for.
    pub(crate) fn told(&self) -> watch::Receiver<Told> {
        self.told.subscribe()
    }

    /// Until the simulated Azure is gone.
    pub(crate) async fn follow(mut self, mut managed: watch::Receiver<String>) {
        loop {
            let version = managed.borrow_and_update().clone();
            if self.told.borrow().version != version {
                let failure = self.tell(&version).await.err();
                match &failure {
                    None => tracing::info!(version, "the NAP controller is told this version of the control plane"),
                    Some(reason) => tracing::error!(version, reason, "cannot tell the NAP controller this version"),
                }
                self.told.send_replace(Told { version, failure });
            }
            if managed.changed().await.is_err() {
                return;
            }
        }
    }

    async fn tell(&mut self, version: &str) -> Result<(), String> {
        let text = |error: LocalError| error.to_string();
        let path = self.state.kubeconfig(KARPENTER);
        let mut document: Value = std::fs::read_to_string(&path)
            .map_err(|error| error.to_string())
            .and_then(|yaml| serde_saphyr::from_str(&yaml).map_err(|error| error.to_string()))
            .map_err(|reason| format!("cannot read {}: {reason}", path.display()))?;
        let proxy = match self.proxy.take() {
            _ if version == self.at_start => None,
            Some(proxy) => {
                proxy.say(version);
                Some(proxy)
            }
            None => {
                let identity = self.identity(&document)?;
                Some(VersionProxy::start(&identity, self.upstream.clone(), version).await?)
            }
        };
        let server = proxy.as_ref().map_or_else(|| self.api_url.clone(), VersionProxy::url);
        self.proxy = proxy;
        document["clusters"][0]["cluster"]["server"] = server.into();
        let yaml = serde_saphyr::to_string(&document).map_err(|error| error.to_string())?;
        write_private(&path, yaml).map_err(text)?;
        // One that was killed on purpose stays dead, and reads its kubeconfig when it is started.
        if self.registry.runs(KARPENTER) {
            self.registry.restart(KARPENTER).await.map_err(text)?;
        }
        Ok(())
    }

    fn identity(&self, kubeconfig: &Value) -> Result<Identity, String> {
        let files = PkiFiles::new(&self.state);
        let read = |path| read_pem(path).map_err(|error| error.to_string());
        let client = kubeconfig["users"][0]["user"]["client-certificate-data"].as_str().unwrap_or_default();
        let client = STANDARD.decode(client).ok().and_then(|pem| String::from_utf8(pem).ok());
        Ok(Identity {
            ca: read(&files.certificate("ca"))?,
            certificate: read(&files.certificate("kube-apiserver"))?,
            key: read(&files.key("kube-apiserver"))?,
            client: client.ok_or("the kubeconfig of the NAP controller holds no client certificate")?,
        })
    }
}

/// Waits until the controller is told `version`; the reason when it cannot be.
pub(crate) async fn wait_until_told(
    mut told: watch::Receiver<Told>,
    version: &str,
    limit: Duration,
) -> Result<(), String> {
    let waited = tokio::time::timeout(limit, told.wait_for(|told| told.version == version))
        .await
        .map(|told| told.map(|told| told.failure.clone()));
    match waited {
        Ok(Ok(failure)) => failure.map_or(Ok(()), Err),
        Ok(Err(_)) => Err("the cluster is being taken down".to_owned()),
        Err(_) => Err(format!("not within {} s; it is told {:?}", limit.as_secs(), told.borrow().version)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_ends_with_the_version_its_failure_or_its_limit() {
        let told = watch::Sender::new(Told { version: "1.36.3".into(), failure: None });
        let wait = |version: &'static str, ms| wait_until_told(told.subscribe(), version, Duration::from_millis(ms));
        assert_eq!(wait("1.36.3", 1000).await, Ok(()));
        assert!(wait("1.36.4", 5).await.unwrap_err().contains("1.36.3"));
        told.send_replace(Told { version: "1.36.4".into(), failure: Some("no port".into()) });
        assert_eq!(wait("1.36.4", 1000).await, Err("no port".to_owned()));
    }
}
