//! The node configuration, as the plan knows it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use harness_units::{Bytes, Millicores};

/// The node configuration, read from the tree that is applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeConfig {
    /// How the tree was named, such as `node-config` or the given path.
    pub source: String,
    /// SHA-256 over the tree's paths and contents, hexadecimal.
    pub sha256: String,
    /// One for each NodePool of the tree, in the order of their names.
    pub classes: Vec<NodeClass>,
    /// The pools and the class that AKS makes itself and the tree does not have, which are on the cluster beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aks_defaults: Vec<Value>,
}

/// A node class: one NodePool of the tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeClass {
    /// The NodePool's name.
    pub name: String,
    /// The AKSNodeClass that it refers to.
    pub node_class: String,
    /// Karpenter's weight; the heavier pool is tried first. 0 where none is set.
    pub weight: u32,
    /// The limits of the pool.
    pub limits: Limits,
    /// Where the NodePool stands: `path:line:column`, relative to the tree.
    pub at: String,
    /// Why no workload can be aimed at this pool; `None` where one can.
    pub untestable: Option<String>,
    /// Why the pods are aimed at the pool by the node selector that they have.
    #[serde(default)]
    pub aimed_by: String,
}

/// The limits of a NodePool; `None` is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// `limits.cpu`.
    pub cpu: Option<Millicores>,
    /// `limits.memory`.
    pub memory: Option<Bytes>,
    /// `limits.nodes`.
    pub nodes: Option<u64>,
}

impl Limits {
    /// Whether they switch the pool off: a limit of 0 allows no node.
    pub fn switch_off(&self) -> bool {
        self.cpu == Some(Millicores(0)) || self.memory == Some(Bytes(0)) || self.nodes == Some(0)
    }
}
