//! Upgrades of the control plane: the managed cluster's version is announced to the NAP controller.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness_catalogue::Component;
use serde_json::Value;
use tokio::sync::watch;

use super::error::{BoxedError, LocalError};
use super::kubeconfig;
use super::pki::{PkiFiles, read_pem};
use super::registry::Registry;
use super::state_dir::{StateDir, write_private};
use super::version_proxy::{Identity, VersionProxy};

/// How long the NAP controller may take to be started with another version of the control plane.
pub(crate) const ANNOUNCE_LIMIT: Duration = Duration::from_secs(20);

/// The component that the version is announced to.
const KARPENTER: Component = Component::Karpenter;

/// The version that was last announced to the controller.
#[derive(Clone, Debug)]
pub(crate) struct Announced {
    /// The version, without `v`.
    pub(crate) version: String,
    /// Why this version could not be announced.
    pub(crate) failure: Option<Arc<LocalError>>,
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
    announced: watch::Sender<Announced>,
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
        let upstream = kubeconfig::client(&state.kubeconfig(KARPENTER.name())).await?;
        let announced = watch::Sender::new(Announced { version: at_start.clone(), failure: None });
        Ok(Self {
            state: state.clone(),
            registry: registry.clone(),
            api_url,
            upstream,
            at_start,
            announced,
            proxy: None,
        })
    }

    /// The announced version, to wait for.
    pub(crate) fn announced(&self) -> watch::Receiver<Announced> {
        self.announced.subscribe()
    }

    /// Announces every change, until the simulated Azure ends.
    pub(crate) async fn follow(mut self, mut managed: watch::Receiver<String>) {
        loop {
            let version = managed.borrow_and_update().clone();
            if self.announced.borrow().version != version {
                let failure = self.announce(&version).await.err().map(Arc::new);
                match &failure {
                    None => {
                        tracing::info!(version, "announced this version of the control plane to the NAP controller")
                    }
                    Some(error) => {
                        tracing::error!(version, %error, "cannot announce this version to the NAP controller")
                    }
                }
                self.announced.send_replace(Announced { version, failure });
            }
            if managed.changed().await.is_err() {
                return;
            }
        }
    }

    async fn announce(&mut self, version: &str) -> Result<(), LocalError> {
        let path = self.state.kubeconfig(KARPENTER.name());
        let yaml = std::fs::read_to_string(&path).map_err(LocalError::file("read", &path))?;
        let mut document: Value = serde_saphyr::from_str(&yaml).map_err(LocalError::content(&path))?;
        let proxy = match self.proxy.take() {
            _ if version == self.at_start => None,
            Some(proxy) => {
                proxy.announce(version);
                Some(proxy)
            }
            None => {
                let client = document["users"][0]["user"]["client-certificate-data"].as_str().unwrap_or_default();
                let client = STANDARD.decode(client).ok().and_then(|pem| String::from_utf8(pem).ok());
                let client = client.ok_or("it holds no client certificate").map_err(LocalError::content(&path))?;
                Some(VersionProxy::start(&self.identity(client)?, self.upstream.clone(), version).await?)
            }
        };
        let server = proxy.as_ref().map_or_else(|| self.api_url.clone(), VersionProxy::url);
        self.proxy = proxy;
        document["clusters"][0]["cluster"]["server"] = server.into();
        let yaml = serde_saphyr::to_string(&document).map_err(LocalError::content(&path))?;
        write_private(&path, yaml)?;
        // One that was killed on purpose stays dead, and reads its kubeconfig when it is started.
        if self.registry.runs(KARPENTER) {
            self.registry.restart(KARPENTER).await?;
        }
        Ok(())
    }

    /// The API server's own identity, for a proxy that admits the client with this certificate.
    fn identity(&self, client: String) -> Result<Identity, LocalError> {
        let files = PkiFiles::new(&self.state);
        Ok(Identity {
            ca: read_pem(&files.certificate("ca"))?,
            certificate: read_pem(&files.certificate("kube-apiserver"))?,
            key: read_pem(&files.key("kube-apiserver"))?,
            client,
        })
    }
}

/// Waits until `version` was announced to the controller.
pub(crate) async fn wait_until_announced(
    mut announced: watch::Receiver<Announced>,
    version: &str,
    limit: Duration,
) -> Result<(), LocalError> {
    let waited = tokio::time::timeout(limit, announced.wait_for(|last| last.version == version))
        .await
        .map(|last| last.map(|last| last.failure.clone()));
    let source: BoxedError = match waited {
        Ok(Ok(None)) => return Ok(()),
        Ok(Ok(Some(failure))) => failure.into(),
        Ok(Err(_)) => "the cluster is being taken down".into(),
        Err(_) => format!("not within {} s; the last was {}", limit.as_secs(), announced.borrow().version).into(),
    };
    Err(LocalError::Announce { version: version.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_ends_with_the_version_its_failure_or_its_limit() {
        let announced = watch::Sender::new(Announced { version: "1.36.3".into(), failure: None });
        let wait =
            |version: &'static str, ms| wait_until_announced(announced.subscribe(), version, Duration::from_millis(ms));
        assert!(wait("1.36.3", 1000).await.is_ok());
        assert!(wait("1.36.4", 5).await.unwrap_err().to_string().contains("1.36.3"));
        announced.send_replace(Announced { version: "1.36.4".into(), failure: Some(Arc::new(LocalError::NotUp)) });
        let failed = wait("1.36.4", 1000).await.unwrap_err().to_string();
        assert!(failed.ends_with(&LocalError::NotUp.to_string()), "{failed}");
    }
}
