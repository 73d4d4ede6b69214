//! The inputs of a plan.

use crate::scenario::{Bound, Scenario};
use harness_simulation::ClusterParts;
use harness_tree::derive::NodeOverhead;
use harness_tree::{NodeConfigTree, SkuFact};

/// What a plan is made from.
pub(crate) struct Inputs<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) bound: &'a Bound,
    pub(crate) seed: u64,
    pub(crate) tree: &'a NodeConfigTree,
    pub(crate) skus: &'a [SkuFact],
    pub(crate) daemon_sets: NodeOverhead,
    pub(crate) operations: &'a [&'static str],
}

impl Inputs<'_> {
    /// What DaemonSets take of each node: nothing where the scenario asks for a cluster without the parts of AKS.
    pub(crate) fn overhead(&self) -> NodeOverhead {
        let has_aks = self.bound.file.azure.cluster.is_none_or(ClusterParts::has_aks);
        if has_aks { self.daemon_sets } else { NodeOverhead::default() }
    }

    /// Whether the tree is the one that the scenario is written for: what it names must be there and fit.
    pub(crate) fn is_own_tree(&self) -> bool {
        self.tree.source == self.scenario.node_config()
    }
}
