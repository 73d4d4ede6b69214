//! The pods of a Node whose kubelet stops or starts to report.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;

use super::conditions::now_text;

/// Why the pods of a Node whose kubelet has fallen silent are not Ready. Pods without a reason are made Ready again by the simulated kubelet (`pod-ready-again`
/// in `kind-config/kwok/stages.yaml`).
const SILENT: &str = "KubeletSilent";

/// Writes `Ready` of the running pods of a Node: False as the node controller does when the kubelet has fallen silent
/// (`MarkPodsNotReady` in `pkg/controller/nodelifecycle`; it does so only when it marks the Node itself, which the
/// simulator has done already), True as the kubelet does when it is back.
pub(super) async fn mark(client: kube::Client, node: &str, ready: bool) -> kube::Result<()> {
    let wanted = if ready { "True" } else { "False" };
    let all: Api<Pod> = Api::all(client.clone());
    let pods = all.list(&ListParams::default().fields(&format!("spec.nodeName={node}"))).await?;
    let reason = (!ready).then_some(SILENT);
    let patch = json!({"status": {"conditions": [
        {"type": "Ready", "status": wanted, "reason": reason, "lastTransitionTime": now_text()},
    ]}});
    for pod in pods {
        let status = pod.status.unwrap_or_default();
        let is = status.conditions.iter().flatten().find(|condition| condition.type_ == "Ready");
        // The node controller may have been first: it gives no reason.
        let is_marked = is.is_some_and(|is| is.status == wanted && is.reason.as_deref() == reason);
        // One whose own containers are not ready is not Ready when the kubelet is back either.
        let containers = status.conditions.iter().flatten().find(|condition| condition.type_ == "ContainersReady");
        let is_held_up = ready && containers.is_some_and(|containers| containers.status != "True");
        if status.phase.as_deref() != Some("Running") || is_marked || is_held_up {
            continue;
        }
        let (Some(namespace), Some(name)) = (pod.metadata.namespace, pod.metadata.name) else { continue };
        let own: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        match own.patch_status(&name, &PatchParams::default(), &Patch::Strategic(&patch)).await {
            // Gone meanwhile.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            other => {
                other?;
            }
        }
    }
    Ok(())
}
