//! What processes use.

use super::*;
use harness_record::EventKind;
use harness_units::{Bytes, Millicores};

/// Samples of two controllers every 10 s from 0 to 60 s; the CPU time of the first grows by `cpu_ms` with each. `gone` is a sample without it.
fn scene(cpu_ms: u64, rss_bytes: u64, gone: Option<u64>) -> Scene {
    let mut scene = Scene::new();
    scene.phase("p", 10, 50);
    for look in 0..=6 {
        let usage = |name: &str, cpu_ms, rss_bytes| ProcessUsage {
            name: name.to_owned(),
            cpu_ms,
            rss_bytes,
            rss_max_bytes: rss_bytes,
        };
        let mut processes = vec![usage("kustomize-controller", 100, 64 << 20)];
        if gone != Some(look) {
            processes.push(usage("source-controller", 500 + look * cpu_ms, rss_bytes));
        }
        scene.builder.at(look * 10 * S, EventKind::Usage { processes });
    }
    scene
}

fn check(cpu: Option<u64>, memory: Option<u64>) -> Check {
    planned(json!({"usage": {
        "processes": ["source-controller", "kustomize-controller"],
        "cpu": cpu.map(Millicores),
        "memory": memory.map(|mebibytes| Bytes(mebibytes << 20)),
        "in": ["p"],
    }}))
}

#[rstest]
#[case::within(check(Some(50), Some(128)), Pass, "CPU 50m, memory 128Mi")]
#[case::too_much_cpu(check(Some(49), None), Fail, "CPU 50m")]
#[case::too_much_memory(check(None, Some(127)), Fail, "memory 128Mi")]
#[case::only_running(check(None, None), Pass, "running all the time")]
fn together(#[case] check: Check, #[case] verdict: Verdict, #[case] observed: &str) {
    is(&scene(500, 64 << 20, None).check(check), verdict, observed);
}

#[test]
fn lists_the_usage_of_each_process() {
    let result = scene(500, 64 << 20, None).check(check(Some(50), Some(128)));
    assert_eq!(result.limit, "CPU <= 50m on average, memory <= 128Mi");
    let expected = "source-controller 50m and 64Mi, kustomize-controller 0m and 64Mi; 5 samples; in p (10.0s to 50.0s)";
    assert_eq!(result.evidence, expected);
}

#[test]
fn a_missing_process_is_reported() {
    is(&scene(500, 1, Some(3)).check(check(None, None)), Fail, "source-controller: not there at 30.0s");
    // Samples outside the phases do not count.
    is(&scene(500, 1, Some(6)).check(check(None, None)), Pass, "running all the time");
}

#[test]
fn another_process_of_the_same_name_is_reported() {
    let mut scene = scene(0, 1, None);
    let usage = |cpu_ms| ProcessUsage { name: "source-controller".to_owned(), cpu_ms, rss_bytes: 1, rss_max_bytes: 1 };
    let other = ProcessUsage { name: "kustomize-controller".to_owned(), ..usage(100) };
    scene.builder.at(45 * S, EventKind::Usage { processes: vec![usage(3), other] });
    is(&scene.check(check(None, None)), Fail, "source-controller: another process at 45.0s");
}

#[test]
fn without_samples_it_is_inconclusive() {
    let mut scene = Scene::new();
    scene.phase("p", 10, 50);
    let result = scene.check(check(Some(1), None));
    is(&result, Inconclusive, "the processes were not looked at");
}
