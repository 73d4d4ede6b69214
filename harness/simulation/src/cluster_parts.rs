//! What a cluster of AKS has before anybody uses it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a cluster has before anybody uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ClusterParts {
    /// What AKS puts into a cluster: a system pool, and on every node the DaemonSets of AKS, which take of it what they request.
    Aks,
    /// Nothing: every node is one that the node configuration asks for, and all of it is there for pods.
    #[default]
    Bare,
}

impl ClusterParts {
    /// Its name in a scenario and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aks => "aks",
            Self::Bare => "bare",
        }
    }
}

impl std::fmt::Display for ClusterParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
