//! A cluster that belongs to its user: runs on it leave what they find as it is.

use harness_cluster::Cluster;
use harness_testing::{limits, wait_for};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, PostParams, TypeMeta};
use serde_json::{Value, json};

use crate::binary::scenario;
use crate::shared::SharedCluster;

/// What the user has, in the order in which it is created: group, version, kind and the object.
fn objects() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let pool = json!({
        "metadata": {"name": "mine"},
        "spec": {
            "template": {
                "metadata": {"labels": {"team": "mine"}},
                "spec": {
                    "nodeClassRef": {"group": "karpenter.azure.com", "kind": "AKSNodeClass", "name": "mine"},
                    "requirements": [
                        {"key": "karpenter.azure.com/sku-family", "operator": "In", "values": ["D"]},
                        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
                    ],
                },
            },
            "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "0s"},
        },
    });
    let deployment = json!({
        "metadata": {"name": "shop", "namespace": "mine"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {
                    "nodeSelector": {"team": "mine"},
                    "containers": [{"name": "main", "image": "shop", "resources": {"requests": {"cpu": "500m"}}}],
                },
            },
        },
    });
    let budget = json!({
        "metadata": {"name": "shop", "namespace": "mine"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "shop"}}},
    });
    vec![
        (
            "karpenter.azure.com",
            "v1beta1",
            "AKSNodeClass",
            json!({"metadata": {"name": "mine"}, "spec": {"imageFamily": "Ubuntu2204"}}),
        ),
        ("karpenter.sh", "v1", "NodePool", pool),
        ("", "v1", "Namespace", json!({"metadata": {"name": "mine"}})),
        ("apps", "v1", "Deployment", deployment),
        ("policy", "v1", "PodDisruptionBudget", budget),
    ]
}

fn api(cluster: &Cluster, group: &str, version: &str, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    match namespace {
        Some(namespace) => Api::namespaced_with(cluster.client(), namespace, &resource),
        None => Api::all_with(cluster.client(), &resource),
    }
}

/// Everything of the user's, with UIDs and generations, and the pods and VMs that came of it.
async fn of_the_user(cluster: &Cluster) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |kind: &str, object: &DynamicObject| {
        let metadata = &object.metadata;
        let [name, uid] = [&metadata.name, &metadata.uid].map(|it| it.clone().unwrap_or_default());
        found.push(format!("{kind} {name} {uid} {:?}", metadata.generation));
    };
    for (group, version, kind, object) in objects() {
        let (name, namespace) = (&object["metadata"]["name"], object["metadata"]["namespace"].as_str());
        let there = api(cluster, group, version, kind, namespace).get_opt(name.as_str().unwrap()).await.unwrap();
        add(kind, &there.unwrap_or_else(|| panic!("{kind} {name} is gone")));
    }
    for (group, kind, of) in [("karpenter.sh", "NodeClaim", OF_POOL), ("", "Node", OF_POOL), ("", "Pod", "app=shop")] {
        let listed = api(cluster, group, "v1", kind, None).list(&ListParams::default().labels(of)).await.unwrap();
        assert_eq!(listed.items.len(), 1, "{kind}s of the user");
        listed.items.iter().for_each(|object| add(kind, object));
    }
    let vms = cluster.azure().unwrap().vms().await.unwrap().into_iter();
    let vms = vms.filter(|it| it.vm.nodepool == "mine");
    found.extend(vms.map(|it| format!("VM {} {} {:?}", it.vm.name, it.vm.instance, it.state)));
    found
}

const OF_POOL: &str = "karpenter.sh/nodepool=mine";

async fn create(cluster: &Cluster) {
    for (group, version, kind, object) in objects() {
        let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
        let mut object: DynamicObject = serde_json::from_value(object).unwrap();
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        object.types = Some(TypeMeta { api_version: resource.api_version, kind: resource.kind });
        let api = api(cluster, group, version, kind, namespace.as_deref());
        api.create(&PostParams::default(), &object).await.unwrap();
    }
    let pods = api(cluster, "", "v1", "Pod", Some("mine"));
    wait_for("the user's pod runs", limits::NODES, async || {
        let found = pods.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
        let phases: Vec<&Value> = found.items.iter().map(|pod| &pod.data["status"]["phase"]).collect();
        if phases == ["Running"] { Ok(()) } else { Err(format!("{phases:?}")) }
    })
    .await;
}

async fn remove(cluster: &Cluster) {
    for (group, version, kind, object) in objects().into_iter().rev() {
        let api = api(cluster, group, version, kind, object["metadata"]["namespace"].as_str());
        api.delete(object["metadata"]["name"].as_str().unwrap(), &DeleteParams::default()).await.unwrap();
    }
    wait_for("nothing of the user is left", limits::NODES, async || {
        let contents = cluster.contents().await.map_err(|error| error.to_string())?;
        let left = ["NodePool", "NodeClaim", "Node", "VirtualMachine"].map(|kind| (kind, contents.number_of(kind)));
        if left.iter().all(|(_, number)| *number == 0) { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
}

/// On a cluster with a pool, a workload and a VM of its user's, a run passes and they are as they were; a run that would replace the VM's node is
/// not run. Before, the run counted the VM as left behind (5), after a cleanup that waited two minutes for it.
pub(crate) fn a_kept_cluster_belongs_to_its_user(shared: &SharedCluster) {
    let before = shared.with(async |cluster| {
        create(&cluster).await;
        of_the_user(&cluster).await
    });
    assert!(before.last().unwrap().starts_with("VM "), "{before:?}");

    let ran = shared.run(&[&scenario("one-pod"), "--seed", "7"]);
    ran.assert_passed();
    let expectations = ran.summary["expectations"].as_array().unwrap();
    let row = expectations.iter().find(|it| it["name"] == "what was there before is as it was").unwrap();
    assert_eq!(row["verdict"], "pass", "{}", ran.report());
    assert!(row["evidence"].as_str().unwrap().ends_with("1 VM"), "{row}");
    assert_eq!(ran.summary["counts"]["vmsAccepted"], 1, "{}", ran.report());
    assert_eq!(ran.summary["cost"]["vms"], 1, "{}", ran.report());
    let of_the_pool = ran.count(|event| event["azure"]["nodepool"] == "mine");
    assert_eq!(of_the_pool, 0, "a fact about the user's VM is one of the run");
    assert_eq!(shared.with(async |cluster| of_the_user(&cluster).await), before);

    let drifting = shared.run(&["node-drift", "--profile", "smoke"]);
    assert_eq!(drifting.code, 4, "{}", drifting.report());
    assert!(
        drifting.summary["reason"].as_str().unwrap().contains("Karpenter would replace NodeClaim mine-"),
        "{}",
        drifting.report()
    );
    assert_eq!(shared.with(async |cluster| of_the_user(&cluster).await), before);

    let rows = shared.statuses();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let on_it = json!({"nodePools": 1, "nodeClaims": 1, "nodes": 1, "vms": 1});
    assert_eq!((&row["phase"], &row["contents"]), (&json!("ready"), &on_it), "{row}");
    shared.with(async |cluster| remove(&cluster).await);
}
