//! What `harness doctor` looks at: everything that can stop a run, checked before anything starts.
//!
//! The result is data; the command line prints it.

mod build_checks;
mod check;
mod examine;
mod machine;
mod optional_tools;
mod sandbox;

pub use check::{Check, Diagnosis, Options, Status};
pub use examine::examine;
