//! Phases.

use harness_plan::{Conditions, Profile, TimedAction};
use harness_units::Span;
use harness_yaml::Located;
use schemars::JsonSchema;
use serde::Deserialize;

/// One step: its actions are sent, then its condition is awaited (`until` and `within`) or its time is held (`for`).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PhaseSpec {
    /// Unique in the scenario: lower-case letters, digits and hyphens.
    #[schemars(regex(pattern = r"^[a-z]([-a-z0-9]{0,40}[a-z0-9])?$"))]
    pub name: Located<String>,
    /// Only in these profiles (default: in every one). Expectations that name a phase are left out with it.
    #[serde(default)]
    pub profiles: Vec<Profile>,
    /// What is done, each `after` its time from the start of the phase.
    #[serde(default, rename = "do")]
    pub actions: Vec<Located<TimedAction>>,
    /// The condition that ends the phase, or a list of them that must all hold at once. It needs `within`.
    #[serde(default)]
    pub until: Option<Located<Conditions>>,
    /// The deadline of `until`, from the start of the phase. There is no default: a wait without a limit is not a test.
    #[serde(default)]
    pub within: Option<Located<Span>>,
    /// How long the phase lasts, where it has no condition.
    #[serde(default, rename = "for")]
    pub hold: Option<Located<Span>>,
}
