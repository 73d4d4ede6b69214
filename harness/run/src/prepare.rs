//! Before the first phase: Azure behaves as planned, the workloads exist with no replicas, the tree is applied.

use std::time::Duration;

use harness_cluster::HealthCheck;
use harness_cluster::flux::{self, Flux, Intervals};
use harness_cluster::git::GitRemote;
use harness_plan::Plan;
use harness_record::event::ActionKind;
use harness_simulation::Behaviour;

use crate::RunError;
use crate::conditions::{not_in_force, short};
use crate::drive::{Actions, Context};
use crate::labels;
use crate::requests::once;
use crate::state::State;
use crate::workload;

/// The name of the phase, in the log and in reports.
pub(crate) const PHASE: &str = "prepare";
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
    /// The simulated Azure's behaviour.
    pub(crate) behaviour: Option<Behaviour>,
    /// The commit that Flux applied.
    pub(crate) commit: Option<String>,
    /// Flux's intervals, where the plan changes them.
    pub(crate) intervals: Option<Intervals>,
    /// Whether the creation of the workloads' namespace was requested.
    pub(crate) namespace: bool,
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
pub(crate) async fn set_behaviour(plan: &Plan, context: &Context, before: &mut Before) -> Result<(), RunError> {
    let Some(azure) = context.cluster.azure() else {
        return Ok(());
    };
    let earlier = azure.behaviour().await.map_err(RunError::failed("read the simulated Azure's behaviour"))?;
    before.behaviour = Some(earlier);
    let behaviour = Behaviour { faults: Vec::new(), ..plan.azure.clone() };
    azure.set_behaviour(&behaviour).await.map_err(RunError::failed("set the simulated Azure's behaviour"))
}

/// Starts the faults of the simulated Azure's behaviour, in their order; how long one lasts counts from here.
pub(crate) async fn start_faults(plan: &Plan, context: &Context) -> Result<(), RunError> {
    let Some(azure) = context.cluster.azure() else {
        return Ok(());
    };
    for fault in &plan.azure.faults {
        let doing = format!("start the fault {} of the simulated Azure", fault.kind.as_str());
        azure.add_fault(fault).await.map_err(RunError::failed(doing))?;
    }
    Ok(())
}

/// Creates the workloads, pushes the tree and waits until Flux has applied it and its pools are Ready.
pub(crate) async fn apply(plan: &Plan, actions: &Actions, before: &mut Before) -> Result<Prepared, RunError> {
    let context = &actions.context;
    if plan.workloads.iter().any(|workload| workload.autoscale.is_some())
        && let Some(metrics) = context.cluster.metrics()
    {
        let available = metrics.available(METRICS_LIMIT).await;
        available.map_err(RunError::failed("wait for the metrics that autoscalers read"))?;
    }
    before.namespace = true;
    workload::create(&context.client, &context.run_id, plan).await?;
    let git = context.git().map_err(RunError::failed("apply the node configuration"))?;
    let doing = "read the head of the node configuration's repository";
    before.commit = git.head().await.map_err(RunError::failed(doing))?;
    let pools: Vec<String> = plan.node_config.classes.iter().map(|class| class.name.clone()).collect();
    let flux = context.cluster.flux();
    let checks: Vec<HealthCheck> = pools.iter().map(HealthCheck::node_pool).collect();
    let run = labels::of_run(&context.run_id);
    once("set the health checks of the Kustomization node-config", flux.configure(&checks, &run)).await?;
    once("set the intervals of Flux", set_intervals(plan, &flux, before)).await?;
    push(plan, &git, actions).await?;
    once("ask Flux to fetch the commit", flux.fetch_now()).await?;
    let layers = plan.gitops.as_ref().map_or(&[][..], |gitops| &gitops.layers);
    let layers = layers.iter().map(|layer| layer.name.clone()).collect();
    Ok(wait_until_in_force(&Goal { pools, layers }, context).await)
}

async fn set_intervals(plan: &Plan, flux: &Flux, before: &mut Before) -> Result<(), kube::Error> {
    let Some(gitops) = &plan.gitops else { return Ok(()) };
    let planned = Intervals {
        source: gitops.source_interval.map(|span| span.to_string()),
        root: gitops.interval.map(|span| span.to_string()),
    };
    if planned == Intervals::default() {
        return Ok(());
    }
    before.intervals = Some(flux.intervals().await?);
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

async fn wait_until_in_force(goal: &Goal, context: &Context) -> Prepared {
    let hub = &context.hub;
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
        Ok(true) => Prepared::Ready,
        Ok(false) | Err(_) => {
            let failures = hub.read(|state| state.flux_failures.values().cloned().collect::<Vec<_>>().join("; "));
            let missing = hub.read(|state| goal.missing(state));
            let missing = missing.unwrap_or_else(|| "it was in force only after the limit".to_owned());
            Prepared::Refused(if failures.is_empty() { missing } else { format!("{missing}; Flux says: {failures}") })
        }
    }
}

impl Goal {
    /// What is not in force yet; `None` where everything is.
    fn missing(&self, state: &State) -> Option<String> {
        if let Some(missing) = not_in_force(state) {
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
    use harness_record::event::{ObjectKind, Reached, attribute};
    use harness_record::{Event, EventKind};

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
}
