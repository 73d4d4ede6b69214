//! Certificates of the ARM endpoint.

use std::path::PathBuf;

use harness_tls::{Authority, CertificateError, Usage};

use crate::config::{Pem, PemKey, Secret, TlsConfig};
use crate::proxy::HOSTS;

/// A certificate could not be created, read or used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The temporary authority or its certificate could not be created.
    #[error("cannot create the certificate of the simulated Azure: {0}")]
    Make(#[from] CertificateError),
    /// A PEM file could not be read.
    #[error("cannot read the {what} of the simulated Azure from {}: {source}; check tls in its configuration", path.display())]
    Read {
        /// Which one.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Certificate and key cannot be used; check tls in the configuration.
    #[error("the simulated Azure cannot serve TLS: {0}; check tls in its configuration")]
    Use(#[from] harness_tls::TlsError),
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

/// Creates a temporary authority and a server certificate for 127.0.0.1, localhost and the hosts that the proxy answers. The authority's key is
/// not kept, so that nobody can make another certificate that its clients trust.
///
/// # Errors
/// When the generator fails.
pub fn generate() -> Result<Certificates, TlsError> {
    let authority = Authority::new("azure-sim throw-away CA")?;
    let server = authority.server("azure-sim", &HOSTS, Usage::Server)?;
    Ok(Certificates { ca_pem: authority.pem(), cert_pem: server.certificate, key_pem: Secret::new(server.key) })
}

/// Reads the configured certificates, or creates them.
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
