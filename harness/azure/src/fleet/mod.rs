//! The VMs as data: what they are made of, how many there are, and what Azure says where there can be no more.

mod capacity;
mod spec;
mod store;
mod vm;

pub(crate) use capacity::{capacity_error, not_supported, provisioning_error, quota_error};
pub(crate) use spec::{Defaults, MachineSpec, Names, SpecError};
pub(crate) use store::Fleet;
pub(crate) use vm::{AgentCondition, End, MachineState, Signal, Vm, echo};
