//! The check of every run that what was there before is as it was.

use std::collections::BTreeMap;

use harness_record::event::*;
use harness_record::result::Difference;
use harness_record::verdict::Verdict;
use harness_record::{Event, EventKind, ExitCode, RunResult, Timelines};
use rstest::rstest;
use serde_json::json;

use crate::log_builder::{self, Fault, S};

/// When the inventories are taken.
const BEFORE: u64 = 1;
const AFTER: u64 = 300 * S;

fn object(kind: &str, name: &str) -> InventoryObject {
    InventoryObject {
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: format!("uid-of-{kind}-{name}"),
        generation: (kind != "Node").then_some(1),
        ..InventoryObject::default()
    }
}

/// What somebody has on a cluster: a pool, a workload and a node.
fn before() -> Inventory {
    let deployment = InventoryObject { namespace: "mine".to_owned(), ..object("Deployment", "shop") };
    let nodepool = "mine".to_owned();
    let claim = InventoryObject { nodepool: nodepool.clone(), ..object("NodeClaim", "mine-a") };
    let node = InventoryObject { nodepool: nodepool.clone(), nodeclaim: "mine-a".to_owned(), ..object("Node", "vm-a") };
    let vm = InventoryVm { name: "vm-a".to_owned(), instance: 3, nodeclaim: "mine-a".to_owned(), nodepool };
    Inventory {
        moment: InventoryMoment::Before,
        objects: vec![object("NodePool", "mine"), deployment, claim, node],
        vms: vec![vm],
        unread: Default::default(),
    }
}

fn others(at_us: u64, event: OfOthers) -> Event {
    Event { at_us, kind: EventKind::Others(event) }
}

fn claim_reached(at_us: u64, reached: Reached, reason: &str) -> Event {
    let object = ObjectKey {
        kind: ObjectKind::NodeClaim,
        namespace: String::new(),
        name: "mine-a".to_owned(),
        uid: "uid-of-NodeClaim-mine-a".to_owned(),
    };
    let attributes = match reason {
        "" => BTreeMap::new(),
        reason => BTreeMap::from([(attribute::REASON.to_owned(), reason.to_owned())]),
    };
    let milestone = Milestone { object, reached, seen: Seen::Live, server: None, attributes };
    others(at_us, OfOthers::Milestone(milestone))
}

fn vm_fact(at_us: u64, what: AzureFactKind, name: &str, instance: u64) -> Event {
    let fact = AzureFact {
        vm: name.to_owned(),
        instance: Some(instance),
        nodeclaim: name.replace("vm", "mine"),
        nodepool: "mine".to_owned(),
        capacity_type: "on-demand".to_owned(),
        price_micro_usd_per_hour: Some(3_600_000_000),
        ..AzureFact::new(what, at_us)
    };
    others(at_us, OfOthers::Azure(Box::new(fact)))
}

/// What a report says where somebody else has a pool.
const BESIDE: &str = "the cluster has 1 NodePool of others (mine): their VMs count against Azure's quotas, and their pods may run on the run's nodes";

/// A run that passes on a cluster with that, on which this happens and this is found at the end.
fn run(happened: Vec<Event>, after: impl FnOnce(&mut Inventory)) -> RunResult {
    let mut found = Inventory { moment: InventoryMoment::After, ..before() };
    after(&mut found);
    run_with(happened, before(), Some(found))
}

fn run_with(happened: Vec<Event>, before: Inventory, after: Option<Inventory>) -> RunResult {
    let plan = log_builder::plan();
    let mut events = log_builder::run(&Fault::None);
    let ended = events.pop().unwrap();
    events.insert(1, Event { at_us: BEFORE, kind: EventKind::Inventory(before) });
    events.extend(happened);
    events.extend(after.map(|after| Event { at_us: AFTER, kind: EventKind::Inventory(after) }));
    events.push(ended);
    let mut timelines = Timelines::of_plan(&plan);
    events.iter().for_each(|event| timelines.apply(event));
    RunResult::from_timelines(&plan, &timelines, None)
}

fn without(kinds: &'static [&'static str]) -> impl FnOnce(&mut Inventory) {
    move |found| {
        found.objects.retain(|object| !kinds.contains(&object.kind.as_str()));
        if kinds.contains(&"VirtualMachine") {
            found.vms.clear();
        }
    }
}

fn lost(result: &RunResult) -> Vec<String> {
    let text = |it: &Difference| format!("{} {} {}", it.kind, it.name, it.became);
    result.differences.iter().map(text).collect()
}

fn assert_as_it_was(result: &RunResult) {
    assert_eq!(lost(result), [""; 0]);
    assert_eq!((result.verdict, result.exit_code), (Verdict::Pass, ExitCode::Passed), "{}", result.reason);
    let row = result.expectations.last().unwrap();
    assert_eq!((row.name.as_str(), row.verdict), ("what was there before is as it was", Verdict::Pass));
}

#[test]
fn a_run_that_leaves_everything_as_it_was_passes_and_says_what_it_compared() {
    let result = run(Vec::new(), |_| {});
    assert_as_it_was(&result);
    let row = result.expectations.last().unwrap();
    assert_eq!((row.observed.as_str(), row.evidence.as_str()), ("as it was", "4 objects, 1 VM"));
    assert_eq!(result.warnings, [BESIDE]);
}

#[rstest]
#[case::gone(without(&["Deployment"]), "Deployment mine/shop gone")]
#[case::its_pool(without(&["NodePool"]), "NodePool mine gone")]
#[case::another_of_that_name(|found: &mut Inventory| found.objects[1].uid = "other".to_owned(), "Deployment mine/shop replaced")]
#[case::changed(|found: &mut Inventory| found.objects[0].generation = Some(2), "NodePool mine changed")]
#[case::a_node_alone(without(&["Node"]), "Node vm-a gone")]
#[case::a_vm_alone(without(&["VirtualMachine"]), "VirtualMachine vm-a gone")]
#[case::another_vm_of_that_name(|found: &mut Inventory| found.vms[0].instance = 9, "VirtualMachine vm-a replaced")]
fn what_is_not_as_it_was_fails_the_run_and_has_the_exit_code_of_leaks(
    #[case] after: impl FnOnce(&mut Inventory),
    #[case] expected: &str,
) {
    let result = run(Vec::new(), after);
    assert_eq!(lost(&result), [expected]);
    assert_eq!((result.verdict, result.exit_code), (Verdict::Fail, ExitCode::LeftBehind));
    assert_eq!(result.reason, format!("not as it was before the run: {expected}"));
    assert_eq!(result.expectations.last().unwrap().verdict, Verdict::Fail);
}

#[test]
fn who_has_written_a_changed_object_last_is_said() {
    let result = run(Vec::new(), |found| {
        found.objects[0].generation = Some(2);
        found.objects[0].written_by = "kubectl-edit".to_owned();
    });
    assert_eq!(result.expectations.last().unwrap().observed, "NodePool mine changed, written last by kubectl-edit");
}

const A_NODE: &[&str] = &["NodeClaim", "Node", "VirtualMachine"];

/// A node of somebody else's pool is Karpenter's to disrupt, with its Node and its VM.
#[rstest]
#[case::consolidated(vec![claim_reached(20 * S, Reached::Disrupted, "Underutilized"), claim_reached(21 * S, Reached::Deleting, "")], None, "Karpenter disrupted it (Underutilized)")]
#[case::expired(vec![claim_reached(20 * S, Reached::Deleting, "")], Some(15), "Karpenter deleted it, since it had expired")]
fn a_node_that_karpenter_took_away_is_noted(
    #[case] happened: Vec<Event>,
    #[case] expires_s: Option<i64>,
    #[case] why: &str,
) {
    let started_at = log_builder::run(&Fault::None).into_iter().find_map(|event| match event.kind {
        EventKind::RunStarted(header) => Some(header.started_at),
        _ => None,
    });
    let mut before = before();
    before.objects[2].expires = expires_s.map(|s| started_at.unwrap() + jiff::SignedDuration::from_secs(s));
    let mut after = Inventory { moment: InventoryMoment::After, ..before.clone() };
    without(A_NODE)(&mut after);
    let result = run_with(happened, before, Some(after));
    assert_as_it_was(&result);
    assert_eq!(result.expectations.last().unwrap().observed, format!("as it was, NodeClaim mine-a: {why}"));
    assert_eq!(result.warnings, [BESIDE.to_owned(), format!("not of this run: NodeClaim mine-a: {why}")]);
}

/// Before, a node that Karpenter repaired was reported as gone, and so was a NodeClaim that found no capacity.
#[rstest]
#[case::repaired(3, "its Node was not Ready, and Karpenter repairs such nodes")]
#[case::not_launched(2, "it had no Node yet, and Karpenter deletes such NodeClaims")]
fn a_node_that_was_not_ready_is_karpenters_to_take_away(#[case] object: usize, #[case] why: &str) {
    let mut before = before();
    before.objects[object].is_unready = true;
    let mut after = Inventory { moment: InventoryMoment::After, ..before.clone() };
    without(A_NODE)(&mut after);
    let result = run_with(vec![claim_reached(20 * S, Reached::Deleting, "")], before.clone(), Some(after.clone()));
    assert_as_it_was(&result);
    assert_eq!(result.expectations.last().unwrap().observed, format!("as it was, NodeClaim mine-a: {why}"));
    let crashed = vec![vm_fact(19 * S, AzureFactKind::VmCrashed, "vm-a", 3)];
    assert_eq!(lost(&run_with(crashed, before, Some(after))).len(), 3, "the VM was lost meanwhile");
}

#[test]
fn a_nodeclaim_without_a_node_may_get_another_vm() {
    let mut before = before();
    before.objects[2].is_unready = true;
    let mut after = Inventory { moment: InventoryMoment::After, ..before.clone() };
    after.vms[0].instance = 9;
    assert_as_it_was(&run_with(Vec::new(), before, Some(after)));
}

#[rstest]
#[case::deleted_by_somebody(vec![claim_reached(20 * S, Reached::Deleting, "")])]
#[case::spared_before(vec![claim_reached(20 * S, Reached::Disrupted, "Drifted"), claim_reached(21 * S, Reached::Spared, ""), claim_reached(30 * S, Reached::Deleting, "")])]
#[case::evicted(vec![vm_fact(19 * S, AzureFactKind::SpotEvicted, "vm-a", 3), claim_reached(20 * S, Reached::Disrupted, "Underutilized")])]
#[case::crashed(vec![vm_fact(19 * S, AzureFactKind::VmCrashed, "vm-a", 3), claim_reached(20 * S, Reached::Deleting, "")])]
#[case::not_seen(Vec::new())]
fn a_node_that_karpenter_did_not_take_away_of_itself_is_a_difference(#[case] happened: Vec<Event>) {
    let result = run(happened, without(A_NODE));
    assert_eq!(lost(&result), ["NodeClaim mine-a gone", "Node vm-a gone", "VirtualMachine vm-a gone"]);
}

#[test]
fn what_an_autoscaler_sets_is_noted() {
    let result = run(Vec::new(), |found| {
        found.objects[1].generation = Some(4);
        found.objects[1].is_autoscaled = true;
    });
    assert_as_it_was(&result);
    assert_eq!(result.warnings, [BESIDE, "not of this run: an autoscaler scaled Deployment mine/shop"]);
}

/// Before, what an autoscaler scales could change in any way.
#[test]
fn what_somebody_else_sets_of_what_an_autoscaler_scales_is_a_difference() {
    let result = run(Vec::new(), |found| {
        found.objects[1].generation = Some(4);
        found.objects[1].is_autoscaled = true;
        found.objects[1].written_at = Some("2026-01-01T00:00:05Z".parse().unwrap());
        found.objects[1].written_by = "kubectl-edit".to_owned();
    });
    assert_eq!(lost(&result), ["Deployment mine/shop changed"]);
    assert_eq!(result.exit_code, ExitCode::LeftBehind);
}

/// A VM without a NodeClaim is deleted by the controller's garbage collection, unless it was hit before.
#[test]
fn a_vm_without_a_nodeclaim_is_the_controllers_to_delete() {
    let mut orphan = before();
    orphan.objects.truncate(2);
    let after = Inventory { moment: InventoryMoment::After, vms: Vec::new(), ..orphan.clone() };
    let result = run_with(Vec::new(), orphan.clone(), Some(after.clone()));
    assert_as_it_was(&result);
    let evicted = vec![vm_fact(19 * S, AzureFactKind::SpotEvicted, "vm-a", 3)];
    assert_eq!(lost(&run_with(evicted, orphan, Some(after))), ["VirtualMachine vm-a gone"]);
}

#[test]
fn without_a_second_look_it_is_inconclusive() {
    let result = run_with(Vec::new(), before(), None);
    assert_eq!((result.verdict, result.exit_code), (Verdict::Inconclusive, ExitCode::Inconclusive));
    assert!(result.reason.ends_with("not compared: there was no second look"), "{}", result.reason);
}

#[test]
fn kinds_that_may_not_be_listed_are_said() {
    let before = Inventory { unread: ["Job".to_owned()].into(), ..before() };
    let after = Inventory { moment: InventoryMoment::After, ..before.clone() };
    let result = run_with(Vec::new(), before, Some(after));
    assert_eq!(result.expectations.last().unwrap().evidence, "4 objects, 1 VM; the run may not list Job");
}

/// Before, all that there had been of such a kind was gone.
#[test]
fn kinds_that_may_no_longer_be_listed_are_not_compared() {
    let unread = |found: &mut Inventory| {
        found.objects.retain(|object| object.kind != "Deployment");
        found.unread.insert("Deployment".to_owned());
    };
    let result = run(Vec::new(), unread);
    assert_eq!(lost(&result), [""; 0]);
    assert_eq!((result.verdict, result.exit_code), (Verdict::Inconclusive, ExitCode::Inconclusive));
    let row = result.expectations.last().unwrap();
    assert_eq!(row.observed, "not compared: the run may no longer list Deployment");
    assert_eq!(row.evidence, "4 objects, 1 VM; the run may not list Deployment");
    let result = run(Vec::new(), |found| {
        unread(found);
        found.objects[0].generation = Some(2);
    });
    assert_eq!((lost(&result), result.exit_code), (vec!["NodePool mine changed".to_owned()], ExitCode::LeftBehind));
}

/// Before, a VM of somebody else's that was there before or came meanwhile was one of the run's: in its counts, its costs and its occurrences.
#[test]
fn vms_of_others_count_in_nothing_but_the_ledger() {
    let alone = run(Vec::new(), |_| {});
    let beside = vec![
        vm_fact(10 * S, AzureFactKind::VmAccepted, "vm-b", 900),
        vm_fact(15 * S, AzureFactKind::VmBooted, "vm-b", 900),
        vm_fact(30 * S, AzureFactKind::SpotEvicted, "vm-b", 900),
        vm_fact(31 * S, AzureFactKind::VmDeleted, "vm-b", 900),
        vm_fact(40 * S, AzureFactKind::VmCrashed, "vm-a", 3),
    ];
    let mut events = beside.clone();
    let together = run(beside, |_| {});
    let counts = |result: &RunResult| harness_record::result::Counts { events: 0, ..result.counts.clone() };
    assert_eq!(counts(&together), counts(&alone));
    assert_eq!(together.cost, alone.cost);
    assert_as_it_was(&together);
    // The ledger has vm-b, which came after the run had started, and not vm-a.
    let mine = Account { vms: 1, running_us: 15 * S, micro_usd: 15_000_000 };
    let ledger = |evicted| Ledger {
        until_us: AFTER,
        after: 5,
        accepted: alone.counts.vms_accepted + 1,
        booted: alone.counts.vms_booted + 1,
        deleted: alone.counts.vms_deleted + 1,
        evicted,
        on_demand: mine,
        ..Ledger::default()
    };
    events.push(Event { at_us: AFTER, kind: EventKind::Ledger(ledger(1)) });
    let reason = run(events.clone(), |_| {}).reason;
    assert!(!reason.contains("VMs accepted") && !reason.contains("evicted"), "{reason}");
    events.pop();
    events.push(Event { at_us: AFTER, kind: EventKind::Ledger(ledger(2)) });
    let reason = run(events, |_| {}).reason;
    assert!(reason.contains("spot VMs evicted 1 (ledger: 2)"), "{reason}");
}

/// What cannot be kept apart is said.
#[test]
fn what_reaches_the_pools_of_others_is_said() {
    let mut plan = log_builder::plan();
    let fault = |json: serde_json::Value| serde_json::from_value(json).unwrap();
    plan.azure.faults = vec![
        fault(json!({"noCapacity": {"only": {"zone": "1"}}})),
        fault(json!({"slowDelete": {"only": {"nodepool": "general-purpose"}, "extra": "5s"}})),
        fault(json!({"spotEvict": {}})),
    ];
    let kill = serde_json::from_value(json!({"killComponent": "karpenter"})).unwrap();
    plan.phases[1].actions.push(harness_plan::PlannedAction { id: 99, at_us: 0, action: kill });
    let mut timelines = Timelines::of_plan(&plan);
    timelines.apply(&Event { at_us: BEFORE, kind: EventKind::Inventory(before()) });
    let warnings = RunResult::from_timelines(&plan, &timelines, None).warnings;
    let expected =
        format!("{BESIDE}; they meet the fault noCapacity of the simulated Azure, the kill of karpenter too");
    assert!(warnings.contains(&expected), "{warnings:?}");
}

#[test]
fn pods_of_the_run_on_nodes_of_others_are_said() {
    let mut astray = log_builder::run(&Fault::None);
    let of_pod = astray.iter_mut().find_map(|event| match &mut event.kind {
        EventKind::Milestone(it) if it.object.kind == ObjectKind::Pod => it.attributes.get_mut(attribute::NODE),
        _ => None,
    });
    "vm-a".clone_into(of_pod.unwrap());
    let plan = log_builder::plan();
    let mut timelines = Timelines::of_plan(&plan);
    timelines.apply(&Event { at_us: 0, kind: EventKind::Inventory(before()) });
    astray.iter().for_each(|event| timelines.apply(event));
    let warnings = RunResult::from_timelines(&plan, &timelines, None).warnings;
    let said = "1 pod of the run ran on nodes that were there before: they needed no node of their own".to_owned();
    assert!(warnings.contains(&said), "{warnings:?}");
}
