//! The one cryptography provider of this program.

/// Makes ring the process's default for rustls, which servers and HTTP clients need. Harmless when done before.
pub fn install_crypto() {
    // An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
