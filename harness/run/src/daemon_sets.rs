//! What runs on every node whatever is deployed: the DaemonSets of the cluster's own, as AKS installs them.

use harness_kubernetes::pod_requests;
use harness_record::event::DaemonSetRequests;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{NodeSelectorTerm, PodSpec, Toleration};
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt as _};

use crate::RunError;
use crate::requests::repeated;

/// Where a cluster's own DaemonSets are.
const NAMESPACE: &str = "kube-system";
const OS: &str = "kubernetes.io/os";
/// The effects of taints that keep pods off a node.
const EFFECTS: [&str; 2] = ["NoSchedule", "NoExecute"];

/// Those that run on every Linux node; none where the run may not list them, or the cluster serves no such kind.
///
/// # Errors
/// The API server does not answer.
pub(crate) async fn of_every_node(client: &Client) -> Result<Vec<DaemonSetRequests>, RunError> {
    let api: Api<DaemonSet> = Api::namespaced(client.clone(), NAMESPACE);
    let list = async || match api.list(&ListParams::default()).await {
        Ok(list) => Ok(list.items),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let listed = repeated(format!("list the DaemonSets in {NAMESPACE}"), list).await?;
    Ok(listed.iter().filter_map(requests).collect())
}

fn requests(daemon_set: &DaemonSet) -> Option<DaemonSetRequests> {
    let pod = daemon_set.spec.as_ref()?.template.spec.as_ref()?;
    let (cpu, memory) = pod_requests(pod);
    let name = daemon_set.name_any();
    is_for_every_node(pod).then_some(DaemonSetRequests { name, cpu_millicores: cpu.0, memory_bytes: memory.0 })
}

/// Whether its pods run on every Linux node: they select none by another label than the operating system's, and tolerate whatever taint a pool has, as
/// those that AKS installs.
fn is_for_every_node(pod: &PodSpec) -> bool {
    let selects_linux = |(key, value): (&String, &String)| key == OS && value == "linux";
    let affinity = pod.affinity.as_ref().and_then(|it| it.node_affinity.as_ref());
    let required = affinity.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
    EFFECTS.iter().all(|effect| pod.tolerations.iter().flatten().any(|it| tolerates_all(it, effect)))
        && pod.node_selector.iter().flatten().all(selects_linux)
        && required.is_none_or(|selector| selector.node_selector_terms.iter().any(is_linux))
}

/// Whether it is a toleration of every taint of an effect: one without a key is of every taint, and one without an effect is of each.
fn tolerates_all(toleration: &Toleration, effect: &str) -> bool {
    let Toleration { key, operator, effect: of, .. } = toleration;
    operator.as_deref() == Some("Exists")
        && key.as_deref().unwrap_or_default().is_empty()
        && ["", effect].contains(&of.as_deref().unwrap_or_default())
}

/// A term that says `In` of another label than the operating system's is about some nodes, as one that says `DoesNotExist`; what AKS excludes (`NotIn`) or
/// requires of each of its nodes (`Exists`) is about all.
fn is_linux(term: &NodeSelectorTerm) -> bool {
    term.match_expressions.iter().flatten().all(|it| match it.operator.as_str() {
        "In" => it.key == OS && it.values.iter().flatten().any(|value| value == "linux"),
        "NotIn" | "Exists" => it.key != OS,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn is_seen(pod: &Value) -> bool {
        let daemon_set = json!({
            "metadata": {"name": "it"},
            "spec": {"selector": {}, "template": {"spec": pod}},
        });
        requests(&serde_json::from_value(daemon_set).unwrap()).is_some()
    }

    fn required(key: &str, operator: &str, values: &[&str]) -> Value {
        let term = json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}})
    }

    #[test]
    fn those_for_some_nodes_are_left_out() {
        for (case, is_counted) in [
            (json!({"nodeSelector": {OS: "linux"}}), true),
            (json!({"nodeSelector": {OS: "windows"}}), false),
            (json!({"nodeSelector": {"gpu": "yes"}}), false),
            (json!({"affinity": required(OS, "In", &["linux"])}), true),
            (json!({"affinity": required(OS, "In", &["windows"])}), false),
            (json!({"affinity": required("type", "NotIn", &["virtual-kubelet"])}), true),
            (json!({"affinity": required("kubernetes.azure.com/cluster", "Exists", &[])}), true),
            (json!({"affinity": required("gpu", "In", &["yes"])}), false),
            // Before, these were on every node too.
            (json!({"affinity": required("karpenter.sh/nodepool", "DoesNotExist", &[])}), false),
            (json!({"tolerations": []}), false),
            (json!({"tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}]}), false),
            (json!({"tolerations": [{"operator": "Exists", "effect": "NoExecute"}]}), false),
            // As AKS writes it.
            (
                json!({"tolerations": [
                    {"operator": "Exists", "effect": "NoExecute"}, {"operator": "Exists", "effect": "NoSchedule"},
                ]}),
                true,
            ),
        ] {
            let mut pod = json!({"containers": [], "tolerations": [{"operator": "Exists"}]});
            pod.as_object_mut().unwrap().extend(case.as_object().unwrap().clone());
            assert_eq!(is_seen(&pod), is_counted, "{case}");
        }
    }
}
