//! The certificates of one cluster.
//!
//! Three authorities, as a production cluster has: one for the API server and its clients, one for the front
//! proxy of aggregated APIs, one for etcd. Each component gets a certificate of its own, so that RBAC decides for
//! each alone and an etcd certificate opens nothing but etcd.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use super::error::LocalError;
use super::state_dir::{StateDir, write_private};
use crate::metrics;

/// The names under which every server on loopback is reached.
const LOOPBACK_NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// The further names of the API server: the service that pods know, and the first address of the service range.
const API_SERVER_NAMES: [&str; 5] =
    ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "10.0.0.1"];

/// A certificate and its key as PEM text.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// A certificate authority; its key never leaves memory unless written on purpose.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with an ECDSA P-256 key.
    pub(crate) fn new(common_name: &str) -> Result<Self, LocalError> {
        let failed = |source| LocalError::Certificate { subject: common_name.to_owned(), source };
        let mut params = params(common_name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(failed)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(failed)?;
        Ok(Self { issuer })
    }

    /// The authority's own certificate as PEM.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A client certificate: the common name is the user, the organisations are its groups.
    pub(crate) fn client(&self, user: &str, groups: &[&str]) -> Result<Pair, LocalError> {
        let mut params = params(user, groups);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(user, params)
    }

    /// A certificate of a server that listens on loopback, with `names` besides `127.0.0.1` and `localhost`.
    pub(crate) fn server(
        &self,
        common_name: &str,
        names: &[&str],
        usage: &[ExtendedKeyUsagePurpose],
    ) -> Result<Pair, LocalError> {
        let subject_names: Vec<String> = LOOPBACK_NAMES.iter().chain(names).map(|name| (*name).to_owned()).collect();
        let failed = |source| LocalError::Certificate { subject: common_name.to_owned(), source };
        let named = CertificateParams::new(subject_names).map_err(failed)?;
        let mut params = params(common_name, &[]);
        params.subject_alt_names = named.subject_alt_names;
        params.extended_key_usages = usage.to_vec();
        self.issue(common_name, params)
    }

    fn issue(&self, subject: &str, params: CertificateParams) -> Result<Pair, LocalError> {
        let failed = |source| LocalError::Certificate { subject: subject.to_owned(), source };
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn params(common_name: &str, groups: &[&str]) -> CertificateParams {
    let mut name = DistinguishedName::new();
    for group in groups {
        name.push(DnType::OrganizationName, *group);
    }
    name.push(DnType::CommonName, common_name);
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    // A day of slack before, for clocks that are behind; a cluster does not live for a year.
    let today = jiff::Zoned::now().date();
    let edge =
        |date: jiff::civil::Date| rcgen::date_time_ymd(i32::from(date.year()), date.month() as u8, date.day() as u8);
    params.not_before = edge(today.yesterday().unwrap_or(today));
    params.not_after = edge(today.checked_add(jiff::Span::new().days(366)).unwrap_or(today));
    params
}

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
    fn write(&self, name: &str, pair: &Pair) -> Result<(), LocalError> {
        write_private(&self.certificate(name), &pair.certificate)?;
        write_private(&self.key(name), &pair.key)
    }
}

/// The authorities of one cluster, with every server certificate already on disk. The front proxy's signs one client and is
/// forgotten: who shows a certificate of it is the API server.
pub(crate) struct Pki {
    pub(crate) cluster: Authority,
    pub(crate) files: PkiFiles,
}

impl Pki {
    /// Makes the authorities and writes the servers' certificates and the service accounts' signing key.
    pub(crate) fn create(state: &StateDir) -> Result<Self, LocalError> {
        let files = PkiFiles::new(state);
        let cluster = Authority::new("harness-cluster-ca")?;
        let front_proxy = Authority::new("harness-front-proxy-ca")?;
        let etcd = Authority::new("harness-etcd-ca")?;
        write_private(&files.certificate("ca"), cluster.pem())?;
        write_private(&files.certificate("front-proxy-ca"), front_proxy.pem())?;
        write_private(&files.certificate("etcd-ca"), etcd.pem())?;

        let serve = [ExtendedKeyUsagePurpose::ServerAuth];
        files.write("kube-apiserver", &cluster.server("kube-apiserver", &API_SERVER_NAMES, &serve)?)?;
        files.write("kube-controller-manager", &cluster.server("kube-controller-manager", &[], &serve)?)?;
        files.write("kube-scheduler", &cluster.server("kube-scheduler", &[], &serve)?)?;
        // The API server expects the name of the Service that it forwards to.
        let service = format!("{}.{}.svc", metrics::SERVICE, metrics::NAMESPACE);
        files.write("harness-metrics", &cluster.server("harness-metrics", &[&service], &serve)?)?;
        files.write("front-proxy-client", &front_proxy.client("front-proxy-client", &[])?)?;
        // etcd's peers authenticate to each other with the same certificate that they serve.
        let both = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        files.write("etcd", &etcd.server("etcd", &[], &both)?)?;
        files.write("etcd-client", &etcd.client("kube-apiserver", &[])?)?;

        let signer = KeyPair::generate()
            .map_err(|source| LocalError::Certificate { subject: "service accounts".into(), source })?;
        write_private(&files.key("service-accounts"), signer.serialize_pem())?;
        write_private(&files.dir.join("service-accounts.pub"), signer.public_key_pem())?;
        Ok(Self { cluster, files })
    }

    /// The public half of the key that signs service account tokens.
    pub(crate) fn service_accounts_public(&self) -> PathBuf {
        self.files.dir.join("service-accounts.pub")
    }
}

/// Reads a PEM file that this cluster wrote.
pub(crate) fn read_pem(path: &Path) -> Result<String, LocalError> {
    std::fs::read_to_string(path).map_err(LocalError::file("read", path))
}

/// The certificates of a cluster in `dir`, for tests of other rooms; returns the folder of the files.
#[cfg(test)]
pub(crate) fn test_certificates(dir: &Path) -> PathBuf {
    super::install_crypto();
    let state = StateDir::create(dir.join("cluster")).unwrap();
    Pki::create(&state).unwrap();
    state.pki()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identity_gets_its_own_key() {
        let ca = Authority::new("test-ca").unwrap();
        let a = ca.client("system:kube-scheduler", &[]).unwrap();
        let b = ca.client("system:kube-scheduler", &[]).unwrap();
        assert_ne!(a.key, b.key);
        assert!(a.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(!a.certificate.contains("PRIVATE KEY"));
    }
}
