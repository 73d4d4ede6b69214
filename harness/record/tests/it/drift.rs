//! How long foreign changes last.

use crate::log_builder::{MS, S};
use crate::scene::Scene;
use harness_plan::*;
use harness_record::RunResult;
use harness_record::event::*;
use harness_record::latency::{Cause, Samples};
use serde_json::{Value, json};

fn scene() -> Scene {
    let mut scene = Scene::new();
    let at = ObjectAddress {
        api_version: "karpenter.sh/v1".to_owned(),
        kind: "NodePool".to_owned(),
        namespace: None,
        name: "general-purpose".to_owned(),
    };
    scene.plan.objects = vec![NamedObject { name: "pool".to_owned(), at, paths: Vec::new() }];
    scene.phase("p", 5, 100);
    scene
}

fn seen(scene: &mut Scene, at_us: u64, path: &str, value: Option<Value>, uid: &str) {
    let field = FieldValue {
        object: "pool".to_owned(),
        path: path.to_owned(),
        value,
        uid: uid.to_owned(),
        seen: if at_us < 5 * S { Seen::Listed } else { Seen::Live },
    };
    scene.builder.at(at_us, EventKind::Field(field));
}

/// Sent a millisecond after `at`, acknowledged ten later.
fn change(scene: &mut Scene, at: u64, what: Value, stays: bool) {
    let mut change = json!({"object": "pool", "stays": stays});
    change.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    scene.planned(at, "p", Action::Change(serde_json::from_value(change).unwrap()));
}

fn corrected(result: &RunResult, by: Option<&str>) -> Samples {
    let of = result.latencies.iter().find(|latency| {
        latency.name == LatencyName::DriftCorrected && latency.labels.get("object").map(String::as_str) == by
    });
    of.map(|latency| latency.samples.clone()).unwrap_or_default()
}

#[test]
fn a_change_is_corrected_when_every_field_that_it_wrote_is() {
    let mut scene = scene();
    for path in ["spec.weight", "spec.limits.cpu"] {
        seen(&mut scene, S, path, Some(json!(10)), "u");
    }
    change(&mut scene, 10, json!({"patch": {"spec": {"limits": {"cpu": "40"}, "weight": 5}}}), false);
    // The watch may be quicker than the answer.
    for path in ["spec.weight", "spec.limits.cpu"] {
        seen(&mut scene, 10 * S + 5 * MS, path, Some(json!(77)), "u");
    }
    seen(&mut scene, 14 * S, "spec.weight", Some(json!(10)), "u");
    seen(&mut scene, 15 * S + 11 * MS, "spec.limits.cpu", Some(json!(10)), "u");
    let result = scene.run(Vec::new());
    assert_eq!(corrected(&result, None).measured_us, [5 * S]);
    assert_eq!(corrected(&result, Some("pool")).measured_us, [5 * S]);
}

#[test]
fn a_deleted_object_is_corrected_by_a_new_one() {
    let mut scene = scene();
    seen(&mut scene, S, "exists", Some(json!(true)), "old");
    change(&mut scene, 10, json!({"delete": true}), false);
    seen(&mut scene, 11 * S, "exists", Some(json!(false)), "");
    seen(&mut scene, 13 * S + 11 * MS, "exists", Some(json!(true)), "new");
    assert_eq!(corrected(&scene.run(Vec::new()), None).measured_us, [3 * S]);
}

#[test]
fn a_finalizer_that_keeps_an_object_is_not_a_correction() {
    let mut scene = scene();
    seen(&mut scene, S, "exists", Some(json!(true)), "old");
    change(&mut scene, 10, json!({"delete": true}), false);
    seen(&mut scene, 13 * S, "exists", Some(json!(true)), "old");
    let samples = corrected(&scene.run(Vec::new()), None);
    assert_eq!((samples.measured_us.len(), samples.censored.len()), (0, 1));
}

#[test]
fn a_change_that_is_never_corrected_is_censored_and_one_that_may_stay_is_not_a_sample() {
    let mut scene = scene();
    seen(&mut scene, S, "spec.weight", Some(json!(10)), "u");
    change(&mut scene, 10, json!({"patch": {"spec": {"weight": 5}}}), false);
    seen(&mut scene, 11 * S, "spec.weight", Some(json!(77)), "u");
    change(&mut scene, 20, json!({"patch": {"spec": {"weight": 5}}}), true);
    let samples = corrected(&scene.run(Vec::new()), None);
    assert!(samples.measured_us.is_empty());
    assert_eq!(samples.censored.iter().map(|it| it.cause).collect::<Vec<_>>(), [Cause::Open]);
}

#[test]
fn a_change_that_was_never_seen_was_not_corrected() {
    let mut scene = scene();
    seen(&mut scene, S, "spec.weight", Some(json!(10)), "u");
    change(&mut scene, 10, json!({"patch": {"spec": {"weight": 5}}}), false);
    let samples = corrected(&scene.run(Vec::new()), None);
    assert_eq!((samples.measured_us.len(), samples.censored.len()), (0, 1));
}
