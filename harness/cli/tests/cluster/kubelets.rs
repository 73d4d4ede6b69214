//! What the simulated kubelets do with their pods, and how they report their nodes.

use std::time::Duration;

use harness_cluster::Cluster;
use harness_testing::{limits, wait_for};
use k8s_openapi::api::core::v1::{Event, Namespace, Node, Pod, PodCondition};
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

    probes_and_crashes(&pods).await;
    sleeps_before_stops(&pods).await;
    says_again_that_it_is_ready(&nodes).await;

    remove(&namespaces, NAMESPACE).await;
    nodes.delete(NODE, &DeleteParams::default()).await.unwrap();
}

/// What a pod's annotations say of its readiness and its end.
async fn probes_and_crashes(pods: &Api<Pod>) {
    let create = async |name: &str, restart: &str, annotations: serde_json::Value| {
        let pod = json!({
            "metadata": {"name": name, "annotations": annotations},
            "spec": {
                "nodeName": NODE, "terminationGracePeriodSeconds": 0, "restartPolicy": restart,
                "containers": [{"name": "main", "image": "example/none"}],
            },
        });
        pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    };
    let phase = async |name: &str| pods.get(name).await.unwrap().status.unwrap().phase.unwrap_or_default();
    create("late", "Always", json!({"kubelet.harness.dev/ready-after": "3s"})).await;
    create("never", "Always", json!({"kubelet.harness.dev/ready-after": "never"})).await;
    let once = json!({"kubelet.harness.dev/crash-after": "1s", "kubelet.harness.dev/crashes": "1"});
    create("once", "Always", once).await;
    create("fails", "Never", json!({"kubelet.harness.dev/crash-after": "1s"})).await;

    ready(pods, "late", "False").await;
    ready(pods, "never", "False").await;
    ready(pods, "late", "True").await;
    // It waits to be started again, which takes 10 s, and then it stays.
    let main = |pod: Pod| Some(pod.status?.container_statuses?.remove(0));
    wait_for("once waits to be started again", limits::AUTOSCALED, async || {
        let container = main(pods.get("once").await.map_err(|error| error.to_string())?).ok_or("no container")?;
        let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
        let reason = waiting.and_then(|waiting| waiting.reason.as_deref());
        let is = (reason, container.restart_count, container.ready) == (Some("CrashLoopBackOff"), 1, false);
        if is { Ok(()) } else { Err(format!("{container:?}")) }
    })
    .await;
    ready(pods, "once", "True").await;
    let again = main(pods.get("once").await.unwrap()).unwrap();
    assert!(again.ready && again.state.as_ref().unwrap().running.is_some(), "{again:?}");
    assert_eq!(again.last_state.unwrap().terminated.unwrap().exit_code, 1);

    assert_eq!(phase("fails").await, "Failed");
    assert_eq!(phase("never").await, "Running", "it runs, and its probe fails");
    let never = pods.get("never").await.unwrap().status.unwrap();
    let conditions = never.conditions.unwrap();
    let is = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!((is.status.as_str(), is.reason.as_deref()), ("False", Some("ContainersNotReady")));
}

/// A container that sleeps before it is stopped is stopped later, and no later than its grace period says.
async fn sleeps_before_stops(pods: &Api<Pod>) {
    // The last one is deleted with a shorter grace period than its own, as a drain may do.
    for (name, sleeps, deletion) in [
        ("plain", false, DeleteParams::default()),
        ("sleeps", true, DeleteParams::default()),
        ("cut", true, DeleteParams::default().grace_period(3)),
    ] {
        let lifecycle = sleeps.then(|| json!({"preStop": {"sleep": {"seconds": 60}}}));
        let pod = json!({
            "metadata": {"name": name},
            "spec": {
                "nodeName": NODE, "terminationGracePeriodSeconds": 90,
                "containers": [{"name": "main", "image": "example/none", "lifecycle": lifecycle}],
            },
        });
        pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
        ready(pods, name, "True").await;
        pods.delete(name, &deletion).await.unwrap();
    }
    for name in ["plain", "cut"] {
        wait_for(&format!("{name} is gone"), limits::ANSWER, async || {
            match pods.get_opt(name).await.map_err(|error| error.to_string())? {
                None => Ok(()),
                Some(_) => Err("it is there".to_owned()),
            }
        })
        .await;
    }
    assert!(pods.get_opt("sleeps").await.unwrap().is_some(), "its minute is not over");
    pods.delete("sleeps", &DeleteParams::default().grace_period(0)).await.unwrap();
}

/// A node whose lease was late is Ready again, and one whose VM does not run is not.
async fn says_again_that_it_is_ready(nodes: &Api<Node>) {
    let status = async || {
        let conditions = nodes.get(NODE).await.unwrap().status.unwrap().conditions.unwrap();
        conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap().status
    };
    let say = async |silent: Option<&str>| {
        // What the node controller writes (tryUpdateNodeHealth in pkg/controller/nodelifecycle).
        let unknown = json!({
            "metadata": {"annotations": {"kubelet.harness.dev/silent": silent}},
            "status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]},
        });
        nodes.patch_status(NODE, &PatchParams::default(), &Patch::Strategic(unknown)).await.unwrap();
    };
    say(Some("true")).await;
    // A kubelet looks every 10 s.
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(status().await, "Unknown", "a silent kubelet says nothing");
    say(None).await;
    wait_for("the node is Ready again", limits::AUTOSCALED, async || match status().await.as_str() {
        "True" => Ok(()),
        other => Err(other.to_owned()),
    })
    .await;
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
