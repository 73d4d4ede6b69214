//! The real horizontal pod autoscaler acts on the load that a run sets.

use harness_cluster::Cluster;
use harness_cluster::metrics::{Cap, Demand, DemandReport, ExternalMetric, Load};
use harness_testing::{limits, wait_for};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use crate::shared::SharedCluster;

const NAMESPACE: &str = "shop";
pub(crate) const NODE: &str = "worker-1";

/// The autoscaler follows CPU, an application's own metric and an external one.
pub(crate) fn follows_cpu_an_own_metric_and_an_external_one(shared: &SharedCluster) {
    shared.with(async |cluster| follow(cluster).await);
}

async fn follow(cluster: Cluster) {
    let client = cluster.client();
    let metrics = cluster.metrics().expect("the local target sets metrics");
    metrics.available(limits::ANSWER.get()).await.unwrap();

    // Nothing is known before a load is set.
    let all = "/apis/metrics.k8s.io/v1beta1/pods";
    assert_eq!(raw(&client, all).await.unwrap()["items"], json!([]));

    let nodes = administrators_nodes(&cluster).await;
    node(&nodes).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let object = json!({"metadata": {"name": NAMESPACE}});
    namespaces.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    let utilization = |percent: u32| {
        json!({"type": "Resource", "resource": {
        "name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}})
    };
    let pods = |value: &str| {
        json!({"type": "Pods", "pods": {
        "metric": {"name": "requests_per_second"}, "target": {"type": "AverageValue", "averageValue": value}}})
    };
    let external = |value: &str| {
        json!({"type": "External", "external": {
        "metric": {"name": "queue_length", "selector": {"matchLabels": {"queue": "orders"}}},
        "target": {"type": "AverageValue", "averageValue": value}}})
    };
    for (name, metric) in [("web", utilization(50)), ("api", pods("10")), ("worker", external("5"))] {
        workload(&client, name, metric).await;
    }
    scaled(&client, "web", 1).await;

    // 200m on a request of 100m is 200 %, four times the target; 30 requests are three times 10; 20 orders are four times 5.
    let mut web = Load::new(NAMESPACE, "web");
    web.cpu_millicores = Some(Demand::total(200));
    let mut api = Load::new(NAMESPACE, "api");
    api.custom_milli.insert("requests_per_second".to_owned(), Demand::total(30_000));
    metrics.set_load(&web).await.unwrap();
    metrics.set_load(&api).await.unwrap();
    for (queue, value_milli) in [("orders", 20_000), ("mails", 900_000)] {
        let labels = [("queue".to_owned(), queue.to_owned())].into();
        metrics.set_external(&ExternalMetric { name: "queue_length".to_owned(), labels, value_milli }).await.unwrap();
    }
    tokio::join!(scaled(&client, "web", 4), scaled(&client, "api", 3), scaled(&client, "worker", 4));

    // What `kubectl top` reads: all pods, one namespace, one pod, the nodes.
    let list = raw(&client, all).await.unwrap();
    assert_eq!(list["kind"], "PodMetricsList");
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 4, "only web has a resource metric: {list}");
    assert!(items.iter().all(|pod| pod["containers"][0]["usage"] == json!({"cpu": "50m"})), "{list}");
    let one =
        format!("/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods/{}", text(&items[0]["metadata"]["name"]));
    assert_eq!(raw(&client, &one).await.unwrap()["kind"], "PodMetrics");
    let node = raw(&client, "/apis/metrics.k8s.io/v1beta1/nodes/worker-1").await.unwrap();
    assert_eq!(node["usage"]["cpu"], "200m");
    let missing = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods/nobody");
    assert_eq!(raw(&client, &missing).await.unwrap_err(), 404);

    // For a saturated workload, the excess load is reported.
    web.cpu_millicores = Some(Demand::capped(1000, Cap::Request));
    metrics.set_load(&web).await.unwrap();
    let report = metrics.report().await.unwrap();
    let web_now = report.iter().find(|report| report.workload == "web").unwrap();
    assert_eq!((web_now.ready_pods, web_now.metrics["cpu"]), (4, DemandReport { used: 400, overload: 600 }));

    // And back, as soon as the load is removed.
    web.cpu_millicores = Some(Demand::total(50));
    metrics.set_load(&web).await.unwrap();
    scaled(&client, "web", 1).await;

    web.window_s = 0;
    let error = metrics.set_load(&web).await.unwrap_err().to_string();
    assert!(error.contains("windowS is 0"), "{error}");
    metrics.clear().await.unwrap();
    assert_eq!(raw(&client, all).await.unwrap()["items"], json!([]));
    assert!(metrics.report().await.unwrap().is_empty());
    // A registered aggregated API does not block the deletion of a namespace.
    remove(&namespaces, NAMESPACE).await;
    nodes.delete(NODE, &DeleteParams::default()).await.unwrap();
}

/// A Deployment of one pod and an HPA for it that follows at once in both directions.
async fn workload(client: &Client, name: &str, metric: Value) {
    let labels = json!({"harness.dev/workload": name});
    let deployment = json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "main", "image": "example/none", "resources": {"requests": {"cpu": "100m"}}}]}},
        },
    });
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    deployments.create(&PostParams::default(), &serde_json::from_value(deployment).unwrap()).await.unwrap();
    let autoscaler = json!({
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 1, "maxReplicas": 8,
            "metrics": [metric],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    });
    let autoscalers: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), NAMESPACE);
    autoscalers.create(&PostParams::default(), &serde_json::from_value(autoscaler).unwrap()).await.unwrap();
}

/// Waits until the Deployment has that many pods, all Ready.
async fn scaled(client: &Client, name: &str, replicas: i32) {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let autoscalers: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), NAMESPACE);
    wait_for(&format!("{name} has {replicas} Ready pods"), limits::AUTOSCALED, async || {
        let deployment = deployments.get(name).await.map_err(|error| error.to_string())?;
        let status = deployment.status.unwrap_or_default();
        if (status.replicas, status.ready_replicas) == (Some(replicas), Some(replicas)) {
            return Ok(());
        }
        let autoscaler = autoscalers.get(name).await.map_err(|error| error.to_string())?.status.unwrap_or_default();
        Err(format!(
            "{:?} of {:?} Ready; HPA wants {}: {:?}",
            status.ready_replicas, status.replicas, autoscaler.desired_replicas, autoscaler.conditions
        ))
    })
    .await;
}

/// Deletes a namespace and waits until it is gone.
pub(crate) async fn remove(namespaces: &Api<Namespace>, name: &str) {
    namespaces.delete(name, &DeleteParams::default()).await.unwrap();
    wait_for("the namespace is gone", limits::NAMESPACE_GONE, async || match namespaces.get_opt(name).await {
        Ok(None) => Ok(()),
        other => Err(format!("{:?}", other.map(|namespace| namespace.and_then(|n| n.status)))),
    })
    .await;
}

/// Nodes, with the rights of an administrator; a run may not write them.
pub(crate) async fn administrators_nodes(cluster: &Cluster) -> Api<Node> {
    Api::all(administrator(cluster).await)
}

/// With the rights of an administrator.
pub(crate) async fn administrator(cluster: &Cluster) -> Client {
    let kubeconfig = cluster.env().into_iter().find(|(name, _)| name == "KUBECONFIG").unwrap().1;
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// A node that kwok simulates, Ready and with room for every pod.
pub(crate) async fn node(nodes: &Api<Node>) {
    let object = json!({"metadata": {
        "name": NODE,
        "annotations": {"kwok.x-k8s.io/node": "fake"},
        "labels": {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"},
    }});
    nodes.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    let room = json!({"cpu": "8", "memory": "32Gi", "pods": "110"});
    let status = json!({"status": {
        "capacity": room, "allocatable": room,
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
    }});
    nodes.patch_status(NODE, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
}

/// The body of the answer, or the HTTP status of the refusal.
async fn raw(client: &Client, path: &str) -> Result<Value, u16> {
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    match client.request::<Value>(request).await {
        Ok(body) => Ok(body),
        Err(kube::Error::Api(status)) => Err(status.code),
        Err(other) => panic!("{path}: {other}"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
