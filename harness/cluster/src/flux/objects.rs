//! What a run does with Flux: set health checks, ask for a reconciliation now, read the state.

use std::collections::BTreeMap;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

/// The namespace of Flux's objects.
pub const NAMESPACE: &str = "flux-system";
/// The name of both the GitRepository and the Kustomization.
pub const NAME: &str = "node-config";
/// A new value asks the controller to reconcile at once (fluxcd/pkg `apis/meta/annotations.go`).
pub(super) const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// One object whose health Flux waits for after an apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// `group/version`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The name of a cluster-scoped object.
    pub name: String,
}

impl HealthCheck {
    /// The NodePool of that name. Flux takes its condition `Ready` as its health (kstatus).
    pub fn node_pool(name: impl Into<String>) -> Self {
        Self { api_version: "karpenter.sh/v1".into(), kind: "NodePool".into(), name: name.into() }
    }
}

/// The GitRepository and the Kustomization `flux-system/node-config`.
#[derive(Clone)]
pub struct Flux {
    sources: Api<DynamicObject>,
    kustomizations: Api<DynamicObject>,
}

impl Flux {
    pub(crate) fn new(client: &kube::Client) -> Self {
        let api = |group: &str, kind: &str| {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
            Api::namespaced_with(client.clone(), NAMESPACE, &resource)
        };
        Self {
            sources: api("source.toolkit.fluxcd.io", "GitRepository"),
            kustomizations: api("kustomize.toolkit.fluxcd.io", "Kustomization"),
        }
    }

    /// The API of GitRepositories in `flux-system`, to watch.
    pub fn sources(&self) -> Api<DynamicObject> {
        self.sources.clone()
    }

    /// The API of Kustomizations in `flux-system`, to watch.
    pub fn kustomizations(&self) -> Api<DynamicObject> {
        self.kustomizations.clone()
    }

    /// Replaces the Kustomization's health checks, and the labels that it puts on every object that it applies.
    ///
    /// # Errors
    /// When the API server refuses the patch.
    pub async fn configure(
        &self,
        checks: &[HealthCheck],
        labels: &BTreeMap<String, String>,
    ) -> Result<(), kube::Error> {
        let checks: Vec<Value> = checks
            .iter()
            .map(|check| json!({"apiVersion": check.api_version, "kind": check.kind, "name": check.name}))
            .collect();
        let metadata = if labels.is_empty() { Value::Null } else { json!({"labels": labels}) };
        let patch = json!({"spec": {"healthChecks": checks, "commonMetadata": metadata}});
        self.kustomizations.patch(NAME, &PatchParams::default(), &Patch::Merge(&patch)).await.map(drop)
    }

    /// Asks the source controller to fetch now. A new revision makes the kustomize controller apply by itself.
    /// Returns the value that `.status.lastHandledReconcileAt` takes once it is done.
    ///
    /// # Errors
    /// When the API server refuses the patch.
    pub async fn fetch_now(&self) -> Result<String, kube::Error> {
        request(&self.sources).await
    }

    /// Asks the kustomize controller to apply the current revision now.
    /// Returns the value that `.status.lastHandledReconcileAt` takes once it is done.
    ///
    /// # Errors
    /// When the API server refuses the patch.
    pub async fn apply_now(&self) -> Result<String, kube::Error> {
        request(&self.kustomizations).await
    }
}

async fn request(api: &Api<DynamicObject>) -> Result<String, kube::Error> {
    let stamp = jiff::Timestamp::now().to_string();
    let patch = json!({"metadata": {"annotations": {REQUESTED_AT: stamp}}});
    api.patch(NAME, &PatchParams::default(), &Patch::Merge(&patch)).await?;
    Ok(stamp)
}
