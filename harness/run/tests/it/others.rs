//! A cluster that somebody else uses too: what is not the run's stays as it is, is not counted, and is compared before and after.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use harness_azure::control::VmState;
use harness_plan::Plan;
use harness_record::event::{AzureFactKind, EndReason, InventoryMoment, OfOthers};
use harness_record::result::Difference;
use harness_record::verdict::Verdict;
use harness_record::{Event, EventKind, ExitCode};
use harness_simulation::ClusterParts;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use crate::api::{ApiServer, Effect, Fault, Verb};
use crate::lab::{Lab, Ran};
use crate::plans::{self, of_phases, up};

/// How long somebody's node may take.
const NODE_LIMIT: Duration = Duration::from_secs(60);

fn deployment(replicas: u32) -> Value {
    json!({
        "metadata": {"name": "shop"},
        "spec": {"replicas": replicas, "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {
                "nodeSelector": {"karpenter.sh/nodepool": "mine"},
                "containers": [{"name": "main", "resources": {"requests": {"cpu": "3000m"}}}],
            },
        }},
    })
}

fn pool(name: &str) -> Value {
    let class = json!({"group": "karpenter.azure.com", "kind": "AKSNodeClass", "name": name});
    json!({"metadata": {"name": name}, "spec": {"weight": 1, "template": {"spec": {"nodeClassRef": class}}}})
}

/// Somebody's pool with its class, and a workload whose pod has a node of it.
async fn with_somebodys_node() -> Lab {
    let lab = Lab::start();
    lab.api.create("AKSNodeClass", "", json!({"metadata": {"name": "mine"}, "spec": {}}));
    lab.api.create("NodePool", "", pool("mine"));
    lab.api.create("Namespace", "", json!({"metadata": {"name": "mine"}}));
    lab.api.create("Deployment", "mine", deployment(1));
    let budget = json!({"metadata": {"name": "shop"}, "spec": {"minAvailable": 1}});
    lab.api.create("PodDisruptionBudget", "mine", budget);
    lab.api.create("PersistentVolumeClaim", "mine", json!({"metadata": {"name": "data"}, "spec": {}}));
    until_ready(&lab.api, 1).await;
    lab
}

/// Waits until that many of somebody's NodeClaims have their nodes.
async fn until_ready(api: &ApiServer, nodes: usize) {
    let is_ready = |claim: &Value| {
        let conditions = claim["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
        conditions.iter().any(|condition| condition["type"] == "Initialized" && condition["status"] == "True")
    };
    let mut changed = api.changed();
    let ready = async {
        while api.list("NodeClaim", OF_MINE).iter().filter(|claim| is_ready(claim)).count() < nodes {
            changed.changed().await.unwrap();
        }
    };
    timeout(NODE_LIMIT, ready).await.unwrap();
}

const OF_MINE: &str = "karpenter.sh/nodepool=mine";

/// A burst; does something once when a phase of it starts.
async fn run_when(lab: &Lab, phase: &'static str, act: impl Fn(&ApiServer) + Send + 'static) -> Ran {
    let (api, done) = (lab.api.clone(), AtomicBool::new(false));
    let on_event = move |event: &Event| {
        if matches!(&event.kind, EventKind::PhaseBegan { phase: began } if began == phase)
            && !done.swap(true, Ordering::Relaxed)
        {
            act(&api);
        }
    };
    let ran = lab.run_with(&plans::burst(), on_event).await;
    ran.assert_well_formed();
    ran
}

fn differences(ran: &Ran) -> Vec<String> {
    let text = |it: Difference| format!("{} {} {}", it.kind, it.name, it.became);
    ran.result().differences.into_iter().map(text).collect()
}

fn vms_of_others(ran: &Ran, what: AzureFactKind) -> usize {
    let is = |event: &&Event| matches!(&event.kind, EventKind::Others(OfOthers::Azure(fact)) if fact.what == what);
    ran.events.iter().filter(is).count()
}

/// What of somebody's is on the cluster: each object with its UID and generation, and the VMs.
async fn somebodys(lab: &Lab) -> Vec<String> {
    let mut found: Vec<String> = lab.api.with(|store| {
        let is_mine = |object: &Value| {
            object["metadata"]["name"] == "mine"
                || object["metadata"]["namespace"] == "mine"
                || object["metadata"]["labels"]["karpenter.sh/nodepool"] == "mine"
        };
        let text = |object: &Value| {
            let metadata = &object["metadata"];
            format!("{} {} {} {}", object["kind"], metadata["name"], metadata["uid"], metadata["generation"])
        };
        store.all().map(|(_, object)| object).filter(|object| is_mine(object)).map(text).collect()
    });
    let vms = lab.control.vms().await.unwrap();
    let mine = vms.into_iter().filter(|it| it.vm.nodepool == "mine" && it.state == VmState::Running);
    found.extend(mine.map(|it| format!("VM {} {}", it.vm.name, it.vm.instance)));
    found
}

/// Before, the VM was left behind (exit code 5), after a cleanup that waited two minutes for it.
#[tokio::test(start_paused = true)]
async fn what_somebody_has_on_the_cluster_stays_as_it_is_and_is_not_counted() {
    let lab = with_somebodys_node().await;
    let before = somebodys(&lab).await;
    assert_eq!(before.len(), 10, "{before:?}");
    let ran = lab.run(&plans::burst()).await;
    ran.assert_well_formed();
    let result = ran.result();
    assert_eq!((result.exit_code, ran.leaks()), (ExitCode::Passed, Vec::new()), "{:?}", result.reasons);
    let row = result.expectations.last().unwrap();
    assert_eq!((row.name.as_str(), row.verdict), ("what was there before is as it was", Verdict::Pass));
    // Five pods need two nodes.
    let counts = &result.counts;
    assert_eq!((counts.vms_accepted, counts.vms_deleted, counts.nodeclaims, counts.nodes), (2, 2, 2, 2));
    assert_eq!(result.cost.unwrap().vms, 2);
    assert_eq!(somebodys(&lab).await, before);
    let (began_us, ended_us, ..) = ran.phase("cleanup");
    assert!(ended_us - began_us < Duration::from_secs(20).as_micros() as u64, "{} us", ended_us - began_us);
}

/// The inventories are in the log, the first before anything was changed and the second after cleanup, without what belongs to the harness or
/// changes by itself.
#[tokio::test(start_paused = true)]
async fn the_log_has_what_was_there_before_and_after() {
    let lab = with_somebodys_node().await;
    let ran = lab.run(&plans::burst()).await;
    let inventories: Vec<_> = ran
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Inventory(inventory) => Some((event.at_us, inventory)),
            _ => None,
        })
        .collect();
    let [(before_us, before), (after_us, after)] = inventories[..] else { panic!("{inventories:?}") };
    assert_eq!((before.moment, after.moment), (InventoryMoment::Before, InventoryMoment::After));
    assert!(before_us < ran.phase("up").0 && after_us >= ran.phase("cleanup").1);
    let names = |kind: &str| -> Vec<String> {
        before.objects.iter().filter(|it| it.kind == kind).map(ToString::to_string).collect()
    };
    assert_eq!(names("NodePool"), ["NodePool mine"]);
    assert_eq!(names("Deployment"), ["Deployment mine/shop"]);
    assert_eq!(names("PodDisruptionBudget"), ["PodDisruptionBudget mine/shop"]);
    assert_eq!(names("Namespace").len(), 4);
    for kind in ["Kustomization", "GitRepository", "Pod", "Lease"] {
        assert_eq!(names(kind), [""; 0]);
    }
    assert_eq!((before.vms.len(), &before.objects), (1, &after.objects));
    assert_eq!(before.vms, after.vms);
}

#[rstest]
#[case::deleted(|api: &ApiServer| api.delete("Deployment", "mine", "shop", None), &["Deployment mine/shop gone"])]
#[case::of_a_volume(
    |api: &ApiServer| api.delete("PersistentVolumeClaim", "mine", "data", None),
    &["PersistentVolumeClaim mine/data gone"]
)]
#[case::changed(|api: &ApiServer| api.merge("NodePool", "", "mine", "", &json!({"spec": {"weight": 7}})), &["NodePool mine changed"])]
#[case::another_one(|api: &ApiServer| {
    api.delete("PodDisruptionBudget", "mine", "shop", None);
    api.create("PodDisruptionBudget", "mine", json!({"metadata": {"name": "shop"}, "spec": {"minAvailable": 1}}));
}, &["PodDisruptionBudget mine/shop replaced"])]
#[tokio::test(start_paused = true)]
async fn what_becomes_of_it_during_the_run_is_found(#[case] act: fn(&ApiServer), #[case] expected: &[&str]) {
    let lab = with_somebodys_node().await;
    let ran = run_when(&lab, "hold", act).await;
    let result = ran.result();
    assert!(differences(&ran).iter().map(String::as_str).eq(expected.iter().copied()), "{:?}", differences(&ran));
    assert_eq!((result.verdict, result.exit_code), (Verdict::Fail, ExitCode::LeftBehind));
    assert!(result.reason.starts_with("not as it was before the run: "), "{}", result.reason);
}

/// A status is not what somebody asks for, and a label neither.
#[tokio::test(start_paused = true)]
async fn a_change_of_status_or_labels_is_no_difference() {
    let lab = with_somebodys_node().await;
    let act = |api: &ApiServer| {
        api.merge("NodePool", "", "mine", "status", &json!({"status": {"nodes": 1}}));
        api.merge("Deployment", "mine", "shop", "", &json!({"metadata": {"labels": {"a": "b"}}}));
    };
    let ran = run_when(&lab, "hold", act).await;
    assert_eq!(ran.result().exit_code, ExitCode::Passed, "{:?}", ran.result().reasons);
}

/// Before, each of these was a VM of the run that was left behind.
#[tokio::test(start_paused = true)]
async fn a_vm_that_somebodys_pool_gets_during_the_run_is_not_the_runs() {
    let lab = with_somebodys_node().await;
    let second = |api: &ApiServer| {
        drop(api.create("Deployment", "mine", {
            let mut second = deployment(1);
            second["metadata"]["name"] = json!("second");
            second
        }))
    };
    let ran = run_when(&lab, "up", second).await;
    until_ready(&lab.api, 2).await;
    let result = ran.result();
    assert_eq!((result.exit_code, ran.leaks()), (ExitCode::Passed, Vec::new()), "{:?}", result.reasons);
    assert_eq!((result.counts.vms_accepted, vms_of_others(&ran, AzureFactKind::VmAccepted)), (2, 1));
    // The ledger has counted it, and agrees.
    let ledger = ran.events.iter().find_map(|event| match &event.kind {
        EventKind::Ledger(ledger) => Some(ledger),
        _ => None,
    });
    assert_eq!(ledger.unwrap().accepted, 3);
}

/// Before, the run waited two minutes for it, and had left it behind.
#[tokio::test(start_paused = true)]
async fn a_vm_that_somebody_makes_without_a_pool_is_not_the_runs() {
    let lab = with_somebodys_node().await;
    let ran = run_when(&lab, "hold", |api| {
        api.create("NodeClaim", "", json!({"metadata": {"name": "by-hand", "labels": {}}, "spec": {}}));
    })
    .await;
    assert_eq!((ran.result().exit_code, ran.leaks()), (ExitCode::Passed, Vec::new()), "{:?}", ran.result().reasons);
    assert_eq!((ran.result().counts.vms_accepted, vms_of_others(&ran, AzureFactKind::VmAccepted)), (2, 1));
    let said = "1 VM without a NodePool came during the run: it is not the run's, and counts against Azure's quotas";
    assert!(ran.result().warnings.iter().any(|warning| warning == said), "{:?}", ran.result().warnings);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_karpenter_takes_away_of_itself_is_noted() {
    let lab = with_somebodys_node().await;
    let disrupt = |api: &ApiServer| {
        for claim in api.list("NodeClaim", OF_MINE) {
            let name = claim["metadata"]["name"].as_str().unwrap();
            let mut conditions = claim["status"]["conditions"].as_array().cloned().unwrap();
            conditions.push(json!({"type": "DisruptionReason", "status": "True", "reason": "Drifted"}));
            api.merge("NodeClaim", "", name, "status", &json!({"status": {"conditions": conditions}}));
            api.delete("NodeClaim", "", name, None);
        }
    };
    let ran = run_when(&lab, "hold", disrupt).await;
    let result = ran.result();
    assert_eq!(result.exit_code, ExitCode::Passed, "{:?}", result.reasons);
    let noted = result.warnings.iter().any(|it| it.contains("Karpenter disrupted it (Drifted)"));
    assert!(noted, "{:?}", result.warnings);
    assert_eq!(result.counts.disruptions.get("Drifted"), None, "it is not the run's");
}

fn claim_without_a_node() -> Value {
    let conditions = json!([{"type": "Launched", "status": "Unknown"}, {"type": "Registered", "status": "Unknown"}]);
    let metadata = json!({"name": "mine-waits", "labels": {"karpenter.sh/nodepool": "mine"}});
    json!({"metadata": metadata, "spec": {}, "status": {"conditions": conditions}})
}

/// Before, a pod that found no capacity made every run report such a NodeClaim as gone.
#[tokio::test(start_paused = true)]
async fn a_nodeclaim_that_has_no_node_may_be_deleted() {
    let lab = with_somebodys_node().await;
    lab.api.create("NodeClaim", "", claim_without_a_node());
    let ran = run_when(&lab, "up", |api| api.delete("NodeClaim", "", "mine-waits", None)).await;
    assert_eq!(differences(&ran), [""; 0]);
    assert_eq!(ran.result().exit_code, ExitCode::Passed, "{:?}", ran.result().reasons);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_somebody_takes_away_is_found() {
    let lab = with_somebodys_node().await;
    let delete = |api: &ApiServer| {
        let claims = api.list("NodeClaim", OF_MINE);
        claims.iter().for_each(|claim| api.delete("NodeClaim", "", claim["metadata"]["name"].as_str().unwrap(), None));
    };
    let ran = run_when(&lab, "hold", delete).await;
    let found = differences(&ran);
    let kinds: BTreeSet<&str> = found.iter().filter_map(|it| it.split(' ').next()).collect();
    assert_eq!(kinds, ["Node", "NodeClaim", "VirtualMachine"].into(), "{found:?}");
    assert_eq!(ran.result().exit_code, ExitCode::LeftBehind);
}

fn crash_all(id: u32) -> Value {
    json!({"id": id, "atUs": 0, "action": {"azureFault": {"vmCrash": {}}}})
}

/// Before, a fault that acts once acted on every VM that matched.
#[tokio::test(start_paused = true)]
async fn a_fault_that_acts_once_keeps_off_vms_that_are_not_the_runs() {
    let lab = with_somebodys_node().await;
    let before = somebodys(&lab).await;
    let crash = json!({"name": "crash", "actions": [crash_all(1)], "for": "5s"});
    let ran = lab.run(&of_phases(&[up(), crash])).await;
    assert_eq!(ran.action(1).error, None);
    assert_eq!((ran.result().counts.vms_crashed, vms_of_others(&ran, AzureFactKind::VmCrashed)), (2, 0));
    assert_eq!(somebodys(&lab).await, before);
    let early = json!({"name": "crash", "actions": [crash_all(0)], "for": "5s"});
    let ran = lab.run(&of_phases(&[early])).await;
    let error = ran.action(0).error.as_deref().unwrap();
    assert!(error.contains("none of the VMs that it means is the run's"), "{error}");
    assert_eq!(somebodys(&lab).await, before);
}

fn with_faults(phases: &[Value], faults: &Value) -> Plan {
    let mut plan = of_phases(phases);
    plan.azure.faults = serde_json::from_value(faults.clone()).unwrap();
    plan
}

/// Before, one from the start hit exactly somebody's VMs: the run has none yet.
#[rstest]
#[case(json!([{"vmCrash": {}}]))]
#[case(json!([{"nodeCondition": {"condition": "KernelDeadlock", "status": "True"}}]))]
#[tokio::test(start_paused = true)]
async fn a_fault_from_the_start_that_acts_once_keeps_off_vms_that_are_not_the_runs(#[case] faults: Value) {
    let lab = with_somebodys_node().await;
    let before = somebodys(&lab).await;
    let ran = lab.run(&with_faults(&[up()], &faults)).await;
    ran.assert_well_formed();
    let (reason, detail) = ran.ended();
    assert_eq!(reason, EndReason::TargetFailed);
    assert!(detail.contains("none of the VMs that it means is the run's"), "{detail}");
    assert_eq!(somebodys(&lab).await, before);
}

async fn assert_not_run(lab: &Lab, phases: &[Value], why: &str) {
    assert_plan_not_run(lab, &of_phases(phases), why).await;
}

async fn assert_plan_not_run(lab: &Lab, plan: &Plan, why: &str) {
    let calls = lab.api.calls().len();
    let before = somebodys(lab).await;
    let ran = lab.run(plan).await;
    ran.assert_well_formed();
    let (reason, detail) = ran.ended();
    assert_eq!(reason, EndReason::NotRun);
    assert!(detail.contains(why), "{detail}");
    assert_eq!(ran.result().exit_code, ExitCode::Inconclusive);
    let reads = |verb: Verb| matches!(verb, Verb::Get | Verb::List | Verb::Watch | Verb::Discover);
    let changes: Vec<String> =
        lab.api.calls().iter().skip(calls).filter(|call| !reads(call.verb)).map(ToString::to_string).collect();
    assert_eq!(changes, [""; 0], "nothing was touched");
    assert_eq!(somebodys(lab).await, before);
}

/// Before, Flux took the pool over, and deleted it at the end with its nodes.
#[tokio::test(start_paused = true)]
async fn a_tree_with_the_name_of_somebodys_pool_is_not_run() {
    let lab = with_somebodys_node().await;
    lab.api.create("NodePool", "", pool("web"));
    assert_not_run(&lab, &[up()], "NodePool web").await;
}

/// Before, only objects of the kinds of the inventory were looked for: Flux took this one over and deleted it at the end, and the comparison passed.
#[tokio::test(start_paused = true)]
async fn a_tree_with_the_name_of_somebodys_configmap_is_not_run() {
    const SERVERS: &str =
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: coredns-custom\n  namespace: kube-system\n";
    let mut lab = with_somebodys_node().await;
    lab.tree.push(("servers.yaml", SERVERS));
    lab.api.create("ConfigMap", "mine", json!({"metadata": {"name": "coredns-custom"}}));
    assert_eq!(lab.run(&of_phases(&[up()])).await.ended().0, EndReason::Completed, "it is in another namespace");
    lab.api.create("ConfigMap", "kube-system", json!({"metadata": {"name": "coredns-custom"}}));
    assert_not_run(&lab, &[up()], "ConfigMap kube-system/coredns-custom; Flux would take them over").await;
}

fn commit(edits: &Value) -> Value {
    json!({"name": "change", "actions": [{"id": 9, "atUs": 0, "action": {"commit": {"edits": edits}}}], "for": "5s"})
}

/// Before, of what later commits add only NodePools were looked for: the class was taken over and deleted, and its nodes drifted.
#[rstest]
#[case::added(json!([{"add": {"object": {
    "apiVersion": "karpenter.azure.com/v1beta1", "kind": "AKSNodeClass", "metadata": {"name": "mine"}, "spec": {},
}}}]))]
// The API server does not ask for the namespace of an object that has none.
#[case::with_a_namespace(json!([{"add": {"object": {
    "apiVersion": "karpenter.azure.com/v1beta1", "kind": "AKSNodeClass", "metadata": {"name": "mine", "namespace": "mine"}, "spec": {},
}}}]))]
#[case::as_text(json!([{"addText": {
    "file": "theirs.yaml", "text": "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {name: mine}\n",
}}]))]
#[case::renamed(json!([{"merge": {"object": {"kind": "AKSNodeClass"}, "patch": {"metadata": {"name": "mine"}}}}]))]
#[tokio::test(start_paused = true)]
async fn a_commit_with_the_name_of_somebodys_class_is_not_run(#[case] edits: Value) {
    let lab = with_somebodys_node().await;
    assert_not_run(&lab, &[up(), commit(&edits)], "AKSNodeClass mine; Flux would take them over").await;
}

#[tokio::test(start_paused = true)]
async fn a_kind_of_the_tree_that_the_run_may_not_list_is_said() {
    let lab = with_somebodys_node().await;
    lab.api.fault(Fault::new(Effect::Refuse { code: 403, retry_after_s: None }, |call| {
        call.verb == Verb::List && call.kind == "ConfigMap"
    }));
    let added = json!([{"add": {"object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "mine"}}}}]);
    let ran = lab.run(&of_phases(&[up(), commit(&added)])).await;
    let result = ran.result();
    let evidence = &result.expectations.last().unwrap().evidence;
    assert!(evidence.ends_with("the run may not list ConfigMap"), "{evidence}");
}

/// Before, Flux deleted it as soon as the run had pushed its tree.
#[tokio::test(start_paused = true)]
async fn what_the_kustomization_of_the_runs_applies_keeps_the_run_from_starting() {
    let lab = with_somebodys_node().await;
    let labels = json!({"kustomize.toolkit.fluxcd.io/name": "node-config", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    lab.api.merge("NodePool", "", "mine", "", &json!({"metadata": {"labels": labels}}));
    assert_not_run(&lab, &[up()], "Flux would delete NodePool mine").await;
}

/// Before, Karpenter replaced every node of the cluster, whoever's it was.
#[rstest]
#[case("publishNodeImage")]
#[case("upgradeKubernetes")]
#[tokio::test(start_paused = true)]
async fn what_drifts_every_node_is_not_run_beside_somebodys_nodes(#[case] verb: &str) {
    let lab = with_somebodys_node().await;
    let drift = json!({"name": "drift", "actions": [{"id": 9, "atUs": 0, "action": {verb: {}}}], "for": "5s"});
    assert_not_run(&lab, &[up(), drift], "Karpenter would replace NodeClaim mine-").await;
}

#[tokio::test(start_paused = true)]
async fn what_drifts_every_node_is_not_run_beside_a_node_that_has_not_joined() {
    let lab = Lab::start();
    lab.api.create("NodeClaim", "", claim_without_a_node());
    let drift = json!({"id": 9, "atUs": 0, "action": {"publishNodeImage": {}}});
    let drift = json!({"name": "drift", "actions": [drift], "for": "5s"});
    assert_not_run(&lab, &[up(), drift], "Karpenter would replace NodeClaim mine-waits").await;
}

/// Before, this was said of prices too, and of a zone that goes away.
#[tokio::test(start_paused = true)]
async fn another_price_is_not_set_beside_somebodys_nodes() {
    let lab = with_somebodys_node().await;
    let price = json!({"azurePrice": {"ofListPrice": 50}});
    let price = json!({"name": "price", "actions": [{"id": 9, "atUs": 0, "action": price}], "for": "5s"});
    assert_not_run(&lab, &[up(), price], "with `azurePrice` Karpenter would replace those of NodeClaim mine-").await;
}

/// Before, only actions were looked at: as a fault from the start it stopped somebody's VMs.
#[rstest]
#[case::action(of_phases(&[json!({"name": "p", "actions": [{"id": 9, "atUs": 0, "action": {"azureFault": {"zoneOutage": {"zone": "1"}}}}], "for": "5s"})]))]
#[case::from_the_start(with_faults(&[up()], &json!([{"zoneOutage": {"zone": "1"}, "for": "1m"}])))]
#[tokio::test(start_paused = true)]
async fn a_zone_does_not_go_away_beside_somebodys_nodes(#[case] plan: Plan) {
    let lab = with_somebodys_node().await;
    assert_plan_not_run(&lab, &plan, "`zoneOutage` would stop the VMs of those of NodeClaim mine-").await;
}

/// The pods of AKS's DaemonSets would come to the nodes of others.
#[tokio::test(start_paused = true)]
async fn other_parts_of_aks_are_not_put_into_a_cluster_with_somebodys_nodes() {
    let lab = with_somebodys_node().await;
    let mut plan = of_phases(&[up()]);
    plan.azure.cluster = Some(ClusterParts::Aks);
    assert_plan_not_run(&lab, &plan, "`harness up --azure-cluster aks`").await;
    plan.azure.cluster = Some(ClusterParts::Bare);
    let ran = lab.run(&plan).await;
    assert_eq!(ran.ended().0, EndReason::Completed, "it is what it asks for");
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_the_run_may_not_list_is_said() {
    let lab = Lab::start();
    lab.api.fault(Fault::new(Effect::Refuse { code: 403, retry_after_s: None }, |call| {
        call.verb == Verb::List && call.kind == "PodDisruptionBudget"
    }));
    let ran = lab.run(&plans::burst()).await;
    let result = ran.result();
    assert_eq!(result.exit_code, ExitCode::Passed, "{:?}", result.reasons);
    let evidence = &result.expectations.last().unwrap().evidence;
    assert!(evidence.ends_with("the run may not list PodDisruptionBudget"), "{evidence}");
}

#[tokio::test(start_paused = true)]
async fn a_kept_run_is_compared_too() {
    let mut lab = with_somebodys_node().await;
    lab.keep = true;
    let delete = |api: &ApiServer| api.delete("Deployment", "mine", "shop", None);
    let ran = run_when(&lab, "hold", delete).await;
    assert_eq!(differences(&ran), ["Deployment mine/shop gone"]);
}

/// Before, a suite stopped when somebody's pool had got another node: it was left behind.
#[tokio::test(start_paused = true)]
async fn nodes_of_somebodys_pool_are_not_left_by_a_run() {
    let lab = with_somebodys_node().await;
    let before = lab.cluster().contents().await.unwrap();
    lab.api.merge("Deployment", "mine", "shop", "", &json!({"spec": {"replicas": 2}}));
    until_ready(&lab.api, 2).await;
    let after = lab.cluster().contents().await.unwrap();
    assert_eq!(after.left_since(&before), [""; 0]);
    lab.api.create("NodePool", "", pool("web"));
    assert_eq!(lab.cluster().contents().await.unwrap().left_since(&before), ["NodePool web"]);
}
