//! What the simulated Azure and the Git server do, as data: how long things take, how much there is, what goes wrong.
//!
//! Scenarios, plans and the simulator share these types: whatever the simulator can do, a scenario can ask for. The simulator itself is
//! `harness-azure`.

mod behaviour;
mod capacity_type;
mod cluster_parts;
mod distribution;
mod fault;
mod fault_kind;
mod git_fault;
mod operation_times;
mod price;
mod simulated;

pub use behaviour::{Behaviour, Leg, LegOverride};
pub use capacity_type::CapacityType;
pub use cluster_parts::ClusterParts;
pub use distribution::Distribution;
pub use fault::{Fault, FaultTerms};
pub use fault_kind::{
    ArmFaultMode, BadAnswer, CapacityCode, ConditionStatus, FaultKind, QUOTA_CODE, STALE_LISTS, SUBNET_FULL_CODE,
    TIMED_OUT_CODE, VersionOf, VmSelector, is_quota_scope,
};
pub use git_fault::GitFault;
pub use operation_times::OperationTimes;
pub use price::AzurePrice;
pub use simulated::Simulated;
