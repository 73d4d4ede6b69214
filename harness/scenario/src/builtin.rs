//! What comes with the harness, so that a bare binary can run.

use crate::node_config::SourceFile;

/// A text that comes with the harness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// A scenario's name, or a file's path in its tree.
    pub name: &'static str,
    /// The content.
    pub text: &'static str,
}

macro_rules! scenario {
    ($name:literal) => {
        Builtin { name: $name, text: include_str!(concat!("../../../scenarios/", $name, ".yaml")) }
    };
}

macro_rules! tree {
    ($path:literal) => {
        Builtin { name: $path, text: include_str!(concat!("../../../fixtures/node-config/", $path)) }
    };
}

macro_rules! gitops {
    ($path:literal) => {
        Builtin { name: $path, text: include_str!(concat!("../../../fixtures/gitops/", $path)) }
    };
}

/// The scenarios that come with the harness, by name.
pub fn builtin_scenarios() -> &'static [Builtin] {
    &SCENARIOS
}

const SCENARIOS: [Builtin; 25] = [
    scenario!("capacity-shortage"),
    scenario!("class-targeting"),
    scenario!("consolidation"),
    scenario!("expiry"),
    scenario!("failure-storm"),
    scenario!("fill-curve"),
    scenario!("gitops-conformance"),
    scenario!("gitops-drift"),
    scenario!("gitops-image-automation"),
    scenario!("gitops-notification"),
    scenario!("gitops-ordering"),
    scenario!("gitops-resilience"),
    scenario!("gitops-rollback"),
    scenario!("hpa-cpu-memory"),
    scenario!("hpa-own-metric"),
    scenario!("node-drift"),
    scenario!("node-repair"),
    scenario!("quota"),
    scenario!("scale-burst"),
    scenario!("scale-churn"),
    scenario!("scale-ramp"),
    scenario!("scale-to-zero"),
    scenario!("spot"),
    scenario!("system-surge"),
    scenario!("time-windows"),
];

const NODE_CONFIG: [Builtin; 7] = [
    tree!("kustomization.yaml"),
    tree!("node-classes/compute-optimized.yaml"),
    tree!("node-classes/general-purpose.yaml"),
    tree!("node-classes/memory-optimized.yaml"),
    tree!("node-templates/app-nodes.yaml"),
    tree!("node-templates/batch-nodes.yaml"),
    tree!("node-templates/system-nodes.yaml"),
];

/// The files of the node configuration that comes with the harness; its source name is `node-config`.
pub fn builtin_node_config() -> Vec<SourceFile> {
    NODE_CONFIG.iter().map(|file| SourceFile::new(file.name, file.text)).collect()
}

const GITOPS: [Builtin; 15] = [
    gitops!("apps/demo-app/autoscaler.yaml"),
    gitops!("apps/demo-app/deployment.yaml"),
    gitops!("apps/demo-app/kustomization.yaml"),
    gitops!("apps/demo-app/namespace.yaml"),
    gitops!("apps/demo-app/service.yaml"),
    gitops!("clusters/production/apps.yaml"),
    gitops!("clusters/production/infrastructure.yaml"),
    gitops!("clusters/production/kustomization.yaml"),
    gitops!("clusters/production/monitoring.yaml"),
    gitops!("infrastructure/grafana.yaml"),
    gitops!("infrastructure/kustomization.yaml"),
    gitops!("infrastructure/namespace.yaml"),
    gitops!("infrastructure/prometheus.yaml"),
    gitops!("monitoring/alerts.yaml"),
    gitops!("monitoring/kustomization.yaml"),
];

/// The layers that come with the harness: infrastructure, an application and its monitoring; their source name is `gitops`.
pub fn builtin_gitops() -> Vec<SourceFile> {
    GITOPS.iter().map(|file| SourceFile::new(file.name, file.text)).collect()
}
