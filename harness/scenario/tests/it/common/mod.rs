//! Scenarios for tests, beside the trees and VM sizes of the tree crate's tests.

use harness_scenario::{Scenario, builtin_scenarios, parse};
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

/// The errors of a scenario.
pub(crate) fn errors(text: &str) -> Vec<Diagnostic> {
    parse("scenario.yaml", text).err().unwrap_or_default()
}
