//! Before the first phase: Azure behaves as planned, the workloads are there with no replicas, the tree is applied.

use std::time::Duration;

use harness_azure::behaviour::Behaviour;
use harness_cluster::HealthCheck;
use harness_cluster::git::GitRemote;
use harness_record::EventKind;
use harness_record::event::{ActionKind, ActionStamps};
use harness_scenario::plan::Plan;

use crate::RunError;
use crate::drive::{Tools, azure};
use crate::labels;
use crate::state::State;
use crate::workload;

/// The name of the phase, in the log and in reports.
pub(crate) const PHASE: &str = "prepare";
/// The Kustomization's own timeout is 2 minutes; a little more lets Flux say so itself.
const APPLY_LIMIT: Duration = Duration::from_secs(150);
/// The API server asks its aggregated APIs every few seconds whether they are there.
const METRICS_LIMIT: Duration = Duration::from_secs(30);
/// After Flux has said that it cannot apply the tree, how long it may change its mind.
const REFUSAL_GRACE: Duration = Duration::from_secs(10);

/// What preparation changed, so that cleanup can put it back. Filled step by step: an interrupted preparation is cleaned up too.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// The simulated Azure's behaviour.
    pub(crate) behaviour: Option<Behaviour>,
    /// The commit that Flux applied.
    pub(crate) commit: Option<String>,
    /// Whether the workloads' namespace was asked for.
    pub(crate) namespace: bool,
}

/// How preparation ended.
pub(crate) enum Prepared {
    /// The tree is in force and its pools are Ready.
    Ready,
    /// The tree did not get into force: why.
    Refused(String),
}

/// Sets the behaviour of the simulated Azure, where there is one.
pub(crate) async fn set_behaviour(plan: &Plan, tools: &Tools, before: &mut Before) -> Result<(), RunError> {
    let Some(azure) = tools.cluster.azure() else {
        return Ok(());
    };
    let earlier = azure.behaviour().await.map_err(RunError::azure("read the simulated Azure's behaviour"))?;
    before.behaviour = Some(earlier);
    azure
        .set_behaviour(&azure::behaviour(&plan.azure, plan.seed))
        .await
        .map_err(RunError::azure("set the simulated Azure's behaviour"))
}

/// Creates the workloads, pushes the tree and waits until Flux has applied it and its pools are Ready.
pub(crate) async fn apply(plan: &Plan, tools: &Tools, before: &mut Before) -> Result<Prepared, RunError> {
    if plan.workloads.iter().any(|workload| workload.autoscale.is_some())
        && let Some(metrics) = tools.cluster.metrics()
    {
        let available = metrics.available(METRICS_LIMIT).await;
        available.map_err(|error| RunError::Target {
            doing: "wait for the metrics that autoscalers read".to_owned(),
            reason: error.to_string(),
        })?;
    }
    before.namespace = true;
    workload::create(&tools.client, &tools.run_id, plan).await?;
    let Some(git) = tools.cluster.git() else {
        return Err(RunError::Target {
            doing: "apply the node configuration".to_owned(),
            reason: "this target has no Git repository that the harness can push to".to_owned(),
        });
    };
    before.commit = git.head().await.map_err(|error| RunError::Git {
        doing: "read the head of the node configuration's repository".to_owned(),
        reason: error.to_string(),
    })?;
    let pools: Vec<String> = plan.node_config.classes.iter().map(|class| class.name.clone()).collect();
    let flux = tools.cluster.flux();
    let checks: Vec<HealthCheck> = pools.iter().map(HealthCheck::node_pool).collect();
    flux.configure(&checks, &labels::of_run(&tools.run_id)).await.map_err(|error| RunError::Target {
        doing: "set the health checks of the Kustomization node-config".to_owned(),
        reason: match &error {
            kube::Error::Api(status) if status.code == 404 => format!("{error}; `harness flux install` brings it back"),
            _ => error.to_string(),
        },
    })?;
    let revision = push(plan, &git, tools).await?;
    flux.fetch_now().await.map_err(|error| RunError::Target {
        doing: "ask Flux to fetch the commit".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(wait_until_in_force(&revision, &pools, tools).await)
}

async fn push(plan: &Plan, git: &GitRemote, tools: &Tools) -> Result<String, RunError> {
    let message = format!("{}: node configuration under test (run {})", plan.scenario, tools.run_id);
    let commit = tools.repository.push_first(git, &message).await?;
    let sent_us = tools.hub.clock.us_of(commit.sent);
    let acked_us = tools.hub.clock.us_of(commit.acknowledged);
    tools.hub.record_at(
        acked_us,
        EventKind::Action(ActionStamps {
            id: None,
            phase: PHASE.to_owned(),
            what: ActionKind::Push { revision: commit.sha.clone() },
            intended_us: sent_us,
            sent_us: Some(sent_us),
            acked_us: Some(acked_us),
            error: None,
        }),
    );
    Ok(commit.sha)
}

async fn wait_until_in_force(revision: &str, pools: &[String], tools: &Tools) -> Prepared {
    let hub = &tools.hub;
    let mut missing = String::new();
    let mut refusal = String::new();
    let in_force = hub.wait_for(&mut missing, |state| in_force(state, revision, pools));
    let refused = async {
        hub.wait_for(&mut refusal, |state| state.flux_failure.as_ref().map(drop).ok_or_else(String::new)).await;
        tokio::time::sleep(REFUSAL_GRACE).await;
    };
    let waited = async {
        tokio::select! {
            () = in_force => true,
            () = refused => false,
        }
    };
    match tokio::time::timeout(APPLY_LIMIT, waited).await {
        Ok(true) => Prepared::Ready,
        Ok(false) | Err(_) => {
            let said = hub.read(|state| state.flux_failure.clone());
            let missing = hub.read(|state| in_force_missing(state, revision, pools));
            Prepared::Refused(match said {
                Some(said) => format!("{missing}; Flux says: {said}"),
                None => missing,
            })
        }
    }
}

fn in_force(state: &State, revision: &str, pools: &[String]) -> Result<(), String> {
    if !state.healthy.ends_with(revision) {
        let step = if state.applied.ends_with(revision) {
            "applied, its health checks have not passed"
        } else if state.fetched.ends_with(revision) {
            "fetched, not applied"
        } else {
            "pushed, not fetched"
        };
        return Err(format!("commit {} is {step}", &revision[..revision.len().min(12)]));
    }
    let waiting: Vec<&str> = pools.iter().map(String::as_str).filter(|pool| !state.nodepool_ready(pool)).collect();
    if waiting.is_empty() { Ok(()) } else { Err(format!("NodePools not Ready: {}", waiting.join(", "))) }
}

fn in_force_missing(state: &State, revision: &str, pools: &[String]) -> String {
    in_force(state, revision, pools).err().unwrap_or_else(|| "it got into force after the limit".to_owned())
}
