//! The entry points of the crate.

use crate::expand::{self, Chance};
use crate::scenario::Scenario;
use harness_plan::{Plan, Profile};
use harness_tree::derive::NodeOverhead;
use harness_tree::{NodeConfigTree, SkuFact, SourceFile};
use harness_yaml::{Diagnostic, in_order};

/// What decides a plan beside the scenario.
#[derive(Clone, Copy, Debug)]
pub struct PlanInputs<'a> {
    /// Which of each parameter's values is taken.
    pub profile: Profile,
    /// The seed of every draw.
    pub seed: u64,
    /// `key=value`, as given to `--set`; the last of a key wins.
    pub overrides: &'a [String],
    /// The node configuration that is applied.
    pub tree: &'a NodeConfigTree,
    /// The VM sizes that the target offers.
    pub skus: &'a [SkuFact],
    /// What AKS's DaemonSets take of each node.
    pub daemon_sets: NodeOverhead,
    /// The calls of Azure Resource Manager by the names that `throttle` selects them by; empty where they are not known.
    pub operations: &'a [&'static str],
}

/// Reads a scenario and checks everything that can be checked without a node configuration, in every profile.
///
/// # Errors
/// Every error that was found, in the order of the file. A file with errors in its structure is not checked for sense: first make it
/// readable.
pub fn parse(file_name: &str, text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    Scenario::parse(file_name, text)
}

/// Decides everything: the same scenario, inputs and tree give the same plan, byte for byte.
///
/// # Errors
/// Every error that was found: in the overrides, in what they make of the scenario, and in what the tree makes of its workloads.
pub fn plan(scenario: &Scenario, inputs: &PlanInputs<'_>) -> Result<Plan, Vec<Diagnostic>> {
    Ok(expand(scenario, inputs)?.0)
}

/// The events that the plan needs and that the draws of a fault decide over. Those that a seed may not cause are among the plan's notes.
///
/// # Errors
/// Those of [`plan`].
pub fn chances(scenario: &Scenario, inputs: &PlanInputs<'_>) -> Result<Vec<Chance>, Vec<Diagnostic>> {
    Ok(expand(scenario, inputs)?.1)
}

fn expand(scenario: &Scenario, inputs: &PlanInputs<'_>) -> Result<(Plan, Vec<Chance>), Vec<Diagnostic>> {
    let PlanInputs { seed, tree, skus, daemon_sets, operations, .. } = *inputs;
    let bound = scenario.bind(inputs.profile, inputs.overrides)?;
    let diagnostics = scenario.check(&bound);
    if !diagnostics.is_empty() {
        return Err(in_order(diagnostics));
    }
    expand::expand(&expand::Inputs { scenario, bound: &bound, seed, tree, skus, daemon_sets, operations })
}

/// Applies what a scenario changes in a tree before it is pushed. `source` is how the tree is named; the layers of the scenario are among the
/// files already.
///
/// # Errors
/// An edit that does not fit the tree, or everything that is wrong with the tree because of them: at the places of the scenario that ask for it.
pub fn amended(
    scenario: &Scenario,
    source: &str,
    files: &[SourceFile],
    skus: &[SkuFact],
) -> Result<Vec<SourceFile>, Vec<Diagnostic>> {
    expand::amended(scenario, source, files, skus)
}
