//! The kinds that are served. The answer for any other is 404, as from an API server without the CRD.

/// A kind, and how it is served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) namespaced: bool,
}

const fn kind(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
) -> Kind {
    Kind { group, version, kind, plural, namespaced }
}

const KINDS: [Kind; 19] = [
    kind("", "v1", "Namespace", "namespaces", false),
    kind("", "v1", "Node", "nodes", false),
    kind("", "v1", "Pod", "pods", true),
    kind("", "v1", "ConfigMap", "configmaps", true),
    kind("", "v1", "Event", "events", true),
    kind("", "v1", "ResourceQuota", "resourcequotas", true),
    kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    kind("", "v1", "Secret", "secrets", true),
    kind("apps", "v1", "Deployment", "deployments", true),
    kind("apps", "v1", "DaemonSet", "daemonsets", true),
    kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
    kind("coordination.k8s.io", "v1", "Lease", "leases", true),
    kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
    kind("karpenter.sh", "v1", "NodePool", "nodepools", false),
    kind("karpenter.sh", "v1", "NodeClaim", "nodeclaims", false),
    kind("karpenter.azure.com", "v1beta1", "AKSNodeClass", "aksnodeclasses", false),
    kind("source.toolkit.fluxcd.io", "v1", "GitRepository", "gitrepositories", true),
    kind("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations", true),
    kind("image.toolkit.fluxcd.io", "v1", "ImageUpdateAutomation", "imageupdateautomations", true),
];

impl Kind {
    /// `v1`, `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// As errors name it: `deployments.apps`.
    pub(crate) fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// The kind of that name; any other is a typo in a test.
pub(crate) fn named(name: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.kind == name).unwrap_or_else(|| panic!("no kind {name} is served"))
}

pub(crate) fn served(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
}

pub(crate) fn of_version(group: &str, version: &str) -> Vec<&'static Kind> {
    KINDS.iter().filter(|kind| kind.group == group && kind.version == version).collect()
}
