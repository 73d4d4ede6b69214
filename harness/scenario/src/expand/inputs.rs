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
