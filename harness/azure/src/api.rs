//! What the control endpoint answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Stamp;
use crate::facts::VmRef;
use harness_simulation::Fault;
use harness_simulation::Leg;
use harness_units::Span;

/// Where a VM is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VmState {
    /// The PUT was accepted.
    Accepted,
    /// Quota and capacity were granted; it boots.
    Creating,
    /// It runs.
    Running,
    /// It runs no more: crashed or powered off; it still costs quota.
    Stopped,
    /// The creation failed; the machine stays as Failed until it is deleted.
    Failed,
    /// A deletion was accepted.
    Deleting,
    /// It was removed.
    Deleted,
}

/// Everything the simulator knows of one VM. The measure that a run is checked against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VmRecord {
    /// Who it is.
    pub vm: Arc<VmRef>,
    /// Where it is in its life.
    pub state: VmState,
    /// The n-th VM of its node pool, from 0; with seed and leg it fixes each draw.
    pub ordinal: u64,
    /// The ARM id of the VM.
    pub vm_id: String,
    /// Cores it takes of the quota.
    pub vcpus: u32,
    /// US dollars per hour, in the region, of this VM: the spot price for a spot VM.
    pub price_per_hour: f64,
    /// The drawn duration of each leg, with the effect of faults.
    pub draws: BTreeMap<Leg, Draw>,
    /// PUT accepted.
    pub accepted: Stamp,
    /// Quota and capacity granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creating: Option<Stamp>,
    /// Booted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booted: Option<Stamp>,
    /// The API server has acknowledged the Node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<Stamp>,
    /// The API server has acknowledged `Ready=True`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Stamp>,
    /// A deletion was accepted, or an eviction took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_requested: Option<Stamp>,
    /// Gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Stamp>,
    /// Azure has reported its creation as failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Stamp>,
    /// Why its creation failed, or was said to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<ProvisioningError>,
    /// The names of the faults that hit it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// One draw of one leg.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Draw {
    /// As drawn from the leg's distribution.
    pub drawn: Span,
    /// After faults; absent when the leg never ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Span>,
}

/// Azure's reason for a failed creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisioningError {
    /// Azure's code.
    pub code: String,
    /// Azure's text.
    pub message: String,
}

/// The subnets of the nodes' virtual network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subnets {
    /// What their ids begin with, without the last `/`.
    pub(crate) parent: String,
}

/// A live fault and how often it was applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultState {
    /// The fault.
    pub fault: Fault,
    /// How often it was applied so far.
    pub applied: u64,
    /// Time left; absent when it lasts until it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<Span>,
}

/// A call that is not modelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnmodelledCall {
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// How often.
    pub count: u64,
}

/// Requests of one operation that had one status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationCount {
    /// The operation, `machines.put`.
    pub operation: String,
    /// The HTTP status.
    pub status: u16,
    /// How often.
    pub count: u64,
}

/// The sums over the simulator's ledger: what became of the VMs, how long they ran and what they cost, counted by instance. A machine that
/// is accepted under a name that was used before is another instance.
///
/// A VM costs money from running until it is deleted or evicted; one that still runs, until [`Self::at`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerSums {
    /// The moment up to which VMs that still run are counted.
    pub at: Stamp,
    /// The number of the newest fact: the sums hold every fact about VMs up to it, and none after it.
    pub fact: u64,
    /// The newest instance.
    pub instance: u64,
    /// Only instances after this one are counted.
    pub after: u64,
    /// Of these: how many the simulator no longer keeps. They are in none of the sums.
    pub forgotten: u64,
    /// Machines that were accepted.
    pub accepted: u64,
    /// Of these: VMs that booted.
    pub booted: u64,
    /// Of these: that were deleted.
    pub deleted: u64,
    /// Of these: spot VMs that were taken back.
    pub evicted: u64,
    /// Of these: VMs that crashed, each once.
    pub crashed: u64,
    /// Of these: creations that failed, by Azure's code.
    pub failed: BTreeMap<String, u64>,
    /// The spot VMs that booted.
    pub spot: Account,
    /// The on-demand VMs that booted.
    pub on_demand: Account,
}

/// The VMs of one capacity type that booted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// How many.
    pub vms: u64,
    /// How long they ran, added up, microseconds.
    pub running_us: u64,
    /// What they cost, in millionths of a US dollar.
    pub micro_usd: u64,
}

/// One quota and its usage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaUsage {
    /// `cores`, `lowPriorityCores` or a quota family.
    pub name: String,
    /// vCPUs in use.
    pub used: i64,
    /// vCPUs allowed.
    pub limit: i64,
}

/// A version that something has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Without `v`.
    pub version: String,
}

/// An upgrade of the control plane that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// The version to which it goes, without `v`.
    pub version: String,
    /// How long it takes.
    pub takes: Span,
    /// The id of its operation.
    pub operation: String,
}

/// Where a long-running operation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OperationStatus {
    /// It goes on.
    InProgress,
    /// It has done what it was asked for.
    Succeeded,
    /// It has ended without.
    Failed(ProvisioningError),
    /// Somebody has aborted it.
    Canceled,
}

/// The body of an eviction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EvictRequest {
    /// Time between the Node's `PreemptionScheduled` and the loss of the VM; absent removes it immediately, without notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Span>,
}
