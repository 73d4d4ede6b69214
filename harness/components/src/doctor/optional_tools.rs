//! Programs that nothing here needs, and what each would add.

use std::ffi::OsStr;

use super::check::Check;
use crate::find_program;

/// Name and what it enables.
const TOOLS: [(&str, &str); 5] = [
    ("kubectl", "looking into a cluster that `harness up` keeps"),
    ("docker", "the kind target"),
    ("kind", "the kind target"),
    ("k3s", "the k3s target"),
    ("az", "the aks target: signing in to Azure"),
];

/// One check each; a missing tool is not a failure.
pub(super) fn all(search_path: &OsStr) -> Vec<Check> {
    TOOLS
        .into_iter()
        .map(|(name, enables)| match find_program(name, search_path) {
            Some(path) => Check::ok(name, format!("{} ({enables})", path.display())),
            None => Check::ok(name, format!("not found; optional, for {enables}")),
        })
        .collect()
}
