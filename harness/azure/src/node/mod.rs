//! The Kubernetes side: the Nodes of the VMs.

mod conditions;
mod labels;
mod parts;
mod pods;
mod shape;
mod write;

pub(crate) use conditions::ReadyStatus;
pub(crate) use parts::{NodeParts, PoolType};
pub(crate) use shape::node;
pub(crate) use write::NodeWriter;
