//! The Nodes of the VMs, against a fake API server.

use std::time::{Duration, Instant};

use harness_azure::FactKind;
use harness_simulation::Distribution;
use harness_units::Span;
use serde_json::json;

use crate::fake_kube::FakeKube;
use crate::support::{ANSWER, Lab, instant, of};

async fn until(what: &str, mut met: impl FnMut() -> bool) {
    let deadline = Instant::now() + ANSWER.get();
    while !met() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_node_becomes_ready_and_is_deleted_with_its_vm() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    let name = lab.vm_name("web-1").await;
    let node = kube.node(&name).unwrap();
    assert_eq!(node["spec"]["taints"][0]["key"], "karpenter.sh/unregistered");
    assert_eq!(kube.condition(&name, "Ready").unwrap(), "True");
    assert_eq!(kube.calls().len(), 1, "a Node that is ready at once takes one write: {:?}", kube.calls());
    let resource_id = lab.get(&lab.machine("web-1")).await.body["properties"]["resourceId"].clone();
    let provider_id = node["spec"]["providerID"].as_str().unwrap();
    assert_eq!(provider_id.to_lowercase(), format!("azure://{}", resource_id.as_str().unwrap()).to_lowercase());

    lab.delete_machines(&["web-1"]).await;
    lab.fact("node deleted", |k| matches!(k, FactKind::NodeDeleted { .. })).await;
    assert_eq!(kube.nodes(), 0);
    let record = lab.control.vm("web-1").await.unwrap();
    for (earlier, later) in [
        (record.accepted, record.creating.unwrap()),
        (record.creating.unwrap(), record.booted.unwrap()),
        (record.booted.unwrap(), record.registered.unwrap()),
        (record.registered.unwrap(), record.ready.unwrap()),
        (record.ready.unwrap(), record.delete_requested.unwrap()),
        (record.delete_requested.unwrap(), record.deleted.unwrap()),
    ] {
        assert!(earlier.monotonic_ns < later.monotonic_ns);
    }
}

#[tokio::test]
async fn each_leg_takes_the_time_that_was_drawn() {
    let kube = FakeKube::default();
    let mut behaviour = instant();
    for leg in [&mut behaviour.accept, &mut behaviour.boot, &mut behaviour.register, &mut behaviour.ready] {
        *leg = Some(Distribution::Constant(Span::from_millis(60)));
    }
    let lab = Lab::start(behaviour, Some(kube.client())).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("registered", |k| matches!(k, FactKind::NodeRegistered { .. })).await;
    let name = lab.vm_name("web-1").await;
    assert_eq!(kube.condition(&name, "Ready").unwrap(), "False");
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    assert_eq!(kube.condition(&name, "Ready").unwrap(), "True");
    let r = lab.control.vm("web-1").await.unwrap();
    for (from, to) in [
        (r.accepted, r.creating.unwrap()),
        (r.creating.unwrap(), r.booted.unwrap()),
        (r.booted.unwrap(), r.registered.unwrap()),
        (r.registered.unwrap(), r.ready.unwrap()),
    ] {
        let ms = (to.monotonic_ns - from.monotonic_ns) as f64 / 1e6;
        // Never early. How late depends on the machine that runs the test, so only a generous bound is checked.
        assert!((59.9..2_000.0).contains(&ms), "{ms} ms");
    }
}

#[tokio::test]
async fn vms_that_booted_before_there_was_an_api_server_get_their_nodes_later() {
    let lab = Lab::start(instant(), None).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    let kube = FakeKube::default();
    lab.sim.attach(kube.client());
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    assert_eq!(kube.nodes(), 1);
}

#[tokio::test]
async fn a_vm_survives_its_node() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    kube.remove(&lab.vm_name("web-1").await);
    assert_eq!(lab.get(&lab.machine("web-1")).await.body["properties"]["provisioningState"], "Succeeded");
    lab.delete_machines(&["web-1"]).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
}

#[tokio::test]
async fn a_failing_api_server_is_retried_and_reported_once() {
    let kube = FakeKube::default();
    kube.refuse(2);
    let lab = Lab::start(instant(), Some(kube.client())).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    assert_eq!(kube.nodes(), 1);
    let page = lab.control.facts(0, Duration::ZERO).await.unwrap();
    let complaints: Vec<_> = page
        .facts
        .iter()
        .filter(|f| matches!(&f.kind, FactKind::NodeWriteFailed { step, .. } if step == "create"))
        .collect();
    assert_eq!(complaints.len(), 1);
}

#[tokio::test]
async fn an_existing_node_is_adopted() {
    let kube = FakeKube::default();
    let first = Lab::start(instant(), Some(kube.client())).await;
    first.create("web-1", "Standard_D4s_v5", false).await;
    first.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    first.sim.shutdown().await;
    assert_eq!(kube.nodes(), 1);
    let second = Lab::start(instant(), Some(kube.client())).await;
    second.create("web-1", "Standard_D4s_v5", false).await;
    second.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    assert_eq!(kube.nodes(), 1);
}

#[tokio::test]
async fn a_crash_shows_and_a_restart_heals() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    let name = lab.vm_name("web-1").await;
    kube.add_pod("here", &name);
    kube.add_pod("elsewhere", "another-node");
    // The simulated kubelet makes pods Ready again that are not, without a reason: these must have one, also where the node controller was first.
    kube.add_pod("first", &name);
    kube.set_not_ready("first");
    lab.control.crash("web-1").await.unwrap();
    until("its pod is not Ready", || kube.pod_ready("here") == "False").await;
    until("both have a reason", || ["here", "first"].iter().all(|pod| kube.pod_reason(pod) == "KubeletSilent")).await;
    assert_eq!(kube.pod_ready("elsewhere"), "True");
    until("NotReady", || kube.condition(&name, "Ready").as_deref() == Some("Unknown")).await;
    lab.fact("crashed", |k| matches!(k, FactKind::VmCrashed { .. })).await;
    lab.control.restart("web-1").await.unwrap();
    until("Ready", || kube.condition(&name, "Ready").as_deref() == Some("True")).await;
    until("its pod is Ready", || kube.pod_ready("here") == "True").await;
    assert_eq!(kube.pod_reason("here"), "");
    lab.fact("restarted", |k| matches!(k, FactKind::VmRestarted { .. })).await;
}

#[tokio::test]
async fn an_eviction_gives_notice_on_the_node_first() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    lab.create("web-1", "Standard_D4s_v5", true).await;
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    let name = lab.vm_name("web-1").await;
    lab.control.evict("web-1", Some(Duration::from_millis(400))).await.unwrap();
    until("notice", || kube.condition(&name, "PreemptionScheduled").as_deref() == Some("True")).await;
    assert_eq!(kube.condition(&name, "Ready").unwrap(), "True");
    let noticed = lab.fact("notice", |k| matches!(k, FactKind::SpotNotice { .. })).await;
    let evicted = lab.fact("evicted", |k| matches!(k, FactKind::SpotEvicted { .. })).await;
    assert!(evicted.monotonic_ns - noticed.monotonic_ns >= 400_000_000);
    lab.fact("node gone", |k| matches!(k, FactKind::NodeDeleted { .. })).await;
    assert_eq!(lab.get(&lab.machine("web-1")).await.status, 404);
}

#[tokio::test]
async fn a_vm_that_is_deleted_while_its_node_is_written_leaves_no_node() {
    let kube = FakeKube::default();
    kube.answer_after(Duration::from_millis(150));
    let lab = Lab::start(instant(), Some(kube.client())).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    lab.delete_machines(&["web-1"]).await;
    lab.fact("node deleted", |k| matches!(k, FactKind::NodeDeleted { .. })).await;
    assert_eq!(kube.nodes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_nodes_are_created_quickly_and_never_too_many_at_once() {
    let kube = FakeKube::default();
    kube.answer_after(Duration::from_millis(20));
    let lab = Lab::start(instant(), Some(kube.client())).await;
    let started = Instant::now();
    let names: Vec<String> = (0..300).map(|n| format!("web-{n}")).collect();
    futures::future::join_all(names.iter().map(|name| lab.create(name, "Standard_D4s_v5", false))).await;
    until("300 nodes", || kube.nodes() == 300).await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(kube.most_under_way() <= 32, "{}", kube.most_under_way());
    until("all ready", || {
        let last = lab.sim.facts().after(0);
        last.facts.iter().filter(|f| matches!(f.kind, FactKind::NodeReady { .. })).count() == 300
    })
    .await;
    lab.delete_machines(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    until("no nodes", || kube.nodes() == 0).await;
    assert!(lab.control.quota().await.unwrap().iter().all(|q| q.used == 0));
}

#[tokio::test]
async fn taints_and_labels_of_the_body_reach_the_node() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    let mut body = crate::support::machine_body("batch-1", "Standard_F4s_v2", true);
    body["zones"] = json!([]);
    body["properties"]["kubernetes"]["nodeLabels"]["tier"] = json!("batch");
    body["properties"]["kubernetes"]["nodeInitializationTaints"] =
        json!(["dedicated=batch:NoSchedule", "karpenter.sh/unregistered:NoExecute"]);
    lab.put(&lab.machine("batch-1"), &body).await;
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. }) && of("batch-1", k)).await;
    let node = kube.node(&lab.vm_name("batch-1").await).unwrap();
    assert_eq!(node["metadata"]["labels"]["tier"], "batch");
    assert_eq!(node["metadata"]["labels"]["topology.kubernetes.io/zone"], "0");
    assert_eq!(node["spec"]["taints"].as_array().unwrap().len(), 2);
}
