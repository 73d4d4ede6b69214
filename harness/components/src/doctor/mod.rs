//! The checks of `harness doctor`: everything that can stop a run, before anything starts.
//!
//! The result is data; the command line prints it.

mod build_checks;
mod check;
mod machine;
mod sandbox;

use std::ffi::OsStr;

use crate::find_program;

pub use check::{Check, Diagnosis, Options, Status};

/// Runs every check, in a second or two. Changes nothing, except that it creates the cache folder.
pub async fn examine(options: &Options) -> Diagnosis {
    let mut checks = build_checks::all(options).await;
    checks.extend(machine::all());
    checks.push(sandbox::private_mounts(&options.search_path).await);
    checks.extend(optional_tools(&options.search_path));
    Diagnosis { checks }
}

/// Programs that nothing here needs, and what each would add.
const TOOLS: [(&str, &str); 5] = [
    ("kubectl", "looking into a cluster that `harness up` keeps"),
    ("docker", "the kind target"),
    ("kind", "the kind target"),
    ("k3s", "the k3s target"),
    ("az", "the aks target: signing in to Azure"),
];

/// One check each; a missing tool is not a failure.
fn optional_tools(search_path: &OsStr) -> Vec<Check> {
    TOOLS
        .into_iter()
        .map(|(name, enables)| match find_program(name, search_path) {
            Some(path) => Check::ok(name, format!("{} ({enables})", path.display())),
            None => Check::ok(name, format!("not found; optional, for {enables}")),
        })
        .collect()
}
