//! What the layers of a tree leave: their objects carry the run's label, since each layer is made to put it on.

use harness_cluster::flux;
use harness_plan::{LayerKind, Plan};
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams};
use kube::core::GroupVersionKind;

use crate::RunError;
use crate::labels;

/// Kinds that the run looks for by itself, or may not look at.
const ELSEWHERE: [&str; 3] = ["NodePool", "AKSNodeClass", "Secret"];

/// One object that is left.
pub(crate) struct Left {
    pub(crate) kind: String,
    /// With its namespace, where it has one.
    pub(crate) name: String,
}

/// The kinds of the plan's layers; none for a run without.
fn kinds(plan: &Plan) -> impl Iterator<Item = &LayerKind> {
    let kinds = plan.gitops.as_ref().map_or(&[][..], |gitops| &gitops.kinds);
    kinds.iter().filter(|kind| !ELSEWHERE.contains(&kind.kind.as_str()))
}

fn of_run(run_id: &str) -> ListParams {
    ListParams::default().labels(&format!("{}={run_id}", labels::RUN))
}

/// The objects of the run's layers that are still there, asked of the API server kind by kind. What goes with its namespace or its owner
/// is not asked for.
pub(crate) async fn left(client: &Client, run_id: &str, plan: &Plan) -> Result<Vec<Left>, RunError> {
    let mut left = Vec::new();
    for kind in kinds(plan) {
        let (group, version) = kind.api_version.rsplit_once('/').unwrap_or(("", &kind.api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind.kind));
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let found = match api.list_metadata(&of_run(run_id)).await {
            Ok(found) => found,
            // A kind that the target does not have, or that nobody may look at.
            Err(kube::Error::Api(status)) if matches!(status.code, 403..=405) => continue,
            Err(error) => return Err(RunError::kube(format!("list what the run has of {}", kind.kind))(error)),
        };
        left.extend(found.items.into_iter().map(|object| {
            let name = object.metadata.name.unwrap_or_default();
            let name = object.metadata.namespace.map_or(name.clone(), |namespace| format!("{namespace}/{name}"));
            Left { kind: kind.kind.clone(), name }
        }));
    }
    // The run's own namespace is looked for by its name.
    left.retain(|left| left.kind != "Namespace" || left.name != labels::namespace(run_id));
    Ok(left)
}

/// Deletes the run's layers and their namespaces. Flux removes what a layer has applied when the layer goes.
pub(crate) async fn delete(client: &Client, run_id: &str) -> Result<(), RunError> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"));
    let kustomizations: Api<DynamicObject> = Api::namespaced_with(client.clone(), flux::NAMESPACE, &resource);
    match kustomizations.delete_collection(&DeleteParams::default(), &of_run(run_id)).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        Err(error) => return Err(RunError::kube("delete the run's Kustomizations")(error)),
    }
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let found = namespaces.list_metadata(&of_run(run_id)).await;
    for namespace in found.map_err(RunError::kube("list the run's namespaces"))?.items {
        let name = namespace.metadata.name.unwrap_or_default();
        match namespaces.delete(&name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => return Err(RunError::kube(format!("delete the namespace {name}"))(error)),
        }
    }
    Ok(())
}
