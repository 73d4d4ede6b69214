//! The entry points of the crate.

use crate::derive::SkuFact;
use crate::diagnostic::Diagnostic;
use crate::node_config::{Finding, NodeConfigTree, SourceFile};
use crate::plan::{Plan, Profile};
use crate::yaml::Mark;

/// A text that comes with the harness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// A scenario's name, or a file's path in its tree.
    pub name: &'static str,
    /// The content.
    pub text: &'static str,
}

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
}

/// A scenario file, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The file as the caller named it.
    pub file: String,
}

fn unavailable(file: &str) -> Diagnostic {
    Diagnostic::new(file, Mark::START, "this build cannot read scenarios yet")
}

/// Reads a scenario.
///
/// # Errors
/// Every error that was found, in the order of the file.
pub fn parse(file_name: &str, _text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    Err(vec![unavailable(file_name)])
}

/// Reads a node configuration tree. Warnings and notes are in [`NodeConfigTree::findings`].
///
/// # Errors
/// Every finding, when at least one is an error.
pub fn read_tree(source_name: &str, _files: &[SourceFile]) -> Result<NodeConfigTree, Vec<Finding>> {
    Ok(NodeConfigTree {
        source: source_name.to_owned(),
        ..NodeConfigTree::default()
    })
}

/// The rules that need the target's VM sizes: limits that no fitting size can stay within. [`plan`] applies them too.
pub fn check_skus(_tree: &NodeConfigTree, _skus: &[SkuFact]) -> Vec<Finding> {
    Vec::new()
}

/// Decides everything.
///
/// # Errors
/// Every error that was found.
pub fn plan(scenario: &Scenario, _inputs: &PlanInputs<'_>) -> Result<Plan, Vec<Diagnostic>> {
    Err(vec![unavailable(&scenario.file)])
}

/// The scenarios that come with the harness.
pub fn builtin_scenarios() -> &'static [Builtin] {
    &[]
}

/// The files of the node configuration that comes with the harness; its source name is `node-config`.
pub fn builtin_node_config() -> Vec<SourceFile> {
    Vec::new()
}

/// The JSON schema of scenario files.
pub fn scenario_schema() -> serde_json::Value {
    serde_json::json!({})
}
