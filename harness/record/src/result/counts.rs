//! Counts of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::milliseconds;

/// Counts over the whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Lines of the log.
    pub events: u64,
    /// Pods that the plan asked for, over all scale-ups that were due.
    pub pods_planned: u64,
    /// Pods of the run that were seen.
    pub pods_created: u64,
    /// Of these: were bound.
    pub pods_scheduled: u64,
    /// Of these: were Ready.
    pub pods_ready: u64,
    /// Of these: are gone.
    pub pods_deleted: u64,
    /// Pods beyond those that the plan asked for: replacements of evicted or lost ones.
    pub pods_replaced: u64,
    /// NodeClaims that were seen.
    pub nodeclaims: u64,
    /// Of these: launched.
    pub nodeclaims_launched: u64,
    /// Of these: gone.
    pub nodeclaims_deleted: u64,
    /// Nodes that were seen.
    pub nodes: u64,
    /// Of these: were Ready.
    pub nodes_ready: u64,
    /// Of these: are gone.
    pub nodes_deleted: u64,
    /// VMs whose creation was accepted.
    pub vms_accepted: u64,
    /// VMs that booted.
    pub vms_booted: u64,
    /// VMs that are gone.
    pub vms_deleted: u64,
    /// VMs that crashed.
    pub vms_crashed: u64,
    /// Spot VMs that were taken back.
    pub vms_evicted: u64,
    /// NodeClaims that were replaced: drift, consolidation, repair, expiry, eviction.
    #[serde(default)]
    pub nodes_replaced: u64,
    /// NodeClaims that were chosen for disruption, by the controller's reason.
    #[serde(default)]
    pub disruptions: BTreeMap<String, u64>,
    /// Creations that failed, by Azure's error code.
    pub vms_failed: BTreeMap<String, u64>,
    /// Calls answered 429.
    pub arm_throttled: u64,
    /// Calls refused because Resource Manager was down.
    pub arm_refused: u64,
    /// Calls that the simulator does not model.
    pub unmodelled_calls: u64,
    /// Facts of the simulated Azure that were lost.
    pub facts_lost: u64,
    /// Actions done, those with an error included.
    pub actions: u64,
    /// Actions with an error.
    pub actions_failed: u64,
}

/// Creations that Azure failed with one code in one pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AzureFailure {
    /// The NodePool; empty when unknown.
    pub nodepool: String,
    /// Azure's error code.
    pub code: String,
    /// Azure's message, of the first.
    pub message: String,
    /// How many.
    pub count: u64,
    /// The first, microseconds since the run began.
    #[serde(rename = "firstMs", with = "milliseconds")]
    pub first_us: u64,
    /// The last, microseconds since the run began.
    #[serde(rename = "lastMs", with = "milliseconds")]
    pub last_us: u64,
}

/// A controller's reason, how often it was given and for which pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReasonCount {
    /// The kind of object: `NodeClaim`, `NodePool`, `Pod`, `Kustomization`.
    pub kind: String,
    /// The NodePool (of a pod: that of its class); empty when unknown.
    pub nodepool: String,
    /// `InsufficientCapacityError`, `FailedScheduling`, ...
    pub reason: String,
    /// The message of the last.
    pub message: String,
    /// How many.
    pub count: u64,
}

/// Something that was left behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeakedObject {
    /// `Node`, `NodeClaim`, `NodePool`, `VirtualMachine`, `Namespace`, `Process`.
    pub kind: String,
    /// Its name.
    pub name: String,
}
