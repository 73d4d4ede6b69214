//! Command lines of the two kwok processes: one plays the kubelets, one renews the node leases.

use harness_catalogue::{Component, Port};

use super::error::LocalError;
use super::layout::Layout;
use super::process::Launch;
use super::state_dir::write_private;

/// The second file explains why there are two processes.
const STAGES: &str = include_str!("../../../kind-config/kwok/stages.yaml");
const LEASES: &str = include_str!("../../../kind-config/kwok/leases.yaml");

/// Nodes with this annotation get leases, and their pods run. The simulated Azure puts it on its nodes.
const NODES: &str = "kwok.x-k8s.io/node=fake";

/// Plays the kubelets.
pub(crate) fn kubelets(layout: &Layout) -> Result<Launch, LocalError> {
    launch(layout, Component::Kwok, STAGES, 0)
}

/// Renews the leases, every quarter of their 40 s.
pub(crate) fn leases(layout: &Layout) -> Result<Launch, LocalError> {
    launch(layout, Component::KwokLeases, LEASES, 40)
}

fn launch(layout: &Layout, component: Component, stages: &str, lease_seconds: u32) -> Result<Launch, LocalError> {
    let name = component.name();
    let config = layout.state.root().join(format!("{name}.yaml"));
    write_private(&config, stages)?;
    let mut launch = layout.launch(component);
    launch.args = vec![
        format!("--kubeconfig={}", layout.state.kubeconfig(name).display()).into(),
        format!("--config={}", config.display()).into(),
        format!("--manage-nodes-with-annotation-selector={NODES}").into(),
        "--node-ip=127.0.0.1".into(),
        format!("--node-port={}", layout.ports.get(component, Port::Main)).into(),
        format!("--server-address={}", layout.ports.address(component, Port::Main)).into(),
        // Apart from the services' range; room for four million pods.
        "--cidr=10.64.0.0/10".into(),
        format!("--node-lease-duration-seconds={lease_seconds}").into(),
        // A line for each patched pod costs CPU time, and the watch records the same.
        "--v=WARN".into(),
    ];
    Ok(launch)
}
