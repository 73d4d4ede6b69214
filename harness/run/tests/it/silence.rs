//! An API server that is slow or does not answer: the limits of the plan hold, and the run ends.

use std::time::Duration;

use harness_record::event::{EndReason, PhaseOutcome};
use harness_record::{Event, EventKind};
use serde_json::json;
use tokio::time::timeout;

use crate::api::{Effect, Fault, Verb};
use crate::lab::{Lab, Ran};
use crate::plans::{self, of_phases};

/// No run of these tests may take longer, on its own clock.
const HANG: Duration = Duration::from_secs(900);

async fn run(lab: &Lab, phases: &[serde_json::Value]) -> Ran {
    let ran = timeout(HANG, lab.run(&of_phases(phases))).await;
    let ran = ran.unwrap_or_else(|_| panic!("the run hangs; its last request was {:?}", lab.api.calls().last()));
    ran.assert_well_formed();
    ran
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_makes_a_slow_run_that_passes() {
    let lab = Lab::start();
    lab.api.fault(Fault::new(Effect::Slow(Duration::from_secs(2)), |call| call.verb != Verb::Watch));
    let ran = run(&lab, &[plans::up(), plans::hold(), plans::down()]).await;
    assert_eq!(ran.ended(), (EndReason::Completed, ""));
    assert!(
        ran.phases().iter().all(|(_, outcome)| matches!(outcome, Some(PhaseOutcome::Reached | PhaseOutcome::Held)))
    );
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_ends_a_phase_with_a_condition_at_its_deadline() {
    let lab = Lab::start();
    lab.api.fault(Fault::on(Effect::Silence, Verb::Patch, "Deployment"));
    let ran = run(&lab, &[plans::up()]).await;
    let (began_us, ended_us, outcome, detail) = ran.phase("up");
    assert_eq!((outcome, detail), (PhaseOutcome::DeadlinePassed, "an action was still due or not answered"));
    assert!((120_000_000..120_010_000).contains(&(ended_us - began_us)), "{} us", ended_us - began_us);
    assert_eq!(ran.ended().0, EndReason::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_does_not_make_a_hold_endless() {
    let lab = Lab::start();
    lab.api.fault(Fault::on(Effect::Silence, Verb::Patch, "Deployment"));
    let hold = json!({"name": "hold", "actions": [plans::scale(0, 0, 0, 1)], "for": "10s"});
    let ran = run(&lab, &[hold]).await;
    let (.., outcome, detail) = ran.phase("hold");
    assert_eq!((outcome, detail), (PhaseOutcome::DeadlinePassed, "an action was still due or not answered"));
    assert_eq!(ran.ended().0, EndReason::Completed);
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_ends_the_preparation() {
    for (verb, kind) in [(Verb::Create, "Namespace"), (Verb::Create, "Deployment"), (Verb::Patch, "Kustomization")] {
        let lab = Lab::start();
        lab.api.fault(Fault::on(Effect::Silence, verb, kind).times(1));
        let ran = run(&lab, &[plans::up()]).await;
        let (reason, detail) = ran.ended();
        assert_eq!(reason, EndReason::TargetFailed, "{verb:?} {kind}");
        assert!(detail.contains("no answer"), "{verb:?} {kind}: {detail}");
        assert_eq!(ran.phase("prepare").2, PhaseOutcome::Cancelled);
        assert_eq!(lab.leaks_of(&ran).await, [""; 0], "{verb:?} {kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_its_first_list_ends_the_preparation() {
    let lab = Lab::start();
    lab.api.fault(Fault::on(Effect::Silence, Verb::List, "Pod"));
    let ran = run(&lab, &[plans::up()]).await;
    let (reason, detail) = ran.ended();
    assert_eq!(reason, EndReason::TargetFailed);
    assert!(detail.starts_with("the first list of every watch did not happen within 30 s"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_answering_ends_the_cleanup_too() {
    let lab = Lab::start();
    let api = lab.api.clone();
    let silence = move |event: &Event| {
        if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "hold") {
            api.fault(Fault::new(Effect::Silence, |_| true));
        }
    };
    let ran = timeout(HANG, lab.run_with(&of_phases(&[plans::up(), plans::hold()]), silence)).await.unwrap();
    ran.assert_well_formed();
    assert_eq!(ran.ended().0, EndReason::Completed);
    let (began_us, ended_us, outcome, detail) = ran.phase("cleanup");
    assert_eq!(
        (outcome, detail),
        (PhaseOutcome::Cancelled, "the cleanup was not finished: it did not end within 180 s")
    );
    assert!((180_000_000..180_010_000).contains(&(ended_us - began_us)), "{} us", ended_us - began_us);
}
