//! Quotas of the simulated Azure.

use std::collections::BTreeMap;
use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts};

/// The cores of running VMs never exceeded the quotas of `azure.quotaCores` and of faults by more than what was in flight: `quota: {}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// The quotas, by the plan: cores by scope (a family's letter, a quota family, `regional` or `spot`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(skip)]
    pub cores: BTreeMap<String, u32>,
}

impl Expected for Quota {
    fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        let hint = "set `azure: {quotaCores: {F: 16}}`, or `azureFault: {quota: ...}` in a phase";
        let found = Problem::new(&[], "no quota is set that could be exceeded", hint);
        (!facts.has_quota).then_some(found).into_iter().collect()
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("quota never exceeded")
    }
}
