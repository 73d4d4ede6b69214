//! What a Node is made from.

use std::net::Ipv4Addr;

use crate::config::Config;
use crate::documents::ClusterNetwork;
use crate::fleet::{MachineSpec, Names};

/// The type of an agent pool, `type` in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolType {
    /// VMs of its own for each machine: the pool of NAP.
    VirtualMachines,
    /// A scale set.
    VirtualMachineScaleSets,
}

impl PoolType {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::VirtualMachines => "VirtualMachines",
            Self::VirtualMachineScaleSets => "VirtualMachineScaleSets",
        }
    }
}

/// What a Node is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeParts<'a> {
    pub(crate) config: &'a Config,
    pub(crate) network: &'a ClusterNetwork,
    /// The agent pool.
    pub(crate) pool: &'a str,
    pub(crate) pool_type: PoolType,
    pub(crate) spec: &'a MachineSpec,
    pub(crate) names: &'a Names,
    pub(crate) address: Ipv4Addr,
}
