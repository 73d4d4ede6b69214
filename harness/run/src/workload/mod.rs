//! What a run deploys: a namespace with its quota, and for each workload a Deployment with what belongs to it.

mod autoscaler;
mod budget;
mod create;
mod deployment;
mod metadata;
mod namespace;

pub(crate) use create::create;
pub(crate) use namespace::{delete, exists, force_terminating};
