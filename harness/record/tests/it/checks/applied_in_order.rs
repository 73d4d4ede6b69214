//! Revisions in the order of their pushes.

use super::*;

fn check(last: bool) -> Check {
    planned(json!({"appliedInOrder": {"last": last, "in": ["storm"]}}))
}

/// Three commits, of which the second is overtaken by the third.
fn storm() -> Scene {
    let mut scene = Scene::new();
    scene.phase("storm", 10, 60);
    scene.push(1, "prepare", "c0");
    scene.flux(3, "node-config", Reached::Healthy, "c0");
    for (at, commit) in [(11, "c1"), (12, "c2"), (13, "c3")] {
        scene.push(at, "storm", commit);
    }
    scene.flux(15, "node-config", Reached::Applied, "c1");
    scene.flux(16, "node-config", Reached::Healthy, "c1");
    scene
}

#[test]
fn an_overtaken_revision_is_in_order() {
    let mut scene = storm();
    scene.flux(20, "node-config", Reached::Applied, "c3");
    // A slower layer, which the check does not name.
    scene.flux(21, "layer", Reached::Healthy, "c1");
    scene.flux(22, "node-config", Reached::Healthy, "c3");
    let result = scene.check(check(true));
    is(&result, Pass, "2 of 3 revisions applied");
    assert!(result.evidence.starts_with("applied: #2 c1, #4 c3"), "{}", result.evidence);
}

#[test]
fn an_older_revision_after_a_newer_one_is_out_of_order() {
    let mut scene = storm();
    for (at, commit) in [(20, "c3"), (30, "c2"), (40, "c3")] {
        scene.flux(at, "node-config", Reached::Applied, commit);
        scene.flux(at + 1, "node-config", Reached::Healthy, commit);
    }
    let result = scene.check(check(true));
    is(&result, Fail, "3 of 3 revisions applied, #3 c2 at 30.0s after #4 c3 at 21.0s");
}

#[test]
fn the_last_one_must_be_in_force() {
    let mut scene = storm();
    scene.flux(20, "node-config", Reached::Failed, "c3");
    let refused = scene.check(check(true));
    is(&refused, Fail, "1 of 3 revisions applied, #4 c3 was pushed last and is not in force: BuildFailed");
    is(&storm().check(check(false)), Pass, "1 of 3 revisions applied");
}

#[test]
fn applied_is_not_yet_in_force() {
    let mut scene = storm();
    scene.flux(20, "node-config", Reached::Applied, "c3");
    is(&scene.check(check(true)), Fail, "2 of 3 revisions applied, #4 c3 was pushed last and is not in force");
}

#[test]
fn without_a_push_it_is_inconclusive() {
    let mut scene = Scene::new();
    scene.phase("storm", 10, 60);
    is(&scene.check(check(true)), Inconclusive, "0 of 0 revisions applied, 0 of 0 commits pushed");
}

#[test]
fn a_commit_that_was_not_pushed_is_missing() {
    let mut scene = storm();
    scene.flux(20, "node-config", Reached::Healthy, "c3");
    for _ in 0..4 {
        scene.planned(14, "storm", Action::Revert(Nothing {}));
    }
    is(&scene.check(check(true)), Inconclusive, "2 of 3 revisions applied, 3 of 4 commits pushed");
}
