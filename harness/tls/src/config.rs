//! The process's cryptography provider, and the server's side of a TLS connection.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// Makes ring the process's default for rustls, which servers and HTTP clients need. Harmless when done before.
pub fn install_crypto() {
    // An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text is not PEM of the expected kind.
    #[error("the {what} is not PEM of that kind; check the file that it is read from: {source}")]
    Parse {
        /// Which text: "server certificate", "server key", "authority of the clients".
        what: &'static str,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// Certificate and key do not belong together, or the authority cannot sign.
    #[error("cannot serve TLS with this certificate and key; check that they belong together: {0}")]
    Use(#[from] rustls::Error),
    /// No client certificate can be verified.
    #[error("cannot verify clients with their authority's certificate: {0}")]
    Clients(#[from] VerifierBuilderError),
}

/// A server that shows this certificate (a chain, PEM). With `clients`, the certificate of an authority as PEM, a client must show a certificate
/// that the authority has signed.
///
/// HTTP/1.1 only: on loopback HTTP/2 would put every request of a client on one connection and buy nothing.
///
/// # Errors
/// When a text is not what it should be, or the parts do not fit together.
pub fn server_config(certificate: &str, key: &str, clients: Option<&str>) -> Result<TlsAcceptor, TlsError> {
    install_crypto();
    let parsed_key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|source| TlsError::Parse { what: "server key", source })?;
    let builder = ServerConfig::builder();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(authority, "authority of the clients")? {
                roots.add(root)?;
            }
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build()?)
        }
    };
    let mut config = builder.with_single_cert(certificates(certificate, "server certificate")?, parsed_key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(pem: &str, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    all.map_err(|source| TlsError::Parse { what, source })
}
