//! Karpenter's NodePools and NodeClaims, and the Nodes of the pools under test.

use std::collections::BTreeMap;

use harness_record::event::{ObjectKind, Reached, attribute};
use harness_units::{Bytes, Millicores};
use kube::core::Object;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, holds, readiness};
use super::milestones::{Candidate, Observed, Readiness};

/// The part of a NodePool that is read.
pub(crate) type NodePool = Object<Spec, NodePoolStatus>;
/// The part of a NodeClaim that is read.
pub(crate) type NodeClaim = Object<Spec, NodeClaimStatus>;
/// The part of a Node that is read.
pub(crate) type Node = Object<Spec, NodeStatus>;

/// No spec is read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Spec {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NodePoolStatus {
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeClaimStatus {
    node_name: Option<String>,
    #[serde(rename = "imageID")]
    image_id: Option<String>,
    conditions: Vec<Condition>,
    capacity: BTreeMap<String, String>,
}

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

impl Observed for NodePool {
    const KIND: ObjectKind = ObjectKind::NodePool;

    fn readiness(&self) -> Readiness {
        readiness(self.status.as_ref().map_or(&[], |status| &status.conditions))
    }
}

impl Observed for NodeClaim {
    const KIND: ObjectKind = ObjectKind::NodeClaim;

    fn milestones(&self) -> Vec<Candidate> {
        let conditions = self.status.as_ref().map_or(&[][..], |status| &status.conditions);
        [
            ("Launched", Reached::Launched),
            ("Registered", Reached::Registered),
            ("Initialized", Reached::Initialized),
            ("Drifted", Reached::Drifted),
            ("DisruptionReason", Reached::Disrupted),
        ]
        .into_iter()
        .filter_map(|(kind, reached)| Some(Candidate::once(reached, holds(conditions, kind)?.last_transition_time)))
        .collect()
    }

    fn attributes(&self) -> BTreeMap<String, String> {
        let status = self.status.clone().unwrap_or_default();
        let mut attributes = placement(self.metadata.labels.as_ref());
        if let Some(node) = status.node_name.filter(|node| !node.is_empty()) {
            attributes.insert(attribute::NODE.to_owned(), node);
        }
        if let Some(reason) = holds(&status.conditions, "DisruptionReason").and_then(|it| it.reason.clone()) {
            attributes.insert(attribute::REASON.to_owned(), reason);
        }
        attributes.extend(
            status.image_id.filter(|image| !image.is_empty()).map(|image| (attribute::IMAGE.to_owned(), image)),
        );
        attributes.extend(made_from(self.metadata.annotations.as_ref()));
        attributes.extend(capacity(&status.capacity));
        attributes
    }
}

impl Observed for Node {
    const KIND: ObjectKind = ObjectKind::Node;

    fn attributes(&self) -> BTreeMap<String, String> {
        let mut attributes = placement(self.metadata.labels.as_ref());
        let mut owners = self.metadata.owner_references.iter().flatten();
        if let Some(claim) = owners.find(|owner| owner.kind == "NodeClaim") {
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

    fn readiness(&self) -> Readiness {
        readiness(self.status.as_ref().map_or(&[], |status| &status.conditions))
    }
}

/// The hashes of the NodePool and the AKSNodeClass that the NodeClaim was made from. The controllers write them when they create it, and
/// compare them with the present ones.
fn made_from(annotations: Option<&BTreeMap<String, String>>) -> BTreeMap<String, String> {
    [
        ("karpenter.sh/nodepool-hash", attribute::NODEPOOL_HASH),
        ("karpenter.azure.com/aksnodeclass-hash", attribute::NODECLASS_HASH),
    ]
    .into_iter()
    .filter_map(|(annotation, key)| Some((key.to_owned(), annotations?.get(annotation)?.clone())))
    .collect()
}

/// NodePool, size, capacity type and zone, from the labels that NodeClaims and Nodes share.
fn placement(labels: Option<&BTreeMap<String, String>>) -> BTreeMap<String, String> {
    [
        ("karpenter.sh/nodepool", attribute::NODEPOOL),
        ("node.kubernetes.io/instance-type", attribute::INSTANCE_TYPE),
        ("karpenter.sh/capacity-type", attribute::CAPACITY_TYPE),
        ("topology.kubernetes.io/zone", attribute::ZONE),
    ]
    .into_iter()
    .filter_map(|(label, key)| Some((key.to_owned(), labels?.get(label)?.clone())))
    .collect()
}

/// CPU and memory in whole units, so that a reader of the log need not know quantities.
fn capacity(capacity: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let cpu = capacity.get("cpu").and_then(|text| text.parse::<Millicores>().ok()).map(|cpu| cpu.0.to_string());
    let memory = capacity.get("memory").and_then(|text| text.parse::<Bytes>().ok()).map(|memory| memory.0.to_string());
    [(attribute::CPU_MILLICORES, cpu), (attribute::MEMORY_BYTES, memory)]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}
