//! Identifiers that Azure would generate.

use sha2::{Digest, Sha256};

/// A stable id in the form of a UUID.
pub(crate) fn uuid_of(text: &str) -> String {
    let hash = Sha256::digest(text.to_lowercase());
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
