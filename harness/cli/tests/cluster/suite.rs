//! Several scenarios on one cluster: whatever happens to one, the next is not affected.

use std::path::Path;
use std::process::Command;

use harness_cluster::local;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::binary::{Started, harness, processes_of, read_json, scenario, start};
use crate::own::{block_on, sigkill};

/// Runs `one-pod` several times, as one suite.
fn start_suite(runs: usize) -> Started {
    let mut command: Command = harness();
    command.arg("run").args(vec![scenario("one-pod"); runs]).args(["--seed", "3"]);
    start(command)
}

fn suite(out: &Path) -> Value {
    read_json(&out.join("suite.json"))
}

fn summary(run: &Path) -> Value {
    read_json(&run.join("summary.json"))
}

/// Creates a namespace on the cluster, as a run that forgets one would leave it.
fn leave_a_namespace(state_root: &Path, cluster: &str) {
    block_on(async {
        let cluster = local::attach(state_root, cluster).await.unwrap().unwrap();
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Namespace"));
        let api: Api<DynamicObject> = Api::all_with(cluster.client(), &resource);
        api.create(&PostParams::default(), &DynamicObject::new("forgotten", &resource)).await.unwrap();
    });
}

fn kill_component(state_root: &Path, cluster: &str, component: &str) {
    let process = block_on(async {
        let status = local::status(state_root, cluster).await.unwrap().unwrap();
        status.components.into_iter().find(|it| it.name == component).unwrap().process.unwrap()
    });
    sigkill(process.pid);
}

/// What a run leaves behind counts against that run, and the next run gets a fresh cluster; so it does after an API server has died.
pub(crate) fn a_contaminated_cluster_does_not_affect_the_next_run() {
    let started = start_suite(3);
    let out = started.folder();
    started.wait_for_phase("one-pod", "burst");
    let id = suite(&out)["id"].as_str().unwrap().to_owned();
    leave_a_namespace(&started.state_root(), &format!("run-{id}-1"));
    started.wait_for_phase("one-pod.2", "burst");
    kill_component(&started.state_root(), &format!("run-{id}-2"), "kube-apiserver");
    let ran = started.ended();
    let out = ran.run();
    let suite = suite(&out);
    assert_eq!(processes_of(&id), Vec::<String>::new());

    // The namespace counts as a leak of the first, although its own cleanup did not know of it; the second lost its API server.
    assert_eq!(ran.code, 3, "{suite:#}");
    let first = &suite["scenarios"][0];
    assert_eq!(summary(&out.join("one-pod"))["exitCode"], 0, "{suite:#}");
    assert_eq!(first["troubles"][0]["exitCode"], 5, "{suite:#}");
    assert!(first["troubles"][0]["what"].as_str().unwrap().ends_with("Namespace forgotten"), "{suite:#}");
    assert_eq!(summary(&out.join("one-pod.2"))["exitCode"], 3, "{suite:#}");
    assert_eq!(summary(&out.join("one-pod.3"))["exitCode"], 0, "{suite:#}");
    assert_eq!(suite["scenarios"][2]["troubles"], Value::Null, "{suite:#}");
    assert_eq!(suite["left"], serde_json::json!([]));
    // There were three clusters, each with its logs.
    for number in 1..=3 {
        assert!(out.join(format!("logs/run-{id}-{number}/karpenter.log")).is_file(), "logs of cluster {number}");
    }
    let junit = std::fs::read_to_string(out.join("junit.xml")).unwrap();
    assert_eq!(junit.matches("<testsuite ").count(), 3, "{junit}");
    // Generated again from the folder, the report is the same.
    let again = harness().args(["report", out.to_str().unwrap()]).output().unwrap();
    assert_eq!(again.status.code(), Some(3));
    assert_eq!(std::fs::read_to_string(out.join("junit.xml")).unwrap(), junit);
}

/// Ctrl-C ends the suite after the current run's cleanup, and the report lists what was not run.
pub(crate) fn ctrl_c_ends_the_suite() {
    let started = start_suite(2);
    started.wait_for_phase("one-pod", "burst");
    started.signal(Signal::SIGINT);
    let ran = started.ended();
    let out = ran.run();
    let suite = suite(&out);
    assert_eq!(processes_of(suite["id"].as_str().unwrap()), Vec::<String>::new());
    assert_eq!(ran.code, 130, "{suite:#}");
    let first = summary(&out.join("one-pod"));
    assert_eq!((&first["exitCode"], &first["leaks"]), (&serde_json::json!(130), &serde_json::json!([])), "{first:#}");
    assert_eq!(suite["scenarios"][1]["state"]["not-run"]["reason"], "interrupted", "{suite:#}");
    assert!(!out.join("one-pod.2").exists());
}

/// Repeated runs share one plan and one report, each has its own cluster, and comparing them with themselves finds no regression.
pub(crate) fn repeated_runs_have_one_report() {
    let mut command: Command = harness();
    command.arg("run").arg(scenario("one-pod")).args(["--repeat", "2", "--seed", "3"]);
    let ran = start(command).ended();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let out = ran.run();
    let suite = suite(&out);
    assert_eq!(processes_of(suite["id"].as_str().unwrap()), Vec::<String>::new());
    let runs = ["one-pod", "one-pod.2"].map(|name| out.join(name));
    for run in &runs {
        assert_eq!(summary(run)["verdict"], "pass", "{}", ran.stderr);
    }
    let plan = |run: &Path| std::fs::read_to_string(run.join("plan.json")).unwrap();
    assert_eq!(plan(&runs[0]), plan(&runs[1]));
    let clusters = std::fs::read_dir(out.join("logs")).unwrap().count();
    assert_eq!(clusters, 2, "each run has its own cluster");
    let index = read_json(&out.join("index.json"));
    assert_eq!(index["repeated"][0]["runs"], serde_json::json!(["one-pod", "one-pod.2"]), "{index:#}");

    let compare = harness().arg("compare").args([&out, &out]).args(["--format", "json"]).output().unwrap();
    let comparison: Value = serde_json::from_slice(&compare.stdout).unwrap();
    assert_ne!(comparison["change"], "regression", "{comparison:#}");
    assert_eq!(comparison["comparisons"][0]["before"]["runs"].as_array().unwrap().len(), 2, "{comparison:#}");
}
