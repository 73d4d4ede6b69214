//! What the metrics need to know of a pod.

use std::collections::BTreeMap;

use harness_units::{Bytes, Millicores};
use k8s_openapi::api::core::v1::{Container, Node, Pod, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::load::{Cap, WORKLOAD_LABEL};
use super::spread::divide;

/// A resource that `metrics.k8s.io` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// In thousandths of a core.
    Cpu,
    /// In bytes.
    Memory,
}

/// A container, with what it declares of each resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerFacts {
    pub(crate) name: String,
    declared: Declared,
}

/// Requests and limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Declared {
    cpu_request: Option<u64>,
    cpu_limit: Option<u64>,
    memory_request: Option<u64>,
    memory_limit: Option<u64>,
}

/// A pod that can carry load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodFacts {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) node: Option<String>,
    pub(crate) containers: Vec<ContainerFacts>,
    /// Resources of the pod as a whole, which go before those of its containers.
    whole: Declared,
}

impl PodFacts {
    /// The facts of a pod that is Ready and is to stay: others have no load, as no Service would send them any, and the HPA leaves
    /// them out as well.
    pub(crate) fn of(pod: &Pod) -> Option<Self> {
        let (spec, status) = (pod.spec.as_ref()?, pod.status.as_ref()?);
        let ready = status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
        if !ready || status.phase.as_deref() != Some("Running") || pod.metadata.deletion_timestamp.is_some() {
            return None;
        }
        // A sidecar is an init container that stays.
        let sidecars = spec.init_containers.iter().flatten().filter(|c| c.restart_policy.as_deref() == Some("Always"));
        let containers = spec.containers.iter().chain(sidecars).map(ContainerFacts::of).collect();
        Some(Self {
            namespace: pod.metadata.namespace.clone()?,
            name: pod.metadata.name.clone()?,
            labels: pod.metadata.labels.clone().unwrap_or_default(),
            node: spec.node_name.clone(),
            containers,
            whole: Declared::of(spec.resources.as_ref()),
        })
    }

    /// The workload that it belongs to.
    pub(crate) fn workload(&self) -> Option<&str> {
        self.labels.get(WORKLOAD_LABEL).map(String::as_str)
    }

    /// What the pod cannot exceed: its own value, or the sum of its containers'. A limit that one container lacks is none.
    pub(crate) fn cap(&self, resource: Resource, cap: Cap) -> Option<u64> {
        let whole = self.whole.get(resource, cap);
        let each = self.containers.iter().map(|container| container.declared.get(resource, cap));
        whole.or_else(|| match cap {
            Cap::Limit => each.sum(),
            Cap::Request => each.flatten().reduce(|a, b| a + b),
        })
    }

    /// Divides a value of the pod among its containers, by their requests.
    pub(crate) fn divide(&self, resource: Resource, value: u64) -> Vec<u64> {
        let weight = |container: &ContainerFacts| container.declared.get(resource, Cap::Request).unwrap_or(0);
        divide(value, &self.containers.iter().map(weight).collect::<Vec<_>>())
    }
}

impl ContainerFacts {
    fn of(container: &Container) -> Self {
        Self { name: container.name.clone(), declared: Declared::of(container.resources.as_ref()) }
    }
}

impl Declared {
    fn of(resources: Option<&ResourceRequirements>) -> Self {
        let requests = resources.and_then(|resources| resources.requests.as_ref());
        let limits = resources.and_then(|resources| resources.limits.as_ref());
        Self {
            cpu_request: cpu(requests),
            cpu_limit: cpu(limits),
            memory_request: memory(requests),
            memory_limit: memory(limits),
        }
    }

    fn get(self, resource: Resource, cap: Cap) -> Option<u64> {
        match (resource, cap) {
            (Resource::Cpu, Cap::Request) => self.cpu_request,
            (Resource::Cpu, Cap::Limit) => self.cpu_limit,
            (Resource::Memory, Cap::Request) => self.memory_request,
            (Resource::Memory, Cap::Limit) => self.memory_limit,
        }
    }
}

type Quantities = BTreeMap<String, Quantity>;

fn cpu(quantities: Option<&Quantities>) -> Option<u64> {
    quantities?.get("cpu")?.0.parse().ok().map(|Millicores(value)| value)
}

fn memory(quantities: Option<&Quantities>) -> Option<u64> {
    quantities?.get("memory")?.0.parse().ok().map(|Bytes(value)| value)
}

/// Whether a node's kubelet reports: metrics of one that does not are not to be had.
pub(crate) fn node_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(change: impl FnOnce(&mut serde_json::Value)) -> Pod {
        let mut pod = json!({
            "metadata": {"namespace": "shop", "name": "web-1", "labels": {"harness.dev/workload": "web"}},
            "spec": {"nodeName": "n", "containers": [
                {"name": "main", "resources": {"requests": {"cpu": "300m", "memory": "1Gi"}, "limits": {"cpu": "1"}}},
                {"name": "side", "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "500m", "memory": "1Gi"}}},
            ]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        });
        change(&mut pod);
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn only_ready_pods_that_stay_carry_load() {
        assert_eq!(PodFacts::of(&pod(|_| {})).unwrap().workload(), Some("web"));
        let not_ready = |pod: &mut serde_json::Value| pod["status"]["conditions"][0]["status"] = "False".into();
        let ended = |pod: &mut serde_json::Value| pod["status"]["phase"] = "Succeeded".into();
        let going = |pod: &mut serde_json::Value| pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert!(PodFacts::of(&pod(not_ready)).is_none());
        assert!(PodFacts::of(&pod(ended)).is_none());
        assert!(PodFacts::of(&pod(going)).is_none());
    }

    #[test]
    fn a_pod_is_capped_by_what_it_declares() {
        let facts = PodFacts::of(&pod(|_| {})).unwrap();
        assert_eq!(facts.cap(Resource::Cpu, Cap::Request), Some(400));
        assert_eq!(facts.cap(Resource::Cpu, Cap::Limit), Some(1500));
        assert_eq!(facts.cap(Resource::Memory, Cap::Request), Some(1 << 30));
        assert_eq!(facts.cap(Resource::Memory, Cap::Limit), None, "the first container has no limit of memory");
        assert_eq!(facts.divide(Resource::Cpu, 400), [300, 100]);

        let whole = |pod: &mut serde_json::Value| pod["spec"]["resources"] = json!({"limits": {"cpu": "700m"}});
        let facts = PodFacts::of(&pod(whole)).unwrap();
        assert_eq!(facts.cap(Resource::Cpu, Cap::Limit), Some(700));
    }

    #[test]
    fn a_sidecar_counts_and_an_init_container_does_not() {
        let facts = PodFacts::of(&pod(|pod| {
            pod["spec"]["initContainers"] = json!([{"name": "once"}, {"name": "proxy", "restartPolicy": "Always"}]);
        }))
        .unwrap();
        let names: Vec<&str> = facts.containers.iter().map(|container| container.name.as_str()).collect();
        assert_eq!(names, ["main", "side", "proxy"]);
    }
}
