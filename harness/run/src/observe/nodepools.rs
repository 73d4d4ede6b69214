//! Karpenter's NodePools: there, Ready, gone.

use std::collections::BTreeMap;

use harness_record::event::ObjectKind;
use jiff::Timestamp;
use kube::core::Object;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, holds};
use super::known::{Look, Reading};

/// The part of a NodePool that is read.
pub(crate) type NodePool = Object<NodePoolSpec, NodePoolStatus>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct NodePoolSpec {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NodePoolStatus {
    conditions: Vec<Condition>,
}

impl Reading for NodePool {
    const KIND: ObjectKind = ObjectKind::NodePool;

    fn looks(&self) -> Vec<Look> {
        Vec::new()
    }

    fn attributes(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn ready(&self) -> Option<Option<Timestamp>> {
        holds(&self.status.as_ref()?.conditions, "Ready").map(|condition| condition.last_transition_time)
    }
}
