//! Kubeconfig files: one an identity, everything embedded, so that a file can be copied and used alone.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness_kubernetes::measuring_config;
use harness_tls::{Authority, Pair};
use serde_json::json;

use super::error::LocalError;
use super::state_dir::{StateDir, write_private};

/// Writes the kubeconfig of `identity` for the API server at `server` (an `https://` address).
pub(crate) fn write(
    state: &StateDir,
    cluster: &str,
    server: &str,
    identity: &str,
    authority: &Authority,
    pair: &Pair,
) -> Result<(), LocalError> {
    let path = state.kubeconfig(identity);
    let document = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {
            "server": server,
            "certificate-authority-data": STANDARD.encode(authority.pem()),
        }}],
        "users": [{"name": identity, "user": {
            "client-certificate-data": STANDARD.encode(&pair.certificate),
            "client-key-data": STANDARD.encode(&pair.key),
        }}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": identity}}],
        "current-context": cluster,
    });
    let text = serde_saphyr::to_string(&document).map_err(LocalError::content(&path))?;
    write_private(&path, text)
}

/// How to reach the API server as the identity of the kubeconfig at `path`.
pub(crate) async fn config(path: &Path) -> Result<kube::Config, LocalError> {
    let kubeconfig = kube::config::Kubeconfig::read_from(path).map_err(LocalError::client(identity(path)))?;
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default())
        .await
        .map_err(LocalError::client(identity(path)))?;
    // The proxy of the environment is for the outside; everything here is on loopback.
    config.proxy_url = None;
    Ok(config)
}

/// A client from the kubeconfig at `path` that neither retries nor limits its rate: a measuring client must not
/// hide a failed request nor delay one.
pub(crate) async fn client(path: &Path) -> Result<kube::Client, LocalError> {
    kube::Client::try_from(measuring_config(config(path).await?)).map_err(LocalError::client(identity(path)))
}

fn identity(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
