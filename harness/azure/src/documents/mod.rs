//! The documents of Resource Manager that are kept and can be changed: the managed cluster, its agent pools and the networks.

mod cluster;
mod network;

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use cluster::ClusterState;
pub(crate) use network::{NetworkState, subnet_document, vnet_document, vnet_id, vnet_key};

/// Documents by name, in lower case.
pub(crate) type Documents = BTreeMap<String, Value>;
