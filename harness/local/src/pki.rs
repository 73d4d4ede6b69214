//! The certificates of one cluster.
//!
//! Three authorities, as a production cluster has: one for the API server and its clients, one for the front
//! proxy of aggregated APIs, one for etcd. Each component gets a certificate of its own, so that RBAC decides for
//! each alone and an etcd certificate opens nothing but etcd.

use std::path::{Path, PathBuf};

use harness_tls::{Authority, Pair, SigningKey, Usage};

use super::error::LocalError;
use super::state_dir::{StateDir, write_private};
use harness_metrics as metrics;

/// The further names of the API server: the service that pods know, and the first address of the service range.
const API_SERVER_NAMES: [&str; 5] =
    ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "10.0.0.1"];

/// Files that the control plane's flags name.
pub(crate) struct PkiFiles {
    dir: PathBuf,
}

impl PkiFiles {
    pub(crate) fn new(state: &StateDir) -> Self {
        Self { dir: state.pki() }
    }
    pub(crate) fn certificate(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.crt"))
    }
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.key"))
    }
    /// The public half of the key that signs service account tokens.
    pub(crate) fn service_accounts_public(&self) -> PathBuf {
        self.dir.join("service-accounts.pub")
    }
    fn write(&self, name: &str, pair: &Pair) -> Result<(), LocalError> {
        write_private(&self.certificate(name), &pair.certificate)?;
        write_private(&self.key(name), &pair.key)
    }
}

/// The authorities of one cluster, with every server certificate already on disk. The key of the front proxy's authority is not
/// kept: it signs one certificate, that of the API server.
pub(crate) struct Pki {
    pub(crate) cluster: Authority,
    pub(crate) files: PkiFiles,
}

impl Pki {
    /// Creates the authorities and writes the servers' certificates and the service accounts' signing key.
    pub(crate) fn create(state: &StateDir) -> Result<Self, LocalError> {
        let files = PkiFiles::new(state);
        let cluster = Authority::new("harness-cluster-ca")?;
        let front_proxy = Authority::new("harness-front-proxy-ca")?;
        let etcd = Authority::new("harness-etcd-ca")?;
        write_private(&files.certificate("ca"), cluster.pem())?;
        write_private(&files.certificate("front-proxy-ca"), front_proxy.pem())?;
        write_private(&files.certificate("etcd-ca"), etcd.pem())?;

        files.write("kube-apiserver", &cluster.server("kube-apiserver", &API_SERVER_NAMES, Usage::Server)?)?;
        files.write("kube-controller-manager", &cluster.server("kube-controller-manager", &[], Usage::Server)?)?;
        files.write("kube-scheduler", &cluster.server("kube-scheduler", &[], Usage::Server)?)?;
        // The API server expects the name of the Service that it forwards to.
        let service = format!("{}.{}.svc", metrics::SERVICE, metrics::NAMESPACE);
        files.write("harness-metrics", &cluster.server("harness-metrics", &[&service], Usage::Server)?)?;
        files.write("front-proxy-client", &front_proxy.client("front-proxy-client", &[])?)?;
        // etcd's peers authenticate to each other with the same certificate that they serve.
        files.write("etcd", &etcd.server("etcd", &[], Usage::Peer)?)?;
        files.write("etcd-client", &etcd.client("kube-apiserver", &[])?)?;

        let signer = SigningKey::generate("service accounts")?;
        write_private(&files.key("service-accounts"), signer.private)?;
        write_private(&files.service_accounts_public(), signer.public)?;
        Ok(Self { cluster, files })
    }
}

/// Reads a PEM file that this cluster wrote.
pub(crate) fn read_pem(path: &Path) -> Result<String, LocalError> {
    std::fs::read_to_string(path).map_err(LocalError::file("read", path))
}
