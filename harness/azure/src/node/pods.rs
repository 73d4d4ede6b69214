//! The pods of a Node whose kubelet stops or starts to report.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;

use super::conditions::now_text;

/// Why the pods of a Node whose kubelet has fallen silent are not Ready. The simulated kubelet leaves them alone (`kind-config/kwok/stages.yaml`); those
/// without a reason it makes Ready again.
const SILENT: &str = "KubeletSilent";

/// Why a pod is not Ready whose containers are not.
const HELD_UP: &str = "ContainersNotReady";

/// Writes `Ready` of the running pods of a Node: False as the node controller does when the kubelet has fallen silent
/// (`MarkPodsNotReady` in `pkg/controller/nodelifecycle`; it does so only when it marks the Node itself, which the
/// simulator has done already); True as the kubelet does when it is back, unless the pod's own containers are not ready.
pub(super) async fn mark(client: kube::Client, node: &str, ready: bool) -> kube::Result<()> {
    let all: Api<Pod> = Api::all(client.clone());
    let pods = all.list(&ListParams::default().fields(&format!("spec.nodeName={node}"))).await?;
    for pod in pods {
        let status = pod.status.unwrap_or_default();
        let condition = |name: &str| status.conditions.iter().flatten().find(|condition| condition.type_ == name);
        let (wanted, reason) = match (ready, condition("ContainersReady")) {
            (false, _) => ("False", Some(SILENT)),
            (true, Some(containers)) if containers.status != "True" => ("False", Some(HELD_UP)),
            (true, _) => ("True", None),
        };
        // The node controller may have been first: it gives no reason.
        let is_marked = condition("Ready").is_some_and(|is| is.status == wanted && is.reason.as_deref() == reason);
        if status.phase.as_deref() != Some("Running") || is_marked {
            continue;
        }
        let patch = json!({"status": {"conditions": [
            {"type": "Ready", "status": wanted, "reason": reason, "lastTransitionTime": now_text()},
        ]}});
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
