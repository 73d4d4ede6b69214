//! The unmodified NAP controller on a whole cluster: from a commit to a Running pod and back to no node.

use std::collections::BTreeMap;
use std::path::Path;

use harness_catalogue::{Component, Starts};
use harness_cluster::git::Author;
use harness_cluster::local::{self, Phase};
use harness_cluster::{Cluster, HealthCheck};
use harness_plan::Capability;
use harness_simulation::{AzurePrice, CapacityType, Simulated, VmSelector};
use harness_testing::{limits, wait_for};
use harness_units::Percent;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, PostParams};
use serde_json::json;
use strum::VariantArray;

use crate::own;
use crate::prices::{cost_by_the_controller, is_same_price};
use crate::shared::SharedCluster;

const KUSTOMIZATION: &str =
    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [pool.yaml]\n";

const POOL: &str = "
apiVersion: karpenter.azure.com/v1beta1
kind: AKSNodeClass
metadata: {name: test}
spec: {imageFamily: Ubuntu2204}
---
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: test}
spec:
  template:
    spec:
      nodeClassRef: {group: karpenter.azure.com, kind: AKSNodeClass, name: test}
      requirements:
        - {key: karpenter.azure.com/sku-family, operator: In, values: [D]}
        - {key: karpenter.sh/capacity-type, operator: In, values: [spot, on-demand]}
  disruption: {consolidationPolicy: WhenEmpty, consolidateAfter: 0s}
";

/// A commit becomes a pool, a pod gets a node, and both are deleted again.
pub(crate) fn a_commit_becomes_a_pool_and_a_pod_becomes_a_node(shared: &SharedCluster) {
    let state_root = shared.state();
    shared.with(async |cluster| provision(cluster, &state_root).await);
}

async fn provision(cluster: Cluster, state_root: &Path) {
    let status = cluster.status().await.unwrap();
    assert_eq!(status.phase, Phase::Ready);
    assert_eq!(cluster.simulated().len(), Simulated::VARIANTS.len());
    for capability in [
        Capability::NodeAutoProvisioning,
        Capability::Gitops,
        Capability::SimulatedAzure,
        Capability::ComponentControl,
        Capability::MetricsApi,
    ] {
        assert!(cluster.capabilities().contains(&capability), "{capability}");
    }
    assert_eq!(objects(&cluster, "NodePool").await, Vec::<String>::new(), "a fresh cluster has a NodePool");
    let pods: Api<Pod> = Api::all(cluster.client());
    // Those of AKS's DaemonSets are on the nodes of the system pool.
    let others = ListParams::default().fields("metadata.namespace!=kube-system");
    assert!(pods.list(&others).await.unwrap().items.is_empty(), "a fresh cluster has pods");

    // A second cluster of that name cannot be started beside it.
    let error = local::up(own::config(cluster.name(), state_root)).await.unwrap_err().to_string();
    assert!(error.contains("already up"), "{error}");

    // A commit reaches the cluster through Flux and is healthy when NAP has accepted the pool.
    let git = cluster.git().unwrap();
    let before = git.head().await.unwrap();
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("kustomization.yaml"), KUSTOMIZATION).unwrap();
    std::fs::write(tree.path().join("pool.yaml"), POOL).unwrap();
    let flux = cluster.flux();
    flux.configure(&[HealthCheck::node_pool("test")], &BTreeMap::new()).await.unwrap();
    let commit = git.push_tree(tree.path(), "A pool", &Author::default()).await.unwrap();
    flux.fetch_now().await.unwrap();
    wait_for("Flux has applied the commit and the pool is ready", limits::GITOPS, async || {
        let applied = flux.kustomizations().get("node-config").await.map_err(|error| error.to_string())?;
        let conditions = &applied.data["status"]["conditions"];
        let revision = applied.data["status"]["lastAppliedRevision"].as_str().unwrap_or_default();
        let ready =
            conditions.as_array().is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"));
        if ready && revision.contains(&commit.sha) { Ok(()) } else { Err(format!("{revision}: {conditions}")) }
    })
    .await;

    // A pod that fits nowhere gets a node.
    let pods: Api<Pod> = Api::namespaced(cluster.client(), "default");
    pods.create(&PostParams::default(), &pod("web")).await.unwrap();
    let node_name = wait_for("the pod is Running", limits::NODES, async || {
        let pod = pods.get("web").await.map_err(|error| error.to_string())?;
        let phase = pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
        match (phase.as_str(), pod.spec.as_ref().and_then(|spec| spec.node_name.clone())) {
            ("Running", Some(node)) => Ok(node),
            _ => Err(format!("{:?}; claims {:?}", pod.status, objects(&cluster, "NodeClaim").await)),
        }
    })
    .await;
    let nodes: Api<Node> = Api::all(cluster.client());
    let node = nodes.get(&node_name).await.unwrap();
    let labels = node.metadata.labels.unwrap_or_default();
    assert_eq!(labels.get("karpenter.sh/nodepool").map(String::as_str), Some("test"));
    assert_eq!(labels.get("karpenter.azure.com/sku-family").map(String::as_str), Some("D"), "{labels:?}");
    let azure = cluster.azure().unwrap();
    let vms: Vec<_> = azure.vms().await.unwrap().into_iter().filter(|vm| vm.deleted.is_none()).collect();
    let [vm] = vms.as_slice() else { panic!("{vms:#?}") };
    // The controller took spot because it is cheaper, and by the price that reports add up.
    assert_eq!(vm.vm.capacity_type, CapacityType::Spot);
    let price_per_hour = vm.price_per_hour;
    wait_for("the controller reckons with the price of Azure's record", limits::ANSWER, async || {
        let cost = cost_by_the_controller(&status.endpoints["karpenter-metrics"], "test").await?;
        if is_same_price(cost, price_per_hour) { Ok(()) } else { Err(format!("{cost}, not {price_per_hour}")) }
    })
    .await;
    let on_demand = vm.vm.on_demand_micro_usd_per_hour as f64 / 1e6;
    assert!(vm.price_per_hour < on_demand, "{vm:?}");

    // A new price: the VM that runs costs it, and the controller, which is started again to read the list, goes by it.
    let only = VmSelector { capacity_type: Some(CapacityType::Spot), ..VmSelector::default() };
    let dearer = AzurePrice { only, of_list_price: Percent(60) };
    assert!(cluster.set_azure_price(&dearer).await.unwrap(), "the controller does not read the list");
    let now = azure.vm(&vm.vm.machine).await.unwrap().price_per_hour;
    assert!(now < on_demand && now > 1.9 * price_per_hour, "{now} after {price_per_hour}, {on_demand} on demand");
    wait_for("the controller reckons with the new price", limits::NODES, async || {
        let cost = cost_by_the_controller(&status.endpoints["karpenter-metrics"], "test").await?;
        if is_same_price(cost, now) { Ok(()) } else { Err(format!("{cost}, not {now}")) }
    })
    .await;
    assert!(azure.unmodelled().await.unwrap().is_empty(), "{:?}", azure.unmodelled().await.unwrap());

    // The usage of each process is known.
    let usage = cluster.usage().await.unwrap();
    let running = Component::ALL.iter().filter(|it| it.starts() == Starts::WithCluster).map(|it| it.name());
    for name in running.chain(["supervisor"]) {
        let component = usage.iter().find(|u| u.name == name).unwrap_or_else(|| panic!("no usage of {name}"));
        assert!(component.cpu_ms > 0 && component.rss_peak_bytes >= component.rss_bytes, "{component:?}");
    }
    let versions = cluster.versions().await;
    assert!(versions.iter().any(|(name, version)| name == "karpenter" && version.starts_with('v')), "{versions:?}");

    // NAP continues after a kill: the empty node is deleted, and the VM with it. It is started again with the prices of before.
    cluster.kill("karpenter").await.unwrap();
    pods.delete("web", &DeleteParams::default()).await.unwrap();
    assert!(cluster.reset_azure_prices().await.unwrap());
    let of_pools = ListParams::default().labels("karpenter.sh/nodepool");
    wait_for("no node, no claim and no VM is left", limits::NODES, async || {
        let left = nodes.list(&of_pools).await.map_err(|error| error.to_string())?.items.len();
        let claims = objects(&cluster, "NodeClaim").await;
        let vms = azure.vms().await.map_err(|error| error.to_string())?;
        let alive = vms.iter().filter(|vm| vm.deleted.is_none()).count();
        if left == 0 && claims.is_empty() && alive == 0 {
            Ok(())
        } else {
            Err(format!("{left} nodes, {claims:?}, {alive} VMs"))
        }
    })
    .await;

    // As before: the pool is deleted with the commit that removes it.
    git.restore(before.as_deref().unwrap(), &Author::default()).await.unwrap();
    flux.configure(&[], &BTreeMap::new()).await.unwrap();
    flux.fetch_now().await.unwrap();
    wait_for("the pool is gone", limits::GITOPS, async || {
        let left = objects(&cluster, "NodePool").await;
        if left.is_empty() { Ok(()) } else { Err(left.join(", ")) }
    })
    .await;
}

fn pod(name: &str) -> Pod {
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "nodeSelector": {"karpenter.sh/nodepool": "test"},
            "containers": [{"name": "main", "image": "example/none", "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}}}],
        },
    }))
    .unwrap()
}

async fn objects(cluster: &Cluster, kind: &str) -> Vec<String> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("karpenter.sh", "v1", kind));
    let api: Api<DynamicObject> = Api::all_with(cluster.client(), &resource);
    let list = api.list(&ListParams::default()).await.unwrap();
    list.items
        .into_iter()
        .map(|object| format!("{}: {}", object.metadata.name.unwrap_or_default(), object.data["status"]["conditions"]))
        .collect()
}
