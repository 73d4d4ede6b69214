//! After the last phase, also after a failure or Ctrl-C: everything that the run made goes, and what is left is counted.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use harness_azure::control::VmState;
use harness_cluster::flux::{self, Flux};
use harness_cluster::git::Author;
use harness_plan::Capability;
use harness_plan::{Action, Plan};
use harness_record::EventKind;
use harness_record::event::PhaseOutcome;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams};
use kube::core::GroupVersionKind;

use crate::drive::{Tools, change, clear_faults, clear_git_faults};
use crate::prepare::Before;
use crate::state::State;
use crate::{RunError, labels, layers, pools, workload};

/// The name of the phase, in the log and in reports.
pub(crate) const PHASE: &str = "cleanup";
/// How long everything may take to go. Draining, the deletion of VMs (polled every few seconds) and finalizers take most of it.
const GONE_LIMIT: Duration = Duration::from_secs(120);
/// How long Flux may take to apply the tree of before the run. When the cleanup has begun a controller may have to start first.
const RESTORE_LIMIT: Duration = Duration::from_secs(30);
/// After this long, what Flux has not pruned is deleted directly.
const PRUNE_GRACE: Duration = Duration::from_secs(20);
/// After this long, and again each time, pods that are still there are deleted for good: their grace is 1 s.
const TERMINATION_GRACE: Duration = Duration::from_secs(10);
/// Between two looks at what is left.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often a request that puts something back is sent, and how long each may take. Nobody else puts it back.
const TRIES: u32 = 3;
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long a step of several requests may take before the next one is taken.
const STEP_LIMIT: Duration = Duration::from_secs(20);

/// The node auto-provisioning controller, by the name of its component.
const CONTROLLER: &str = "karpenter";

/// Something that is left.
pub(crate) struct Leftover {
    kind: Cow<'static, str>,
    name: String,
}

/// Removes what the run made and puts back what it changed; what is left becomes events.
pub(crate) async fn cleanup(plan: &Plan, tools: &Tools, before: &Before) {
    let hub = &tools.hub;
    hub.begin_phase(PHASE);
    let mut troubles = undo(plan, tools, before).await;
    let left = wait_until_gone(plan, tools, before, &mut troubles).await;
    troubles.extend(restore_behaviour(tools, before).await);
    troubles.extend(restore_kubernetes(plan, tools).await);
    troubles.extend(forget_shortages(tools).await);
    for Leftover { kind, name } in &left {
        hub.record(EventKind::Leak { kind: kind.to_string(), name: name.clone() });
    }
    let outcome = if left.is_empty() { PhaseOutcome::Reached } else { PhaseOutcome::DeadlinePassed };
    for trouble in &troubles {
        tracing::warn!("cleanup: {trouble}");
    }
    hub.end_phase(outcome, troubles.join("; "));
}

/// Every step is tried, whatever became of those before it.
async fn undo(plan: &Plan, tools: &Tools, before: &Before) -> Vec<String> {
    let mut troubles = Vec::new();
    for component in killed(plan) {
        if !is_running(tools, component).await
            && let Err(error) = tools.cluster.restart(component).await
        {
            troubles.push(format!("cannot start {component} again: {error}"));
        }
    }
    if let Some(azure) = tools.cluster.azure()
        && let Err(error) = clear_faults(&azure).await
    {
        troubles.push(format!("cannot clear the faults of the simulated Azure: {error}"));
    }
    if actions(plan).any(|action| matches!(action, Action::GitFault(_)))
        && let Err(error) = clear_git_faults(&tools.cluster).await
    {
        troubles.push(format!("cannot end the fault of the Git server: {error}"));
    }
    if actions(plan).any(|action| matches!(action, Action::Load(_)))
        && let Some(metrics) = tools.cluster.metrics()
        && let Err(error) = metrics.clear().await
    {
        troubles.push(format!("cannot clear the metrics: {error}"));
    }
    // Before the tree comes back: a Kustomization may be suspended, or an object marked as none of Flux's business.
    troubles.extend(change::undo(tools).await);
    if before.namespace
        && let Err(error) = tried(async || workload::delete(&tools.client, &tools.run_id).await).await
    {
        troubles.push(error);
    }
    match restore_tree(tools, before).await {
        // What Flux has not pruned by now it does not want to prune: the tree may have said so.
        Ok(()) => troubles.extend(delete_pruned(tools).await),
        Err(error) => troubles.push(error),
    }
    if let Some(intervals) = &before.intervals
        && let Err(error) = tried(async || tools.cluster.flux().set_intervals(intervals).await).await
    {
        troubles.push(format!("cannot restore the intervals of Flux: {error}"));
    }
    troubles
}

/// Sends something again where it is refused or not answered; it may be sent twice without harm. The error is in words.
async fn tried<E: std::fmt::Display>(send: impl AsyncFn() -> Result<(), E>) -> Result<(), String> {
    let mut last = String::new();
    for _ in 0..TRIES {
        match tokio::time::timeout(ANSWER_LIMIT, send()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = unanswered(ANSWER_LIMIT),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(last)
}

fn unanswered(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs())
}

/// A component that is not known to run is started: a restart of one that runs would do no harm either.
async fn is_running(tools: &Tools, name: &str) -> bool {
    let status = tools.cluster.status().await;
    status.is_ok_and(|status| status.components.iter().any(|it| it.name == name && it.process.is_some()))
}

/// The components that the plan kills.
fn killed(plan: &Plan) -> BTreeSet<&str> {
    actions(plan)
        .filter_map(|action| match action {
            Action::KillComponent(component) => Some(component.as_str()),
            _ => None,
        })
        .collect()
}

fn actions(plan: &Plan) -> impl Iterator<Item = &Action> {
    plan.phases.iter().flat_map(|phase| &phase.actions).map(|planned| &planned.action)
}

/// The tree of before the run comes back as a new commit: history is never rewritten. Flux prunes what is not in it.
async fn restore_tree(tools: &Tools, before: &Before) -> Result<(), String> {
    let (Some(git), Some(commit)) = (tools.cluster.git(), &before.commit) else {
        return Ok(());
    };
    let restored = git.restore(commit, &Author::default()).await;
    let restored = restored.map_err(|error| format!("cannot restore the Git tree: {error}"))?;
    let flux = tools.cluster.flux();
    let cannot = |error: String| format!("cannot restore the Kustomization: {error}");
    let pruned = prune(&restored.sha, &flux, tools).await;
    // Whatever became of the tree, the Kustomization must not put this run's labels on what it applies for the next.
    tried(async || flux.configure(&[], &BTreeMap::new()).await).await.map_err(cannot)?;
    pruned
}

/// Has Flux apply the tree of before the run, which prunes the run's own.
async fn prune(sha: &str, flux: &Flux, tools: &Tools) -> Result<(), String> {
    // What goes keeps its label until it is gone, so that it can be looked for: labels are taken away after the objects.
    let labels = labels::of_run(&tools.run_id);
    let unchecked = tried(async || flux.configure(&[], &labels).await).await;
    unchecked.map_err(|error| format!("cannot end the health checks of the Kustomization: {error}"))?;
    let asked = tried(async || flux.fetch_now().await.map(drop)).await;
    asked.map_err(|error| format!("cannot ask Flux to reconcile: {error}"))?;
    let mut last = String::new();
    let applied = tools.hub.wait_for(&mut last, |state| {
        let applied = state.kustomization(flux::NAME).applied;
        if applied.ends_with(sha) { Ok(()) } else { Err(applied) }
    });
    match tokio::time::timeout(RESTORE_LIMIT, applied).await {
        Ok(()) => Ok(()),
        Err(_) => Err(format!("Flux has not applied the tree of before the run; the last was {last}")),
    }
}

async fn restore_behaviour(tools: &Tools, before: &Before) -> Option<String> {
    let behaviour = before.behaviour.as_ref()?;
    let azure = tools.cluster.azure()?;
    let error = tried(async || azure.set_behaviour(behaviour).await).await.err()?;
    Some(format!("cannot restore the simulated Azure's behaviour: {error}"))
}

/// On a cluster that stays, the next run begins with the version of the start. New node images stay the newest, as Azure takes none back.
async fn restore_kubernetes(plan: &Plan, tools: &Tools) -> Option<String> {
    let upgraded = actions(plan).any(|action| matches!(action, Action::UpgradeKubernetes(_)));
    if tools.throwaway || !upgraded {
        return None;
    }
    let error = tools.cluster.reset_kubernetes().await.err()?;
    Some(format!("cannot put the control plane back to its version: {error}"))
}

/// On a cluster that stays, the next run must not meet the shortages of this one: the controller caches them for an hour or more
/// (`pkg/cache/unavailableofferings.go` of the provider), in memory only.
async fn forget_shortages(tools: &Tools) -> Option<String> {
    let controlled = tools.cluster.capabilities().contains(&Capability::ComponentControl);
    if tools.throwaway || !controlled || !tools.hub.read(|state| state.azure_failed) {
        return None;
    }
    let error = tools.cluster.restart(CONTROLLER).await.err()?;
    Some(format!("cannot restart {CONTROLLER}, which remembers this run's shortages: {error}"))
}

async fn wait_until_gone(plan: &Plan, tools: &Tools, before: &Before, troubles: &mut Vec<String>) -> Vec<Leftover> {
    let began = tokio::time::Instant::now();
    let mut deleted_directly = false;
    let mut force_after = TERMINATION_GRACE;
    loop {
        let left = match tokio::time::timeout(STEP_LIMIT, leftovers(plan, tools, before)).await {
            Ok(left) => left.map_err(|error| error.to_string()),
            Err(_) => Err(format!("cannot look for what is left: {}", unanswered(STEP_LIMIT))),
        };
        let waited = began.elapsed();
        match left {
            Ok(left) if left.is_empty() => return left,
            Ok(left) if waited >= GONE_LIMIT => return left,
            Err(error) if waited >= GONE_LIMIT => {
                troubles.push(error);
                return tools.hub.read(known_leftovers);
            }
            Ok(_) | Err(_) => {}
        }
        if before.namespace && waited >= force_after {
            force_after += TERMINATION_GRACE;
            troubles
                .extend(workload::force_terminating(&tools.client, &tools.run_id).await.err().map(|it| it.to_string()));
        }
        if waited >= PRUNE_GRACE && !deleted_directly {
            deleted_directly = true;
            troubles.extend(delete_pruned(tools).await);
            let deleting = change::delete_left(tools).await.map_err(RunError::kube("delete the objects of the run"));
            troubles.extend(deleting.err().map(|error| error.to_string()));
            if plan.gitops.is_some() {
                let deleted = layers::delete(&tools.client, &tools.run_id).await;
                troubles.extend(deleted.err().map(|error| error.to_string()));
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A kind of the tree's objects, which Flux prunes.
struct Pruned {
    kind: &'static str,
    group: &'static str,
    version: &'static str,
}

/// In the order in which they can go: a class waits for the nodes of its pools. What is in a namespace of the tree goes with it; of what may
/// lie in a namespace that stays, a scenario adds nothing but ConfigMaps.
const PRUNED: [Pruned; 4] = [
    Pruned { kind: "NodePool", group: "karpenter.sh", version: "v1" },
    Pruned { kind: "AKSNodeClass", group: "karpenter.azure.com", version: "v1beta1" },
    Pruned { kind: "ConfigMap", group: "", version: "v1" },
    Pruned { kind: "Namespace", group: "", version: "v1" },
];

impl Pruned {
    fn resource(&self) -> ApiResource {
        ApiResource::from_gvk(&GroupVersionKind::gvk(self.group, self.version, self.kind))
    }

    /// Every object of the kind, in every namespace.
    fn api(&self, tools: &Tools) -> Api<DynamicObject> {
        Api::all_with(tools.client.clone(), &self.resource())
    }
}

fn of_run(tools: &Tools) -> String {
    format!("{}={}", labels::RUN, tools.run_id)
}

/// Deletes what there is of the tree's objects; what could not be deleted, in words.
async fn delete_pruned(tools: &Tools) -> Vec<String> {
    let mut troubles = Vec::new();
    for pruned in &PRUNED {
        let deleting = tokio::time::timeout(STEP_LIMIT, delete(tools, pruned)).await;
        troubles.extend(match deleting {
            Ok(deleted) => deleted.err().map(|error| error.to_string()),
            Err(_) => Some(format!("cannot delete the run's {}: {}", pruned.kind, unanswered(STEP_LIMIT))),
        });
    }
    troubles
}

async fn delete(tools: &Tools, pruned: &Pruned) -> Result<(), RunError> {
    let failed = || RunError::kube(format!("delete the run's {}", pruned.kind));
    let found = match pruned.api(tools).list_metadata(&ListParams::default().labels(&of_run(tools))).await {
        Err(error) if is_absent(&error) => return Ok(()),
        found => found.map_err(failed())?,
    };
    // One by one: there is no collection of namespaces to delete, nor one over namespaces.
    for object in found.items {
        let name = object.metadata.name.unwrap_or_default();
        let api: Api<DynamicObject> = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(tools.client.clone(), namespace, &pruned.resource()),
            None => pruned.api(tools),
        };
        match api.delete(&name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(failed()(error)),
        }
    }
    Ok(())
}

/// A target without the kind has nothing of it left.
fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// What is left, asked of the API server and of Azure rather than remembered.
async fn leftovers(plan: &Plan, tools: &Tools, before: &Before) -> Result<Vec<Leftover>, RunError> {
    let mut left = Vec::new();
    if before.namespace && workload::exists(&tools.client, &tools.run_id).await? {
        left.push(Leftover { kind: "Namespace".into(), name: labels::namespace(&tools.run_id) });
    }
    for pruned in &PRUNED {
        match pruned.api(tools).list_metadata(&ListParams::default().labels(&of_run(tools))).await {
            Ok(found) => left.extend(names(pruned.kind, found.items.into_iter().map(|object| object.metadata.name))),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(RunError::kube(format!("list what the run has of {}", pruned.kind))(error)),
        }
    }
    let objects = change::left(tools).await.map_err(RunError::kube("look for the objects of the run"))?;
    left.extend(objects.into_iter().map(|(kind, name)| Leftover { kind: kind.into(), name }));
    let of_layers = layers::left(&tools.client, &tools.run_id, plan).await?;
    left.extend(of_layers.into_iter().map(|one| Leftover { kind: one.kind.into(), name: one.name }));
    let pools: Vec<String> = pools::of(plan).into_iter().collect();
    if !pools.is_empty() {
        let of_pools = ListParams::default().labels(&format!("karpenter.sh/nodepool in ({})", pools.join(",")));
        for (kind, group) in [("NodeClaim", "karpenter.sh"), ("Node", "")] {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
            let api: Api<DynamicObject> = Api::all_with(tools.client.clone(), &resource);
            let found =
                api.list_metadata(&of_pools).await.map_err(RunError::kube(format!("list the run's {kind}s")))?;
            left.extend(names(kind, found.items.into_iter().map(|object| object.metadata.name)));
        }
    }
    if let Some(azure) = tools.cluster.azure() {
        let vms = azure.vms().await.map_err(RunError::azure("list the simulated Azure's VMs"))?;
        let alive = vms.into_iter().filter(|record| record.state != VmState::Deleted);
        left.extend(names("VirtualMachine", alive.map(|record| Some(record.vm.name.clone()))));
    }
    Ok(left)
}

fn names(kind: &'static str, names: impl Iterator<Item = Option<String>>) -> impl Iterator<Item = Leftover> {
    names.map(move |name| Leftover { kind: kind.into(), name: name.unwrap_or_default() })
}

/// What was there when the target could last be asked.
fn known_leftovers(state: &State) -> Vec<Leftover> {
    let owned = |name: &str| Some(name.to_owned());
    names("NodeClaim", state.nodeclaims().map(owned))
        .chain(names("Node", state.nodes().map(owned)))
        .chain(names("VirtualMachine", state.vms().map(owned)))
        .collect()
}
