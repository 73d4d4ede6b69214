//! What runs on every node whatever is deployed: the DaemonSets of the cluster's own, as AKS installs them.

use harness_record::event::DaemonSetRequests;
use harness_units::{Bytes, Millicores};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Container, NodeSelectorTerm, PodSpec, ResourceRequirements};
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt as _};

use crate::RunError;
use crate::requests::once;

/// Where a cluster's own DaemonSets are.
const NAMESPACE: &str = "kube-system";
const OS: &str = "kubernetes.io/os";

/// Those that run on every Linux node; none where the run may not list them, or the cluster serves no such kind.
///
/// # Errors
/// The API server does not answer.
pub(crate) async fn of_every_node(client: &Client) -> Result<Vec<DaemonSetRequests>, RunError> {
    let api: Api<DaemonSet> = Api::namespaced(client.clone(), NAMESPACE);
    let listed = async {
        match api.list(&ListParams::default()).await {
            Ok(list) => Ok(list.items),
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    };
    let listed = once(format!("list the DaemonSets in {NAMESPACE}"), listed).await?;
    Ok(listed.iter().filter_map(requests).collect())
}

fn requests(daemon_set: &DaemonSet) -> Option<DaemonSetRequests> {
    let pod = daemon_set.spec.as_ref()?.template.spec.as_ref()?;
    let [cpu_millicores, memory_bytes] = sum(pod);
    is_for_every_node(pod).then(|| DaemonSetRequests { name: daemon_set.name_any(), cpu_millicores, memory_bytes })
}

/// Whether its pods run on every Linux node: they select none by another label than the operating system's.
fn is_for_every_node(pod: &PodSpec) -> bool {
    let selects_linux = |(key, value): (&String, &String)| key == OS && value == "linux";
    let affinity = pod.affinity.as_ref().and_then(|it| it.node_affinity.as_ref());
    let required = affinity.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
    pod.node_selector.iter().flatten().all(selects_linux)
        && required.is_none_or(|selector| selector.node_selector_terms.iter().any(is_linux))
}

/// A term that says `In` of another label than the operating system's is about some nodes; what AKS excludes (`NotIn`) or requires of each of its
/// nodes (`Exists`) is about all.
fn is_linux(term: &NodeSelectorTerm) -> bool {
    term.match_expressions.iter().flatten().all(|it| match it.operator.as_str() {
        "In" => it.key == OS && it.values.iter().flatten().any(|value| value == "linux"),
        _ => it.key != OS,
    })
}

/// What a pod requests: CPU in millicores and memory in bytes. Sidecars count with the containers; of the containers that run before those only the
/// largest counts, where it is larger (kubernetes.io/docs/concepts/workloads/pods/init-containers, "Resource sharing within containers").
fn sum(pod: &PodSpec) -> [u64; 2] {
    let is_sidecar = |container: &&Container| container.restart_policy.as_deref() == Some("Always");
    let (sidecars, before): (Vec<_>, Vec<_>) = pod.init_containers.iter().flatten().partition(is_sidecar);
    let of_pod = pod.resources.as_ref().map(of).unwrap_or_default();
    let of_all = |containers: &mut dyn Iterator<Item = &Container>, add: fn(u64, u64) -> u64| {
        containers
            .filter_map(|it| it.resources.as_ref())
            .map(of)
            .fold([0, 0], |sum, it| [add(sum[0], it[0]), add(sum[1], it[1])])
    };
    let running = of_all(&mut pod.containers.iter().chain(sidecars), u64::saturating_add);
    let starting = of_all(&mut before.into_iter(), u64::max);
    [0, 1].map(|it| if of_pod[it] > 0 { of_pod[it] } else { running[it].max(starting[it]) })
}

fn of(resources: &ResourceRequirements) -> [u64; 2] {
    let text = |key: &str| resources.requests.as_ref()?.get(key).map(|quantity| quantity.0.as_str());
    let cpu = text("cpu").and_then(|text| text.parse::<Millicores>().ok()).map_or(0, |cpu| cpu.0);
    let memory = text("memory").and_then(|text| text.parse::<Bytes>().ok()).map_or(0, |memory| memory.0);
    [cpu, memory]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn seen(pod: Value) -> Option<(u64, u64)> {
        let daemon_set = json!({
            "metadata": {"name": "it"},
            "spec": {"selector": {}, "template": {"spec": pod}},
        });
        requests(&serde_json::from_value(daemon_set).unwrap()).map(|it| (it.cpu_millicores, it.memory_bytes >> 20))
    }

    fn container(cpu: &str, memory: &str) -> Value {
        json!({"name": cpu, "resources": {"requests": {"cpu": cpu, "memory": memory}}})
    }

    fn required(key: &str, operator: &str, values: &[&str]) -> Value {
        let term = json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}})
    }

    #[test]
    fn containers_and_sidecars_are_added_and_what_runs_before_them_is_not() {
        let mut sidecar = container("20m", "30Mi");
        sidecar["restartPolicy"] = json!("Always");
        let init = container("100m", "20Mi");
        let containers = [container("50m", "150Mi"), container("10m", "20Mi")];
        assert_eq!(seen(json!({"containers": containers})), Some((60, 170)));
        assert_eq!(seen(json!({"containers": containers, "initContainers": [sidecar, init]})), Some((100, 200)));
        let of_pod = json!({"requests": {"cpu": "200m"}});
        assert_eq!(seen(json!({"containers": containers, "resources": of_pod})), Some((200, 170)));
    }

    #[test]
    fn those_for_some_nodes_are_left_out() {
        let containers = [container("50m", "150Mi")];
        for (case, is_counted) in [
            (json!({"nodeSelector": {OS: "linux"}}), true),
            (json!({"nodeSelector": {OS: "windows"}}), false),
            (json!({"nodeSelector": {"gpu": "yes"}}), false),
            (json!({"affinity": required(OS, "In", &["linux"])}), true),
            (json!({"affinity": required(OS, "In", &["windows"])}), false),
            (json!({"affinity": required("type", "NotIn", &["virtual-kubelet"])}), true),
            (json!({"affinity": required("kubernetes.azure.com/cluster", "Exists", &[])}), true),
            (json!({"affinity": required("gpu", "In", &["yes"])}), false),
        ] {
            let mut pod = case.clone();
            pod["containers"] = json!(containers);
            assert_eq!(seen(pod).is_some(), is_counted, "{case}");
        }
    }
}
