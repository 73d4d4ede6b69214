//! The faults as data.

use serde::{Deserialize, Serialize};

use crate::behaviour::CapacityType;
use crate::catalogue::catalogue;
use crate::distribution::Span;

/// One fault, with its identity and its end.
///
/// `{"id":"no-f","kind":{"noCapacity":{"only":{"family":"F"},"code":"AllocationFailed"}},"for":"1m"}`.
/// Without `for` and `count` it lasts until it is removed. A fault that acts once, when it is set ([`FaultKind::is_instant`]),
/// acts on `count` of the VMs that match, chosen by the seed; on all of them without it, on those that there are if they are fewer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Its name; empty means that the simulator gives one (`fault-N`). A second fault with the name of a live one replaces it.
    #[serde(default)]
    pub id: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// It ends by itself after this time.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
    /// It ends by itself after it has been applied this many times; for a fault that acts once, to how many VMs at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

impl Fault {
    /// A fault without a name that lasts until it is removed.
    pub fn new(kind: FaultKind) -> Self {
        Self { id: String::new(), kind, lasts: None, count: None }
    }

    /// With a name.
    pub fn named(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// Ends by itself after this time.
    pub fn lasting(mut self, lasts: impl Into<Span>) -> Self {
        self.lasts = Some(lasts.into());
        self
    }

    /// Ends by itself after this many applications.
    pub fn times(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// Checks shares, counts and limits.
    ///
    /// # Errors
    /// A sentence that names the fault and what is wrong with it.
    pub fn validate(&self) -> Result<(), String> {
        let name = if self.id.is_empty() { self.kind.name() } else { &self.id };
        if self.count == Some(0) {
            return Err(format!("fault {name}: count 0 would never apply; leave it out or give at least 1"));
        }
        if let Some(share) = self.kind.share()
            && !(share > 0.0 && share <= 1.0)
        {
            return Err(format!("fault {name}: share {share} is not above 0 and at most 1"));
        }
        match &self.kind {
            FaultKind::Quota { limit, .. } if *limit < 0 => {
                Err(format!("fault {name}: a quota limit of {limit} vCPUs is negative"))
            }
            FaultKind::Quota { scope, .. } if !known_quota(scope) => Err(format!(
                "fault {name}: there is no quota `{scope}`; give cores, lowPriorityCores, a quota family or a family letter"
            )),
            FaultKind::NodeCondition { condition, .. }
                if condition.is_empty() || condition.contains(char::is_whitespace) =>
            {
                Err(format!("fault {name}: `{condition}` cannot be the type of a condition"))
            }
            FaultKind::NodeCondition { status, .. } if !["True", "False", "Unknown"].contains(&status.as_str()) => {
                Err(format!("fault {name}: the status `{status}` is not True, False or Unknown"))
            }
            FaultKind::SlowBoot { factor, .. } if !(factor.is_finite() && *factor > 0.0) => {
                Err(format!("fault {name}: factor {factor} is not a positive number"))
            }
            _ => Ok(()),
        }
    }
}

/// What goes wrong. Externally tagged; shares are above 0 and at most 1 and default to 1 (always).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum FaultKind {
    /// Azure has no machine to place such a VM on: the creation ends as Failed with Azure's code.
    NoCapacity {
        /// Which VMs.
        #[serde(default)]
        only: VmSelector,
        /// Which of Azure's codes; by default the zonal code for a VM with a zone, the regional one without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<CapacityCode>,
        /// The share of matching VMs.
        #[serde(default = "whole")]
        share: f64,
    },
    /// Another quota limit while the fault lasts.
    Quota {
        /// `cores`, `lowPriorityCores`, a quota family (`standardFSv2Family`) or a family letter (`F`).
        scope: String,
        /// vCPUs.
        limit: i64,
    },
    /// Calls are answered 429 with `Retry-After`.
    Throttle {
        /// The value of `Retry-After`, rounded up to whole seconds.
        retry_after: Span,
        /// The share of calls.
        #[serde(default = "whole")]
        share: f64,
        /// Only this operation (names as in the request counters, such as `machines.put`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<String>,
    },
    /// The boot leg takes longer.
    SlowBoot {
        /// Which VMs.
        #[serde(default)]
        only: VmSelector,
        /// The drawn boot is multiplied by this.
        #[serde(default = "one")]
        factor: f64,
        /// And then this is added.
        #[serde(default)]
        extra: Span,
        /// The share of matching VMs.
        #[serde(default = "whole")]
        share: f64,
    },
    /// The VM never finishes booting; its machine stays in `Creating` until it is deleted.
    StuckBoot {
        /// Which VMs.
        #[serde(default)]
        only: VmSelector,
        /// The share of matching VMs.
        #[serde(default = "whole")]
        share: f64,
    },
    /// The VM boots and Azure reports success, but no Node ever appears.
    NeverRegister {
        /// Which VMs.
        #[serde(default)]
        only: VmSelector,
        /// The share of matching VMs.
        #[serde(default = "whole")]
        share: f64,
    },
    /// Running VMs stop: their Nodes go NotReady, the VMs stay. Applied once, when the fault is set.
    VmCrash {
        /// Which running VMs.
        #[serde(default)]
        only: VmSelector,
        /// The share of matching VMs, at least one.
        #[serde(default = "whole")]
        share: f64,
    },
    /// An agent on running VMs reports a condition of their Nodes from now on, with the present time as its transition. It
    /// stays through every other write of those Nodes, until the VM is replaced or the agent reports another status.
    /// Only VMs whose Node has been Ready are meant. Applied once, when the fault is set.
    NodeCondition {
        /// Which running VMs.
        #[serde(default)]
        only: VmSelector,
        /// The condition's type, such as `kubernetes.azure.com/NodeHealthy` or `Ready`.
        condition: String,
        /// `True`, `False` or `Unknown`.
        status: String,
        /// The share of matching VMs, at least one.
        #[serde(default = "whole")]
        share: f64,
    },
    /// Running spot VMs are taken away. Applied once, when the fault is set.
    SpotEvict {
        /// Which running spot VMs.
        target: EvictTarget,
        /// With a notice, the Node gets the condition `PreemptionScheduled`=True first and the VM is gone this much later.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notice: Option<Span>,
    },
    /// Azure Resource Manager is down.
    ArmOutage {
        /// How it shows.
        #[serde(default)]
        mode: ArmFaultMode,
    },
    /// A creation fails with any code and text.
    OperationFail {
        /// Which VMs.
        #[serde(default)]
        only: VmSelector,
        /// Azure's error code.
        code: String,
        /// Azure's text.
        message: String,
        /// The share of matching VMs.
        #[serde(default = "whole")]
        share: f64,
    },
}

fn whole() -> f64 {
    1.0
}

fn one() -> f64 {
    1.0
}

fn known_quota(scope: &str) -> bool {
    ["cores", "lowPriorityCores"].iter().any(|known| known.eq_ignore_ascii_case(scope))
        || catalogue().is_ok_and(|all| all.knows_family(scope))
}

impl FaultKind {
    /// The name in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoCapacity { .. } => "noCapacity",
            Self::Quota { .. } => "quota",
            Self::Throttle { .. } => "throttle",
            Self::SlowBoot { .. } => "slowBoot",
            Self::StuckBoot { .. } => "stuckBoot",
            Self::NeverRegister { .. } => "neverRegister",
            Self::VmCrash { .. } => "vmCrash",
            Self::NodeCondition { .. } => "nodeCondition",
            Self::SpotEvict { .. } => "spotEvict",
            Self::ArmOutage { .. } => "armOutage",
            Self::OperationFail { .. } => "operationFail",
        }
    }

    /// True for faults that act once, when they are set, and are over then.
    pub const fn is_instant(&self) -> bool {
        matches!(self, Self::VmCrash { .. } | Self::NodeCondition { .. } | Self::SpotEvict { .. })
    }

    /// The share of matching VMs or calls that it hits, where it has one.
    pub fn share(&self) -> Option<f64> {
        match self {
            Self::NoCapacity { share, .. }
            | Self::Throttle { share, .. }
            | Self::SlowBoot { share, .. }
            | Self::StuckBoot { share, .. }
            | Self::NeverRegister { share, .. }
            | Self::VmCrash { share, .. }
            | Self::NodeCondition { share, .. }
            | Self::OperationFail { share, .. } => Some(*share),
            Self::SpotEvict { target: EvictTarget::Share(share), .. } => Some(*share),
            Self::Quota { .. } | Self::SpotEvict { .. } | Self::ArmOutage { .. } => None,
        }
    }
}

/// Which VMs. Every given key must match; an empty selector matches every VM.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct VmSelector {
    /// The VM, its AKS machine or its NodeClaim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm: Option<String>,
    /// The size, `Standard_F4s_v2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The family letter (`F`) or the quota family (`standardFSv2Family`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// `1`, `eastus-1`, or `0` for VMs without a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Spot or on-demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_type: Option<CapacityType>,
    /// The Karpenter NodePool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodepool: Option<String>,
}

/// Which running spot VMs are evicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum EvictTarget {
    /// One VM, by the name of the VM, its machine or its NodeClaim.
    Vm(String),
    /// A share of them, at least one.
    Share(f64),
    /// All of a NodePool.
    Nodepool(String),
    /// All of them.
    All,
}

/// How an outage of Azure Resource Manager shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ArmFaultMode {
    /// Every call is answered 503 `ServiceUnavailable`.
    #[default]
    Unavailable,
    /// Connections are closed before the TLS handshake.
    Refused,
}

/// Azure's codes for "there is no such machine to be had".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The subscription may not use the size: answered to the PUT itself.
    VMSizeNotSupported,
}

impl CapacityCode {
    /// The code as Azure writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllocationFailed => "AllocationFailed",
            Self::ZonalAllocationFailed => "ZonalAllocationFailed",
            Self::OverconstrainedAllocationRequest => "OverconstrainedAllocationRequest",
            Self::OverconstrainedZonalAllocationRequest => "OverconstrainedZonalAllocationRequest",
            Self::SkuNotAvailable => "SkuNotAvailable",
            Self::VMSizeNotSupported => "VMSizeNotSupported",
        }
    }
}
