//! Git: a server on loopback for the cluster's Flux, and a client that commits whole trees.

mod branch;
mod cgi;
mod command;
mod error;
mod fault;
mod remote;
mod server;
mod service;
mod tree;

pub use branch::{Author, Branch, Commit, LogEntry};
pub use error::{GitError, GitServerError};
pub use fault::GitFaultSwitch;
pub use remote::GitRemote;
pub use server::{GitServer, Repository};

/// The header by which the server knows the run's own requests, which are exempt from its faults. It is not a protection: the server is on
/// loopback and its faults are there to be seen, not to protect anything.
pub(crate) const EXEMPT_FROM_FAULTS_HEADER: &str = "x-harness-exempt-from-faults";
