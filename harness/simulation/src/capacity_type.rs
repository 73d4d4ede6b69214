//! How a VM is paid for.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a VM is paid for. The text is Karpenter's (`karpenter.sh/capacity-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CapacityType {
    /// Evictable, at a lower price.
    Spot,
    /// Regular priority.
    OnDemand,
}

impl CapacityType {
    /// As Karpenter writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::OnDemand => "on-demand",
        }
    }
}

impl fmt::Display for CapacityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
