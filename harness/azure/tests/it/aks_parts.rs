//! What AKS puts into a cluster: the nodes of its system pool and its DaemonSets.

use harness_azure::Config;
use harness_simulation::{Behaviour, ClusterParts};
use serde_json::{Value, json};

use crate::fake_kube::FakeKube;
use crate::support::{Lab, instant};

fn with(cluster: ClusterParts) -> Behaviour {
    Behaviour { cluster: Some(cluster), ..instant() }
}

async fn aks(kube: &FakeKube) -> Lab {
    started_with(ClusterParts::Aks, kube).await
}

async fn started_with(cluster: ClusterParts, kube: &FakeKube) -> Lab {
    let config = Config { cluster, behaviour: instant(), ..Config::default() };
    let lab = Lab::with(config, Some(kube.client())).await;
    lab.sim.settled().await.unwrap();
    lab
}

/// The ARM id of the system pool, and of the list that it is in.
fn system_pool(lab: &Lab) -> [String; 2] {
    let pools = lab.pool().rsplit_once('/').unwrap().0.to_owned();
    [format!("{pools}/systempool"), pools]
}

/// The zones of the nodes, in their order, and how many of them are tainted.
fn zones_and_taints(kube: &FakeKube) -> (Vec<String>, usize) {
    let nodes: Vec<Value> = kube.node_names().iter().map(|name| kube.node(name).unwrap()).collect();
    let zone = |node: &Value| node["metadata"]["labels"]["topology.kubernetes.io/zone"].as_str().unwrap().to_owned();
    let is_tainted = |node: &&Value| node["spec"]["taints"].as_array().is_some_and(|taints| !taints.is_empty());
    (nodes.iter().map(zone).collect(), nodes.iter().filter(is_tainted).count())
}

/// How often a Node was to be created and to be deleted, in the calls from this one on.
fn node_calls(kube: &FakeKube, from: usize) -> [usize; 2] {
    let calls = kube.calls().split_off(from);
    let count = |method: &str| {
        let start = format!("{method} /api/v1/nodes");
        calls.iter().filter(|call| call.starts_with(&start)).count()
    };
    [count("POST"), count("DELETE")]
}

#[tokio::test]
async fn a_cluster_of_aks_has_a_system_pool_in_every_zone_and_daemon_sets() {
    let kube = FakeKube::default();
    let lab = aks(&kube).await;
    let names = kube.node_names();
    assert_eq!(names.len(), 3);
    for (index, name) in names.iter().enumerate() {
        let node = kube.node(name).unwrap();
        assert!(name.starts_with("aks-systempool-") && name.ends_with(&format!("-vmss{index:06}")), "{name}");
        let id = node["spec"]["providerID"].as_str().unwrap();
        assert!(id.contains("/resourceGroups/mc_") && id.contains("/virtualMachineScaleSets/"), "{id}");
        assert!(id.ends_with(&format!("/virtualMachines/{index}")), "{id}");
        assert_eq!(
            node["spec"]["taints"],
            json!([{"key": "CriticalAddonsOnly", "value": "true", "effect": "NoSchedule"}])
        );
        let labels = &node["metadata"]["labels"];
        for (key, value) in [
            ("kubernetes.azure.com/mode", json!("system")),
            ("kubernetes.azure.com/agentpool", json!("systempool")),
            ("kubernetes.azure.com/nodepool-type", json!("VirtualMachineScaleSets")),
            ("topology.kubernetes.io/zone", json!(format!("eastus-{}", index + 1))),
            // Karpenter knows nothing of them.
            ("karpenter.sh/nodepool", json!(null)),
            ("karpenter.sh/do-not-sync-taints", json!(null)),
        ] {
            assert_eq!(labels[key], value, "{key}");
        }
        assert_eq!(kube.condition(name, "Ready").as_deref(), Some("True"));
        assert_eq!(node["metadata"]["annotations"]["kwok.x-k8s.io/node"], "fake");
    }
    assert_eq!((kube.applied("daemonsets"), kube.applied("storageclasses"), kube.applied("csidrivers")), (8, 9, 2));
    let [pool, pools] = system_pool(&lab);
    let shown = lab.get(&pool).await;
    assert_eq!((shown.status, &shown.body["properties"]["mode"]), (200, &json!("System")));
    assert_eq!(shown.body["properties"]["availabilityZones"], json!(["1", "2", "3"]));
    assert_eq!(shown.body["properties"]["nodeTaints"], json!(["CriticalAddonsOnly=true:NoSchedule"]));
    assert_eq!(lab.get(&pools).await.body["value"].as_array().unwrap().len(), 2);
    let refused = lab.delete(&pool).await;
    assert_eq!((refused.status, refused.code()), (400, "OperationNotAllowed"));
}

/// As `az aks create` makes it without `--nodepool-taints` and `--zones`.
#[tokio::test]
async fn with_the_defaults_of_aks_the_system_pool_has_no_taint_and_is_in_no_zone() {
    let kube = FakeKube::default();
    let lab = started_with(ClusterParts::AksDefaults, &kube).await;
    assert_eq!(zones_and_taints(&kube), (vec!["0".to_owned(); 3], 0));
    for name in kube.node_names() {
        let node = kube.node(&name).unwrap();
        let labels = &node["metadata"]["labels"];
        assert_eq!(labels["topology.disk.csi.azure.com/zone"], "");
        assert_eq!(labels["kubernetes.azure.com/mode"], "system");
        assert_eq!(kube.condition(&name, "Ready").as_deref(), Some("True"));
    }
    assert_eq!((kube.applied("daemonsets"), kube.applied("storageclasses"), kube.applied("csidrivers")), (8, 9, 2));
    assert_eq!(lab.control.cluster_parts().await.unwrap(), ClusterParts::AksDefaults);
    let [pool, _] = system_pool(&lab);
    let is_shown = async || {
        let shown = lab.get(&pool).await;
        let properties = shown.body["properties"].as_object().unwrap();
        assert_eq!((&properties["mode"], &properties["count"]), (&json!("System"), &json!(3)));
        assert!(!properties.contains_key("availabilityZones") && !properties.contains_key("nodeTaints"), "{shown:?}");
    };
    is_shown().await;
    lab.control.reset().await.unwrap();
    is_shown().await;
    assert_eq!(node_calls(&kube, 0), [3, 0], "a reset to what is there makes no nodes");
}

#[tokio::test]
async fn another_system_pool_of_aks_replaces_its_nodes() {
    let kube = FakeKube::default();
    let lab = aks(&kube).await;
    let [pool, _] = system_pool(&lab);
    let spread: Vec<String> = ["eastus-1", "eastus-2", "eastus-3"].map(str::to_owned).into();
    let names = kube.node_names();
    assert_eq!(zones_and_taints(&kube), (spread.clone(), 3));

    // Refused attempts do no harm. The drivers' watches may be what is refused.
    let before = kube.calls().len();
    kube.refuse(2);
    lab.control.set_behaviour(&with(ClusterParts::AksDefaults)).await.unwrap();
    assert_eq!(zones_and_taints(&kube), (vec!["0".to_owned(); 3], 0));
    let [created, deleted] = node_calls(&kube, before);
    assert!(created == 3 && (3..=5).contains(&deleted), "{created} created, {deleted} deleted");
    assert_eq!(lab.get(&pool).await.body["properties"].get("nodeTaints"), None);

    let before = kube.calls().len();
    lab.control.set_behaviour(&with(ClusterParts::Aks)).await.unwrap();
    assert_eq!((zones_and_taints(&kube), kube.node_names()), ((spread, 3), names));
    assert_eq!(node_calls(&kube, before), [3, 3]);
    assert_eq!(lab.get(&pool).await.body["properties"]["nodeTaints"].as_array().unwrap().len(), 1);
    assert_eq!((kube.applied("daemonsets"), kube.applied("storageclasses"), kube.applied("csidrivers")), (8, 9, 2));
}

#[tokio::test]
async fn a_behaviour_takes_the_parts_away_and_a_reset_brings_them_back() {
    let kube = FakeKube::default();
    let lab = aks(&kube).await;
    let [pool, _] = system_pool(&lab);
    lab.control.set_behaviour(&with(ClusterParts::Bare)).await.unwrap();
    assert_eq!((kube.nodes(), kube.applied("daemonsets")), (0, 0));
    assert_eq!((kube.applied("storageclasses"), kube.applied("csidrivers")), (0, 0));
    assert_eq!(lab.control.cluster_parts().await.unwrap(), ClusterParts::Bare);
    assert_eq!(lab.get(&pool).await.status, 404);
    // A behaviour that does not say takes what the cluster was started with.
    lab.control.set_behaviour(&instant()).await.unwrap();
    assert_eq!((kube.nodes(), kube.applied("daemonsets")), (3, 8));
    lab.control.reset().await.unwrap();
    assert_eq!((kube.nodes(), lab.get(&pool).await.status), (3, 200));
}

/// Before, Resource Manager no longer showed the system pool, and Resource Graph had the cluster all the time.
#[tokio::test]
async fn a_cluster_that_is_created_again_has_its_system_pool() {
    let kube = FakeKube::default();
    let lab = aks(&kube).await;
    let ([pool, _], id) = (system_pool(&lab), lab.sim.config().cluster_id());
    let clusters = async || {
        let query = json!({"query": "Resources | where type == 'microsoft.containerservice/managedclusters'"});
        let answer = lab.post("/providers/Microsoft.ResourceGraph/resources", &query).await;
        answer.body["data"].as_array().unwrap().len()
    };
    assert_eq!((lab.get(&pool).await.status, clusters().await), (200, 1));
    assert_eq!(lab.delete(&id).await.status, 202);
    assert_eq!((lab.get(&pool).await.status, clusters().await), (404, 0));
    assert_eq!(lab.put(&id, &json!({"location": "eastus"})).await.status, 201);
    assert_eq!((lab.get(&pool).await.status, clusters().await), (200, 1));
}

#[tokio::test]
async fn an_api_server_that_refuses_is_asked_again() {
    let kube = FakeKube::default();
    kube.refuse(2);
    let lab = aks(&kube).await;
    assert_eq!((kube.nodes(), kube.applied("daemonsets")), (3, 8));
    assert_eq!(lab.control.cluster_parts().await.unwrap(), ClusterParts::Aks);
}

#[tokio::test]
async fn without_an_api_server_nothing_is_waited_for() {
    let lab = Lab::start(instant(), None).await;
    lab.control.set_behaviour(&with(ClusterParts::Aks)).await.unwrap();
    assert_eq!(lab.control.cluster_parts().await.unwrap(), ClusterParts::Aks);
    assert_eq!(lab.get(&system_pool(&lab)[0]).await.status, 404);
}
