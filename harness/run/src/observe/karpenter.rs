//! Karpenter's NodePools and NodeClaims, and the Nodes of the pools under test.

use std::collections::BTreeMap;

use harness_plan::Limits;
use harness_record::event::{DisruptionBudget, NodePoolSpec, ObjectKind, Reached, Seen, attribute};
use harness_units::{Bytes, Millicores};
use kube::core::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::condition::{Condition, holds, readiness};
use super::milestones::{Candidate, Observed, Readiness};

/// The part of a NodePool that is read.
pub(crate) type NodePool = Object<PoolSpec, NodePoolStatus>;
/// The part of a NodeClaim that is read.
pub(crate) type NodeClaim = Object<Spec, NodeClaimStatus>;
/// The part of a Node that is read.
pub(crate) type Node = Object<Spec, NodeStatus>;

/// What is read of the spec of a NodePool.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PoolSpec {
    weight: Option<u32>,
    /// Quantities: numbers or texts.
    limits: BTreeMap<String, Value>,
    template: PoolTemplate,
    disruption: Disruption,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct PoolTemplate {
    metadata: TemplateMetadata,
    spec: TemplateSpec,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct TemplateMetadata {
    labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct TemplateSpec {
    taints: Vec<Taint>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Taint {
    key: String,
    value: String,
    effect: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Disruption {
    budgets: Vec<Budget>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Budget {
    /// A number or a percentage, as a text.
    nodes: String,
    reasons: Vec<String>,
    schedule: String,
    duration: String,
}

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
    allocatable: BTreeMap<String, String>,
    node_info: NodeInfo,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeInfo {
    kubelet_version: String,
}

impl Observed for NodePool {
    const KIND: ObjectKind = ObjectKind::NodePool;

    fn pool_spec(&self) -> Option<NodePoolSpec> {
        let spec = &self.spec;
        let quantity = |key: &str| match spec.limits.get(key)? {
            Value::String(text) => Some(text.clone()),
            number => Some(number.to_string()),
        };
        let taint = |taint: &Taint| match taint.value.as_str() {
            "" => format!("{}:{}", taint.key, taint.effect),
            value => format!("{}={value}:{}", taint.key, taint.effect),
        };
        // What Karpenter itself does not accept does not come here: the API server checks it.
        let budget = |budget: &Budget| {
            let Budget { nodes, reasons, schedule, duration } = budget.clone();
            Some(DisruptionBudget { nodes: nodes.parse().ok()?, reasons, schedule, duration })
        };
        Some(NodePoolSpec {
            name: self.metadata.name.clone().unwrap_or_default(),
            uid: self.metadata.uid.clone().unwrap_or_default(),
            seen: Seen::Live,
            limits: Limits {
                cpu: quantity("cpu").and_then(|text| text.parse().ok()),
                memory: quantity("memory").and_then(|text| text.parse().ok()),
                nodes: quantity("nodes").and_then(|text| text.parse().ok()),
            },
            weight: spec.weight.unwrap_or(0),
            labels: spec.template.metadata.labels.clone(),
            taints: spec.template.spec.taints.iter().map(taint).collect(),
            budgets: spec.disruption.budgets.iter().filter_map(budget).collect(),
        })
    }

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
        attributes.extend(resources(&status.capacity, [attribute::CPU_MILLICORES, attribute::MEMORY_BYTES]));
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
            attributes.extend(resources(&status.capacity, [attribute::CPU_MILLICORES, attribute::MEMORY_BYTES]));
            let for_pods = [attribute::ALLOCATABLE_CPU_MILLICORES, attribute::ALLOCATABLE_MEMORY_BYTES];
            attributes.extend(resources(&status.allocatable, for_pods));
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
fn resources(list: &BTreeMap<String, String>, [cpu_key, memory_key]: [&str; 2]) -> BTreeMap<String, String> {
    let cpu = list.get("cpu").and_then(|text| text.parse::<Millicores>().ok()).map(|cpu| cpu.0.to_string());
    let memory = list.get("memory").and_then(|text| text.parse::<Bytes>().ok()).map(|memory| memory.0.to_string());
    [(cpu_key, cpu), (memory_key, memory)]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_units::Amount;

    #[test]
    fn what_a_node_pool_asks_for_is_read_from_its_spec() {
        let pool: NodePool = serde_json::from_value(serde_json::json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "web", "uid": "u"},
            "spec": {
                "weight": 10,
                "limits": {"cpu": 50, "memory": "100Gi", "nodes": "7", "nvidia.com/gpu": "1"},
                "template": {
                    "metadata": {"labels": {"team": "a"}},
                    "spec": {
                        "nodeClassRef": {"name": "web"},
                        "taints": [{"key": "spot", "value": "yes", "effect": "NoSchedule"}, {"key": "x", "effect": "NoExecute"}],
                    },
                },
                "disruption": {
                    "consolidationPolicy": "WhenEmpty",
                    "budgets": [{"nodes": "20%"}, {"nodes": "0", "reasons": ["Drifted"], "schedule": "@daily", "duration": "8h"}],
                },
            },
        }))
        .unwrap();
        let budget = |nodes, reasons: &[&str], schedule: &str, duration: &str| DisruptionBudget {
            nodes,
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
            schedule: schedule.to_owned(),
            duration: duration.to_owned(),
        };
        let expected = NodePoolSpec {
            name: "web".to_owned(),
            uid: "u".to_owned(),
            seen: Seen::Live,
            limits: Limits { cpu: Some(Millicores(50_000)), memory: Some(Bytes(100 << 30)), nodes: Some(7) },
            weight: 10,
            labels: [("team".to_owned(), "a".to_owned())].into(),
            taints: ["spot=yes:NoSchedule".to_owned(), "x:NoExecute".to_owned()].into(),
            budgets: vec![
                budget(Amount::Percent(20), &[], "", ""),
                budget(Amount::Count(0), &["Drifted"], "@daily", "8h"),
            ],
        };
        assert_eq!(pool.pool_spec(), Some(expected));
        let empty: NodePool = serde_json::from_value(serde_json::json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "web", "uid": "u"}, "spec": {},
        }))
        .unwrap();
        assert_eq!(empty.pool_spec().unwrap().limits, Limits::default());
    }
}
