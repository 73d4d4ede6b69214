//! What a Node is made from.

use std::net::Ipv4Addr;

use crate::config::Config;
use crate::documents::ClusterNetwork;
use crate::fleet::{MachineSpec, Names};

/// What a Node is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeParts<'a> {
    pub(crate) config: &'a Config,
    pub(crate) network: &'a ClusterNetwork,
    /// The agent pool.
    pub(crate) pool: &'a str,
    pub(crate) spec: &'a MachineSpec,
    pub(crate) names: &'a Names,
    pub(crate) address: Ipv4Addr,
}
