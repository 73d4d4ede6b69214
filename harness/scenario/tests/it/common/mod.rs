//! Scenarios for tests, beside the trees and VM sizes of the tree crate's tests.

use harness_plan::{Plan, Profile};
use harness_scenario::{PlanInputs, Scenario, amended, builtin_scenarios, parse, plan};
use harness_tree::derive::NodeOverhead;
use harness_tree::{NodeConfigTree, SkuFact, builtin_node_config, read_tree};
use harness_yaml::Diagnostic;

#[path = "../../../../tree/tests/it/common/mod.rs"]
mod trees;
pub(crate) use trees::*;

/// A built-in scenario.
pub(crate) fn builtin(name: &str) -> Scenario {
    let builtin = builtin_scenarios().iter().find(|one| one.name == name).expect("a built-in scenario");
    scenario(builtin.text)
}

/// A scenario that must be valid.
pub(crate) fn scenario(text: &str) -> Scenario {
    parse("scenario.yaml", text).unwrap_or_else(|errors| panic!("{}", lines(&errors)))
}

/// Calls of Azure, as the simulator counts them.
pub(crate) const OPERATIONS: [&str; 3] = ["machines.delete", "machines.get", "machines.put"];

/// The errors of a scenario, and those on the built-in tree where it has none by itself.
pub(crate) fn refusals(text: &str) -> Vec<Diagnostic> {
    planned_on_its_tree(text).err().unwrap_or_default()
}

/// The inputs of a plan on a tree with these sizes: profile default, and the seed of every test here.
pub(crate) fn inputs<'a>(tree: &'a NodeConfigTree, skus: &'a [SkuFact]) -> PlanInputs<'a> {
    PlanInputs {
        profile: Profile::Default,
        seed: 7,
        overrides: &[],
        tree,
        daemon_sets: NodeOverhead::default(),
        operations: &[],
        skus,
    }
}

/// The plan on the built-in tree, with what the scenario changes in it.
pub(crate) fn planned_on_its_tree(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    let scenario = parse("scenario.yaml", text)?;
    let files = amended(&scenario, "node-config", &builtin_node_config(), &skus())?;
    let tree = read_tree("node-config", &files).unwrap_or_else(|findings| panic!("{}", lines(&findings)));
    let skus = skus();
    plan(&scenario, &PlanInputs { operations: &OPERATIONS, ..inputs(&tree, &skus) })
}
