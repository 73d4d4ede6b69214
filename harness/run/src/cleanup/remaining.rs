//! What of the run still exists, asked of the API server and of Azure rather than remembered, and the deletion of what Flux does not prune.

use std::borrow::Cow;

use harness_azure::control::VmState;
use harness_cluster::flux;
use harness_plan::{LayerKind, Plan};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, ObjectMeta, PartialObjectMeta};

use super::STEP_LIMIT;
use crate::drive::{Actions, Context};
use crate::objects::resource;
use crate::prepare::Before;
use crate::requests::{existing, within};
use crate::state::State;
use crate::{RunError, labels, scope, workload};

/// Something that still exists.
pub(super) struct Remaining {
    pub(super) kind: Cow<'static, str>,
    /// With its namespace, where it has one and the run did not create that.
    pub(super) name: String,
}

impl Remaining {
    fn new(kind: impl Into<Cow<'static, str>>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }
}

/// A kind of the tree's objects, which Flux prunes.
struct Pruned {
    kind: &'static str,
    group: &'static str,
    version: &'static str,
}

/// In the order in which they can be deleted: a class waits for the nodes of its pools. Objects in a namespace of the tree are deleted with
/// it; to a namespace that stays, a scenario adds nothing but ConfigMaps.
const PRUNED: [Pruned; 4] = [
    Pruned { kind: "NodePool", group: "karpenter.sh", version: "v1" },
    Pruned { kind: "AKSNodeClass", group: "karpenter.azure.com", version: "v1beta1" },
    Pruned { kind: "ConfigMap", group: "", version: "v1" },
    Pruned { kind: "Namespace", group: "", version: "v1" },
];

/// Kinds of layers that the run looks for anyway, or may not look at.
const NOT_OF_LAYERS: [&str; 3] = ["NodePool", "AKSNodeClass", "Secret"];

fn of_run(context: &Context) -> ListParams {
    ListParams::default().labels(&labels::selector(&context.run_id))
}

/// The objects of the run of one kind, in every namespace.
async fn list(kind: &ApiResource, context: &Context) -> Result<Vec<PartialObjectMeta<DynamicObject>>, kube::Error> {
    let api: Api<DynamicObject> = Api::all_with(context.client.clone(), kind);
    let found = existing(api.list_metadata(&of_run(context)).await)?;
    Ok(found.map_or(Vec::new(), |found| found.items))
}

/// Deletes what exists of the tree's objects. Returns what could not be deleted.
pub(super) async fn delete_pruned(context: &Context) -> Vec<RunError> {
    let mut failures = Vec::new();
    for pruned in &PRUNED {
        let kind = resource(pruned.group, pruned.version, pruned.kind);
        let doing = format!("delete the run's {}", pruned.kind);
        failures.extend(within(STEP_LIMIT, doing, delete(&kind, context)).await.err());
    }
    failures
}

async fn delete(kind: &ApiResource, context: &Context) -> Result<(), kube::Error> {
    // One by one: a collection of namespaces cannot be deleted, nor one that spans namespaces.
    for object in list(kind, context).await? {
        let name = object.metadata.name.unwrap_or_default();
        let api: Api<DynamicObject> = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(context.client.clone(), namespace, kind),
            None => Api::all_with(context.client.clone(), kind),
        };
        match existing(api.delete(&name, &DeleteParams::default()).await) {
            // It is being deleted.
            Err(kube::Error::Api(status)) if status.code == 409 && kind.kind == "Namespace" => {}
            deleted => drop(deleted?),
        }
    }
    Ok(())
}

/// Deletes the run's layers. Flux deletes what a layer has applied along with it.
pub(super) async fn delete_layers(context: &Context) -> Result<(), RunError> {
    let kind = resource("kustomize.toolkit.fluxcd.io", "v1", "Kustomization");
    let kustomizations: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), flux::NAMESPACE, &kind);
    let deleted = kustomizations.delete_collection(&DeleteParams::default(), &of_run(context)).await;
    existing(deleted).map(drop).map_err(RunError::failed("delete the run's Kustomizations"))
}

/// Finds everything of the run that still exists.
pub(super) async fn find(plan: &Plan, actions: &Actions, before: &Before) -> Result<Vec<Remaining>, RunError> {
    let context = &actions.context;
    let mut found = Vec::new();
    if before.namespace && workload::exists(&context.client, &context.run_id).await? {
        found.push(Remaining::new("Namespace", context.namespace()));
    }
    let classes = workload::priority_classes(&context.client, &context.run_id, plan).await?;
    found.extend(classes.into_iter().map(|name| Remaining::new("PriorityClass", name)));
    for Pruned { kind, group, version } in &PRUNED {
        let objects = list(&resource(group, version, kind), context).await;
        let objects = objects.map_err(RunError::failed(format!("list the run's objects of the kind {kind}")))?;
        found.extend(objects.into_iter().map(|object| Remaining::new(*kind, object.metadata.name.unwrap_or_default())));
    }
    let objects = actions.objects.remaining(context).await;
    for place in objects.map_err(RunError::failed("look for the objects of the run"))? {
        found.push(Remaining::new(place.kind().to_owned(), qualified(place.namespace(), &place.name)));
    }
    found.extend(of_layers(plan, context).await?);
    found.extend(of_pools(plan, context).await?);
    if let Some(azure) = context.cluster.azure() {
        let vms = azure.vms().await.map_err(RunError::failed("list the simulated Azure's VMs"))?;
        let vms = vms.into_iter().filter(|record| record.state != VmState::Deleted && context.owns(&record.vm));
        found.extend(vms.map(|record| Remaining::new("VirtualMachine", record.vm.name.clone())));
    }
    Ok(found)
}

fn qualified(namespace: Option<&str>, name: &str) -> String {
    namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
}

/// The objects of the run's layers: each layer is made to put the run's label on them. Objects that are deleted with their namespace or
/// their owner are not asked for.
async fn of_layers(plan: &Plan, context: &Context) -> Result<Vec<Remaining>, RunError> {
    let mut found = Vec::new();
    let kinds = plan.gitops.as_ref().map_or(&[][..], |gitops| &gitops.kinds);
    for LayerKind { kind, api_version, .. } in kinds {
        if NOT_OF_LAYERS.contains(&kind.as_str()) {
            continue;
        }
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let objects = match list(&resource(group, version, kind), context).await {
            // A kind that nobody may look at.
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 405) => continue,
            objects => objects.map_err(RunError::failed(format!("list the run's objects of the kind {kind}")))?,
        };
        found.extend(objects.into_iter().map(|object| {
            let ObjectMeta { name, namespace, .. } = object.metadata;
            Remaining::new(kind.clone(), qualified(namespace.as_deref(), &name.unwrap_or_default()))
        }));
    }
    // The run's own namespace is looked for by its name.
    found.retain(|remaining| remaining.kind != "Namespace" || remaining.name != context.namespace());
    Ok(found)
}

/// The NodeClaims and Nodes of the run's NodePools.
async fn of_pools(plan: &Plan, context: &Context) -> Result<Vec<Remaining>, RunError> {
    let pools: Vec<String> = scope::nodepools(plan).into_iter().collect();
    let mut found = Vec::new();
    if pools.is_empty() {
        return Ok(found);
    }
    let of_pools = ListParams::default().labels(&format!("karpenter.sh/nodepool in ({})", pools.join(",")));
    for (kind, group) in [("NodeClaim", "karpenter.sh"), ("Node", "")] {
        let api: Api<DynamicObject> = Api::all_with(context.client.clone(), &resource(group, "v1", kind));
        let objects = api.list_metadata(&of_pools).await;
        let objects = objects.map_err(RunError::failed(format!("list the run's {kind}s")))?.items;
        found.extend(objects.into_iter().map(|object| Remaining::new(kind, object.metadata.name.unwrap_or_default())));
    }
    Ok(found)
}

/// What exists according to the watches, for a target that does not answer.
pub(super) fn last_known(state: &State) -> Vec<Remaining> {
    let nodeclaims = state.nodeclaims().map(|name| Remaining::new("NodeClaim", name));
    let nodes = state.nodes().map(|name| Remaining::new("Node", name));
    nodeclaims.chain(nodes).chain(state.vms().map(|name| Remaining::new("VirtualMachine", name))).collect()
}
