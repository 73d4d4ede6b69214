//! Command line of kwok, which plays the kubelets.

use super::error::LocalError;
use super::layout::Layout;
use super::process::Launch;
use super::state_dir::write_private;

/// See the file itself.
const STAGES: &str = include_str!("../../../../kind-config/kwok/stages.yaml");

/// Nodes with this annotation get leases, and their pods run. The simulated Azure puts it on its nodes.
const NODES: &str = "kwok.x-k8s.io/node=fake";

pub(crate) fn kwok(layout: &Layout) -> Result<Launch, LocalError> {
    let stages = layout.state.root().join("kwok-stages.yaml");
    write_private(&stages, STAGES)?;
    let mut launch = layout.launch("kwok");
    launch.args = vec![
        format!("--kubeconfig={}", layout.state.kubeconfig("kwok").display()).into(),
        format!("--config={}", stages.display()).into(),
        format!("--manage-nodes-with-annotation-selector={NODES}").into(),
        "--node-ip=127.0.0.1".into(),
        format!("--node-port={}", layout.ports.get("kwok")).into(),
        format!("--server-address={}", layout.ports.address("kwok")).into(),
        // Apart from the services' range; room for four million pods.
        "--cidr=10.64.0.0/10".into(),
        "--node-lease-duration-seconds=40".into(),
        // One line a patched pod is CPU time and nothing that the watch does not say.
        "--v=WARN".into(),
    ];
    Ok(launch)
}
