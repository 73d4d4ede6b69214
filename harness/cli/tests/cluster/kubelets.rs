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
    let crashing = |crashes: u32| json!({"kubelet.harness.dev/crash-after": "1s", "kubelet.harness.dev/crashes": crashes.to_string()});
    create("once", "Always", crashing(1)).await;
    create("twice", "Always", crashing(2)).await;
    create("fails", "Never", json!({"kubelet.harness.dev/crash-after": "1s"})).await;
    // Before, kwok drew lots: half of such pods crashed without having been Ready.
    let ready_first = json!({"kubelet.harness.dev/ready-after": "1s", "kubelet.harness.dev/crash-after": "1h"});
    let ready_firsts = ["first-0", "first-1", "first-2", "first-3"];
    for name in ready_firsts {
        create(name, "Always", ready_first.clone()).await;
    }
    let mut crashes_first = crashing(1);
    crashes_first["kubelet.harness.dev/ready-after"] = json!("2s");
    crashes_first["kubelet.harness.dev/crashes-first"] = json!("true");
    create("crashes-first", "Always", crashes_first).await;

    ready(pods, "late", "False").await;
    ready(pods, "never", "False").await;
    ready(pods, "late", "True").await;
    let main = async |name: &str| {
        let pod = pods.get(name).await.map_err(|error| error.to_string())?;
        let containers = pod.status.and_then(|status| status.container_statuses);
        containers.and_then(|mut containers| containers.pop()).ok_or("no container".to_owned())
    };
    wait_for("crashes-first has crashed", limits::AUTOSCALED, async || {
        let container = main("crashes-first").await?;
        assert!(container.restart_count > 0 || !container.ready, "it is not Ready before: {container:?}");
        if container.restart_count > 0 { Ok(()) } else { Err(format!("{container:?}")) }
    })
    .await;
    // The second time it waits to be started again, which takes 10 s.
    wait_for("twice waits to be started again", limits::AUTOSCALED, async || {
        let container = main("twice").await?;
        let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
        let reason = waiting.and_then(|waiting| waiting.reason.as_deref());
        let is = (reason, container.restart_count, container.ready) == (Some("CrashLoopBackOff"), 2, false);
        if is { Ok(()) } else { Err(format!("{container:?}")) }
    })
    .await;
    // After the last crash it stays.
    wait_for("once runs again", limits::AUTOSCALED, async || {
        let container = main("once").await?;
        let runs = container.state.as_ref().is_some_and(|state| state.running.is_some());
        let crashed = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
        let is = (container.ready, runs, crashed.map(|crashed| crashed.exit_code)) == (true, true, Some(1));
        if is { Ok(()) } else { Err(format!("{container:?}")) }
    })
    .await;
    for name in ready_firsts.into_iter().chain(["crashes-first"]) {
        ready(pods, name, "True").await;
    }

    // A pause container answers no probe.
    for (name, image, is_ready) in [("paused", "example/pause:3.10", "False"), ("served", "example/none", "True")] {
        let pod = json!({
            "metadata": {"name": name},
            "spec": {
                "nodeName": NODE, "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "main", "image": image, "readinessProbe": {"httpGet": {"port": 80}}}],
            },
        });
        pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
        ready(pods, name, is_ready).await;
    }

    assert_eq!(phase("fails").await, "Failed");
    assert_eq!(phase("never").await, "Running", "it runs, and its probe fails");
    let never = pods.get("never").await.unwrap().status.unwrap();
    let conditions = never.conditions.unwrap();
    let is = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!((is.status.as_str(), is.reason.as_deref()), ("False", Some("ContainersNotReady")));

    // Nothing happens to the pods of a silent kubelet. Before, one that was to be Ready later became so on a dead node.
    create("silent", "Always", json!({"kubelet.harness.dev/ready-after": "4s"})).await;
    ready(pods, "silent", "False").await;
    let says = async |reason: &str| {
        let patch = json!({"status": {"conditions": [{"type": "Ready", "status": "False", "reason": reason}]}});
        pods.patch_status("silent", &PatchParams::default(), &Patch::Strategic(&patch)).await.unwrap();
    };
    says("KubeletSilent").await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    ready(pods, "silent", "False").await;
    says("ContainersNotReady").await;
    ready(pods, "silent", "True").await;
}

/// A container that sleeps before it is stopped is stopped later, and no later than its grace period says.
async fn sleeps_before_stops(pods: &Api<Pod>) {
    let sleeps = json!({"preStop": {"sleep": {"seconds": 60}}});
    let runs_sleep = json!({"preStop": {"exec": {"command": ["/bin/sh", "-c", "sleep 60"]}}});
    // The last one is deleted with a shorter grace period than its own, as a drain may do.
    for (name, lifecycle, deletion) in [
        ("plain", None, DeleteParams::default()),
        ("sleeps", Some(&sleeps), DeleteParams::default()),
        ("runs-sleep", Some(&runs_sleep), DeleteParams::default()),
        ("cut", Some(&sleeps), DeleteParams::default().grace_period(3)),
    ] {
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
    for name in ["sleeps", "runs-sleep"] {
        assert!(pods.get_opt(name).await.unwrap().is_some(), "the minute of {name} is not over");
        pods.delete(name, &DeleteParams::default().grace_period(0)).await.unwrap();
    }
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
