//! Before a run: the target is put into a known state, so that no run colours the next. What an earlier one left, because it was killed or
//! kept, is found, undone where it is the harness's own, and recorded; what is somebody else's is refused.

use std::collections::BTreeSet;
use std::time::Duration;

use harness_cluster::Cluster;
use harness_cluster::flux::{self, Intervals};
use harness_cluster::git::Author;
use harness_plan::Capability;
use harness_record::EventKind;
use harness_record::event::{Found, FoundKind};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::time::Instant;

use crate::RunError;
use crate::cleanup::CONTROLLER;
use crate::drive::Context;
use crate::labels;
use crate::lease::{Changed, RunLease};
use crate::objects::resource;
use crate::requests::{existing, once, repeated, within};
use crate::workload;

/// How long a component may take to start again.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long the objects of an earlier run may take to be deleted.
const GONE_LIMIT: Duration = Duration::from_secs(120);
/// After this long, and again each time, what still exists is deleted directly.
const PRUNE_GRACE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(500);
/// How many objects a message names.
const NAMED_MAX: usize = 5;

/// Objects of a run that is over, on a cluster that is not the harness's to clean.
#[derive(Debug, thiserror::Error)]
#[error(
    "it has objects of an earlier run: {}; a run that was killed or kept left them: delete them (`kubectl delete namespace,nodepool,aksnodeclass -l {run}`) \
     and restore the Git repository, then try again",
    names.join(", "), run = labels::RUN
)]
struct Foreign {
    names: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "still there after {} s: {}; `harness down` and `harness up` make a fresh cluster",
    GONE_LIMIT.as_secs(), names.join(", ")
)]
struct Remains {
    names: Vec<String>,
}

/// Restores the target. A cluster that ends with the run is as it was made.
pub(crate) async fn restore(context: &Context, lease: Option<&RunLease>) -> Result<(), RunError> {
    if context.throwaway {
        return Ok(());
    }
    let note = |kind, name: &str, is_restored| {
        context.hub.record(EventKind::Found(Found { kind, name: name.to_owned(), is_restored }));
    };
    if let Some(holder) = lease.and_then(|lease| lease.taken_over_from.as_deref()) {
        note(FoundKind::DeadRun, holder, true);
    }
    let unrestored = lease.and_then(|lease| lease.unrestored.as_ref());
    let cluster = &context.cluster;
    for name in stopped_components(cluster).await? {
        note(FoundKind::StoppedComponent, &name, true);
        start_again(&name, cluster).await?;
    }
    for fault in end_azure_faults(cluster).await? {
        note(FoundKind::AzureFault, &fault, true);
    }
    if cluster.azure().is_some()
        && within(START_LIMIT, "reset the simulated Azure's prices", cluster.reset_azure_prices()).await?
    {
        note(FoundKind::AzurePrices, "", true);
    }
    if repeated("ask for the fault of the Git server", async || cluster.has_git_fault().await).await? {
        repeated("end the fault of the Git server", async || cluster.set_git_fault(None).await).await?;
        note(FoundKind::GitFault, "", true);
    }
    for name in resume_flux(context).await? {
        note(FoundKind::SuspendedFlux, &name, true);
    }
    if let Some(changed) = unrestored {
        restore_changed(changed, context).await?;
    }
    for name in delete_objects(context).await? {
        note(FoundKind::Object, &name, true);
    }
    if let Some(changed) = unrestored {
        // The controller caches shortages for up to 23 hours (`pkg/providers/instance/offerings/commonerrorhandlers.go` of the provider: 10
        // minutes for a quota that is too low, an hour for one of zero and for a failed allocation), in memory only. Whether that run has met
        // any is not known: it did not say so before it ended.
        let controlled = cluster.capabilities().contains(&Capability::ComponentControl);
        if controlled {
            start_again(CONTROLLER, cluster).await?;
        }
        note(FoundKind::Shortages, &changed.run_id, controlled);
    }
    Ok(())
}

/// Those whose process has ended; one that starts on demand may not have had one.
async fn stopped_components(cluster: &Cluster) -> Result<Vec<String>, RunError> {
    if !cluster.capabilities().contains(&Capability::ComponentControl) {
        return Ok(Vec::new());
    }
    let status = repeated("ask for the state of the components", async || cluster.status().await).await?;
    let stopped = status.components.into_iter().filter(|component| component.process.is_none());
    Ok(stopped.filter(|component| component.last_exit.is_some()).map(|component| component.name).collect())
}

async fn start_again(component: &str, cluster: &Cluster) -> Result<(), RunError> {
    let started = async {
        cluster.restart(component).await?;
        cluster.wait_until_ready(component).await
    };
    within(START_LIMIT, format!("start {component} again"), started).await
}

async fn end_azure_faults(cluster: &Cluster) -> Result<Vec<String>, RunError> {
    let Some(azure) = cluster.azure() else { return Ok(Vec::new()) };
    let faults = repeated("list the simulated Azure's faults", async || azure.faults().await).await?;
    let mut ended = Vec::new();
    for state in faults {
        let id = state.fault.terms.id;
        repeated(format!("end the Azure fault {id}"), async || azure.remove_fault(&id).await).await?;
        ended.push(id);
    }
    Ok(ended)
}

/// Resumes the objects that every run needs.
async fn resume_flux(context: &Context) -> Result<Vec<String>, RunError> {
    let flux = context.cluster.flux();
    let mut resumed = Vec::new();
    for (kind, api) in [("GitRepository", flux.sources()), ("Kustomization", flux.kustomizations())] {
        let name = format!("{kind} {}/{}", flux::NAMESPACE, flux::NAME);
        let object = repeated(format!("read the {name}"), async || api.get_opt(flux::NAME).await).await?;
        if object.is_some_and(|object| object.data["spec"]["suspend"] == true) {
            let patch = Patch::Merge(json!({"spec": {"suspend": false}}));
            let resume = async || api.patch(flux::NAME, &PatchParams::default(), &patch).await;
            repeated(format!("resume the {name}"), resume).await?;
            resumed.push(name);
        }
    }
    Ok(resumed)
}

/// Restores what an earlier run noted before it changed it.
async fn restore_changed(changed: &Changed, context: &Context) -> Result<(), RunError> {
    let cluster = &context.cluster;
    let note = |kind, name: &str| {
        context.hub.record(EventKind::Found(Found { kind, name: name.to_owned(), is_restored: true }));
    };
    if let (Some(behaviour), Some(azure)) = (&changed.behaviour, cluster.azure()) {
        if repeated("read the simulated Azure's behaviour", async || azure.behaviour().await).await? != *behaviour {
            repeated("restore the simulated Azure's behaviour", async || azure.set_behaviour(behaviour).await).await?;
            note(FoundKind::AzureBehaviour, "");
        }
        if cluster.capabilities().contains(&Capability::ComponentControl) {
            let found = repeated("read the control plane's version", async || azure.kubernetes_version().await).await?;
            let restored =
                within(START_LIMIT, "restore the control plane's version", cluster.reset_kubernetes()).await?;
            if found != restored {
                note(FoundKind::KubernetesVersion, &found);
            }
        }
    }
    let flux = cluster.flux();
    if let (Some(commit), Some(git)) = (&changed.commit, cluster.git()) {
        let doing = "read the head of the node configuration's repository";
        if repeated(doing, async || git.head().await).await?.as_ref() != Some(commit) {
            once("restore the Git tree", git.restore(commit, &Author::default())).await?;
            // An object keeps its label until it is deleted, so that it can be found.
            let labels = labels::of_run(&changed.run_id);
            let doing = "end the health checks of the Kustomization";
            repeated(doing, async || flux.configure(&[], &labels).await).await?;
            repeated("ask Flux to reconcile", async || flux.fetch_now().await).await?;
            note(FoundKind::GitTree, "");
        }
    }
    let intervals = Intervals { source: changed.source_interval.clone(), root: changed.root_interval.clone() };
    repeated("restore the intervals of Flux", async || flux.set_intervals(&intervals).await).await
}

/// The objects of earlier runs that decide what this one sees: those of its namespace are deleted with it.
async fn find_objects(context: &Context) -> Result<BTreeSet<(&'static str, String)>, RunError> {
    let of_runs = ListParams::default().labels(labels::RUN);
    let mut found = BTreeSet::new();
    for (kind, group, version) in [
        ("Namespace", "", "v1"),
        ("NodePool", "karpenter.sh", "v1"),
        ("AKSNodeClass", "karpenter.azure.com", "v1beta1"),
    ] {
        let api: Api<DynamicObject> = Api::all_with(context.client.clone(), &resource(group, version, kind));
        let doing = format!("look for objects of earlier runs of the kind {kind}");
        let listed = repeated(doing, async || existing(api.list_metadata(&of_runs).await)).await?;
        let names = listed.into_iter().flat_map(|list| list.items).filter_map(|object| object.metadata.name);
        found.extend(names.map(|name| (kind, name)));
    }
    let pools: Vec<&str> =
        found.iter().filter(|(kind, _)| *kind == "NodePool").map(|(_, name)| name.as_str()).collect();
    if !pools.is_empty() {
        let of_pools = ListParams::default().labels(&format!("karpenter.sh/nodepool in ({})", pools.join(",")));
        let api: Api<DynamicObject> =
            Api::all_with(context.client.clone(), &resource("karpenter.sh", "v1", "NodeClaim"));
        let list = async || api.list_metadata(&of_pools).await;
        let claims = repeated("list the NodeClaims of earlier runs", list).await?.items;
        found.extend(claims.into_iter().filter_map(|claim| Some(("NodeClaim", claim.metadata.name?))));
    }
    Ok(found)
}

fn named(found: &BTreeSet<(&'static str, String)>) -> Vec<String> {
    let mut names: Vec<String> = found.iter().take(NAMED_MAX).map(|(kind, name)| format!("{kind} {name}")).collect();
    if found.len() > NAMED_MAX {
        names.push(format!("and {} more", found.len() - NAMED_MAX));
    }
    names
}

/// Deletes the objects of earlier runs, and waits until they are gone. Returns those that there were.
async fn delete_objects(context: &Context) -> Result<Vec<String>, RunError> {
    let first = find_objects(context).await?;
    if first.is_empty() {
        return Ok(Vec::new());
    }
    if !context.cluster.capabilities().contains(&Capability::ComponentControl) {
        return Err(RunError::failed("use the cluster")(Foreign { names: named(&first) }));
    }
    let began = Instant::now();
    let mut directly_after = PRUNE_GRACE;
    let mut left = first.clone();
    let tell = |left: &BTreeSet<(&'static str, String)>| {
        let what = format!("objects of an earlier run are being deleted: {}", named(left).join(", "));
        context.hub.record(EventKind::Awaited { what });
    };
    tell(&left);
    delete(&left, &["Namespace"], context).await?;
    while !left.is_empty() {
        let waited = began.elapsed();
        if waited >= GONE_LIMIT {
            return Err(RunError::failed("remove the objects of an earlier run")(Remains { names: named(&left) }));
        }
        if waited >= directly_after {
            directly_after += PRUNE_GRACE;
            delete(&left, &["NodePool", "AKSNodeClass"], context).await?;
            for (_, namespace) in left.iter().filter(|(kind, _)| *kind == "Namespace") {
                if let Some(run_id) = labels::run_of_namespace(namespace) {
                    workload::force_terminating(&context.client, run_id).await?;
                }
            }
        }
        tokio::time::sleep(POLL).await;
        let still = find_objects(context).await?;
        if still != left && !still.is_empty() {
            tell(&still);
        }
        left = still;
    }
    Ok(first.into_iter().map(|(kind, name)| format!("{kind} {name}")).collect())
}

async fn delete(found: &BTreeSet<(&'static str, String)>, kinds: &[&str], context: &Context) -> Result<(), RunError> {
    for (kind, name) in found.iter().filter(|(kind, _)| kinds.contains(kind)) {
        let (group, version) = match *kind {
            "NodePool" => ("karpenter.sh", "v1"),
            "AKSNodeClass" => ("karpenter.azure.com", "v1beta1"),
            _ => ("", "v1"),
        };
        let api: Api<DynamicObject> = Api::all_with(context.client.clone(), &resource(group, version, kind));
        let deleted = async || {
            match existing(api.delete(name, &DeleteParams::default()).await) {
                // It is being deleted.
                Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
                deleted => deleted,
            }
        };
        repeated(format!("delete the {kind} {name} of an earlier run"), deleted).await?;
    }
    Ok(())
}
