//! What happens to VMs: creation, boot, commands, faults and the end.

mod cluster_task;
mod commands;
mod create;
mod end;
mod instant_faults;
mod vm_task;
mod zone_outage;

pub(crate) use cluster_task::Begun;
pub(crate) use commands::CommandError;
pub(crate) use create::{PutError, PutOutcome, PutRequest};
