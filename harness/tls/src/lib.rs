//! TLS on loopback: the cryptography provider of the process, certificate authorities that a cluster throws away, and the one HTTPS listener.

mod authority;
mod config;
mod serve;

pub use authority::{Authority, CertificateError, Pair, SigningKey, Usage};
pub use config::{TlsError, install_crypto, server_config};
pub use rustls::pki_types::CertificateDer;
pub use serve::{Admission, serve, serve_connection};
pub use tokio_rustls::TlsAcceptor;
