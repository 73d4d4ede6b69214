//! What the phases of a scenario do, as far as expectations depend on it.

use std::collections::BTreeSet;

use crate::Names;

/// What a scenario names and does, for the checks whether an expectation can fail at all.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// What it names.
    pub names: Names<'a>,
    /// The workloads that some phase scales above 0.
    pub running: BTreeSet<&'a str>,
    /// Whether any phase scales anything above 0, derived workloads included.
    pub scales_up: bool,
    /// The workloads that are marked as staying pending.
    pub pending: BTreeSet<&'a str>,
    /// The workloads with a PodDisruptionBudget.
    pub budgeted: BTreeSet<&'a str>,
    /// Whether a tree of layers is pushed beside the node configuration.
    pub has_layers: bool,
    /// Whether the run listens for notifications.
    pub has_webhook: bool,
    /// Whether the simulated Azure has a quota.
    pub has_quota: bool,
    /// Whether any phase pushes a commit.
    pub pushes: bool,
}
