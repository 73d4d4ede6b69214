//! Nodes of the pools under test.

use std::collections::BTreeMap;

use harness_record::event::{ObjectKind, attribute};
use jiff::Timestamp;
use kube::core::Object;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, holds};
use super::known::{Look, Reading};
use super::nodeclaims::{capacity, placement};

/// The part of a Node that is read.
pub(crate) type Node = Object<NodeSpec, NodeStatus>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct NodeSpec {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeStatus {
    conditions: Vec<Condition>,
    capacity: BTreeMap<String, String>,
    node_info: NodeInfo,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeInfo {
    kubelet_version: String,
}

impl Reading for Node {
    const KIND: ObjectKind = ObjectKind::Node;

    fn looks(&self) -> Vec<Look> {
        Vec::new()
    }

    fn attributes(&self) -> BTreeMap<String, String> {
        let mut attributes = placement(self.metadata.labels.as_ref());
        let owners = self.metadata.owner_references.iter().flatten();
        if let Some(claim) = owners.into_iter().find(|owner| owner.kind == "NodeClaim") {
            attributes.insert(attribute::NODECLAIM.to_owned(), claim.name.clone());
        }
        if let Some(status) = &self.status {
            attributes.extend(capacity(&status.capacity));
            let version = &status.node_info.kubelet_version;
            if !version.is_empty() {
                attributes.insert(attribute::KUBELET_VERSION.to_owned(), version.clone());
            }
        }
        attributes
    }

    fn ready(&self) -> Option<Option<Timestamp>> {
        holds(&self.status.as_ref()?.conditions, "Ready").map(|condition| condition.last_transition_time)
    }
}
