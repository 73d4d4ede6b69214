//! What goes wrong in Azure, kind by kind.

use harness_units::{Factor, Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::CapacityType;
use harness_yaml::Problem;

/// Azure gives at most this notice before a spot VM is evicted.
/// Source: Azure's documentation of scheduled events, event type Preempt.
const SPOT_NOTICE_MAX: Span = Span::from_secs(30);

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr, strum::VariantNames)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[strum(serialize_all = "camelCase")]
pub enum FaultKind {
    /// Azure has no machine for such a VM: its creation fails with Azure's code.
    NoCapacity {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// Which of Azure's codes (default: SkuNotAvailable where `only` names a capacity type, since a code of the zone or region would rule
        /// out the other type too; otherwise ZonalAllocationFailed for a VM with a zone and AllocationFailed without).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<CapacityCode>,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// Another quota while the fault lasts.
    Quota {
        /// `regional`, `spot`, a family's letter (`F`) or a quota family (`standardFSv2Family`).
        scope: String,
        /// vCPUs.
        cores: u32,
    },
    /// Resource Manager answers 429 with Retry-After.
    Throttle {
        /// What Retry-After says, rounded up to whole seconds (default: 5s).
        #[serde(default = "retry_after")]
        retry_after: Span,
        /// The share of calls (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
        /// Only calls of this operation, such as machines.put; names as in the simulator's request counters (default: all).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<String>,
    },
    /// Boots take longer.
    SlowBoot {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The drawn boot is multiplied by this (default: 1).
        #[serde(default = "one", skip_serializing_if = "is_one")]
        factor: Factor,
        /// Then this is added (default: 0s).
        #[serde(default, skip_serializing_if = "is_default")]
        extra: Span,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// Deletions of VMs take longer: until they end the VMs are there, cost money and count against the quota.
    SlowDelete {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// This is added to the drawn time of the deletion.
        extra: Span,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// VMs never finish booting: their machines stay in Creating until they are deleted.
    StuckBoot {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// VMs boot and Azure reports success, but they never join the cluster.
    NeverRegister {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// Running VMs stop: their Nodes turn NotReady, the VMs stay. Acts once.
    VmCrash {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The share of matching VMs, at least one (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// An agent on running VMs reports a condition of their Nodes from now on, with the present time as its transition. It stays through
    /// every other write of those Nodes, until the VM is replaced or the agent reports another status. Only VMs whose Node has been Ready
    /// are meant. Acts once.
    NodeCondition {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The condition's type, such as kubernetes.azure.com/NodeHealthy.
        condition: String,
        /// Its status.
        status: ConditionStatus,
        /// The share of matching VMs, at least one (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// Running spot VMs are evicted. Acts once.
    SpotEvict {
        /// Which spot VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The share of matching VMs, at least one (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
        /// Warning before the VM is gone: its Node gets the condition PreemptionScheduled first (default: 0s, none). Azure gives at most 30 s.
        #[serde(default, skip_serializing_if = "is_default")]
        notice: Span,
    },
    /// Resource Manager is down.
    ArmOutage {
        /// How it shows (default: unavailable).
        #[serde(default, skip_serializing_if = "is_default")]
        mode: ArmFaultMode,
    },
    /// Creations fail with any code, after they were accepted.
    OperationFail {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// Azure's error code, such as OperationNotAllowed.
        code: String,
        /// Azure's message, from which the controller classifies some codes (default: none).
        #[serde(default, skip_serializing_if = "String::is_empty")]
        message: String,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// Azure reports creations as failed, and the VMs come up all the same, unless their machines are deleted before (issue 1907 of
    /// Azure/karpenter-provider-azure). Until a deletion ends, the VM is there: it counts against the quota, costs money once it has booted,
    /// and gets a Node. Its machine stays Failed.
    FalseFailure {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// Azure's error code (default: OSProvisioningTimedOut).
        #[serde(default = "timed_out_code", skip_serializing_if = "is_timed_out_code")]
        code: String,
        /// Azure's message (default: the one of OSProvisioningTimedOut, which says that the VM may still come up).
        #[serde(default = "timed_out_message", skip_serializing_if = "is_timed_out_message")]
        message: String,
        /// When Azure says so, counted from when it begins to make the VM (default: 0s). The controller that hears of it at once has no node
        /// yet; one that asks every few seconds may have one, with pods.
        #[serde(default, skip_serializing_if = "is_default")]
        reported_after: Span,
        /// How long after that the VM has booted (default: 3m).
        #[serde(default = "minutes_later", skip_serializing_if = "is_minutes_later")]
        boots_after: Span,
        /// How long its Node outlives the VM (default: 0s, the cloud controller manager deletes it). The controller leaves the Node of a
        /// NodeClaim that was not registered to others; in issue 1907 nobody deleted it.
        #[serde(default, skip_serializing_if = "is_default")]
        node_stays: Span,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// AKS makes nodes of a newer version than the one that was asked for, which is the control plane's: each of them drifts as soon as it is
    /// there, and so does its replacement while this lasts (issue 5899 of Azure/AKS).
    NewerVersion {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// Of what (default: kubernetes).
        #[serde(default, skip_serializing_if = "is_default")]
        of: VersionOf,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// Lists answer with what was there some time ago, but never with what was there before the fault was set: at first they stand still, and
    /// then they lag behind. A GET of one thing does not lag, and neither does what Azure itself decides by, such as a quota.
    StaleList {
        /// How far behind (default: 1m).
        #[serde(default = "a_minute", skip_serializing_if = "is_a_minute")]
        by: Span,
        /// Only this list: machines.list, virtualMachines.list, networkInterfaces.list, resourceGraph.query, or usages.list, which has
        /// quotas with what is used of them (default: all of these).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<String>,
    },
    /// The subnet has no address left for such a VM: its creation fails.
    SubnetFull {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// A zone is down: its VMs stop, and no VM can be created there. When it is over, those that are still there run again.
    ZoneOutage {
        /// The zone: its number, or as nodes carry it (`eastus-1`).
        zone: String,
    },
    /// Resource Manager answers as it should not.
    BadAnswer {
        /// What is wrong with the answer.
        answer: BadAnswer,
        /// The share of calls (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
        /// Only to calls of this operation, such as machines.get; names as in the simulator's request counters (default: all).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<String>,
    },
    /// Operations on the managed cluster and its agent pools fail at their end.
    ClusterOperationFail {
        /// Azure's error code, such as ControlPlaneUpgradeFailed.
        code: String,
        /// Azure's message (default: none).
        #[serde(default, skip_serializing_if = "String::is_empty")]
        message: String,
        /// The share of operations (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
}

fn retry_after() -> Span {
    Span::from_secs(5)
}

fn timed_out_code() -> String {
    TIMED_OUT_CODE.to_owned()
}

fn is_timed_out_code(code: &str) -> bool {
    code == TIMED_OUT_CODE
}

fn timed_out_message() -> String {
    TIMED_OUT_MESSAGE.to_owned()
}

fn is_timed_out_message(message: &str) -> bool {
    message == TIMED_OUT_MESSAGE
}

fn minutes_later() -> Span {
    Span::from_secs(180)
}

fn is_minutes_later(span: &Span) -> bool {
    *span == minutes_later()
}

fn a_minute() -> Span {
    Span::from_secs(60)
}

fn is_a_minute(span: &Span) -> bool {
    *span == a_minute()
}

fn one() -> Factor {
    Factor(1.0)
}

fn is_one(factor: &Factor) -> bool {
    *factor == one()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The selector of a kind, borrowed as the kind is.
macro_rules! only_of {
    ($kind:expr) => {
        match $kind {
            Self::NoCapacity { only, .. }
            | Self::SlowBoot { only, .. }
            | Self::SlowDelete { only, .. }
            | Self::StuckBoot { only, .. }
            | Self::NeverRegister { only, .. }
            | Self::VmCrash { only, .. }
            | Self::NodeCondition { only, .. }
            | Self::SpotEvict { only, .. }
            | Self::SubnetFull { only, .. }
            | Self::FalseFailure { only, .. }
            | Self::NewerVersion { only, .. }
            | Self::OperationFail { only, .. } => Some(only),
            Self::Quota { .. }
            | Self::Throttle { .. }
            | Self::ArmOutage { .. }
            | Self::ZoneOutage { .. }
            | Self::BadAnswer { .. }
            | Self::StaleList { .. }
            | Self::ClusterOperationFail { .. } => None,
        }
    };
}

impl FaultKind {
    /// The key of the variant.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }

    /// Whether it acts once, when it is set, and is over then.
    pub const fn is_instant(&self) -> bool {
        matches!(self, Self::VmCrash { .. } | Self::NodeCondition { .. } | Self::SpotEvict { .. })
    }

    /// Whether it is a state while it lasts, and not something that happens to one case after another.
    pub const fn is_state(&self) -> bool {
        matches!(self, Self::Quota { .. } | Self::ZoneOutage { .. })
    }

    /// Which VMs it is for, where it is for VMs.
    pub const fn only(&self) -> Option<&VmSelector> {
        only_of!(self)
    }

    /// The same, to be changed.
    pub const fn only_mut(&mut self) -> Option<&mut VmSelector> {
        only_of!(self)
    }

    /// The code of what it fails, beside those of capacity and quota.
    pub fn own_code(&self) -> Option<&str> {
        match self {
            Self::OperationFail { code, .. }
            | Self::FalseFailure { code, .. }
            | Self::ClusterOperationFail { code, .. } => Some(code),
            Self::SubnetFull { .. } => Some(SUBNET_FULL_CODE),
            _ => None,
        }
    }

    /// The share of matching VMs or calls that it hits; `None` for a fault that is not about single ones.
    pub const fn share(&self) -> Option<Share> {
        match self {
            Self::NoCapacity { share, .. }
            | Self::Throttle { share, .. }
            | Self::SlowBoot { share, .. }
            | Self::SlowDelete { share, .. }
            | Self::StuckBoot { share, .. }
            | Self::NeverRegister { share, .. }
            | Self::VmCrash { share, .. }
            | Self::NodeCondition { share, .. }
            | Self::SpotEvict { share, .. }
            | Self::OperationFail { share, .. }
            | Self::SubnetFull { share, .. }
            | Self::FalseFailure { share, .. }
            | Self::NewerVersion { share, .. }
            | Self::BadAnswer { share, .. }
            | Self::ClusterOperationFail { share, .. } => Some(*share),
            Self::Quota { .. } | Self::ArmOutage { .. } | Self::ZoneOutage { .. } | Self::StaleList { .. } => None,
        }
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.share().is_some_and(|share| share.0 == 0.0) {
            found.push(Problem::new(&["share"], "a fault that never happens", "give a share above 0"));
        }
        found.extend(self.only().and_then(VmSelector::contradiction).map(|problem| problem.under("only")));
        match self {
            Self::SpotEvict { only, .. } if only.capacity_type == Some(CapacityType::OnDemand) => {
                let path = ["only", "capacityType"];
                found.push(Problem::new(&path, "only spot VMs are evicted", "leave it out, or use `vmCrash`"));
            }
            Self::Quota { scope, .. } if !is_quota_scope(scope) => {
                found.push(Problem::new(&["scope"], format!("unknown quota `{scope}`"), QUOTA_HINT));
            }
            Self::OperationFail { code, .. }
            | Self::FalseFailure { code, .. }
            | Self::ClusterOperationFail { code, .. }
                if code.is_empty() =>
            {
                let hint = "give one, such as OperationNotAllowed";
                found.push(Problem::new(&["code"], "an operation fails with a code", hint));
            }
            Self::NodeCondition { condition, .. }
                if condition.is_empty() || condition.contains(char::is_whitespace) =>
            {
                let message = format!("`{condition}` cannot be the type of a condition");
                found.push(Problem::new(&["condition"], message, "give one, such as kubernetes.azure.com/NodeHealthy"));
            }
            Self::SlowBoot { factor, extra, .. } if *factor == one() && *extra == Span::ZERO => {
                found.push(Problem::new(&[], "a slow boot that is no slower", "give a factor above 1, or `extra`"));
            }
            Self::SlowDelete { extra, .. } if *extra == Span::ZERO => {
                let message = "a slow deletion that is no slower";
                found.push(Problem::new(&["extra"], message, "give a duration above 0s"));
            }
            Self::StaleList { by, .. } if *by == Span::ZERO => {
                found.push(Problem::new(&["by"], "a list that does not lag", "give a duration above 0s"));
            }
            Self::StaleList { operation: Some(operation), .. } if !STALE_LISTS.contains(&operation.as_str()) => {
                let message = format!("`{operation}` does not lag");
                found.push(Problem::new(&["operation"], message, format!("give one of {}", STALE_LISTS.join(", "))));
            }
            Self::SpotEvict { notice, .. } if *notice > SPOT_NOTICE_MAX => {
                let message = format!("Azure gives a notice of at most {SPOT_NOTICE_MAX}");
                found.push(Problem::new(&["notice"], message, "give a shorter one"));
            }
            _ => {}
        }
        found
    }
}

/// Which VMs. Every given key must match; an empty selector matches every VM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct VmSelector {
    /// The VM, which is also its Node, its AKS machine or its NodeClaim, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm: Option<String>,
    /// One of these, by the same names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vms: Vec<String>,
    /// The size, such as Standard_F4s_v2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The family's letter (`F`) or the quota family (`standardFSv2Family`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The zone: `"1"`, `eastus-1`, or `"0"` for VMs without a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Spot or on-demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_type: Option<CapacityType>,
    /// The NodePool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodepool: Option<String>,
}

impl VmSelector {
    /// Two keys that no VM has both of. Whether each of them is the name of something is not known here.
    pub(crate) fn contradiction(&self) -> Option<Problem> {
        if let (Some(sku), Some(family)) = (&self.sku, &self.family) {
            // A family is known by its first letter, and a quota family says what it is in more ways than one.
            let size = sku.split_once('_').map_or(sku.as_str(), |(_, size)| size);
            let is_letter = size.get(..1).is_some_and(|letter| letter.eq_ignore_ascii_case(family));
            let is_quota_family = family.to_ascii_lowercase().ends_with("family");
            if !is_letter && !is_quota_family {
                let message = format!("no VM of the size `{sku}` is of the family `{family}`");
                return Some(Problem::new(&["family"], message, "leave out one of `sku` and `family`"));
            }
        }
        if let Some(vm) = self.vm.as_ref().filter(|vm| !self.vms.is_empty() && !self.vms.contains(vm)) {
            let message = format!("`{vm}` is none of `vms`");
            return Some(Problem::new(&["vm"], message, "leave out one of `vm` and `vms`"));
        }
        None
    }
}

/// How an outage of Azure Resource Manager shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ArmFaultMode {
    /// Every call is answered 503 `ServiceUnavailable`.
    #[default]
    Unavailable,
    /// Connections are closed before the TLS handshake.
    Refused,
}

/// An answer of Azure Resource Manager that no client should have to expect, and operators have met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BadAnswer {
    /// 200 without a body. What was asked for is done.
    Empty,
    /// 400 `MissingApiVersionParameter`, although the call has one. Nothing is done (Azure/AKS issue 4542).
    MissingApiVersion,
}

/// Of what AKS takes a newer version than it was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum VersionOf {
    /// The kubelet: the next patch version of Kubernetes.
    #[default]
    Kubernetes,
    /// The node image: the version after the one that was asked for.
    NodeImage,
}

/// The lists that can lag, by the names of the simulator's request counters: those of machines, of their VMs and network interfaces, and of the use
/// of quotas. Resource Manager answers lists from regional caches (issue 21221 of Azure/azure-rest-api-specs, issue 1964 of Azure/AKS), and
/// Resource Graph is told of changes, of most within a minute (issue 19879 of MicrosoftDocs/azure-docs).
pub const STALE_LISTS: [&str; 5] =
    ["machines.list", "virtualMachines.list", "networkInterfaces.list", "resourceGraph.query", "usages.list"];

/// Azure's code for a VM that did not report in time that it had come up.
pub const TIMED_OUT_CODE: &str = "OSProvisioningTimedOut";

/// What Azure says with it.
/// Source: Azure's documentation of provisioning failures of VMs; the name of the VM is left out.
const TIMED_OUT_MESSAGE: &str = "OS Provisioning for VM did not finish in the allotted time. The VM may still finish provisioning successfully. \
     Please check provisioning state later.";

/// Azure's code for a VM that a quota forbids.
pub const QUOTA_CODE: &str = "OperationNotAllowed";

/// Azure's code for a VM for which its subnet has no address left.
pub const SUBNET_FULL_CODE: &str = "SubnetIsFull";

/// Azure's codes for capacity that is not there.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr, strum::VariantNames,
)]
pub enum CapacityCode {
    /// No capacity for the size in the region.
    AllocationFailed,
    /// No capacity for the size in the zone.
    ZonalAllocationFailed,
    /// The constraints together cannot be met in the region.
    OverconstrainedAllocationRequest,
    /// The constraints together cannot be met in the zone.
    OverconstrainedZonalAllocationRequest,
    /// The size is not offered there at present.
    SkuNotAvailable,
    /// The subscription may not use the size: the answer to the PUT itself.
    VMSizeNotSupported,
}

impl CapacityCode {
    /// The code as Azure writes it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The status of a condition, as Kubernetes writes it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr, strum::VariantNames,
)]
pub enum ConditionStatus {
    /// `"True"`.
    True,
    /// `"False"`.
    False,
    /// `"Unknown"`.
    Unknown,
}

impl ConditionStatus {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

pub(crate) const QUOTA_HINT: &str =
    "name a family by its letter (F; N for NC sizes) or its quota (standardFSv2Family), or write regional or spot";

/// Whether a quota can have this name: `regional`, `spot`, a family's letter (`F`) or a quota family (`standardFSv2Family`). A family has one
/// letter, as in Karpenter's label `karpenter.azure.com/sku-family`: NC sizes are of the family `N`.
pub fn is_quota_scope(name: &str) -> bool {
    let is_letter = name.len() == 1 && name.chars().all(|c| c.is_ascii_uppercase());
    is_letter || ["regional", "spot"].contains(&name) || name.len() > "Family".len() && name.ends_with("Family")
}
