//! What of a target is not real.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// A part of a target that is simulated. Every report lists them.
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
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Simulated {
    /// Azure Resource Manager and the VMs behind it.
    Azure,
    /// The kubelets of nodes.
    Kubelets,
    /// Upgrades of the control plane.
    ControlPlaneUpgrades,
    /// What a control plane of AKS is held back by.
    ControlPlaneLimits,
}

impl Simulated {
    /// The name, as the log and the declaration of a cluster have it.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// In words, for reports.
impl fmt::Display for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Azure => "Azure Resource Manager and the VM fleet (the nodes of a system pool take no quota)",
            Self::Kubelets => "kubelets (kwok)",
            Self::ControlPlaneUpgrades => {
                "upgrades of the control plane (NAP is told the new version, the API server stays as it is)"
            }
            Self::ControlPlaneLimits => {
                "limits of the control plane (no API priority and fairness, no leader election, etcd does not wait for the disk, \
                 controllers may send 200 to 1,000 requests a second and collect garbage late, the HorizontalPodAutoscaler looks \
                 every 5 s instead of 15 s)"
            }
        })
    }
}
