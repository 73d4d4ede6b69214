//! What changes around a fleet: a new node image and an upgrade of the control plane reach the unmodified NAP controller
//! and its nodes. The fleet is created in NAP's batch mode: many machines with one call.

use harness_cluster::Cluster;
use harness_cluster::local;
use harness_simulation::Behaviour;
use harness_testing::{limits, wait_for};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams};
use serde_json::{Value, json};

use crate::own::{block_on, config, take_down};

const FLEET: usize = 10;

/// A fleet that was created in batches drifts after a new node image and after an upgrade.
pub(crate) fn a_batched_fleet_drifts() {
    block_on(drift());
}

async fn drift() {
    let temp = tempfile::tempdir().unwrap();
    let mut config = config("change", temp.path());
    "aksmachineapiheaderbatch".clone_into(&mut config.provision_mode);
    let start = config.azure.kubernetes_version.clone();
    let cluster = local::throwaway(config).await.unwrap();
    let azure = cluster.azure().unwrap();
    azure.set_behaviour(&Behaviour::instant()).await.unwrap();

    // A burst becomes as many nodes as pods, with far fewer calls.
    create(&cluster, "karpenter.azure.com", "v1beta1", "AKSNodeClass", node_class()).await;
    create(&cluster, "karpenter.sh", "v1", "NodePool", node_pool()).await;
    let pods: Api<Pod> = Api::namespaced(cluster.client(), "default");
    for n in 0..FLEET {
        pods.create(&PostParams::default(), &pod(&format!("web-{n}"))).await.unwrap();
    }
    wait_for("the fleet is initialized", limits::NODES, async || {
        let claims = claims(&cluster).await?;
        let ready = claims.iter().filter(|claim| condition(claim, "Initialized").0 == "True").count();
        if ready == FLEET && claims.len() == FLEET { Ok(()) } else { Err(states(&claims, "Initialized")) }
    })
    .await;
    assert_eq!(azure.vms().await.unwrap().len(), FLEET);
    let counters = azure.counters().await.unwrap();
    let puts: u64 = counters.iter().filter(|c| c.operation == "machines.put").map(|c| c.count).sum();
    assert!((1..=5).contains(&puts), "{puts} calls for {FLEET} machines: {counters:?}");

    // A new node image.
    let image = cluster.publish_node_image().await.unwrap();
    drifted(&cluster, "ImageDrift").await;

    // An upgrade: existing nodes drift, a new one has the new version and the new image.
    let upgraded = cluster.upgrade_kubernetes().await.unwrap().unwrap();
    assert_ne!(upgraded, start);
    assert_eq!(azure.kubernetes_version().await.unwrap(), upgraded);
    drifted(&cluster, "K8sVersionDrift").await;
    pods.create(&PostParams::default(), &pod("late")).await.unwrap();
    let late = wait_for("the late pod is bound", limits::NODES, async || {
        let pod = pods.get("late").await.map_err(|error| error.to_string())?;
        pod.spec.and_then(|spec| spec.node_name).ok_or_else(|| format!("{:?}", pod.status))
    })
    .await;
    let nodes: Api<Node> = Api::all(cluster.client());
    let node = nodes.get(&late).await.unwrap();
    assert_eq!(node.status.unwrap().node_info.unwrap().kubelet_version, format!("v{upgraded}"));
    // The Node loses its taint before its name is in the NodeClaim.
    let fresh = wait_for("the late node has a NodeClaim", limits::NODES, async || {
        let claims = claims(&cluster).await?;
        let found = claims.iter().find(|claim| claim["status"]["nodeName"] == late.as_str()).cloned();
        found.ok_or_else(|| states(&claims, "Registered"))
    })
    .await;
    assert!(fresh["status"]["imageID"].as_str().unwrap().ends_with(&image), "{}", fresh["status"]);
    assert_ne!(condition(&fresh, "Drifted").0, "True", "{}", fresh["status"]);
    // The API server itself stays as it is.
    assert_eq!(cluster.client().apiserver_version().await.unwrap().git_version, format!("v{start}"));

    // Reset for the next run: a class that is created now is not affected by the upgrade.
    assert_eq!(cluster.reset_kubernetes().await.unwrap(), start);
    let mut second = node_class();
    second["metadata"]["name"] = json!("second");
    create(&cluster, "karpenter.azure.com", "v1beta1", "AKSNodeClass", second).await;
    let classes = api(&cluster, "karpenter.azure.com", "v1beta1", "AKSNodeClass");
    wait_for("the second class has the version of the start", limits::NODES, async || {
        let class = classes.get("second").await.map_err(|error| error.to_string())?;
        let version = class.data["status"]["kubernetesVersion"].clone();
        if version == start.as_str() { Ok(()) } else { Err(class.data["status"].to_string()) }
    })
    .await;
    assert!(azure.unmodelled().await.unwrap().is_empty(), "{:?}", azure.unmodelled().await.unwrap());
    take_down(cluster, temp.path()).await;
}

/// Waits until every NodeClaim of the fleet is drifted for this reason.
async fn drifted(cluster: &Cluster, reason: &str) {
    wait_for(&format!("the fleet is drifted with {reason}"), limits::NODES, async || {
        let claims = claims(cluster).await?;
        let drifted = claims.iter().filter(|claim| condition(claim, "Drifted") == ("True".into(), reason.into()));
        if drifted.count() == FLEET { Ok(()) } else { Err(states(&claims, "Drifted")) }
    })
    .await;
}

fn node_class() -> Value {
    json!({
        "apiVersion": "karpenter.azure.com/v1beta1", "kind": "AKSNodeClass",
        "metadata": {"name": "test"}, "spec": {"imageFamily": "Ubuntu2204"},
    })
}

/// Two cores per node, and drifted nodes may not be disrupted: the fleet stays for the checks.
fn node_pool() -> Value {
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "test"},
        "spec": {
            "template": {"spec": {
                "nodeClassRef": {"group": "karpenter.azure.com", "kind": "AKSNodeClass", "name": "test"},
                "requirements": [
                    {"key": "karpenter.azure.com/sku-family", "operator": "In", "values": ["D"]},
                    {"key": "karpenter.azure.com/sku-cpu", "operator": "In", "values": ["2"]},
                    {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
                ],
            }},
            "disruption": {
                "consolidationPolicy": "WhenEmpty", "consolidateAfter": "Never", "budgets": [{"nodes": "0"}],
            },
        },
    })
}

/// More than half of a node.
fn pod(name: &str) -> Pod {
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "containers": [{"name": "main", "image": "example/none", "resources": {"requests": {"cpu": "1200m"}}}],
        },
    }))
    .unwrap()
}

fn api(cluster: &Cluster, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
    Api::all_with(cluster.client(), &ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind)))
}

async fn create(cluster: &Cluster, group: &str, version: &str, kind: &str, object: Value) {
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    api(cluster, group, version, kind).create(&PostParams::default(), &object).await.unwrap();
}

async fn claims(cluster: &Cluster) -> Result<Vec<Value>, String> {
    let all = api(cluster, "karpenter.sh", "v1", "NodeClaim").list(&ListParams::default()).await;
    let all = all.map_err(|error| error.to_string())?.items;
    all.into_iter().map(|claim| serde_json::to_value(claim).map_err(|error| error.to_string())).collect()
}

/// Status and reason of a condition; empty when there is none.
fn condition(object: &Value, kind: &str) -> (String, String) {
    let all = object["status"]["conditions"].as_array();
    let found = all.and_then(|all| all.iter().find(|condition| condition["type"] == kind));
    let text = |key: &str| found.and_then(|found| found[key].as_str()).unwrap_or_default().to_owned();
    (text("status"), text("reason"))
}

fn states(claims: &[Value], kind: &str) -> String {
    let states: Vec<_> = claims.iter().map(|claim| (&claim["metadata"]["name"], condition(claim, kind))).collect();
    format!("{} NodeClaims, {kind}: {states:?}", claims.len())
}
