//! The DaemonSets of AKS.

use harness_kubernetes::pod_requests;
use harness_units::{Bytes, Millicores};
use k8s_openapi::api::apps::v1::DaemonSet;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::{AksError, FIELD_MANAGER, Overhead};

/// Name, namespace, containers and requests of each; the rest is the same for all ([`complete`]).
const DAEMON_SETS: &str = include_str!("../../../../kind-config/aks/daemonsets.yaml");
/// Where they are.
const NAMESPACE: &str = "kube-system";
/// The label of what AKS manages, and its value.
const MANAGED_BY: (&str, &str) = ("kubernetes.azure.com/managedby", "aks");

/// The DaemonSets as they are applied.
pub(super) fn daemon_sets() -> Result<Vec<DaemonSet>, AksError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(DAEMON_SETS).map_err(|error| AksError::content(&error))?;
    documents.into_iter().map(|document| Ok(serde_json::from_value(complete(document))?)).collect()
}

/// With what the pods of all of them have: they run on each Linux node whatever its taints, before any other pod
/// (`ama-metrics-daemonset.yaml` of Azure/prometheus-collector: priority, affinity and tolerations). No pod talks to the API server.
fn complete(mut document: Value) -> Value {
    let (key, value) = MANAGED_BY;
    let name = document["metadata"]["name"].clone();
    document["metadata"]["labels"] = json!({"component": name, key: value});
    document["spec"]["selector"] = json!({"matchLabels": {"component": name}});
    document["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}});
    let template = &mut document["spec"]["template"];
    template["metadata"] = json!({"labels": {"component": name, key: value}});
    let pod = &mut template["spec"];
    pod["priorityClassName"] = json!("system-node-critical");
    pod["automountServiceAccountToken"] = json!(false);
    pod["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
            {"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]},
            {"key": "kubernetes.azure.com/cluster", "operator": "Exists"},
        ]}],
    }}});
    pod["tolerations"] = json!([
        {"key": "CriticalAddonsOnly", "operator": "Exists"},
        {"operator": "Exists", "effect": "NoSchedule"},
        {"operator": "Exists", "effect": "NoExecute"},
    ]);
    for container in pod["containers"].as_array_mut().into_iter().flatten() {
        container["image"] =
            json!(format!("mcr.microsoft.com/simulated/{}", container["name"].as_str().unwrap_or("?")));
    }
    document
}

/// What a pod of each takes together. The embedded manifests are known to be whole by the tests.
pub(super) fn sum() -> Overhead {
    let pods = daemon_sets().into_iter().flatten().filter_map(|it| it.spec?.template.spec);
    pods.map(|pod| pod_requests(&pod)).fold(Overhead::default(), |sum, (cpu, memory)| Overhead {
        cpu: Millicores(sum.cpu.0 + cpu.0),
        memory: Bytes(sum.memory.0 + memory.0),
        pods: sum.pods + 1,
    })
}

fn api(client: &kube::Client) -> Api<DaemonSet> {
    Api::namespaced(client.clone(), NAMESPACE)
}

/// Applies them all.
pub(super) async fn apply(client: &kube::Client) -> Result<(), AksError> {
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    for daemon_set in daemon_sets()? {
        let name = daemon_set.name_any();
        let applied = api(client).patch(&name, &parameters, &Patch::Apply(&daemon_set)).await;
        applied.map_err(|source| AksError::request("apply", format!("DaemonSet {NAMESPACE}/{name}"), source))?;
    }
    Ok(())
}

/// Deletes those of AKS that are there; their pods go with them.
pub(super) async fn delete(client: &kube::Client) -> Result<(), AksError> {
    let (key, value) = MANAGED_BY;
    let of_aks = ListParams::default().labels(&format!("{key}={value}"));
    let deleted = api(client).delete_collection(&DeleteParams::background(), &of_aks).await;
    deleted
        .map(drop)
        .map_err(|source| AksError::request("delete", format!("the DaemonSets of AKS in {NAMESPACE}"), source))
}

#[cfg(test)]
mod tests {
    use super::sum as sum_of_all;
    use super::*;

    /// What the sources in `kind-config/aks/daemonsets.yaml` say: CPU in millicores and memory in MiB of each pod.
    const REQUESTS: [(&str, u64, u64); 8] = [
        ("azure-cns", 40, 250),
        ("azure-ip-masq-agent", 100, 50),
        ("cloud-node-manager", 50, 50),
        ("csi-azuredisk-node", 30, 60),
        ("csi-azurefile-node", 30, 60),
        ("kube-proxy", 100, 0),
        ("ama-logs", 170, 600),
        ("ama-metrics-node", 70, 180),
    ];

    fn sum(daemon_set: &DaemonSet, resource: &str, unit: &str) -> u64 {
        let containers = &daemon_set.spec.as_ref().unwrap().template.spec.as_ref().unwrap().containers;
        let requests = containers.iter().filter_map(|c| c.resources.as_ref()?.requests.as_ref()?.get(resource));
        requests.map(|quantity| quantity.0.strip_suffix(unit).unwrap().parse::<u64>().unwrap()).sum()
    }

    #[test]
    fn each_pod_requests_what_aks_says() {
        let all = daemon_sets().unwrap();
        let seen: Vec<_> = all.iter().map(|it| (it.name_any(), sum(it, "cpu", "m"), sum(it, "memory", "Mi"))).collect();
        assert_eq!(sum_of_all(), Overhead { cpu: Millicores(590), memory: Bytes(1250 << 20), pods: 8 });
        assert_eq!(seen, REQUESTS.map(|(name, cpu_m, memory_mib)| (name.to_owned(), cpu_m, memory_mib)));
    }

    #[test]
    fn each_runs_on_every_node_whatever_its_taints() {
        for daemon_set in daemon_sets().unwrap() {
            let pod = daemon_set.spec.unwrap().template.spec.unwrap();
            assert_eq!(pod.priority_class_name.as_deref(), Some("system-node-critical"));
            let tolerations = pod.tolerations.unwrap();
            for effect in ["NoSchedule", "NoExecute"] {
                assert!(tolerations.iter().any(|t| t.key.is_none() && t.effect.as_deref() == Some(effect)));
            }
        }
    }
}
