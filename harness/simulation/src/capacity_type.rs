//! How a VM is paid for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a VM is paid for. The text is Karpenter's (`karpenter.sh/capacity-type`).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum CapacityType {
    /// Evictable, at a lower price.
    Spot,
    /// Regular priority.
    OnDemand,
}

impl CapacityType {
    /// As Karpenter writes it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
