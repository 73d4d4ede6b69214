//! The documents of Resource Manager that are kept and can be changed: the managed cluster, its agent pools and the networks.

mod activity;
mod cluster;
mod network;

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::config::Config;

pub(crate) use activity::{Activity, Outcome, Target, Verb};
pub(crate) use cluster::{ClusterNetwork, ClusterState, kubelet_identity_client_id, kubelet_identity_id};
pub(crate) use network::{
    NetworkState, SubnetId, nic_id, nic_name, nsg_id, resource_key, subnet_document, vnet_document, vnet_id,
};

/// Documents by name, in lower case.
pub(crate) type Documents = BTreeMap<String, Value>;

/// A stable id in the form of a UUID, as Azure would generate one.
pub(crate) fn uuid_of(text: &str) -> String {
    let hash = Sha256::digest(text.to_lowercase());
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// A stable number for a text, in any case.
pub(crate) fn number_of(text: &str) -> u64 {
    Sha256::digest(text.to_lowercase()).iter().take(8).fold(0, |acc, byte| acc << 8 | u64::from(*byte))
}

/// The eight digits that AKS puts into the names of a cluster's VMs, the same for all of one cluster.
pub(crate) fn cluster_digits(config: &Config) -> String {
    format!("{:08}", number_of(&config.cluster_id()) % 100_000_000)
}
