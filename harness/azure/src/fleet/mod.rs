//! The VMs: what they are made of, how many may be, and how they live.

mod capacity;
mod commands;
mod create;
mod end;
mod life;
mod quota;
mod spec;
mod store;
mod strike;
mod vm;

pub(crate) use capacity::provisioning_error;
pub(crate) use commands::CommandError;
pub(crate) use create::{PutError, PutOutcome, PutRequest};
pub(crate) use quota::QuotaLimits;
#[cfg(test)]
pub(crate) use spec::Defaults;
pub(crate) use spec::{MachineSpec, Names};
pub(crate) use store::Fleet;
pub(crate) use vm::{AgentCondition, MachineState, Vm};
