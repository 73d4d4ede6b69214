//! The labels by which a run finds and removes what it made, and those by which Karpenter and Flux mark what is theirs.

use std::collections::BTreeMap;

/// On every object of a run: the run's id.
pub const RUN: &str = "harness.dev/run";
/// On a workload and its pods: the workload's name.
pub const WORKLOAD: &str = harness_cluster::metrics::WORKLOAD_LABEL;
/// On a NodeClaim or Node: the name of its NodePool.
pub(crate) const NODEPOOL: &str = "karpenter.sh/nodepool";
/// On what Flux applies: the Kustomization that it belongs to (fluxcd/pkg `ssa/manager.go`, `GetOwnerLabels`).
pub(crate) const KUSTOMIZATION: [&str; 2] =
    ["kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace"];

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
