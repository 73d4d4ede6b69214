//! Certificate authorities with the lifetime of a cluster.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// The names under which every server on loopback is reached.
const LOOPBACK_NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// A certificate could not be created.
#[derive(Debug, thiserror::Error)]
#[error("cannot create the certificate of {subject}: {source}")]
pub struct CertificateError {
    subject: String,
    source: rcgen::Error,
}

/// What a server's certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// It is shown to clients.
    Server,
    /// It is also shown to other servers, as etcd's peers do.
    Peer,
}

impl Usage {
    fn purposes(self) -> Vec<ExtendedKeyUsagePurpose> {
        match self {
            Self::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Self::Peer => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        }
    }
}

/// A certificate and its key as PEM text.
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The key; a secret.
    pub key: String,
}

/// A certificate authority; its key never leaves memory unless written on purpose.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with an ECDSA P-256 key.
    ///
    /// # Errors
    /// When the generator fails.
    pub fn new(common_name: &str) -> Result<Self, CertificateError> {
        let failed = |source| CertificateError { subject: common_name.to_owned(), source };
        let mut params = params(common_name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(failed)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(failed)?;
        Ok(Self { issuer })
    }

    /// The authority's own certificate as PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A client certificate: the common name is the user, the organisations are its groups.
    ///
    /// # Errors
    /// When the generator fails.
    pub fn client(&self, user: &str, groups: &[&str]) -> Result<Pair, CertificateError> {
        let mut params = params(user, groups);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(user, params)
    }

    /// A certificate of a server that listens on loopback, with `names` besides `127.0.0.1` and `localhost`.
    ///
    /// # Errors
    /// When a name is not a DNS name or an IP address, or the generator fails.
    pub fn server(&self, common_name: &str, names: &[&str], usage: Usage) -> Result<Pair, CertificateError> {
        let subject_names: Vec<String> = LOOPBACK_NAMES.iter().chain(names).map(|name| (*name).to_owned()).collect();
        let failed = |source| CertificateError { subject: common_name.to_owned(), source };
        let named = CertificateParams::new(subject_names).map_err(failed)?;
        let mut params = params(common_name, &[]);
        params.subject_alt_names = named.subject_alt_names;
        params.extended_key_usages = usage.purposes();
        self.issue(common_name, params)
    }

    fn issue(&self, subject: &str, params: CertificateParams) -> Result<Pair, CertificateError> {
        let failed = |source| CertificateError { subject: subject.to_owned(), source };
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// A pair of keys that signs something other than certificates, as PEM.
pub struct SigningKey {
    /// The private half; a secret.
    pub private: String,
    /// The public half.
    pub public: String,
}

impl SigningKey {
    /// A new ECDSA P-256 key; `subject` names its purpose in errors.
    ///
    /// # Errors
    /// When the generator fails.
    pub fn generate(subject: &str) -> Result<Self, CertificateError> {
        let key = KeyPair::generate().map_err(|source| CertificateError { subject: subject.to_owned(), source })?;
        Ok(Self { private: key.serialize_pem(), public: key.public_key_pem() })
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
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    // A day of slack before, for clocks that are behind; no cluster exists for a year.
    let today = jiff::Zoned::now().date();
    let edge =
        |date: jiff::civil::Date| rcgen::date_time_ymd(i32::from(date.year()), date.month() as u8, date.day() as u8);
    params.not_before = edge(today.yesterday().unwrap_or(today));
    params.not_after = edge(today.checked_add(jiff::Span::new().days(366)).unwrap_or(today));
    params
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
