//! Changes behind the back of Flux: made, seen, refused where the object does not belong to the run, and undone.

use harness_plan::Plan;
use harness_record::event::{ActionStamps, EndReason, PhaseOutcome};
use harness_record::{Event, EventKind};
use serde_json::{Value, json};

use crate::api::{Effect, Fault, Verb};
use crate::lab::{Lab, Ran};
use crate::plans::of_phases;

fn change(id: u32, at_ms: u64, object: &str, what: &Value) -> Value {
    let mut change = json!({"object": object, "stays": false, "by": "kubectl"});
    change.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    json!({"id": id, "atUs": at_ms * 1_000, "action": {"change": change}})
}

/// One phase with these actions, on these objects.
fn plan(objects: Value, actions: &[Value]) -> Plan {
    let mut plan = of_phases(&[json!({"name": "change", "actions": actions, "for": "10s"})]);
    plan.objects = serde_json::from_value(objects).unwrap();
    plan
}

fn config_map(name: &str, paths: &[&str]) -> Value {
    let at = json!({"apiVersion": "v1", "kind": "ConfigMap", "namespace": "default", "name": name});
    json!({"name": name, "at": at, "paths": paths})
}

fn actions(ran: &Ran) -> Vec<&ActionStamps> {
    let actions = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::Action(action) if action.what.id().is_some() => Some(action),
        _ => None,
    });
    actions.collect()
}

fn fields(ran: &Ran, object: &str) -> Vec<Option<Value>> {
    let fields = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::Field(field) if field.object == object => Some(field.value.clone()),
        _ => None,
    });
    fields.collect()
}

#[tokio::test(start_paused = true)]
async fn a_patch_is_seen_and_undone() {
    let lab = Lab::start();
    let pool = json!({
        "name": "pool", "at": {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "name": "web"}, "paths": ["spec.weight"],
    });
    let interval = json!({
        "name": "root", "paths": ["spec.interval"],
        "at": {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "namespace": "flux-system",
            "name": "node-config",
        },
    });
    let actions_of = [
        change(0, 0, "pool", &json!({"patch": {"spec": {"weight": 9}}})),
        change(1, 0, "root", &json!({"patch": {"spec": {"interval": "9m0s"}}})),
    ];
    let ran = lab.run(&plan(json!([pool, interval]), &actions_of)).await;
    ran.assert_well_formed();
    let made = actions(&ran);
    assert!(
        made.len() == 2 && made.iter().all(|action| action.error.is_none() && action.acked_us.is_some()),
        "{made:?}"
    );
    assert!(fields(&ran, "pool").contains(&Some(json!(9))), "{:?}", fields(&ran, "pool"));
    assert!(fields(&ran, "root").contains(&Some(json!("9m0s"))), "{:?}", fields(&ran, "root"));
    let root = lab.api.get("Kustomization", "flux-system", "node-config").unwrap();
    assert_eq!(root["spec"]["interval"], "1m0s", "restored");
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_field_that_was_changed_since_is_not_restored() {
    let lab = Lab::start();
    let root = json!({
        "name": "root", "paths": ["spec.interval"],
        "at": {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "namespace": "flux-system",
            "name": "node-config",
        },
    });
    let api = lab.api.clone();
    let plan = plan(json!([root]), &[change(0, 0, "root", &json!({"patch": {"spec": {"interval": "9m0s"}}}))]);
    let ran = lab
        .run_with(&plan, move |event| {
            if matches!(&event.kind, EventKind::Field(field) if field.value == Some(json!("9m0s"))) {
                api.merge("Kustomization", "flux-system", "node-config", "", &json!({"spec": {"interval": "5m0s"}}));
            }
        })
        .await;
    ran.assert_well_formed();
    let root = lab.api.get("Kustomization", "flux-system", "node-config").unwrap();
    assert_eq!(root["spec"]["interval"], "5m0s");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_cannot_be_undone_does_not_stop_the_cleanup() {
    let lab = Lab::start();
    let pool = json!({
        "name": "pool", "at": {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "name": "web"}, "paths": ["spec.weight"],
    });
    let api = lab.api.clone();
    let silence = move |event: &Event| {
        if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "cleanup") {
            api.fault(Fault::on(Effect::Silence, Verb::Get, "NodePool").times(1));
        }
    };
    let plan = plan(json!([pool]), &[change(0, 0, "pool", &json!({"patch": {"spec": {"weight": 9}}}))]);
    let ran = lab.run_with(&plan, silence).await;
    ran.assert_well_formed();
    let (began_us, ended_us, outcome, detail) = ran.phase("cleanup");
    assert_eq!(
        (outcome, detail),
        (PhaseOutcome::Reached, "cannot undo the change of the NodePool web: no answer within 10 s")
    );
    assert!((10_000_000..30_000_000).contains(&(ended_us - began_us)), "{} us", ended_us - began_us);
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_created_object_is_labelled_and_deleted() {
    let lab = Lab::start();
    let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}, "data": {"a": "b"}});
    let actions_of = [change(0, 0, "mine", &json!({"create": manifest}))];
    let api = lab.api.clone();
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let ran = lab
        .run_with(&plan(json!([config_map("mine", &["exists"])]), &actions_of), move |event| {
            if matches!(&event.kind, EventKind::Action(action) if action.what.id() == Some(0)) {
                sender.send(api.get("ConfigMap", "default", "mine")).unwrap();
            }
        })
        .await;
    ran.assert_well_formed();
    let made = seen.recv().await.unwrap().unwrap();
    assert_eq!(made["metadata"]["labels"]["harness.dev/run"], "r1");
    assert_eq!(fields(&ran, "mine"), [Some(json!(false)), Some(json!(true)), Some(json!(false))]);
    assert!(lab.api.get("ConfigMap", "default", "mine").is_none());
}

#[tokio::test(start_paused = true)]
async fn objects_that_do_not_belong_to_the_run_are_not_touched() {
    let lab = Lab::start();
    lab.api.create("ConfigMap", "default", json!({"metadata": {"name": "theirs"}, "data": {"a": "b"}})).unwrap();
    let actions_of = [
        change(0, 0, "theirs", &json!({"patch": {"data": {"a": "c"}}})),
        change(1, 1_000, "theirs", &json!({"delete": true})),
        change(2, 0, "missing", &json!({"patch": {"data": {"a": "c"}}})),
    ];
    let objects = json!([config_map("theirs", &["data.a"]), config_map("missing", &["data.a"])]);
    let ran = lab.run(&plan(objects, &actions_of)).await;
    ran.assert_well_formed();
    let mut errors: Vec<&str> = actions(&ran).iter().map(|action| action.error.as_deref().unwrap()).collect();
    errors.sort_unstable();
    let foreign = "the ConfigMap default/theirs belongs neither to this run nor to its tree: it is not touched";
    assert_eq!(errors, [foreign, foreign, "there is no ConfigMap default/missing"]);
    assert_eq!(lab.api.get("ConfigMap", "default", "theirs").unwrap()["data"]["a"], "b");
    assert_eq!(ran.ended().0, EndReason::Completed);
}

/// A scenario that asks for it is refused; a plan of an older harness may still hold it.
#[tokio::test(start_paused = true)]
async fn the_kustomization_by_which_the_tree_is_applied_is_not_deleted() {
    let lab = Lab::start();
    let at = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "namespace": "flux-system",
        "name": "node-config",
    });
    let objects = json!([{"name": "root", "at": at, "paths": ["exists"]}]);
    let ran = lab.run(&plan(objects, &[change(0, 0, "root", &json!({"delete": true}))])).await;
    ran.assert_well_formed();
    let errors: Vec<&str> = actions(&ran).iter().map(|action| action.error.as_deref().unwrap()).collect();
    assert_eq!(errors, ["the Kustomization flux-system/node-config is not the run's to delete"]);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_ends_the_preparation() {
    let lab = Lab::start();
    let at = json!({"apiVersion": "example.com/v1", "kind": "Widget", "name": "a"});
    let ran = lab.run(&plan(json!([{"name": "a", "at": at, "paths": ["spec"]}]), &[])).await;
    ran.assert_well_formed();
    let (reason, detail) = ran.ended();
    assert_eq!(reason, EndReason::TargetFailed);
    assert!(detail.ends_with("the API server does not serve example.com/v1"), "{detail}");
}
