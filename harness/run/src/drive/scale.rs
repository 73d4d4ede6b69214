//! Scaling one workload: its actions in their order, each not before its time.

use std::time::Duration;

use harness_record::EventKind;
use harness_record::event::{ActionKind, ActionStamps};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use tokio::time::sleep_until;

use crate::hub::Hub;

/// One scale action with its intended time.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    pub(super) id: u32,
    pub(super) intended_us: u64,
    pub(super) to: u32,
}

/// How often a refused patch is sent again before the action counts as failed.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// Sends the actions of one workload. One request is in flight at a time, since two could overtake each other; what has
/// become due meanwhile goes with the next request, and each action keeps its own intended time, so that a slow API server
/// shows as latency and not as a lower rate.
pub(super) async fn drive(
    deployments: Api<Deployment>,
    workload: String,
    phase: String,
    actions: Vec<Scaling>,
    hub: Hub,
) {
    let mut rest = actions.as_slice();
    while let Some(first) = rest.first() {
        sleep_until(hub.clock.instant(first.intended_us)).await;
        let now_us = hub.clock.now_us();
        let due = rest.partition_point(|action| action.intended_us <= now_us).max(1);
        let (batch, later) = rest.split_at(due);
        rest = later;
        let Some(last) = batch.last() else { return };
        let sent_us = hub.clock.now_us();
        let outcome = patch(&deployments, &workload, last.to).await;
        let acked_us = hub.clock.now_us();
        for action in batch {
            hub.record_at(
                acked_us,
                EventKind::Action(ActionStamps {
                    what: ActionKind::Planned(action.id),
                    phase: phase.clone(),
                    intended_us: action.intended_us,
                    sent_us: Some(sent_us),
                    acked_us: outcome.is_ok().then_some(acked_us),
                    error: outcome.as_ref().err().cloned(),
                }),
            );
        }
    }
}

async fn patch(deployments: &Api<Deployment>, workload: &str, replicas: u32) -> Result<(), String> {
    let patch = Patch::Merge(serde_json::json!({"spec": {"replicas": replicas}}));
    let mut tried = 0;
    loop {
        tried += 1;
        match deployments.patch(workload, &PatchParams::default(), &patch).await {
            Ok(_) => return Ok(()),
            Err(error) if tried == TRIES => return Err(error.to_string()),
            Err(error) => {
                tracing::warn!(workload, replicas, "cannot scale, trying again: {error}");
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
        }
    }
}
