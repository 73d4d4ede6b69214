//! What a cluster of AKS has before anybody uses it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a cluster has before anybody uses it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ClusterParts {
    /// What AKS puts into a cluster, set up as Microsoft recommends for production ("Use system node pools in AKS"): a system pool whose nodes are
    /// spread over the zones and have the taint `CriticalAddonsOnly`, which keeps other pods off, and on every node the DaemonSets of AKS, which
    /// take of it what they request.
    Aks,
    /// The same as `az aks create` sets it up without options for its nodes: those of the system pool are in no zone and have no taint. Pods without
    /// a node selector can be placed on them, where they need no node of node auto-provisioning; the pods of a scenario's workloads are kept to the
    /// nodes of their classes.
    AksDefaults,
    /// Nothing: every node is one that the node configuration asks for, and all of it is there for pods.
    #[default]
    Bare,
}

impl ClusterParts {
    /// Every choice.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Its name in a scenario and on the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the cluster has what AKS puts into one: a system pool, DaemonSets and storage classes.
    pub fn has_aks(self) -> bool {
        match self {
            Self::Aks | Self::AksDefaults => true,
            Self::Bare => false,
        }
    }
}

impl std::fmt::Display for ClusterParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_spelled_alike_in_scenarios_and_on_the_command_line() {
        let names: Vec<&str> = ClusterParts::ALL.iter().map(|parts| parts.as_str()).collect();
        assert_eq!(names, ["aks", "aks-defaults", "bare"]);
        for &parts in ClusterParts::ALL {
            assert_eq!(serde_json::to_value(parts).unwrap(), parts.to_string());
            assert_eq!(serde_json::from_value::<ClusterParts>(parts.as_str().into()).unwrap(), parts);
        }
    }
}
