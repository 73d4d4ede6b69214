//! The Kubernetes side: the Nodes of the VMs.

mod pods;
mod shape;
mod write;

pub(crate) use shape::ReadyStatus;
pub(crate) use write::NodeWriter;
