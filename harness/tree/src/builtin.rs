//! The trees that come with the harness, so that a bare binary can run.

use crate::SourceFile;

macro_rules! tree {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../fixtures/node-config/", $path)))
    };
}

macro_rules! gitops {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../fixtures/gitops/", $path)))
    };
}

const NODE_CONFIG: [(&str, &str); 7] = [
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
    NODE_CONFIG.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect()
}

const GITOPS: [(&str, &str); 15] = [
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
    GITOPS.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect()
}

/// How the paths of [`aks_defaults`] begin, unlike those of any repository.
pub(crate) const AKS: &str = "//aks/";

macro_rules! aks {
    ($file:literal) => {
        (concat!("//aks/", $file), include_str!(concat!("../../../fixtures/aks-defaults/", $file)))
    };
}

const AKS_DEFAULTS: [(&str, &str); 3] = [aks!("default.yaml"), aks!("node-class.yaml"), aks!("system-surge.yaml")];

/// The pools and the node class that AKS itself makes, unless it is told not to (`--node-provisioning-default-pools None`).
pub fn aks_defaults() -> Vec<SourceFile> {
    AKS_DEFAULTS.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect()
}
