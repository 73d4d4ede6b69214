//! The VMs as data: their specification, their store, and the errors of Azure when capacity or quota is exhausted.

mod capacity;
mod ledger;
mod os_disk;
mod spec;
mod store;
mod vm;

pub(crate) use capacity::{capacity_error, not_supported, provisioning_error, quota_error, subnet_full};
pub(crate) use os_disk::{DiskError, OsDisk, storage_tier};
pub(crate) use spec::{Defaults, MachineSpec, Names, SpecError};
pub(crate) use store::Fleet;
pub(crate) use vm::{AgentCondition, End, MachineState, Signal, Vm, echo};
