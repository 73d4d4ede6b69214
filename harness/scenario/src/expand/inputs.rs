//! The inputs of a plan.

use crate::scenario::{Bound, Scenario};
use harness_tree::{NodeConfigTree, SkuFact};

/// What a plan is made from.
pub(crate) struct Inputs<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) bound: &'a Bound,
    pub(crate) seed: u64,
    pub(crate) tree: &'a NodeConfigTree,
    pub(crate) skus: &'a [SkuFact],
    pub(crate) operations: &'a [&'static str],
}

impl Inputs<'_> {
    /// Whether the tree is the one that the scenario is written for: what it names must be there and fit.
    pub(crate) fn is_own_tree(&self) -> bool {
        self.tree.source == self.scenario.node_config()
    }
}
