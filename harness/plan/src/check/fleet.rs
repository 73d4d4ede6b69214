//! Azure's own record of the VMs.

use std::fmt;

use harness_units::count;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts};

/// Azure's own record of the VMs agrees with the cluster. At least one of the two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fleet {
    /// How many VMs were booted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vms: Option<VmCount>,
    /// How many VMs are left when the last phase has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_end: Option<u32>,
}

/// How many VMs were booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VmCount {
    /// One for each NodeClaim that was launched.
    AsManyAsNodeclaims,
}

impl Expected for Fleet {
    fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        let (message, hint) = if self.vms.is_none() && self.at_end.is_none() {
            ("this expects nothing", "give `vms`, `atEnd` or both")
        } else if self.at_end == Some(0) && facts.pods_at_end {
            let hint = "scale them down and wait for `no-nodes` first, or leave out `atEnd`";
            return vec![Problem::new(&["atEnd"], "this never holds: pods are left, and run on VMs", hint)];
        } else if self.vms.is_some() && !facts.scales_up && !facts.has_layers {
            // Pods of layers need VMs too.
            ("a fleet without VMs agrees with every cluster", "scale workloads up in a phase, or remove this")
        } else {
            return Vec::new();
        };
        vec![Problem::new(&[], message, hint)]
    }
}

impl fmt::Display for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.vms.map(|_| "as many VMs as NodeClaims".to_owned()),
            self.at_end.map(|left| format!("{} at the end", count(left, "VM"))),
        ];
        write!(f, "fleet: {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}
