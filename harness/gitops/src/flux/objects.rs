//! What a run does with Flux: set health checks, ask for a reconciliation now, read the state.

use std::collections::BTreeMap;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

use super::error::is_missing;

/// The namespace of Flux's objects.
pub const NAMESPACE: &str = "flux-system";
/// The name of both the GitRepository and the Kustomization.
pub const NAME: &str = "node-config";
/// A new value asks the controller to reconcile immediately (fluxcd/pkg `apis/meta/annotations.go`).
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
    /// The objects of the cluster of this client.
    pub fn new(client: &kube::Client) -> Self {
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

    /// Whether both objects are there: Flux may have been removed from a cluster that stays.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn is_installed(&self) -> Result<bool, kube::Error> {
        for api in [&self.sources, &self.kustomizations] {
            match api.get_metadata(NAME).await {
                Ok(_) => {}
                Err(error) if is_missing(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The URL of the repository that Flux follows.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn url(&self) -> Result<Option<String>, kube::Error> {
        let source = self.sources.get(NAME).await?;
        Ok(source.data["spec"]["url"].as_str().map(str::to_owned))
    }

    /// Has Flux follow the repository at `url` from now on.
    ///
    /// # Errors
    /// When the API server refuses the patch.
    pub async fn follow(&self, url: &str) -> Result<(), kube::Error> {
        let patch = json!({"spec": {"url": url}});
        self.sources.patch(NAME, &PatchParams::default(), &Patch::Merge(&patch)).await.map(drop)
    }

    /// Replaces the Kustomization's health checks, and the labels that it puts on every object that it applies. The layers in the tree put
    /// the same labels on theirs; layers of layers do not.
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
        let patches = if labels.is_empty() { Value::Null } else { layer_patches(labels) };
        let patch = json!({"spec": {"healthChecks": checks, "commonMetadata": metadata, "patches": patches}});
        self.kustomizations.patch(NAME, &PatchParams::default(), &Patch::Merge(&patch)).await.map(drop)
    }

    /// How often Flux fetches the repository and applies the result.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn intervals(&self) -> Result<Intervals, kube::Error> {
        let read = |object: DynamicObject| object.data["spec"]["interval"].as_str().map(str::to_owned);
        let (source, root) = tokio::try_join!(self.sources.get(NAME), self.kustomizations.get(NAME))?;
        Ok(Intervals { source: read(source), root: read(root) })
    }

    /// Sets the intervals that are given; the others stay.
    ///
    /// # Errors
    /// When the API server refuses a patch.
    pub async fn set_intervals(&self, intervals: &Intervals) -> Result<(), kube::Error> {
        for (api, interval) in [(&self.sources, &intervals.source), (&self.kustomizations, &intervals.root)] {
            if let Some(interval) = interval {
                let patch = json!({"spec": {"interval": interval}});
                api.patch(NAME, &PatchParams::default(), &Patch::Merge(&patch)).await?;
            }
        }
        Ok(())
    }

    /// Asks the source controller to fetch now. A new revision makes the kustomize controller apply by itself.
    /// Returns the value that `.status.lastHandledReconcileAt` takes once it is done.
    ///
    /// # Errors
    /// When the API server refuses the patch.
    pub async fn fetch_now(&self) -> Result<String, kube::Error> {
        request(&self.sources, NAME).await
    }

    /// Asks the kustomize controller to apply the current revision of a Kustomization now.
    /// Returns the value that `.status.lastHandledReconcileAt` takes once it is done.
    ///
    /// # Errors
    /// When the API server refuses the patch.
    pub async fn apply_now(&self, name: &str) -> Result<String, kube::Error> {
        request(&self.kustomizations, name).await
    }
}

/// The intervals of Flux's objects, as they are written (`1m0s`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals {
    /// Of the GitRepository: how often it checks for a new commit.
    pub source: Option<String>,
    /// Of the Kustomization: how often it applies, also without a new commit.
    pub root: Option<String>,
}

/// The patch that makes layers put the labels on the objects that they apply: their own `commonMetadata`, patched in on the way.
fn layer_patches(labels: &BTreeMap<String, String>) -> Value {
    const GROUP: &str = "kustomize.toolkit.fluxcd.io";
    let patch = json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "Kustomization",
        // The target selects the object; a patch needs a name nevertheless.
        "metadata": {"name": "any"},
        "spec": {"commonMetadata": {"labels": labels}},
    });
    json!([{"target": {"group": GROUP, "kind": "Kustomization"}, "patch": patch.to_string()}])
}

async fn request(api: &Api<DynamicObject>, name: &str) -> Result<String, kube::Error> {
    let stamp = jiff::Timestamp::now().to_string();
    let patch = json!({"metadata": {"annotations": {REQUESTED_AT: stamp}}});
    api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await?;
    Ok(stamp)
}
