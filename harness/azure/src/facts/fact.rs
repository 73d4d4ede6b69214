//! The facts as data.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use harness_simulation::CapacityType;
use harness_units::Span;

/// Something that happened, once, at a known instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// 1, 2, 3, ... in the order of events; never reused, not even after a reset.
    pub seq: u64,
    /// Nanoseconds of the machine's `CLOCK_MONOTONIC`: another process on this machine can compare them with its own.
    pub monotonic_ns: u64,
    /// Wall time, for people.
    pub wall: Timestamp,
    /// What happened.
    pub kind: FactKind,
}

/// Who a VM fact is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VmRef {
    /// 1, 2, 3, ... in the order in which machines were accepted; never reused. A machine of a name that was used before is another one.
    pub instance: u64,
    /// The VM's name, which is also its Node's name.
    pub name: String,
    /// The AKS machine's name.
    pub machine: String,
    /// The NodeClaim, from the tag `karpenter.azure.com_aksmachine_nodeclaim`; the machine's name when the tag is absent.
    pub nodeclaim: String,
    /// The label `karpenter.sh/nodepool`; empty when absent.
    pub nodepool: String,
    /// The size, `Standard_D4s_v5`.
    pub sku: String,
    /// The family letter, `D`.
    pub family: String,
    /// The quota family that its cores count against, `standardDSv5Family`.
    pub quota_family: String,
    /// `eastus-1`, or `0` for a VM without a zone.
    pub zone: String,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// Virtual processors: its share of its quota.
    pub vcpus: u32,
    /// Its own price in millionths of a US dollar per hour: the spot price for a spot VM. Of the facts that follow, `VmPriceChanged` has another.
    pub price_micro_usd_per_hour: u64,
    /// What the same VM costs on demand, in the same unit.
    pub on_demand_micro_usd_per_hour: u64,
}

#[cfg(test)]
impl VmRef {
    /// A spot VM of the pool `web`, for tests.
    pub(crate) fn example() -> Self {
        Self {
            instance: 1,
            name: "aks-p-web-1-00000001-vm".into(),
            machine: "web-1".into(),
            nodeclaim: "web-1".into(),
            nodepool: "web".into(),
            sku: "Standard_F4s_v2".into(),
            family: "F".into(),
            quota_family: "standardFSv2Family".into(),
            zone: "eastus-1".into(),
            capacity_type: CapacityType::Spot,
            vcpus: 4,
            price_micro_usd_per_hour: 169_000,
            on_demand_micro_usd_per_hour: 169_000,
        }
    }
}

/// A quota that a fault sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaSet {
    /// A quota family or its letter, `regional` or `spot`.
    pub scope: String,
    /// vCPUs.
    pub cores: u32,
}

/// What happened. A closed set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FactKind {
    /// A PUT of a new machine was accepted.
    VmAccepted {
        /// The VM.
        vm: Arc<VmRef>,
    },
    /// The VM is being created: quota and capacity were granted.
    VmCreating {
        /// The VM.
        vm: Arc<VmRef>,
    },
    /// The VM has booted; Azure reports the machine as Succeeded.
    VmBooted {
        /// The VM.
        vm: Arc<VmRef>,
    },
    /// The Node object exists.
    NodeRegistered {
        /// The VM.
        vm: Arc<VmRef>,
    },
    /// The Node's `Ready` was written as True.
    NodeReady {
        /// The VM.
        vm: Arc<VmRef>,
    },
    /// A deletion was accepted.
    VmDeleteRequested {
        /// The VM.
        vm: Arc<VmRef>,
    },
    /// The VM was removed.
    VmDeleted {
        /// The VM.
        vm: Arc<VmRef>,
    },
    /// The Node object was deleted because its VM was removed.
    NodeDeleted {
        /// The VM.
        vm: Arc<VmRef>,
    },
    /// The creation failed.
    ProvisioningFailed {
        /// The VM.
        vm: Arc<VmRef>,
        /// Azure's code.
        code: String,
        /// Azure's text.
        message: String,
    },
    /// A call was answered 429.
    Throttled {
        /// The operation, as in the request counters.
        operation: String,
        /// The value of `Retry-After`, seconds.
        retry_after_s: u64,
    },
    /// Azure Resource Manager was down for calls, or for connections that brought none: at the first of an outage, then at most
    /// once a second, and at its end.
    Refused {
        /// How many since the last such fact.
        calls: u64,
    },
    /// A fault took effect.
    FaultStarted {
        /// Its name.
        id: String,
        /// The name of its kind.
        fault: String,
        /// Of a quota fault: the quota from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quota: Option<QuotaSet>,
    },
    /// A fault is over: expired, used up or removed.
    FaultEnded {
        /// Its name.
        id: String,
        /// The name of its kind.
        fault: String,
        /// How often it was applied.
        applied: u64,
    },
    /// A spot VM was given notice.
    SpotNotice {
        /// The VM.
        vm: Arc<VmRef>,
        /// Time until it is taken.
        notice: Span,
    },
    /// A spot VM was taken.
    SpotEvicted {
        /// The VM.
        vm: Arc<VmRef>,
    },
    /// A VM stopped: its Node becomes NotReady.
    VmCrashed {
        /// The VM.
        vm: Arc<VmRef>,
    },
    /// A stopped VM runs again: its Node becomes Ready.
    VmRestarted {
        /// The VM.
        vm: Arc<VmRef>,
    },
    /// An agent on the VM reports a condition of its Node from now on.
    NodeCondition {
        /// The VM.
        vm: Arc<VmRef>,
        /// The condition's type.
        condition: String,
        /// `True`, `False` or `Unknown`.
        status: String,
    },
    /// The API server refused or did not answer a write of a Node.
    NodeWriteFailed {
        /// The VM.
        vm: Arc<VmRef>,
        /// Which write.
        step: String,
        /// The API server's reason.
        reason: String,
    },
    /// Every node image has a newer version.
    NodeImagePublished {
        /// The version, `202608.14.1`.
        version: String,
    },
    /// The managed cluster's control plane has another Kubernetes version.
    KubernetesVersion {
        /// The version, without `v`.
        version: String,
    },
    /// A running VM, or one on its way, has another price from now on: the one that it is named with here.
    VmPriceChanged {
        /// The VM, with its new price.
        vm: Arc<VmRef>,
    },
    /// A client has read the price list to its end, as the controller does when it starts and then every 12 hours (`pkg/providers/pricing` of the
    /// provider).
    PricesRead {
        /// How many prices it was given.
        items: u64,
    },
    /// A call came that is not modelled.
    UnmodelledCall {
        /// The HTTP method.
        method: String,
        /// The path, without the query.
        path: String,
    },
    /// Everything was put back to the start.
    Reset,
    /// A reader fell behind and these facts are no longer kept. Only ever the first fact of a page.
    Overflow {
        /// How many facts the reader will never see.
        lost: u64,
    },
}

impl FactKind {
    /// The VM that the fact is about, if it is about one.
    pub fn vm(&self) -> Option<&VmRef> {
        match self {
            Self::VmAccepted { vm }
            | Self::VmCreating { vm }
            | Self::VmBooted { vm }
            | Self::NodeRegistered { vm }
            | Self::NodeReady { vm }
            | Self::VmDeleteRequested { vm }
            | Self::VmDeleted { vm }
            | Self::NodeDeleted { vm }
            | Self::ProvisioningFailed { vm, .. }
            | Self::SpotNotice { vm, .. }
            | Self::SpotEvicted { vm }
            | Self::VmCrashed { vm }
            | Self::VmRestarted { vm }
            | Self::VmPriceChanged { vm }
            | Self::NodeCondition { vm, .. }
            | Self::NodeWriteFailed { vm, .. } => Some(vm),
            Self::Throttled { .. }
            | Self::Refused { .. }
            | Self::FaultStarted { .. }
            | Self::FaultEnded { .. }
            | Self::NodeImagePublished { .. }
            | Self::KubernetesVersion { .. }
            | Self::PricesRead { .. }
            | Self::UnmodelledCall { .. }
            | Self::Reset
            | Self::Overflow { .. } => None,
        }
    }
}

/// An answer to "what happened after SEQ".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FactsPage {
    /// In order. The first one is [`FactKind::Overflow`] when facts were lost.
    pub facts: Vec<Fact>,
    /// What to ask for next (`after`).
    pub next: u64,
    /// True when more are waiting already.
    pub more: bool,
}
