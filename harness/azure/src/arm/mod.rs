//! Azure Resource Manager: the calls of node auto-provisioning, and those of the operators of such a cluster.
//!
//! Paths and shapes: the Azure SDK for Go at the versions that Azure/karpenter-provider-azure v1.14.0 uses. Resource
//! ids are compared in any case, as Azure does.

mod call;
mod cluster;
mod compute;
mod dispatch;
mod graph;
mod kql;
mod locations;
mod machines;
mod network;
mod nics;
mod pools;
mod reply;
mod route;
mod server;
mod vm;

pub(crate) use dispatch::dispatch;
pub(crate) use reply::Reply;
pub use route::operations;
pub(crate) use server::{Outage, serve, service};
