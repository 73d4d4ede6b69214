//! NodeClaims that the plan deletes: the requested number, and an error where there are none.

use harness_record::EventKind;
use harness_record::event::{ObjectKind, PhaseOutcome, Reached};
use serde_json::{Value, json};

use crate::lab::{Lab, Ran};
use crate::plans::{of_phases, up};

fn delete(id: u32, what: &Value) -> Value {
    json!({"id": id, "atUs": 0, "action": {"deleteNodeClaims": what}})
}

/// NodeClaims whose deletion was seen in a phase.
fn deleted_in(phase: &str, ran: &Ran) -> usize {
    let (began_us, ended_us, ..) = ran.phase(phase);
    let deleting = ran.events.iter().filter(|event| match &event.kind {
        EventKind::Milestone(it) => it.object.kind == ObjectKind::NodeClaim && it.reached == Reached::Deleting,
        _ => false,
    });
    deleting.filter(|event| (began_us..=ended_us).contains(&event.at_us)).count()
}

#[tokio::test(start_paused = true)]
async fn the_requested_number_is_deleted_and_the_pods_get_other_nodes() {
    let lab = Lab::start();
    let one = json!({
        "name": "one", "actions": [delete(1, &json!({"nodepool": "web", "count": 1}))],
        "until": [{"happened": {"what": "nodeclaim-deleted", "atLeast": 1}}, "all-pods-ready"], "within": "2m",
    });
    let all = json!({
        "name": "all", "actions": [delete(2, &json!({"nodepool": "web"}))],
        "until": ["all-nodes-replaced", "all-pods-ready"], "within": "2m",
    });
    let ran = lab.run(&of_phases(&[up(), one, all])).await;
    ran.assert_well_formed();
    assert!(ran.phases().iter().all(|(_, outcome)| *outcome == Some(PhaseOutcome::Reached)), "{:?}", ran.phases());
    assert_eq!((ran.action(1).error.as_ref(), ran.action(2).error.as_ref()), (None, None));
    assert_eq!((deleted_in("one", &ran), deleted_in("all", &ran)), (1, 2));
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_pool_is_an_error_of_the_action() {
    let lab = Lab::start();
    let wrong = json!({"name": "wrong", "actions": [delete(1, &json!({"nodepool": "wep"}))], "for": "5s"});
    let ran = lab.run(&of_phases(&[up(), wrong])).await;
    ran.assert_well_formed();
    let error = ran.action(1).error.as_deref().unwrap();
    assert!(error.contains("NodePool wep has 0 NodeClaims"), "{error}");
    assert_eq!(deleted_in("wrong", &ran), 0);
}
