//! What the simulated Azure does: how long things take, how much there is, what goes wrong. Replaceable at run time.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::distribution::{Distribution, Span};
use crate::faults::Fault;

/// Everything that may be replaced while the simulator runs (`PUT /behaviour`).
///
/// A new behaviour applies to VMs that are accepted from then on; a VM keeps the draws it was given when it was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Behaviour {
    /// The seed of every draw. The same seed gives the n-th VM of a node pool the same draws, in whatever order the calls come.
    pub seed: u64,
    /// How long the legs of a VM's life take.
    pub boot: BootModel,
    /// How much may run at once.
    pub quota: QuotaLimits,
    /// What goes wrong, from the start.
    pub faults: Vec<Fault>,
}

impl Behaviour {
    /// Checks distributions, shares and faults.
    ///
    /// # Errors
    /// A sentence that names the key and what is wrong with it.
    pub fn validate(&self) -> Result<(), String> {
        self.boot.validate()?;
        for fault in &self.faults {
            fault.validate()?;
        }
        Ok(())
    }
}

/// The legs of a VM's life, each with its distribution.
///
/// The default puts the whole boot into one leg (lognormal, median 5 s, p95 9 s) and the deletion at 1 s, so that a
/// local run is short. [`BootModel::azure_estimate`] is closer to what live clusters show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct BootModel {
    /// From the accepted PUT to the VM being created.
    pub accept: Distribution,
    /// From the VM being created to booted.
    pub boot: Distribution,
    /// From booted to the Node object being created (kubelet registration).
    pub register: Distribution,
    /// From the Node object to its `Ready=True`.
    pub ready: Distribution,
    /// From the accepted deletion to the VM being gone.
    pub delete: Distribution,
    /// The last part of the boot, from 0 to 1, in which the Node is there and not Ready yet: a kubelet registers before it is ready. It
    /// takes nothing from the whole; with 0 a Node whose `ready` leg is zero is Ready when it appears.
    pub registered_share: f64,
    /// Exceptions by SKU family and capacity type. The last one that matches wins.
    pub overrides: Vec<LegOverride>,
}

impl Default for BootModel {
    fn default() -> Self {
        Self {
            accept: Distribution::zero(),
            boot: Distribution::Lognormal { median: Span::from_secs(5), p95: Span::from_secs(9) },
            register: Distribution::zero(),
            ready: Distribution::zero(),
            delete: Distribution::Constant(Span::from_secs(1)),
            registered_share: 0.0,
            overrides: Vec::new(),
        }
    }
}

impl BootModel {
    /// Nothing takes any time: for measurements of the control plane itself.
    pub fn instant() -> Self {
        Self {
            accept: Distribution::zero(),
            boot: Distribution::zero(),
            register: Distribution::zero(),
            ready: Distribution::zero(),
            delete: Distribution::zero(),
            registered_share: 0.0,
            overrides: Vec::new(),
        }
    }

    /// An estimate of live AKS, not a measurement: no published source splits the phases. Accepted to registered has a
    /// median of 55 s and a p95 of 100 s, registered to Ready 12 s and 30 s; GPU nodes take four times as long to boot.
    pub fn azure_estimate() -> Self {
        let lognormal =
            |median, p95| Distribution::Lognormal { median: Span::from_secs(median), p95: Span::from_secs(p95) };
        Self {
            accept: lognormal(2, 5),
            boot: lognormal(48, 88),
            register: lognormal(5, 9),
            ready: lognormal(12, 30),
            delete: lognormal(40, 80),
            registered_share: 0.0,
            overrides: vec![LegOverride {
                leg: Leg::Boot,
                family: Some("N".to_owned()),
                capacity_type: None,
                distribution: lognormal(192, 352),
            }],
        }
    }

    /// The distribution of one leg for a VM of this family and capacity type.
    pub fn of(&self, leg: Leg, family: &str, quota_family: &str, capacity_type: CapacityType) -> &Distribution {
        let overridden = self.overrides.iter().rev().find(|o| {
            o.leg == leg
                && o.capacity_type.is_none_or(|c| c == capacity_type)
                && o.family
                    .as_deref()
                    .is_none_or(|f| f.eq_ignore_ascii_case(family) || f.eq_ignore_ascii_case(quota_family))
        });
        match (overridden, leg) {
            (Some(o), _) => &o.distribution,
            (None, Leg::Accept) => &self.accept,
            (None, Leg::Boot) => &self.boot,
            (None, Leg::Register) => &self.register,
            (None, Leg::Ready) => &self.ready,
            (None, Leg::Delete) => &self.delete,
        }
    }

    fn validate(&self) -> Result<(), String> {
        let named = [
            ("accept", &self.accept),
            ("boot", &self.boot),
            ("register", &self.register),
            ("ready", &self.ready),
            ("delete", &self.delete),
        ];
        for (name, d) in named {
            d.validate().map_err(|e| format!("boot.{name}: {e}"))?;
        }
        if !(0.0..=1.0).contains(&self.registered_share) {
            return Err(format!("boot.registeredShare: {} is not from 0 to 1", self.registered_share));
        }
        for (i, o) in self.overrides.iter().enumerate() {
            o.distribution.validate().map_err(|e| format!("boot.overrides[{i}]: {e}"))?;
        }
        Ok(())
    }
}

/// One leg of a VM's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Leg {
    /// PUT accepted to creating.
    Accept,
    /// Creating to booted.
    Boot,
    /// Booted to the Node object.
    Register,
    /// Node object to Ready.
    Ready,
    /// Deletion accepted to gone.
    Delete,
}

impl Leg {
    /// Every leg, in the order of a VM's life.
    pub const ALL: [Leg; 5] = [Leg::Accept, Leg::Boot, Leg::Register, Leg::Ready, Leg::Delete];

    /// The name in JSON, and the name of the leg's child generator.
    pub const fn name(self) -> &'static str {
        match self {
            Leg::Accept => "accept",
            Leg::Boot => "boot",
            Leg::Register => "register",
            Leg::Ready => "ready",
            Leg::Delete => "delete",
        }
    }
}

/// Another distribution for one leg of the VMs that match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegOverride {
    /// Which leg.
    pub leg: Leg,
    /// The family letter (`F`, `N`) or the quota family (`standardFSv2Family`); every family when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Spot or on-demand; both when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_type: Option<CapacityType>,
    /// How long the leg takes instead.
    pub distribution: Distribution,
}

/// How a VM is paid for. The text is Karpenter's (`karpenter.sh/capacity-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CapacityType {
    /// Evictable, at a lower price.
    #[serde(rename = "spot")]
    Spot,
    /// Regular priority.
    #[serde(rename = "on-demand")]
    OnDemand,
}

impl fmt::Display for CapacityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CapacityType::Spot => "spot",
            CapacityType::OnDemand => "on-demand",
        })
    }
}

/// How many vCPUs may run at once, in the region and by family.
///
/// The defaults are generous on purpose: a run that asks about quota sets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct QuotaLimits {
    /// `cores`: vCPUs of regular VMs in the region.
    pub regional_cores: i64,
    /// `lowPriorityCores`: vCPUs of spot VMs in the region.
    pub low_priority_cores: i64,
    /// vCPUs of a family that is not named in `families`.
    pub family_default: i64,
    /// vCPUs by quota family (`standardFSv2Family`, any case) or by family letter (`F`: each quota family of that letter).
    pub families: BTreeMap<String, i64>,
}

impl Default for QuotaLimits {
    fn default() -> Self {
        Self {
            regional_cores: 100_000,
            low_priority_cores: 100_000,
            family_default: 100_000,
            families: BTreeMap::new(),
        }
    }
}

impl QuotaLimits {
    /// The limit of a quota family. Its full name beats its letter.
    pub fn family(&self, quota_family: &str, letter: &str) -> i64 {
        let find = |name: &str| self.families.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| *v);
        find(quota_family).or_else(|| find(letter)).unwrap_or(self.family_default)
    }
}
