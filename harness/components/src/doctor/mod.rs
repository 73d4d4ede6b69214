//! The checks of `harness doctor`: everything that can stop a run, before anything starts.
//!
//! The result is data; the command line prints it.

mod build_checks;
mod check;
mod machine;
mod optional_tools;
mod sandbox;

pub use check::{Check, Diagnosis, Options, Status};

/// Runs every check, in a second or two. Changes nothing, except that it creates the cache folder.
pub async fn examine(options: &Options) -> Diagnosis {
    let mut checks = build_checks::all(options).await;
    checks.extend(machine::all());
    checks.push(sandbox::private_mounts(&options.search_path).await);
    checks.extend(optional_tools::all(&options.search_path));
    Diagnosis { checks }
}
