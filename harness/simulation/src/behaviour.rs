//! How long things take, how much there is, what goes wrong.

use std::collections::BTreeMap;

use harness_units::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault_kind::{QUOTA_HINT, is_quota_scope};
use crate::{CapacityType, ClusterParts, Distribution, Fault, OperationTimes};
use harness_yaml::Problem;

/// How the simulated Azure behaves. Targets with a real Azure ignore it, and the report says so.
///
/// A new behaviour applies to VMs that are accepted from then on; a VM keeps the draws it was given when it was accepted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Behaviour {
    /// The seed of every draw. The same seed gives the n-th VM of a node pool since the behaviour was set the same draws, in whatever order
    /// the calls arrive.
    #[schemars(skip)]
    #[serde(skip_serializing_if = "is_default")]
    pub seed: u64,
    /// What the cluster has besides the nodes of the node configuration (default: what it was started with; `aks` for a cluster of the run's own).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterParts>,
    /// From the accepted creation of a machine to its VM being created (default: 0s).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept: Option<Distribution>,
    /// From the VM being created to booted (default: lognormal, median 5s, p95 9s).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<Distribution>,
    /// From booted to the Node object, which is the kubelet's registration (default: 0s).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub register: Option<Distribution>,
    /// From the Node object to its Ready (default: 0s).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Distribution>,
    /// From the accepted delete of a machine to its VM being gone (default: 1s).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete: Option<Distribution>,
    /// The last part of the boot in which the Node is there and not Ready yet: a kubelet registers before it is ready. It takes nothing from
    /// the whole; with 0 a Node whose `ready` takes no time is Ready when it appears (default: 0; 0.2 in a run).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_share: Option<Share>,
    /// How long operations on the managed cluster and its agent pools take.
    #[serde(skip_serializing_if = "is_default")]
    pub operations: OperationTimes,
    /// Exceptions by SKU family and capacity type. The last one that matches wins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<LegOverride>,
    /// vCPUs of quota by `regional`, `spot`, a family's letter (`F`) or a quota family (`standardFSv2Family`); what is not named is ample. All of it
    /// is for node auto-provisioning: the nodes of the system pool take none. On AKS three D4s_v5 take 12 of `regional` and of `D`; subtract
    /// them from the limits of a subscription.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub quota_cores: BTreeMap<String, u32>,
    /// Subnets of the cluster's virtual network beside the nodes' own, by name: `small: 10.225.0.0/29`. An AKSNodeClass of the tree names one as
    /// `vnetSubnetID: "{subnets}/small"`. Of the addresses Azure keeps five, and each VM has one: then the subnet is full.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub subnets: BTreeMap<String, String>,
    /// What goes wrong, from the start; in a scenario, from the start of its first phase.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Behaviour {
    /// Nothing takes any time: for measurements of the control plane itself.
    pub fn instant() -> Self {
        let none = Some(Distribution::ZERO);
        Self {
            accept: none.clone(),
            boot: none.clone(),
            register: none.clone(),
            ready: none.clone(),
            delete: none,
            operations: OperationTimes::instant(),
            ..Self::default()
        }
    }

    /// An estimate of live AKS, not a measurement: no published source splits the phases. Accepted to registered has a median of 55 s and a
    /// p95 of 100 s, registered to Ready 12 s and 30 s; GPU nodes take four times as long to boot.
    pub fn azure_estimate() -> Self {
        let lognormal = |median, p95| Some(Distribution::lognormal_secs(median, p95));
        Self {
            accept: lognormal(2, 5),
            boot: lognormal(48, 88),
            register: lognormal(5, 9),
            ready: lognormal(12, 30),
            delete: lognormal(40, 80),
            overrides: vec![LegOverride {
                leg: Leg::Boot,
                family: Some("N".to_owned()),
                capacity_type: None,
                distribution: Distribution::lognormal_secs(192, 352),
            }],
            ..Self::default()
        }
    }

    /// The distribution of one leg for a VM of this family and capacity type.
    pub fn leg(&self, leg: Leg, family: &str, quota_family: &str, capacity_type: CapacityType) -> Distribution {
        let is_of = |name: &str| name.eq_ignore_ascii_case(family) || name.eq_ignore_ascii_case(quota_family);
        let matches = |other: &&LegOverride| {
            other.leg == leg
                && other.capacity_type.is_none_or(|kind| kind == capacity_type)
                && other.family.as_deref().is_none_or(is_of)
        };
        if let Some(other) = self.overrides.iter().rev().find(matches) {
            return other.distribution.clone();
        }
        let given = match leg {
            Leg::Accept => &self.accept,
            Leg::Boot => &self.boot,
            Leg::Register => &self.register,
            Leg::Ready => &self.ready,
            Leg::Delete => &self.delete,
        };
        given.clone().unwrap_or(match leg {
            Leg::Boot => Distribution::lognormal_secs(5, 9),
            Leg::Delete => Distribution::Constant(harness_units::Span::from_secs(1)),
            Leg::Accept | Leg::Register | Leg::Ready => Distribution::ZERO,
        })
    }

    /// What the types cannot rule out.
    pub fn problems(&self) -> Vec<Problem> {
        let legs = [
            ("accept", &self.accept),
            ("boot", &self.boot),
            ("register", &self.register),
            ("ready", &self.ready),
            ("delete", &self.delete),
        ];
        let legs = legs.into_iter().filter_map(|(key, leg)| Some((key, leg.as_ref()?)));
        let mut found: Vec<Problem> =
            legs.flat_map(|(key, leg)| leg.problems().into_iter().map(move |it| it.under(key))).collect();
        found.extend(self.operations.problems().into_iter().map(|it| it.under("operations")));
        for (index, other) in self.overrides.iter().enumerate() {
            let placed = |problem: Problem| problem.under("distribution").under(index.to_string()).under("overrides");
            found.extend(other.distribution.problems().into_iter().map(placed));
        }
        for scope in self.quota_cores.keys().filter(|scope| !is_quota_scope(scope)) {
            found.push(Problem::of_key(&["quotaCores", scope], format!("unknown quota `{scope}`"), QUOTA_HINT));
        }
        for (name, prefix) in self.subnets.iter().filter(|(_, prefix)| !is_prefix(prefix)) {
            let message = format!("`{prefix}` is not the address range of a subnet");
            found.push(Problem::new(
                &["subnets", name],
                message,
                "give one with 8 addresses or more, such as 10.225.0.0/29",
            ));
        }
        for (index, fault) in self.faults.iter().enumerate() {
            let placed = |problem: Problem| problem.under(index.to_string()).under("faults");
            found.extend(fault.problems().into_iter().map(placed));
        }
        found
    }
}

/// Whether a subnet can have these addresses. The smallest that Azure takes is a /29: "Azure Virtual Network FAQ" (Microsoft).
fn is_prefix(text: &str) -> bool {
    let Some((base, bits)) = text.split_once('/') else { return false };
    base.parse::<std::net::Ipv4Addr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| (2..=29).contains(&bits))
}

/// One leg of a VM's lifecycle.
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
    strum::VariantArray,
    strum::VariantNames,
)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Leg {
    /// Creation accepted to creating.
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
    /// Every leg, in the order of a VM's lifecycle.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The key, which is also the name of the leg's child generator.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Another distribution for one leg of the VMs that match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegOverride {
    /// Which leg.
    pub leg: Leg,
    /// The family's letter (`F`) or the quota family (`standardFSv2Family`); every family where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Spot or on-demand; both where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_type: Option<CapacityType>,
    /// How long the leg takes instead.
    pub distribution: Distribution,
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_units::Span;

    #[test]
    fn the_last_override_that_matches_wins() {
        let mut behaviour = Behaviour::azure_estimate();
        let leg = |behaviour: &Behaviour, family, kind| behaviour.leg(Leg::Boot, family, "standardX", kind);
        let constant = Distribution::Constant(Span::from_secs(1));
        behaviour.overrides.push(LegOverride {
            leg: Leg::Boot,
            family: None,
            capacity_type: Some(CapacityType::Spot),
            distribution: constant.clone(),
        });
        assert_eq!(leg(&behaviour, "D", CapacityType::OnDemand), Distribution::lognormal_secs(48, 88));
        assert_eq!(leg(&behaviour, "N", CapacityType::OnDemand), Distribution::lognormal_secs(192, 352));
        assert_eq!(leg(&behaviour, "N", CapacityType::Spot), constant);
        assert_eq!(Behaviour::default().leg(Leg::Delete, "D", "x", CapacityType::Spot), constant);
    }

    #[test]
    fn problems_say_where_they_are() {
        let json = serde_json::json!({
            "delete": {"samples": []}, "quotaCores": {"f": 1}, "subnets": {"good": "10.225.0.0/29", "tiny": "10.226.0.0/30", "odd": "x"}, "faults": [{"throttle": {}}, {"throttle": {"share": 0}}],
        });
        let behaviour: Behaviour = serde_json::from_value(json).unwrap();
        let found: Vec<String> = behaviour.problems().iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(found, ["delete.samples", "quotaCores.f", "subnets.odd", "subnets.tiny", "faults.1.throttle.share"]);
    }
}
