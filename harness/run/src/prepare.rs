//! Before the first phase: Azure behaves as planned, the workloads exist with no replicas, the tree is applied.

use std::time::Duration;

use harness_cluster::HealthCheck;
use harness_cluster::flux::{self, Flux, Intervals};
use harness_cluster::git::GitRemote;
use harness_plan::Plan;
use harness_record::EventKind;
use harness_record::event::ActionKind;
use harness_simulation::Behaviour;
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject, PostParams};

use crate::RunError;
use crate::drive::{Actions, Context};
use crate::labels;
use crate::lease::{Changed, RunLease};
use crate::objects::resource;
use crate::requests::{once, within};
use crate::state::{State, short};
use crate::workload;

/// The name of the phase, in the log and in reports.
pub(crate) const PHASE: &str = "prepare";
/// How long Flux may take to fetch the commit: it is asked to, and tries again after seconds. A Git server that it cannot reach is the target's
/// failure and says nothing about the tree.
const FETCH_LIMIT: Duration = Duration::from_secs(60);
/// How long the push of the tree may take.
const PUSH_LIMIT: Duration = Duration::from_secs(60);
/// The Kustomization's own timeout is 2 minutes; with a little more Flux itself reports that it has passed.
const APPLY_LIMIT: Duration = Duration::from_secs(150);
/// This much more for each layer: its pods may wait for nodes, and it waits for those that it depends on.
const LAYER_LIMIT: Duration = Duration::from_secs(60);
/// The API server checks every few seconds whether its aggregated APIs are available.
const METRICS_LIMIT: Duration = Duration::from_secs(30);
/// How long Flux may take to apply the tree after all once it has said that it cannot.
const REFUSAL_GRACE: Duration = Duration::from_secs(10);

/// What preparation changed, so that cleanup can restore it. Filled step by step: an interrupted preparation is cleaned up too.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Whether everything that an earlier run had left is undone. Until then the note in the Lease is that run's, and still needed.
    pub(crate) is_known: bool,
    /// The simulated Azure's behaviour.
    pub(crate) behaviour: Option<Behaviour>,
    /// The commit that Flux applied.
    pub(crate) commit: Option<String>,
    /// Flux's intervals, where the plan changes them.
    pub(crate) intervals: Option<Intervals>,
    /// Whether the creation of the workloads' namespace was requested.
    pub(crate) namespace: bool,
}

impl Before {
    /// Notes in the run's Lease what the next run has to restore if this one does not.
    async fn note(&self, lease: Option<&RunLease>) -> Result<(), RunError> {
        let Some(lease) = lease else { return Ok(()) };
        let Intervals { source, root } = self.intervals.clone().unwrap_or_default();
        let changed = Changed {
            behaviour: self.behaviour.clone(),
            commit: self.commit.clone(),
            source_interval: source,
            root_interval: root,
            ..Changed::default()
        };
        lease.note(changed).await.map_err(RunError::failed("note what the run changes"))
    }
}

/// How preparation ended.
pub(crate) enum Prepared {
    /// The tree is in force and its pools are Ready.
    Ready,
    /// Why the tree is not in force.
    Refused(String),
}

/// Sets the behaviour of the simulated Azure, where there is one. Its faults start with the first phase: nothing goes wrong while the run is
/// prepared.
pub(crate) async fn set_behaviour(
    plan: &Plan,
    context: &Context,
    lease: Option<&RunLease>,
    before: &mut Before,
) -> Result<(), RunError> {
    let Some(azure) = context.cluster.azure() else {
        return Ok(());
    };
    before.behaviour = Some(once("read the simulated Azure's behaviour", azure.behaviour()).await?);
    before.note(lease).await?;
    let behaviour = Behaviour { faults: Vec::new(), ..plan.azure.clone() };
    once("set the simulated Azure's behaviour", azure.set_behaviour(&behaviour)).await
}

/// Creates the workloads, pushes the tree and waits until Flux has applied it and its pools are Ready.
pub(crate) async fn apply(
    plan: &Plan,
    actions: &Actions,
    lease: Option<&RunLease>,
    before: &mut Before,
) -> Result<Prepared, RunError> {
    let context = &actions.context;
    if plan.workloads.iter().any(|workload| workload.autoscale.is_some())
        && let Some(metrics) = context.cluster.metrics()
    {
        let available = metrics.available(METRICS_LIMIT).await;
        available.map_err(RunError::failed("wait for the metrics that autoscalers read"))?;
    }
    aks_defaults(plan, context).await?;
    before.namespace = true;
    let avoid = context.others().map_or(Vec::new(), |others| others.pools_to_avoid(plan));
    workload::create(&context.client, &context.run_id, plan, &avoid).await?;
    let git = context.git().map_err(RunError::failed("apply the node configuration"))?;
    let doing = "read the head of the node configuration's repository";
    before.commit = once(doing, git.head()).await?;
    let pools: Vec<String> = plan.node_config.classes.iter().map(|class| class.name.clone()).collect();
    let flux = context.cluster.flux();
    let checks: Vec<HealthCheck> = pools.iter().map(HealthCheck::node_pool).collect();
    let run = labels::of_run(&context.run_id);
    once("set the health checks of the Kustomization node-config", flux.configure(&checks, &run)).await?;
    if plan.gitops.is_some() {
        before.intervals = Some(once("read the intervals of Flux", flux.intervals()).await?);
    }
    before.note(lease).await?;
    once("set the intervals of Flux", set_intervals(plan, &flux)).await?;
    within(PUSH_LIMIT, "push the node configuration", push(plan, &git, actions)).await?;
    once("ask Flux to fetch the commit", flux.fetch_now()).await?;
    let layers = plan.gitops.as_ref().map_or(&[][..], |gitops| &gitops.layers);
    let layers = layers.iter().map(|layer| layer.name.clone()).collect();
    let goal = Goal { pools, layers };
    tokio::select! {
        outcome = wait_until_in_force(&goal, context) => outcome,
        () = tell_progress(&goal, context) => Ok(Prepared::Ready),
    }
}

/// Makes the pools and the class of AKS that the tree does not have, where they are not there: on AKS they are. Cleanup deletes what was made.
async fn aks_defaults(plan: &Plan, context: &Context) -> Result<(), RunError> {
    for object in &plan.node_config.aks_defaults {
        let mut object: DynamicObject = serde_json::from_value(object.clone())
            .map_err(RunError::failed("read the objects that AKS makes itself"))?;
        object.labels_mut().extend(labels::of_run(&context.run_id));
        let types = object.types.clone().unwrap_or_default();
        let (group, version) = types.api_version.split_once('/').unwrap_or(("", &types.api_version));
        let api: Api<DynamicObject> = Api::all_with(context.client.clone(), &resource(group, version, &types.kind));
        let doing = format!("create AKS's own {} {}", types.kind, object.name_any());
        let create = async {
            match api.create(&PostParams::default(), &object).await {
                Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
                created => created.map(drop),
            }
        };
        once(doing, create).await?;
    }
    Ok(())
}

async fn set_intervals(plan: &Plan, flux: &Flux) -> Result<(), kube::Error> {
    let Some(gitops) = &plan.gitops else { return Ok(()) };
    let planned = Intervals {
        source: gitops.source_interval.map(|span| span.to_string()),
        root: gitops.interval.map(|span| span.to_string()),
    };
    if planned == Intervals::default() {
        return Ok(());
    }
    flux.set_intervals(&planned).await
}

async fn push(plan: &Plan, git: &GitRemote, actions: &Actions) -> Result<(), RunError> {
    let Context { run_id, hub, .. } = &actions.context;
    let message = format!("{}: node configuration under test (run {run_id})", plan.scenario);
    let commit = actions.repository.push_first(git, &message).await?;
    let sent_us = hub.clock.us_of(commit.sent.into());
    let acked_us = hub.clock.us_of(commit.acknowledged.into());
    hub.update(|state| state.pushed.clone_from(&commit.sha));
    hub.record_unplanned(ActionKind::Push { id: None, revision: commit.sha }, PHASE, sent_us, Ok(acked_us));
    Ok(())
}

/// What must be true before the first phase, apart from the newest commit being in force.
struct Goal {
    /// The NodePools that must be Ready.
    pools: Vec<String>,
    /// The layers that must be healthy.
    layers: Vec<String>,
}

/// Records what is awaited each time that changes. Ends when nothing is.
async fn tell_progress(goal: &Goal, context: &Context) {
    let hub = &context.hub;
    let mut told = None;
    loop {
        let mut awaited = None;
        hub.wait_until(|state| {
            awaited = goal.missing(state);
            awaited != told
        })
        .await;
        match &awaited {
            Some(what) => hub.record(EventKind::Awaited { what: what.clone() }),
            None => return,
        }
        told = awaited;
    }
}

/// Waits until the tree is in force. Whatever keeps Flux from trying it is a failure of the target.
async fn wait_until_in_force(goal: &Goal, context: &Context) -> Result<Prepared, RunError> {
    let hub = &context.hub;
    let silent = |what: &str, limit: Duration| RunError::Deadline {
        what: format!("{what} of commit {}", hub.read(|state| short(&state.pushed).to_owned())),
        limit_s: limit.as_secs(),
        last: hub.read(|state| goal.missing(state)).unwrap_or_default(),
    };
    let is_fetched = |state: &State| state.fetched.ends_with(&state.pushed) || goal.missing(state).is_none();
    if tokio::time::timeout(FETCH_LIMIT, hub.wait_until(is_fetched)).await.is_err() {
        return Err(silent("the fetch by Flux", FETCH_LIMIT));
    }
    let reached = hub.wait_until(|state| goal.missing(state).is_none());
    // A layer may fail and recover; a failure of the root ends the wait.
    let refused = async {
        hub.wait_until(|state| state.flux_failures.contains_key(flux::NAME)).await;
        tokio::time::sleep(REFUSAL_GRACE).await;
    };
    let waited = async {
        tokio::select! {
            () = reached => true,
            () = refused => false,
        }
    };
    let limit = APPLY_LIMIT + LAYER_LIMIT * u32::try_from(goal.layers.len()).unwrap_or(u32::MAX);
    match tokio::time::timeout(limit, waited).await {
        Ok(true) => Ok(Prepared::Ready),
        Err(_) if hub.read(|state| state.flux_failures.is_empty() && !is_applied(state)) => {
            Err(silent("the application by Flux", limit))
        }
        Ok(false) | Err(_) => {
            let missing = hub.read(|state| goal.missing(state));
            Ok(Prepared::Refused(missing.unwrap_or_else(|| "it was in force only after the limit".to_owned())))
        }
    }
}

fn is_applied(state: &State) -> bool {
    state.kustomization(flux::NAME).applied.ends_with(&state.pushed)
}

impl Goal {
    /// What is not in force yet, and why as far as Flux says; `None` where everything is.
    fn missing(&self, state: &State) -> Option<String> {
        let missing = self.stage(state)?;
        let failures: Vec<&str> = match &state.source_failure {
            Some(failure) if !state.fetched.ends_with(&state.pushed) => vec![failure],
            _ => state.flux_failures.values().map(String::as_str).collect(),
        };
        Some(if failures.is_empty() { missing } else { format!("{missing}; Flux says: {}", failures.join("; ")) })
    }

    fn stage(&self, state: &State) -> Option<String> {
        if let Some(missing) = state.commit_stage() {
            return Some(missing);
        }
        let Self { pools, layers } = self;
        let waiting: Vec<&str> = pools.iter().map(String::as_str).filter(|pool| !state.nodepool_ready(pool)).collect();
        if !waiting.is_empty() {
            return Some(format!("NodePools not Ready: {}", waiting.join(", ")));
        }
        let behind: Vec<String> = layers
            .iter()
            .map(|layer| (layer, state.kustomization(layer)))
            .filter(|(_, revisions)| !revisions.healthy.ends_with(&state.pushed))
            .map(|(layer, revisions)| {
                let applied = revisions.applied.ends_with(&state.pushed);
                format!("{layer} ({})", if applied { "applied, not healthy" } else { "not applied" })
            })
            .collect();
        (!behind.is_empty()).then(|| format!("layers behind commit {}: {}", short(&state.pushed), behind.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::state::tests::{milestone, with_attributes};
    use harness_record::Event;
    use harness_record::event::{ObjectKind, Reached, attribute};

    fn seen(name: &str, reached: Reached, revision: &str) -> Event {
        let revision = BTreeMap::from([(attribute::REVISION.to_owned(), format!("main@sha1:{revision}"))]);
        let mut event = with_attributes(milestone(ObjectKind::Kustomization, name, reached, ""), 1, &revision);
        if let EventKind::Milestone(milestone) = &mut event.kind {
            milestone.object.name = name.to_owned();
        }
        event
    }

    #[test]
    fn a_tree_is_in_force_when_every_layer_is() {
        let layers = ["infrastructure", "apps"].map(str::to_owned).to_vec();
        let goal = Goal { pools: Vec::new(), layers };
        let mut state = State::default();
        state.pushed = "new".to_owned();
        assert_eq!(goal.missing(&state), Some("commit new is pushed, not fetched".to_owned()));
        for event in [
            seen(flux::NAME, Reached::Healthy, "new"),
            seen("infrastructure", Reached::Healthy, "new"),
            seen("apps", Reached::Healthy, "old"),
        ] {
            state.apply(&event);
        }
        assert_eq!(goal.missing(&state), Some("layers behind commit new: apps (not applied)".to_owned()));
        state.apply(&seen("apps", Reached::Applied, "new"));
        assert_eq!(goal.missing(&state), Some("layers behind commit new: apps (applied, not healthy)".to_owned()));
        state.apply(&seen("apps", Reached::Healthy, "new"));
        assert_eq!(goal.missing(&state), None);
    }

    /// Before, a Git server that answered 503 was "pushed, not fetched" after three minutes.
    #[test]
    fn a_commit_that_cannot_be_fetched_is_said_with_the_reason() {
        let goal = Goal { pools: Vec::new(), layers: Vec::new() };
        let mut state = State::default();
        state.pushed = "new".to_owned();
        let mut failed = crate::state::tests::of_root(ObjectKind::GitRepository, Reached::Failed, "");
        if let EventKind::Milestone(milestone) = &mut failed.kind {
            milestone.attributes.insert(attribute::SAYS.to_owned(), "failed to checkout: 503".to_owned());
        }
        state.apply(&failed);
        let expected = "commit new is pushed, not fetched; Flux says: failed to checkout: 503";
        assert_eq!(goal.missing(&state).as_deref(), Some(expected));
        state.apply(&crate::state::tests::of_root(ObjectKind::GitRepository, Reached::Fetched, "main@sha1:new"));
        assert_eq!(goal.missing(&state).as_deref(), Some("commit new is fetched, not applied"));
    }
}
