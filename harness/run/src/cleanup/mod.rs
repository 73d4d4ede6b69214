//! After the last phase, also after a failure or Ctrl-C: everything that the run made is deleted, and what remains is counted.

mod remaining;

use std::collections::BTreeMap;
use std::time::Duration;

use harness_cluster::flux::{self, Flux};
use harness_cluster::git::Author;
use harness_plan::{Capability, Plan};
use harness_record::EventKind;
use harness_record::event::PhaseOutcome;
use tokio::time::Instant;

use crate::drive::{Actions, Context, Undo};
use crate::error::describe;
use crate::interrupts::Interrupts;
use crate::lease::RunLease;
use crate::prepare::Before;
use crate::requests::{repeated, within};
use crate::state::State;
use crate::{RunError, labels, workload};
use remaining::Remaining;

/// The name of the phase, in the log and in reports.
pub(crate) const PHASE: &str = "cleanup";
/// How long the deletion of everything may take. Draining, the deletion of VMs (polled every few seconds) and finalizers take most of it.
const GONE_LIMIT: Duration = Duration::from_secs(120);
/// How long Flux may take to apply the original tree. A controller may have to start first.
const RESTORE_LIMIT: Duration = Duration::from_secs(30);
/// After this long, what Flux has not pruned is deleted directly.
const PRUNE_GRACE: Duration = Duration::from_secs(20);
/// After this long, and again each time, pods that still exist are deleted without a grace period: theirs is 1 s.
const TERMINATION_GRACE: Duration = Duration::from_secs(10);
/// Between two looks at what remains.
const POLL: Duration = Duration::from_millis(500);
/// How long the look at what a cleanup leaves that is given up may take: whoever gave it up waits.
const LAST_LIMIT: Duration = Duration::from_secs(2);
/// How long a step of several requests may take before the next one is taken.
const STEP_LIMIT: Duration = Duration::from_secs(20);

/// The node auto-provisioning controller, by the name of its component.
pub(crate) const CONTROLLER: &str = "karpenter";

/// Deletes what the run made and restores what it changed; what remains becomes events. Returns whether everything is as it was.
pub(crate) async fn cleanup(plan: &Plan, actions: &Actions, before: &Before) -> bool {
    let context = &actions.context;
    let hub = &context.hub;
    hub.start_phase(PHASE);
    let mut failures = Vec::new();
    let (last, first): (Vec<Undo>, Vec<Undo>) = Undo::of_plan(plan).into_iter().partition(Undo::follows_nodes);
    undo(&first, STEP_LIMIT, actions, &mut failures).await;
    failures.extend(restore_objects(context, before).await);
    let remaining = wait_until_gone(plan, actions, before, &mut failures).await;
    failures.extend(restore_behaviour(context, before).await.err());
    undo(&last, GONE_LIMIT, actions, &mut failures).await;
    failures.extend(forget_shortages(context).await.err());
    for Remaining { kind, name } in &remaining {
        hub.record(EventKind::Leak { kind: kind.to_string(), name: name.clone() });
    }
    let outcome = if remaining.is_empty() { PhaseOutcome::Reached } else { PhaseOutcome::DeadlinePassed };
    let failures: Vec<String> = failures.iter().map(|error| describe(error)).collect();
    for failure in &failures {
        tracing::warn!("cleanup: {failure}");
    }
    hub.end_phase(outcome, failures.join("; "));
    remaining.is_empty() && failures.is_empty()
}

/// Names what remains after a cleanup that was given up, on a cluster that stays; what can be undone at once is. Does neither where another run
/// has the cluster, and returns which one.
pub(crate) async fn name_leftovers(
    plan: &Plan,
    actions: &Actions,
    lease: &RunLease,
    before: &Before,
    interrupts: &Interrupts,
) -> Option<String> {
    let context = &actions.context;
    let restored = async {
        match lease.taken_by().await {
            Some(holder) => Ok(Some(holder)),
            None => restore_behaviour(context, before).await.map(|()| None),
        }
    };
    let found = remaining::find(plan, actions, before);
    let last =
        async { tokio::join!(tokio::time::timeout(LAST_LIMIT, restored), tokio::time::timeout(LAST_LIMIT, found)) };
    let (restored, found) = interrupts.unless_leaving(last).await.map_or((None, None), |(restored, found)| {
        (restored.ok().and_then(Result::ok), found.ok().and_then(Result::ok))
    });
    match restored {
        Some(None) => {}
        Some(Some(holder)) => return Some(holder),
        None => tracing::warn!("the simulated Azure's behaviour was not restored; the next run does that"),
    }
    let remaining = found.unwrap_or_else(|| context.hub.read(remaining::last_known));
    for Remaining { kind, name } in remaining {
        context.hub.record(EventKind::Leak { kind: kind.into_owned(), name });
    }
    None
}

/// Each step is tried, whatever became of those before it.
async fn undo(steps: &[Undo], limit: Duration, actions: &Actions, failures: &mut Vec<RunError>) {
    for step in steps {
        let undone = within(limit, step.to_string(), async { Ok::<_, RunError>(actions.undo(step).await) }).await;
        failures.extend(undone.unwrap_or_else(|error| vec![error]));
    }
}

/// The namespace, the tree and the intervals of Flux, in this order; each is tried, whatever became of those before it.
async fn restore_objects(context: &Context, before: &Before) -> Vec<RunError> {
    let mut failures = Vec::new();
    if before.namespace {
        let doing = format!("delete the namespace {}", context.namespace());
        let deleted = repeated(doing, async || workload::delete(&context.client, &context.run_id).await).await;
        failures.extend(deleted.err());
    }
    match restore_tree(context, before).await {
        // What Flux has not pruned by now it will not prune: the tree may have said so.
        Ok(()) => failures.extend(remaining::delete_pruned(context).await),
        Err(error) => failures.push(error),
    }
    if let Some(intervals) = &before.intervals {
        let flux = context.cluster.flux();
        let restored = repeated("restore the intervals of Flux", async || flux.set_intervals(intervals).await).await;
        failures.extend(restored.err());
    }
    failures
}

/// Pushes the original tree as a new commit: history is not rewritten. Flux prunes what is not in it.
async fn restore_tree(context: &Context, before: &Before) -> Result<(), RunError> {
    let (Some(git), Some(commit)) = (context.cluster.git(), &before.commit) else {
        return Ok(());
    };
    let restored = git.restore(commit, &Author::default()).await.map_err(RunError::failed("restore the Git tree"))?;
    let flux = context.cluster.flux();
    let pruned = prune(&restored.sha, &flux, context).await;
    // Whatever became of the tree, the Kustomization must not put this run's labels on what it applies for the next.
    repeated("restore the Kustomization", async || flux.configure(&[], &BTreeMap::new()).await).await?;
    pruned
}

/// Makes Flux apply the original tree, which prunes the run's own objects.
async fn prune(sha: &str, flux: &Flux, context: &Context) -> Result<(), RunError> {
    // An object keeps its label until it is deleted, so that it can be found: labels are removed after the objects.
    let labels = labels::of_run(&context.run_id);
    let doing = "end the health checks of the Kustomization";
    repeated(doing, async || flux.configure(&[], &labels).await).await?;
    repeated("ask Flux to reconcile", async || flux.fetch_now().await).await?;
    let applied = |state: &State| state.kustomization(flux::NAME).applied;
    let restored = context.hub.wait_until(|state| applied(state).ends_with(sha));
    let restored = tokio::time::timeout(RESTORE_LIMIT, restored).await;
    restored.map_err(|_| RunError::failed("prune the run's objects")(NotApplied { last: context.hub.read(applied) }))
}

#[derive(Debug, thiserror::Error)]
#[error("Flux has not applied the original tree within {} s; the last was {last}", RESTORE_LIMIT.as_secs())]
struct NotApplied {
    last: String,
}

async fn restore_behaviour(context: &Context, before: &Before) -> Result<(), RunError> {
    let (Some(behaviour), Some(azure)) = (&before.behaviour, context.cluster.azure()) else {
        return Ok(());
    };
    let doing = "restore the simulated Azure's behaviour";
    repeated(doing, async || azure.set_behaviour(behaviour).await).await
}

/// On a cluster that stays, the next run must not meet the shortages of this one: the controller caches them for an hour or more
/// (`pkg/cache/unavailableofferings.go` of the provider), in memory only.
async fn forget_shortages(context: &Context) -> Result<(), RunError> {
    let controlled = context.cluster.capabilities().contains(&Capability::ComponentControl);
    if context.throwaway || !controlled || !context.hub.read(|state| state.azure_failed) {
        return Ok(());
    }
    let doing = format!("restart {CONTROLLER}, which remembers this run's shortages");
    context.cluster.restart(CONTROLLER).await.map_err(RunError::failed(doing))
}

async fn wait_until_gone(
    plan: &Plan,
    actions: &Actions,
    before: &Before,
    failures: &mut Vec<RunError>,
) -> Vec<Remaining> {
    let context = &actions.context;
    let began = Instant::now();
    let mut deleted_directly = false;
    let mut force_after = TERMINATION_GRACE;
    loop {
        let found = within(STEP_LIMIT, "look for what remains", remaining::find(plan, actions, before)).await;
        let waited = began.elapsed();
        match found {
            Ok(remaining) if remaining.is_empty() || waited >= GONE_LIMIT => return remaining,
            Err(error) if waited >= GONE_LIMIT => {
                failures.push(error);
                return context.hub.read(remaining::last_known);
            }
            Ok(_) | Err(_) => {}
        }
        if before.namespace && waited >= force_after {
            force_after += TERMINATION_GRACE;
            failures.extend(workload::force_terminating(&context.client, &context.run_id).await.err());
        }
        if waited >= PRUNE_GRACE && !deleted_directly {
            deleted_directly = true;
            failures.extend(remaining::delete_pruned(context).await);
            let deleted = actions.objects.delete_remaining(context).await;
            failures.extend(deleted.map_err(RunError::failed("delete the objects of the run")).err());
            if plan.gitops.is_some() {
                failures.extend(remaining::delete_layers(context).await.err());
            }
        }
        tokio::time::sleep(POLL).await;
    }
}
