//! Scaling workloads.

use std::time::Duration;

use harness_plan::Scale;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};

use crate::drive::context::Context;

/// How often a refused patch is sent again before the action counts as failed.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// Sets the replicas of a workload. Its namespace is deleted with the run: nothing has to be undone.
pub(super) async fn act(scale: &Scale, context: &Context) -> Result<(), kube::Error> {
    let deployments: Api<Deployment> = Api::namespaced(context.client.clone(), &context.namespace());
    let (workload, replicas) = (scale.workload(), scale.to);
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
