//! Certificates of the ARM endpoint.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{Pem, PemKey, Secret, TlsConfig};

/// A certificate could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Making the throw-away CA or its certificate failed.
    #[error("cannot make the simulated Azure's certificate")]
    Make(#[source] rcgen::Error),
    /// A PEM file could not be read.
    #[error("cannot read the {what} of the simulated Azure from {}; check tls in its configuration", path.display())]
    Read {
        /// Which one.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// PEM text holds no such thing.
    #[error("the {what} of the simulated Azure is not PEM of that kind; check tls in its configuration")]
    Parse {
        /// Which one.
        what: &'static str,
        /// Why.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// Key and certificate do not fit together.
    #[error("the simulated Azure cannot serve TLS with its certificate and key; check that they belong together")]
    Use(#[source] rustls::Error),
}

/// A certificate authority and a server certificate that it signed, as PEM.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// What clients must trust.
    pub ca_pem: String,
    /// The server's chain.
    pub cert_pem: String,
    /// The server's private key.
    pub key_pem: Secret,
}

/// Makes the ring provider the process's own, unless there is one already. Both the server and `reqwest` need it.
pub fn install_crypto() {
    // An error means that one is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Makes a throw-away CA and a server certificate for 127.0.0.1 and localhost. The CA's key is dropped at once.
///
/// # Errors
/// When the generator fails.
pub fn generate() -> Result<Certificates, TlsError> {
    let ca_key = KeyPair::generate().map_err(TlsError::Make)?;
    let mut ca = CertificateParams::new(Vec::new()).map_err(TlsError::Make)?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.distinguished_name.push(DnType::CommonName, "azure-sim throw-away CA");
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_cert = ca.self_signed(&ca_key).map_err(TlsError::Make)?;
    let issuer = Issuer::from_params(&ca, &ca_key);

    let key = KeyPair::generate().map_err(TlsError::Make)?;
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let mut server = CertificateParams::new(names).map_err(TlsError::Make)?;
    server.distinguished_name.push(DnType::CommonName, "azure-sim");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.use_authority_key_identifier_extension = true;
    let cert = server.signed_by(&key, &issuer).map_err(TlsError::Make)?;

    Ok(Certificates { ca_pem: ca_cert.pem(), cert_pem: cert.pem(), key_pem: Secret::new(key.serialize_pem()) })
}

/// Reads the configured certificates, or makes them.
///
/// # Errors
/// [`TlsError`].
pub fn load(config: &TlsConfig) -> Result<Certificates, TlsError> {
    match config {
        TlsConfig::Generated => generate(),
        TlsConfig::Given { ca, cert, key } => Ok(Certificates {
            ca_pem: text(ca, "CA certificate")?,
            cert_pem: text(cert, "server certificate")?,
            key_pem: match key {
                PemKey::Text(secret) => secret.clone(),
                PemKey::Path(path) => Secret::new(file(path, "server key")?),
            },
        }),
    }
}

fn text(pem: &Pem, what: &'static str) -> Result<String, TlsError> {
    match pem {
        Pem::Text(text) => Ok(text.clone()),
        Pem::Path(path) => file(path, what),
    }
}

fn file(path: &PathBuf, what: &'static str) -> Result<String, TlsError> {
    std::fs::read_to_string(path).map_err(|source| TlsError::Read { what, path: path.clone(), source })
}

/// The server side of TLS: HTTP/1.1 only. Go's HTTP client multiplexes HTTP/2 on one connection, which buys nothing on loopback.
pub(crate) fn server_config(certificates: &Certificates) -> Result<Arc<ServerConfig>, TlsError> {
    install_crypto();
    let chain = CertificateDer::pem_slice_iter(certificates.cert_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::Parse { what: "server certificate", source })?;
    let key = PrivateKeyDer::from_pem_slice(certificates.key_pem.expose().as_bytes())
        .map_err(|source| TlsError::Parse { what: "server key", source })?;
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).map_err(TlsError::Use)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
