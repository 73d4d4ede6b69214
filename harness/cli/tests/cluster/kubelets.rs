//! What the simulated kubelets do with their pods.

use harness_cluster::Cluster;
use harness_testing::{limits, wait_for};
use k8s_openapi::api::core::v1::{Event, Namespace, Pod, PodCondition};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::autoscaler::{NODE, administrators_nodes, node, remove};
use crate::shared::SharedCluster;

const NAMESPACE: &str = "kubelets";

/// A pod that the node controller has made not Ready is Ready again, and one whose image cannot be pulled never is.
pub(crate) fn pods_are_as_ready_as_they_can_be(shared: &SharedCluster) {
    shared.with(async |cluster| look(cluster).await);
}

async fn look(cluster: Cluster) {
    let client = cluster.client();
    let nodes = administrators_nodes(&cluster).await;
    node(&nodes).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = json!({"metadata": {"name": NAMESPACE}});
    namespaces.create(&PostParams::default(), &serde_json::from_value(namespace).unwrap()).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    for (name, image) in [("good", "example/none"), ("missing", "registry.invalid:5000/web:9")] {
        let pod = json!({
            "metadata": {"name": name},
            "spec": {"nodeName": NODE, "terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": image}]},
        });
        wait_for("the namespace takes pods", limits::ANSWER, async || {
            let created = pods.create(&PostParams::default(), &serde_json::from_value(pod.clone()).unwrap()).await;
            created.map_err(|error| error.to_string())
        })
        .await;
    }
    ready(&pods, "good", "True").await;

    // What MarkPodsNotReady of the node controller writes: the status alone.
    let not_ready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    pods.patch_status("good", &PatchParams::default(), &Patch::Strategic(&not_ready)).await.unwrap();
    ready(&pods, "good", "False").await;
    ready(&pods, "good", "True").await;

    ready(&pods, "missing", "False").await;
    let missing = pods.get("missing").await.unwrap().status.unwrap();
    let waiting = missing.container_statuses.unwrap().remove(0).state.unwrap().waiting.unwrap();
    assert_eq!(waiting.reason.as_deref(), Some("ImagePullBackOff"));
    let events: Api<Event> = Api::namespaced(client.clone(), NAMESPACE);
    wait_for("an event says that the image was not pulled", limits::ANSWER, async || {
        let about = ListParams::default().fields("involvedObject.name=missing,reason=Failed");
        let found = events.list(&about).await.map_err(|error| error.to_string())?.items;
        let message = found.into_iter().find_map(|event| event.message);
        message.filter(|message| message.contains("Failed to pull image")).map(drop).ok_or("none".to_owned())
    })
    .await;

    remove(&namespaces, NAMESPACE).await;
    nodes.delete(NODE, &DeleteParams::default()).await.unwrap();
}

async fn ready(pods: &Api<Pod>, name: &str, wanted: &str) {
    wait_for(&format!("{name} has Ready={wanted}"), limits::AUTOSCALED, async || {
        let status = pods.get(name).await.map_err(|error| error.to_string())?.status.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        let is = conditions.iter().find(|PodCondition { type_, .. }| type_ == "Ready");
        match is.is_some_and(|is| is.status == wanted) {
            true => Ok(()),
            false => Err(format!("{is:?}")),
        }
    })
    .await;
}
