//! Latencies of pushes through Flux: applied, overtaken, refused, recovered.

use crate::log_builder::S;
use crate::scene::Scene;
use harness_plan::*;
use harness_record::RunResult;
use harness_record::event::*;
use harness_record::latency::{Cause, Samples};
use rstest::rstest;

const ROOT: &str = "node-config";

fn samples(result: &RunResult, name: LatencyName, kustomization: Option<&str>) -> Samples {
    let label = |latency: &&harness_record::result::Latency| match kustomization {
        Some(name) => latency.labels.get("kustomization").is_some_and(|label| label == name),
        None => latency.labels.is_empty(),
    };
    let of = result.latencies.iter().filter(|latency| latency.name == name).find(label);
    of.map(|latency| latency.samples.clone()).unwrap_or_default()
}

/// Whole seconds; what is seen in the second of a push counts as none.
fn seconds(samples: &Samples) -> Vec<u64> {
    samples.measured_us.iter().map(|us| us.div_ceil(S)).collect()
}

fn causes(samples: &Samples) -> Vec<(u64, Cause)> {
    samples.censored.iter().map(|it| (it.at_least_us.div_ceil(S), it.cause)).collect()
}

/// A tree in force after four seconds.
fn started() -> Scene {
    let mut scene = Scene::new();
    scene.push(1, "prepare", "c0");
    scene.flux(4, ROOT, Reached::Applied, "c0");
    scene.flux(5, ROOT, Reached::Healthy, "c0");
    scene.phase("p", 10, 100);
    scene
}

#[test]
fn a_push_that_was_overtaken_is_withdrawn_and_one_that_was_refused_never_comes() {
    let mut scene = started();
    for (at, commit) in [(11, "overtaken"), (12, "good"), (20, "bad"), (30, "fixed")] {
        scene.push(at, "p", commit);
    }
    scene.flux(15, ROOT, Reached::Applied, "good");
    scene.flux(18, ROOT, Reached::Healthy, "good");
    scene.flux(22, ROOT, Reached::Failed, "bad");
    scene.flux(33, ROOT, Reached::Applied, "fixed");
    scene.flux(36, ROOT, Reached::Healthy, "fixed");
    let result = scene.run(Vec::new());
    let applied = samples(&result, LatencyName::GitopsApplied, None);
    assert_eq!(seconds(&applied), [3, 3, 3]);
    assert_eq!(causes(&applied), [(2, Cause::Never), (4, Cause::Withdrawn)]);
    assert_eq!(seconds(&samples(&result, LatencyName::GitopsRefused, None)), [2]);
    assert_eq!(seconds(&samples(&result, LatencyName::GitopsRecovered, None)), [6], "from the repair, not the failure");
}

#[test]
fn each_kustomization_has_its_own_and_the_whole_is_the_roots() {
    let mut scene = started();
    scene.flux(6, "apps", Reached::Healthy, "c0");
    scene.push(20, "p", "c1");
    scene.flux(22, ROOT, Reached::Healthy, "c1");
    scene.flux(25, "apps", Reached::Failed, "c1");
    scene.push(40, "p", "c2");
    scene.flux(41, ROOT, Reached::Healthy, "c2");
    scene.flux(50, "apps", Reached::Healthy, "c2");
    // The last commit added it.
    scene.flux(51, "monitoring", Reached::Healthy, "c2");
    let result = scene.run(Vec::new());
    let healthy = |kustomization| samples(&result, LatencyName::GitopsHealthy, kustomization);
    assert_eq!(seconds(&healthy(None)), [1, 2, 4]);
    assert_eq!(healthy(Some(ROOT)), healthy(None));
    assert_eq!(seconds(&healthy(Some("apps"))), [5, 10]);
    assert_eq!(causes(&healthy(Some("apps"))), [(5, Cause::Never)]);
    assert_eq!(seconds(&healthy(Some("monitoring"))), [11]);
    assert_eq!(seconds(&samples(&result, LatencyName::GitopsRefused, Some("apps"))), [5]);
    assert_eq!(seconds(&samples(&result, LatencyName::GitopsRecovered, Some("apps"))), [10]);
}

#[rstest]
#[case::the_server_is_back(Action::ClearGitFaults(Nothing {}), &[5])]
#[case::the_controller_is_back(Action::StartComponent(Component::SourceController), &[5])]
#[case::another_component_is_back(Action::StartComponent(Component::Karpenter), &[])]
fn a_kustomization_that_waited_recovers_with_the_repair(#[case] repair: Action, #[case] expected: &[u64]) {
    let mut scene = started();
    scene.push(20, "p", "waits");
    scene.planned(40, "p", repair);
    scene.flux(45, ROOT, Reached::Healthy, "waits");
    assert_eq!(seconds(&samples(&scene.run(Vec::new()), LatencyName::GitopsRecovered, None)), expected);
}

#[test]
fn the_end_of_a_fault_without_effect_repairs_nothing() {
    let mut scene = started();
    scene.planned(40, "p", Action::ClearGitFaults(Nothing {}));
    assert_eq!(samples(&scene.run(Vec::new()), LatencyName::GitopsRecovered, None).count(), 0);
}

#[test]
fn a_kustomization_that_stays_broken_is_censored() {
    let mut scene = started();
    scene.push(20, "p", "bad");
    scene.flux(22, ROOT, Reached::Failed, "bad");
    scene.push(30, "p", "worse");
    scene.flux(32, ROOT, Reached::Failed, "worse");
    let result = scene.run(Vec::new());
    assert_eq!(seconds(&samples(&result, LatencyName::GitopsRefused, None)), [2, 2]);
    let recovered = samples(&result, LatencyName::GitopsRecovered, None);
    assert_eq!((recovered.measured_us.len(), recovered.censored.len()), (0, 1));
}
