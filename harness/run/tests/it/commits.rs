//! Commits of the plan: pushed in their order, applied by Flux, undone by the cleanup.

use harness_record::EventKind;
use harness_record::event::{ActionKind, ActionStamps, EndReason, PhaseOutcome};
use serde_json::{Value, json};

use crate::lab::{Lab, Ran};
use crate::plans::of_phases;

fn action(id: u32, action: &Value) -> Value {
    json!({"id": id, "atUs": 0, "action": action})
}

fn weight(id: u32, weight: u32) -> Value {
    let edit = json!({"merge": {"object": {"kind": "NodePool", "name": "web"}, "patch": {"spec": {"weight": weight}}}});
    action(id, &json!({"commit": {"edits": [edit], "message": format!("weight {weight}"), "trigger": "annotation"}}))
}

fn in_force(name: &str, actions: &[Value]) -> Value {
    json!({"name": name, "actions": actions, "until": "in-force", "within": "1m"})
}

fn pushes(ran: &Ran) -> Vec<&ActionStamps> {
    let pushes = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::Action(action) if matches!(action.what, ActionKind::Push { .. }) => Some(action),
        _ => None,
    });
    pushes.collect()
}

/// The pool's weight at the end of each phase.
async fn run_with_weights(lab: &Lab, phases: &[Value]) -> (Ran, Vec<(String, Value)>) {
    let (sender, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let api = lab.api.clone();
    let ran = lab
        .run_with(&of_phases(phases), move |event| {
            if let EventKind::PhaseEnded { phase, .. } = &event.kind {
                let pool = api.get("NodePool", "", "web");
                sender.send((phase.clone(), pool.map_or(Value::Null, |pool| pool["spec"]["weight"].clone()))).unwrap();
            }
        })
        .await;
    let mut weights = Vec::new();
    while let Ok(end) = ends.try_recv() {
        weights.push(end);
    }
    (ran, weights)
}

#[tokio::test(start_paused = true)]
async fn commits_build_on_each_other_and_a_revert_undoes_the_newest() {
    let lab = Lab::start();
    let phases =
        [in_force("two", &[weight(0, 2), weight(1, 3)]), in_force("back", &[action(2, &json!({"revert": {}}))])];
    let (ran, weights) = run_with_weights(&lab, &phases).await;
    ran.assert_well_formed();
    assert!(ran.phases().iter().all(|(_, outcome)| *outcome == Some(PhaseOutcome::Reached)), "{:?}", ran.phases());
    let expected = [("prepare", json!(1)), ("two", json!(3)), ("back", json!(2)), ("cleanup", Value::Null)];
    assert_eq!(weights, expected.map(|(phase, weight)| (phase.to_owned(), weight)));
    // What the pool asked for, each time that it changed: the commits of one phase may be applied together.
    let seen = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::NodePool(spec) if spec.name == "web" => Some(spec.weight),
        _ => None,
    });
    let seen: Vec<u32> = seen.collect();
    assert!(seen == [1, 2, 3, 2] || seen == [1, 3, 2], "{seen:?}");
    let subjects = lab.git.subjects();
    let own = "burst: node configuration under test (run r1)";
    assert_eq!(subjects[1..], ["Revert \"weight 3\"", "weight 3", "weight 2", own, "start"].map(str::to_owned));
    assert!(subjects[0].starts_with("Restore ") && subjects[0].ends_with(": start"), "{}", subjects[0]);
    let pushes = pushes(&ran);
    assert_eq!(pushes.len(), 4);
    for push in &pushes {
        assert_eq!(push.acked_us.unwrap() - push.sent_us.unwrap(), 20_000, "stamped around the push alone");
    }
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_push_that_fails_is_an_action_that_failed_and_the_next_commit_does_not_contain_it() {
    let lab = Lab::start();
    let git = lab.git.clone();
    let phases = [in_force("first", &[weight(0, 2)]), in_force("second", &[weight(1, 5)])];
    let plan = of_phases(&phases);
    let ran = lab
        .run_with(&plan, move |event| {
            if matches!(&event.kind, EventKind::PhaseEnded { phase, .. } if phase == "prepare") {
                git.refuse(1);
            }
        })
        .await;
    ran.assert_well_formed();
    let failed = ran.events.iter().find_map(|event| match &event.kind {
        EventKind::Action(action) if action.error.is_some() => Some(action),
        _ => None,
    });
    let failed = failed.unwrap();
    assert_eq!(failed.what, ActionKind::Planned(0));
    assert!(failed.error.as_ref().unwrap().contains("hung up") && failed.acked_us.is_none());
    assert_eq!(
        lab.git.subjects()[1..3],
        ["weight 5", "burst: node configuration under test (run r1)"].map(str::to_owned)
    );
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_refuses_pushes_ends_the_preparation() {
    let lab = Lab::start();
    lab.git.refuse(1);
    let ran = lab.run(&of_phases(&[in_force("first", &[weight(0, 2)])])).await;
    ran.assert_well_formed();
    let (reason, detail) = ran.ended();
    assert_eq!(reason, EndReason::TargetFailed);
    assert!(detail.starts_with("cannot push the node configuration") && detail.contains("hung up"), "{detail}");
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_flux_cannot_build_is_reported_and_the_phase_ends_at_its_deadline() {
    let lab = Lab::start();
    let broken = json!({"addText": {"file": "broken.yaml", "text": "kind: [NodePool"}});
    let commit = action(0, &json!({"commit": {"edits": [broken], "message": "break it", "trigger": "annotation"}}));
    let ran = lab.run(&of_phases(&[in_force("broken", &[commit])])).await;
    ran.assert_well_formed();
    let (began_us, ended_us, outcome, detail) = ran.phase("broken");
    assert_eq!(outcome, PhaseOutcome::DeadlinePassed, "{detail}");
    assert!(detail.contains("is fetched, not applied; Flux says: broken.yaml: "), "{detail}");
    assert!((60_000_000..60_010_000).contains(&(ended_us - began_us)));
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}
