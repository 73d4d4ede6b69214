//! Fields of objects: what they were, and how often they changed.

use super::*;
use serde_json::{Value, json};

fn field(must: Value, phases: &[&str], always: bool) -> Check {
    let mut field = json!({"object": "demo", "path": "spec.replicas", "in": phases, "always": always});
    field.as_object_mut().unwrap().extend(must.as_object().unwrap().clone());
    planned(json!({"field": field}))
}

fn changes(at_least: Option<u32>, at_most: Option<u32>, phases: &[&str]) -> Check {
    let (object, path) = ("demo", "spec.replicas");
    planned(json!({"changes": {"object": object, "path": path, "atLeast": at_least, "atMost": at_most, "in": phases}}))
}

fn seen(scene: &mut Scene, at: u64, value: Option<Value>, seen: Seen) {
    let (object, path) = ("demo".to_owned(), "spec.replicas".to_owned());
    scene.builder.at(at * S, EventKind::Field(FieldValue { object, path, value, uid: "uid".to_owned(), seen }));
}

/// 2 from the start, 5 between 15 and 25 s, then 2 again, and nothing from 45 s.
fn scene() -> Scene {
    let mut scene = Scene::new();
    seen(&mut scene, 1, Some(json!(2)), Seen::Listed);
    seen(&mut scene, 15, Some(json!(5)), Seen::Live);
    seen(&mut scene, 25, Some(json!(2)), Seen::Live);
    seen(&mut scene, 45, None, Seen::Live);
    scene.phase("a", 10, 20);
    scene.phase("b", 20, 30);
    scene.phase("c", 30, 40);
    scene.phase("d", 40, 50);
    scene
}

#[rstest]
#[case::at_the_end(json!({"is": 5}), &["a"], false, Pass, "demo: spec.replicas is 5")]
#[case::of_the_last(json!({"is": 2}), &["a", "b"], false, Pass, "demo: spec.replicas is 2")]
#[case::of_all(json!({"present": false}), &[], false, Pass, "demo: spec.replicas is not there (nothing)")]
#[case::not_at_the_end(json!({"is": 2}), &["a"], false, Fail, "demo: spec.replicas is 5 at 20.0s")]
#[case::at_every_moment(json!({"atMost": 2}), &["c"], true, Pass, "demo: spec.replicas always was")]
#[case::between(json!({"atMost": 2}), &["a", "b"], true, Fail, "demo: spec.replicas is 5 at 15.0s, demo: spec.replicas is 5 at 20.0s")]
#[case::gone(json!({"is": 2}), &["d"], true, Fail, "demo: spec.replicas is not there (nothing) at 45.0s")]
fn values(
    #[case] must: Value,
    #[case] phases: &[&str],
    #[case] always: bool,
    #[case] verdict: Verdict,
    #[case] observed: &str,
) {
    is(&scene().check(field(must, phases, always)), verdict, observed);
}

#[rstest]
#[case::none(changes(None, Some(0), &["c"]), Pass, "demo: 0 changes")]
#[case::one(changes(None, Some(0), &["a"]), Fail, "demo: 1 change")]
#[case::two(changes(Some(2), Some(2), &["a", "b"]), Pass, "demo: 2 changes")]
#[case::too_few(changes(Some(4), None, &[]), Fail, "demo: 3 changes")]
fn how_often(#[case] check: Check, #[case] verdict: Verdict, #[case] observed: &str) {
    is(&scene().check(check), verdict, observed);
}

#[test]
fn lists_each_value_with_its_time() {
    let result = scene().check(field(json!({"is": 2}), &["a"], true));
    assert_eq!(result.limit, "spec.replicas is 2 at every moment");
    assert_eq!(result.evidence, "2 since 1.00s, 5 at 15.0s; in a (10.0s to 20.0s)");
}

#[test]
fn an_object_that_was_never_seen_is_inconclusive() {
    for check in [field(json!({"present": false}), &["a"], false), changes(None, Some(0), &["a"])] {
        let mut again = Scene::new();
        again.phase("a", 10, 20);
        assert_eq!(again.check(check).verdict, Inconclusive);
    }
}

#[test]
fn between_two_lists_a_value_may_have_changed_unseen() {
    let with = |check: Check| {
        let mut scene = scene();
        seen(&mut scene, 35, Some(json!(2)), Seen::Listed);
        scene.check(check)
    };
    is(&with(changes(None, Some(0), &["c"])), Inconclusive, "demo: 0 changes, its watch was interrupted in c");
    is(&with(field(json!({"is": 2}), &["c"], true)), Inconclusive, "demo: its watch was interrupted in c");
    is(&with(field(json!({"is": 2}), &["c"], false)), Pass, "demo: spec.replicas is 2");
    // What was too often remains too often.
    assert_eq!(with(changes(None, Some(0), &["b", "c"])).verdict, Fail);
}
