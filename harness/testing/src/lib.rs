//! What the tests of several crates share: how long to wait, how to wait, and where the repository is.
//!
//! A dev-dependency only. Nothing that ships depends on it.

pub mod junit;
pub mod limits;
pub mod recordings;
mod wait;

use std::path::{Path, PathBuf};

pub use limits::Limit;
pub use wait::{wait_for, wait_for_blocking, waiting_for};

/// The path of a file or folder of the repository, given relative to its top level.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
