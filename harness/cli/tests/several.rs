//! Several scenarios on one cluster, on the real local one: what becomes of one never spoils the next.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{components_or_skip, harness, processes_of, scenario};
use harness_cluster::local;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// How long one run may take until it has come to something.
const LIMIT: Duration = Duration::from_secs(240);

fn start(out: &Path, scenarios: &[&str]) -> Child {
    harness()
        .arg("run")
        .args(scenarios.iter().map(|name| scenario(name)))
        .args(["--seed", "3", "--cluster", "none-of-these-tests", "--format", "json", "--out"])
        .arg(out)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn suite(out: &Path) -> Value {
    let text = std::fs::read_to_string(out.join("suite.json")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Waits until the log of the run has a phase that began.
fn wait_for_phase(run: &Path, phase: &str) {
    let limit = Instant::now() + LIMIT;
    let seen = || {
        let text = std::fs::read_to_string(run.join("events.jsonl")).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .any(|event| event["e"]["phase_began"]["phase"] == phase)
    };
    while !seen() {
        assert!(Instant::now() < limit, "{}: the phase {phase} was not seen within {LIMIT:?}", run.display());
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Exit code, and `suite.json`.
fn ended(child: Child, out: &Path) -> (i32, Value) {
    let output = child.wait_with_output().unwrap();
    let suite = suite(out);
    assert_eq!(processes_of(suite["id"].as_str().unwrap()), Vec::<String>::new());
    (output.status.code().unwrap(), suite)
}

fn summary(run: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(run.join("summary.json")).unwrap()).unwrap()
}

/// Puts a namespace on the cluster, as a run that forgot one would.
fn leave_a_namespace(cluster: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cluster = local::attach(&local::default_state_root(), cluster).await.unwrap().unwrap();
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Namespace"));
        let api: Api<DynamicObject> = Api::all_with(cluster.client(), &resource);
        api.create(&PostParams::default(), &DynamicObject::new("forgotten", &resource)).await.unwrap();
    });
}

fn kill_component(cluster: &str, component: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let process = runtime.block_on(async {
        let status = local::status(&local::default_state_root(), cluster).await.unwrap().unwrap();
        status.components.into_iter().find(|it| it.name == component).unwrap().process.unwrap()
    });
    kill(Pid::from_raw(process.pid.cast_signed()), Signal::SIGKILL).unwrap();
}

#[test]
fn a_run_that_spoils_the_cluster_does_not_spoil_the_next() {
    if !components_or_skip("several") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("all");
    let child = start(&out, &["one-pod", "one-pod", "one-pod"]);
    wait_for_phase(&out.join("one-pod"), "burst");
    let id = suite(&out)["id"].as_str().unwrap().to_owned();
    leave_a_namespace(&format!("run-{id}-1"));
    wait_for_phase(&out.join("one-pod.2"), "burst");
    kill_component(&format!("run-{id}-2"), "kube-apiserver");
    let (code, suite) = ended(child, &out);

    // The namespace is a leak of the first, although its own cleanup knows nothing of it; the second lost its API server.
    assert_eq!(code, 3, "{suite:#}");
    let first = &suite["scenarios"][0];
    assert_eq!(summary(&out.join("one-pod"))["exitCode"], 0, "{suite:#}");
    assert_eq!(first["troubles"][0]["exitCode"], 5, "{suite:#}");
    assert!(first["troubles"][0]["what"].as_str().unwrap().ends_with("Namespace forgotten"), "{suite:#}");
    assert_eq!(summary(&out.join("one-pod.2"))["exitCode"], 3, "{suite:#}");
    assert_eq!(summary(&out.join("one-pod.3"))["exitCode"], 0, "{suite:#}");
    assert_eq!(suite["scenarios"][2]["troubles"], Value::Null, "{suite:#}");
    assert_eq!(suite["left"], serde_json::json!([]));
    // Three clusters were there, each with its logs.
    for number in 1..=3 {
        assert!(out.join(format!("logs/run-{id}-{number}/karpenter.log")).is_file(), "logs of cluster {number}");
    }
    let junit = std::fs::read_to_string(out.join("junit.xml")).unwrap();
    assert_eq!(junit.matches("<testsuite ").count(), 3, "{junit}");
    // Made again from the folder, it is the same.
    let again = harness().args(["report", out.to_str().unwrap()]).output().unwrap();
    assert_eq!(again.status.code(), Some(3));
    assert_eq!(std::fs::read_to_string(out.join("junit.xml")).unwrap(), junit);
}

#[test]
fn ctrl_c_stops_all_and_says_what_was_not_run() {
    if !components_or_skip("several, ctrl-c") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("all");
    let child = start(&out, &["one-pod", "one-pod"]);
    wait_for_phase(&out.join("one-pod"), "burst");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let (code, suite) = ended(child, &out);
    assert_eq!(code, 130, "{suite:#}");
    let first = summary(&out.join("one-pod"));
    assert_eq!((&first["exitCode"], &first["leaks"]), (&serde_json::json!(130), &serde_json::json!([])), "{first:#}");
    assert_eq!(suite["scenarios"][1]["state"]["not-run"]["reason"], "interrupted", "{suite:#}");
    assert!(!out.join("one-pod.2").exists());
}
