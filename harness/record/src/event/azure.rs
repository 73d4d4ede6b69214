//! What the simulated Azure reports: facts as they happen, and its ledger at the end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A fact of the simulated Azure about one VM or about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AzureFact {
    /// What happened, as the simulator names it.
    pub what: AzureFactKind,
    /// When it happened there, microseconds since the run began: the same monotonic clock, read by another process.
    pub occurred_us: u64,
    /// The VM's name, where it is about one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vm: String,
    /// Which creation of a VM it is about: each that Azure accepts is another instance, also under a name that was used before. Logs of minor
    /// version 0 do not say it; there each `vm_accepted` starts one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<u64>,
    /// The VM's NodeClaim.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nodeclaim: String,
    /// The VM's NodePool.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nodepool: String,
    /// The VM's size.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance_type: String,
    /// The letter of the VM's family, such as `D`. Since minor version 2; for older logs it is taken from the size.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub family: String,
    /// The quota family that the VM's vCPUs count against, such as `standardDSv5Family`. Since minor version 2; for older logs it is derived from
    /// the size.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub quota_family: String,
    /// The VM's zone, such as `eastus-2`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// `spot` or `on-demand`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub capacity_type: String,
    /// The VM's vCPUs, as quotas count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<u32>,
    /// What the VM costs, in millionths of a US dollar an hour, by the simulator's price table for its capacity type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_micro_usd_per_hour: Option<u64>,
    /// What the same VM costs on demand, in the same unit: the price above where it is not a spot VM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_demand_micro_usd_per_hour: Option<u64>,
    /// Azure's error code, where it failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Azure's message, or the method and path of a call that is not modelled.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The name of the fault that began or ended. Since minor version 1.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fault: String,
    /// The quota that a fault sets until it ends. Since minor version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaSet>,
}

impl AzureFact {
    /// A fact about nothing in particular.
    pub fn new(what: AzureFactKind, occurred_us: u64) -> Self {
        Self {
            what,
            occurred_us,
            vm: String::new(),
            instance: None,
            nodeclaim: String::new(),
            nodepool: String::new(),
            instance_type: String::new(),
            family: String::new(),
            quota_family: String::new(),
            zone: String::new(),
            capacity_type: String::new(),
            vcpus: None,
            price_micro_usd_per_hour: None,
            on_demand_micro_usd_per_hour: None,
            code: String::new(),
            message: String::new(),
            fault: String::new(),
            quota: None,
        }
    }
}

/// A quota that a fault sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaSet {
    /// A quota family or the letter of a family, `regional` or `spot`.
    pub scope: String,
    /// Cores.
    pub cores: u32,
}

/// What happened in the simulated Azure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "kebab-case")]
pub enum AzureFactKind {
    /// A PUT of a machine was accepted.
    VmAccepted,
    /// The creation began.
    VmCreating,
    /// The VM runs.
    VmBooted,
    /// Its Node was created.
    NodeRegistered,
    /// Its Node was made Ready.
    NodeReady,
    /// Its deletion was asked for.
    VmDeleteRequested,
    /// It is gone.
    VmDeleted,
    /// Its Node was deleted, as the cloud controller manager does.
    NodeDeleted,
    /// The creation failed.
    ProvisioningFailed,
    /// A call was answered 429.
    Throttled,
    /// Calls were refused because Resource Manager was down; the message is how many since the last such fact.
    Refused,
    /// A fault began.
    FaultBegan,
    /// A fault ended.
    FaultEnded,
    /// A spot VM got its eviction notice.
    SpotNotice,
    /// A spot VM was taken back.
    SpotEvicted,
    /// A VM crashed.
    VmCrashed,
    /// The VM has another price from now on, which this fact says. Since minor version 3.
    VmPriceChanged,
    /// Azure's price list was read to its end, as the controller does when it starts; the message is the number of its prices. Since minor version 3.
    PricesRead,
    /// A call that the simulator does not model: what followed may differ from what Azure does.
    UnmodelledCall,
    /// Facts were lost because the harness read too slowly.
    FactsLost,
}

/// The simulated Azure's own sums over the VMs of the run. It keeps them apart from its facts, so that they check what is computed from those.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The moment up to which VMs that still run are counted, microseconds since the run began.
    pub until_us: u64,
    /// The newest instance of before the run: only later ones are counted ([`AzureFact::instance`]).
    pub after: u64,
    /// How many of the run's instances it no longer has: they are in none of the sums.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forgotten: u64,
    /// VMs whose creation was accepted.
    pub accepted: u64,
    /// VMs that booted.
    pub booted: u64,
    /// VMs that were deleted.
    pub deleted: u64,
    /// Spot VMs that were taken back.
    pub evicted: u64,
    /// VMs that crashed.
    pub crashed: u64,
    /// Creations that failed, by Azure's code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, u64>,
    /// Spot VMs that booted.
    pub spot: Account,
    /// On-demand VMs that booted.
    pub on_demand: Account,
}

/// VMs of one capacity type, from running to gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// How many.
    pub vms: u64,
    /// How long they ran, added up, microseconds.
    pub running_us: u64,
    /// What they cost, in millionths of a US dollar.
    pub micro_usd: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
