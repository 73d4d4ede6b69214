//! Scaling workloads.

use std::time::Duration;

use harness_plan::Scale;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};

use super::Done;
use crate::drive::context::Context;
use crate::error::ActionError;
use crate::state::Effect;

/// How often a refused patch is sent again before the action counts as failed.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// Sets the replicas of a workload. Its namespace is deleted with the run: nothing has to be undone.
pub(super) async fn act(scale: &Scale, context: &Context) -> Result<Done, ActionError> {
    let (workload, to) = (scale.workload(), scale.to);
    context.hub.update(|state| state.ask_for_replicas(workload, to));
    set_replicas(workload, to, context).await?;
    let is_down = scale.from.is_some_and(|from| to < from);
    let effect = is_down.then(|| Effect::ScaleDown { workload: workload.to_owned(), to });
    Ok(Done { pushed: None, effect })
}

async fn set_replicas(workload: &str, replicas: u32, context: &Context) -> Result<(), kube::Error> {
    let deployments: Api<Deployment> = Api::namespaced(context.client.clone(), &context.namespace());
    let patch = Patch::Merge(serde_json::json!({"spec": {"replicas": replicas}}));
    let mut tried = 0;
    loop {
        tried += 1;
        match deployments.patch(workload, &PatchParams::default(), &patch).await {
            Ok(_) => return Ok(()),
            Err(error) if tried == TRIES => return Err(error),
            Err(error) => {
                tracing::warn!(workload, replicas, "cannot scale, trying again: {error}");
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
        }
    }
}
