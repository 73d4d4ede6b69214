//! The labels that mark what a run made, so that it can be found and removed.

use std::collections::BTreeMap;

/// On every object of a run: the run's id.
pub const RUN: &str = "harness.dev/run";
/// On a workload and its pods: the workload's name.
pub const WORKLOAD: &str = harness_cluster::metrics::WORKLOAD_LABEL;

/// The label of a run's objects.
pub fn of_run(run_id: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(RUN.to_owned(), run_id.to_owned())])
}

/// Selects a run's objects.
pub(crate) fn selector(run_id: &str) -> String {
    format!("{RUN}={run_id}")
}

/// The namespace of a run's workloads.
pub fn namespace(run_id: &str) -> String {
    format!("{NAMESPACE_PREFIX}{run_id}")
}

const NAMESPACE_PREFIX: &str = "harness-";

/// The run whose namespace it is.
pub(crate) fn run_of_namespace(namespace: &str) -> Option<&str> {
    namespace.strip_prefix(NAMESPACE_PREFIX)
}
