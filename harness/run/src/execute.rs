//! The run loop: prepare, phases, cleanup, teardown. Whatever happens in the first two, the last two follow.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use harness_cluster::local::Failure;
use harness_cluster::{Cluster, Contents};
use harness_plan::{Capability, Plan};
use harness_record::EventKind;
use harness_record::event::{EndReason, LOG_MINOR, LOG_VERSION, PhaseOutcome, RunStarted};
use harness_tree::Placeholders;
use tokio::sync::oneshot;

use crate::clock::RunClock;
use crate::drive::{Actions, Context, Repository};
use crate::error::describe;
use crate::hub::{Hub, OnEvent};
use crate::interrupts::Interrupts;
use crate::lease::{Loss, RunLease};
use crate::observe::{Observers, usage};
use crate::others::Others;
use crate::prepare::{self, Before, Prepared};
use crate::requests::{repeated_within, within};
use crate::tree::{Tree, WorkingTree};
use crate::webhook::Webhook;
use crate::{RunError, cleanup, daemon_sets, known_state, phases, scope};

/// How long the cleanup may take, whatever its own limits: the run then ends without it.
const CLEANUP_LIMIT: Duration = Duration::from_secs(180);

/// How long the components that only some scenarios need may take to start.
const PROVIDE_LIMIT: Duration = Duration::from_secs(180);

/// How long one look at a cluster in its known state may take.
const LOOK_LIMIT: Duration = Duration::from_secs(60);

/// How long stopped tasks may take to drop the cluster.
const RELEASE_LIMIT: Duration = Duration::from_secs(5);
const RELEASE_POLL: Duration = Duration::from_millis(20);

/// How a plan is carried out.
pub struct Options {
    /// The run's id; also in the name of its namespace.
    pub run_id: String,
    /// The run's folder; it exists. `events.jsonl` and `logs/` are made in it.
    pub out: PathBuf,
    /// The node configuration that is pushed first. The run writes into its folder.
    pub tree: Tree,
    /// The command that repeats the run, for reports.
    pub command: String,
    /// Whether the cluster and everything on it stays as it is at the end.
    pub keep: bool,
    /// Whether the cluster is taken down with the run.
    pub throwaway: bool,
    /// Called with each event, for the console.
    pub on_event: OnEvent,
    /// Requests to end.
    pub interrupts: Interrupts,
    /// The Lease of a cluster that others could use as well.
    pub lease: Option<RunLease>,
    /// Gets what is on the cluster once everything that earlier runs left is undone, and before this run changes anything.
    pub known_state: Option<oneshot::Sender<Contents>>,
}

/// Carries out a plan on a cluster. The outcome is in the log; an error is returned only where the log itself could not be kept, and then
/// the cluster has been cleaned up nevertheless.
///
/// # Errors
/// [`RunError::NoLog`], [`RunError::Log`], [`RunError::LogRemoved`] and [`RunError::Deadline`] for a log that could not be ended.
pub async fn execute(plan: &Plan, cluster: Cluster, options: Options) -> Result<(), RunError> {
    let Options { run_id, out, tree, command, keep, throwaway, on_event, interrupts, lease, known_state } = options;
    let versions = cluster.versions().await.into_iter().collect();
    let clock = RunClock::start();
    let opened = Hub::open(&out.join("events.jsonl"), clock, on_event);
    let (hub, log) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            give_back(lease, false, &interrupts).await;
            if throwaway {
                interrupts.unless_leaving(cluster.teardown(None)).await;
            }
            return Err(error);
        }
    };
    hub.record_at(0, EventKind::RunStarted(started(plan, &cluster, &run_id, &command, clock, versions)));
    let cluster = Arc::new(cluster);
    let repository = Repository::new(WorkingTree::new(tree), plan);
    let context = Context::new(cluster.clone(), run_id, throwaway, hub.clone());
    let actions = Actions::new(context, repository);
    let sampling = tokio::spawn(usage::sample(cluster.clone(), hub.clone()));

    let mut before = Before::default();
    let mut observers = None;
    let mut webhook = None;
    let (mut reason, mut detail) = tokio::select! {
        biased;
        () = interrupts.interrupt.cancelled() => (EndReason::Interrupted, String::new()),
        error = hub.failed() => (EndReason::TargetFailed, error),
        failure = cluster.failed() => (EndReason::TargetFailed, died(failure).to_string()),
        loss = lost(lease.as_ref()) => (EndReason::TargetFailed, loss.to_string()),
        outcome = carry_out(plan, &actions, lease.as_ref(), known_state, &mut before, &mut observers, &mut webhook) => match outcome {
            Ok(None) => (EndReason::Completed, String::new()),
            Ok(Some(lacking)) => (EndReason::NotRun, format!("needs {lacking}")),
            Err(error) => (EndReason::TargetFailed, describe(&error)),
        },
    };
    // Between phases, where everything was carried out.
    hub.end_phase(PhaseOutcome::Cancelled, detail.clone());
    let cleaned = match reason {
        // Nothing was changed but what earlier runs had left.
        EndReason::NotRun => Cleaned::Everything,
        _ if keep => Cleaned::Unfinished,
        EndReason::Completed | EndReason::TargetFailed | EndReason::Interrupted => {
            clean_up(plan, &actions, lease.as_ref(), &before, &interrupts).await
        }
    };
    if let Cleaned::ByAnother(holder) = &cleaned {
        // What came before says nothing: the other run has changed the cluster meanwhile.
        (reason, detail) = (EndReason::TargetFailed, cleaned_by(holder));
    }
    if !matches!(cleaned, Cleaned::ByAnother(_)) && reason != EndReason::NotRun {
        look_again(&actions.context, &interrupts).await;
    }
    give_back(lease, before.is_known && matches!(cleaned, Cleaned::Everything), &interrupts).await;
    // Sums over a cluster that another run uses are not this one's.
    if let (Some(observers), false) = (&mut observers, matches!(cleaned, Cleaned::ByAnother(_))) {
        tokio::select! {
            biased;
            () = interrupts.abandon.cancelled() => {}
            () = observers.record_ledger() => {}
        }
    }
    interrupts.unless_leaving(usage::record(&cluster, &hub)).await;
    sampling.abort();
    // The task holds the cluster and the hub until it has ended.
    let _aborted = sampling.await;
    drop(observers);
    if let Some(webhook) = webhook {
        webhook.stop().await;
    }
    drop(actions);
    if throwaway && !keep {
        let name = cluster.name().to_owned();
        if interrupts.unless_leaving(teardown(cluster, out.join("logs"), &hub)).await.is_none() {
            // Its processes end with this one.
            hub.record(EventKind::Leak { kind: "Cluster".to_owned(), name });
        }
    }
    hub.record(EventKind::RunEnded { reason, detail });
    drop(hub);
    log.finish().await
}

fn started(
    plan: &Plan,
    cluster: &Cluster,
    run_id: &str,
    command: &str,
    clock: RunClock,
    versions: BTreeMap<String, String>,
) -> RunStarted {
    RunStarted {
        version: LOG_VERSION,
        minor: LOG_MINOR,
        harness: env!("CARGO_PKG_VERSION").to_owned(),
        run_id: run_id.to_owned(),
        scenario: plan.scenario.clone(),
        target: cluster.target().to_owned(),
        seed: plan.seed,
        started_at: clock.started_at(),
        command: command.to_owned(),
        simulated: cluster.simulated().clone(),
        capabilities: cluster.capabilities(),
        versions,
    }
}

/// What became of the cleanup.
enum Cleaned {
    /// Everything is as it was.
    Everything,
    /// Not everything is, or nothing was tried.
    Unfinished,
    /// Another run has the cluster, and undoes what is left: which one.
    ByAnother(String),
}

/// Cleans up, as long as the cluster is the run's own: over a run that has taken it the cleanup would restore what that one has changed.
async fn clean_up(
    plan: &Plan,
    actions: &Actions,
    lease: Option<&RunLease>,
    before: &Before,
    interrupts: &Interrupts,
) -> Cleaned {
    let Context { cluster, hub, .. } = &actions.context;
    let cleanup = async {
        let taken_by = match lease {
            // A process that was stopped for a while learns it here.
            Some(lease) => lease.taken_by().await,
            None => None,
        };
        match taken_by {
            Some(holder) => Cleaned::ByAnother(holder),
            None if cleanup::cleanup(plan, actions, before).await => Cleaned::Everything,
            None => Cleaned::Unfinished,
        }
    };
    let limit = format!("it did not end within {} s", CLEANUP_LIMIT.as_secs());
    let given_up = tokio::select! {
        biased;
        () = interrupts.abandon.cancelled() => "it was interrupted, or took longer than --grace allows",
        holder = taken(lease) => {
            hub.end_phase(PhaseOutcome::Cancelled, format!("the cleanup was not finished: {}", cleaned_by(&holder)));
            return Cleaned::ByAnother(holder);
        }
        // A cluster that has lost a component cannot clean up after itself.
        _ = cluster.failed() => {
            hub.end_phase(PhaseOutcome::Cancelled, "the cleanup was not finished".to_owned());
            return Cleaned::Unfinished;
        }
        outcome = tokio::time::timeout(CLEANUP_LIMIT, cleanup) => match outcome {
            Ok(cleaned) => return cleaned,
            Err(_) => &limit,
        },
    };
    tracing::warn!("the cleanup was given up: {given_up}");
    hub.end_phase(PhaseOutcome::Cancelled, format!("the cleanup was not finished: {given_up}"));
    // A cluster without a Lease ends with this process, and everything on it.
    let Some(lease) = lease else { return Cleaned::Unfinished };
    match cleanup::name_leftovers(plan, actions, lease, before, interrupts).await {
        Some(holder) => Cleaned::ByAnother(holder),
        None => Cleaned::Unfinished,
    }
}

fn cleaned_by(holder: &str) -> String {
    format!("{}; this run leaves the cluster to that one, which undoes what is left", Loss::Taken(holder.to_owned()))
}

/// Looks at what became of what was there before. Without an answer that is not known.
async fn look_again(context: &Context, interrupts: &Interrupts) {
    let Some(others) = context.others() else { return };
    let looked = tokio::select! {
        biased;
        () = interrupts.abandon.cancelled() => return,
        _ = context.cluster.failed() => return,
        looked = within(LOOK_LIMIT, "look at what was there before the run", others.look_again(&context.cluster, &context.hub)) => looked,
    };
    if let Err(error) = looked {
        tracing::warn!("{}", describe(&error));
    }
}

/// Gives the Lease back, with the note of what the next run has to restore unless that `is_restored`.
async fn give_back(lease: Option<RunLease>, is_restored: bool, interrupts: &Interrupts) {
    let Some(lease) = lease else { return };
    let why = match interrupts.unless_leaving(lease.release(is_restored)).await {
        Some(Ok(())) => return,
        Some(Err(error)) => describe(&error),
        None => "the API server has not answered".to_owned(),
    };
    tracing::warn!(
        "the Lease of the cluster was not given back; the next run takes it once this process has ended: {why}"
    );
}

/// Ends when the run no longer has its Lease.
async fn lost(lease: Option<&RunLease>) -> Loss {
    match lease {
        Some(lease) => lease.lost().await,
        None => std::future::pending().await,
    }
}

/// Ends when another run has the Lease, and says which one.
async fn taken(lease: Option<&RunLease>) -> String {
    match lease {
        Some(lease) => lease.taken().await,
        None => std::future::pending().await,
    }
}

fn died(failure: Failure) -> RunError {
    // A Go program that panics says why before it lists its goroutines.
    let panics = |line: &&String| line.starts_with("panic: ") || line.starts_with("fatal error: ");
    let log = failure.log_tail.iter().find(panics).or(failure.log_tail.last()).cloned().unwrap_or_default();
    RunError::ComponentDied { component: failure.component, status: failure.reason, log }
}

/// Returns what the target lacks, where it lacks something and nothing was done.
async fn carry_out(
    plan: &Plan,
    actions: &Actions,
    lease: Option<&RunLease>,
    known_state: Option<oneshot::Sender<Contents>>,
    before: &mut Before,
    observers: &mut Option<Observers>,
    webhook: &mut Option<Webhook>,
) -> Result<Option<String>, RunError> {
    let context = &actions.context;
    let Context { cluster, hub, .. } = context;
    let offered = cluster.capabilities();
    let lacking: Vec<String> = plan.needs.difference(&offered).map(ToString::to_string).collect();
    if !lacking.is_empty() {
        return Ok(Some(lacking.join(", ")));
    }
    hub.start_phase(prepare::PHASE);
    known_state::restore(context, lease).await?;
    before.is_known = true;
    if let Some(known_state) = known_state {
        let contents =
            repeated_within(LOOK_LIMIT, "look at what is on the cluster", async || cluster.contents().await).await?;
        // An error means that nobody waits for it any more.
        let _ = known_state.send(contents);
    }
    let others = Others::look(plan, &actions.repository.addresses(plan).await, cluster, hub).await?;
    if let Some(unmet) = others.unmet(plan) {
        return Ok(Some(unmet));
    }
    context.set_others(others);
    within(PROVIDE_LIMIT, "start what the scenario needs", cluster.provide(&plan.needs)).await?;
    if plan.webhook {
        *webhook = Some(Webhook::start(hub.clone()).await?);
    }
    let registry = plan.needs.contains(&Capability::ImageRegistry).then(|| cluster.image_registry()).flatten();
    let registry = registry.map(|registry| format!("{registry}/{}", context.namespace()));
    let subnets = match cluster.azure() {
        Some(azure) => {
            Some(azure.subnets_id().await.map_err(RunError::failed("look at the simulated Azure's subnets"))?)
        }
        None => None,
    };
    let placeholders = Placeholders { webhook: webhook.as_ref().map(Webhook::url), registry, subnets };
    actions.repository.fill_with(placeholders).await;
    prepare::set_behaviour(plan, context, lease, before).await?;
    hub.record(EventKind::DaemonSets { all: daemon_sets::of_every_node(&context.client).await? });
    actions.objects.locate(&plan.objects, context).await?;
    hub.update(|state| state.count_occurrences(scope::counted(plan)));
    *observers = Some(Observers::start(plan, actions.objects.all(), context).await?);
    let (outcome, detail) = match prepare::apply(plan, actions, lease, before).await? {
        Prepared::Ready => (PhaseOutcome::Reached, String::new()),
        Prepared::Refused(why) => (PhaseOutcome::DeadlinePassed, why),
    };
    hub.end_phase(outcome, detail);
    if outcome == PhaseOutcome::Reached {
        phases::run(plan, actions).await?;
    }
    Ok(None)
}

async fn teardown(mut cluster: Arc<Cluster>, logs: PathBuf, hub: &Hub) {
    // A stopped task drops the cluster when the runtime drops the task, not when it is aborted.
    let limit = tokio::time::Instant::now() + RELEASE_LIMIT;
    loop {
        cluster = match Arc::try_unwrap(cluster) {
            Ok(cluster) => {
                for left in cluster.teardown(Some(&logs)).await.left {
                    hub.record(EventKind::Leak { kind: "Process".to_owned(), name: left });
                }
                return;
            }
            Err(shared) => shared,
        };
        if tokio::time::Instant::now() >= limit {
            tracing::error!("the cluster is still in use; it stops when this process ends, and its logs are lost");
            return;
        }
        tokio::time::sleep(RELEASE_POLL).await;
    }
}
