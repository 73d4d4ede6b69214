//! Git: a server on loopback for the cluster's Flux, and a client that commits whole trees.

mod branch;
mod cgi;
mod client_error;
mod command;
mod counters;
mod fault;
mod remote;
mod server;
mod server_error;
mod service;
mod tree;

pub use branch::{Branch, GitRemote};
pub use client_error::GitError;
pub use counters::GitCounts;
pub use fault::{GitFaultSwitch, GitFaults};
pub use remote::{Author, Commit, LogEntry};
pub use server::{GitServer, Repository};
pub use server_error::GitServerError;

/// The header by which the server knows the run's own requests, which are exempt from its faults. It is not a protection: the server is on
/// loopback and its faults are there to be seen, not to protect anything.
pub(crate) const EXEMPT_FROM_FAULTS_HEADER: &str = "x-harness-exempt-from-faults";

/// A user name and a password for HTTP basic authentication.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password or access token.
    pub password: String,
}

impl Credentials {
    /// The value of the `Authorization` header.
    pub(crate) fn header(&self) -> String {
        use base64::Engine as _;
        let pair = format!("{}:{}", self.username, self.password);
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        format!("Basic {encoded}")
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}
