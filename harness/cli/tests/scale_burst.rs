//! The main job, as its users run it.

mod common;

use common::{components_or_skip, ended, processes_of, repository, run, start, wait_for_event};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use serde_json::Value;

#[test]
fn scale_burst_passes_and_its_counts_agree() {
    if !components_or_skip("scale-burst") {
        return;
    }
    let ran = run(&["scale-burst", "--profile", "smoke", "--seed", "7"]);
    assert_eq!(ran.code, 0, "{}", ran.said());
    ran.assert_reports();
    ran.assert_nothing_left();
    let latencies = ran.summary["latencies"].as_array().unwrap();
    let provisioning =
        latencies.iter().find(|it| it["name"] == "node_provisioning" && it["labels"] == serde_json::json!({})).unwrap();
    let booted = ran.count(|event| event["azure"]["what"] == "vm_booted");
    let claims = ran.count(|event| {
        event["milestone"]["object"]["kind"] == "nodeclaim" && event["milestone"]["reached"] == "created"
    });
    assert!(booted > 0);
    assert_eq!(provisioning["count"], booted, "{}", ran.said());
    assert_eq!(claims, booted, "{}", ran.said());
    assert_eq!(ran.summary["counts"]["unmodelledCalls"], 0, "{}", ran.said());
    // What the harness measured is what the simulated Azure did.
    let observed_ms = ran.summary["crossCheck"]["readySeenAfterMsP99"].as_f64().unwrap();
    assert!(observed_ms < 500.0, "a Node's Ready is seen {observed_ms} ms after Azure made it so\n{}", ran.said());
    assert!(ran.summary["self"]["cpuMs"].as_f64().unwrap() > 0.0, "{}", ran.said());
    // Reports are a function of the log: made again, they are the same.
    let folder = ran.folder.path().join("run");
    let before = std::fs::read_to_string(folder.join("summary.json")).unwrap();
    let again = common::harness().args(["report", folder.to_str().unwrap()]).output().unwrap();
    assert_eq!(again.status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(folder.join("summary.json")).unwrap(), before);
}

#[test]
fn a_tree_that_nobody_here_wrote() {
    if !components_or_skip("strange tree") {
        return;
    }
    let tree = repository("harness/cli/tests/strange-tree");
    let ran = run(&["scale-burst", "--profile", "smoke", "--seed", "7", "--node-config", tree.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.said());
    // The pool with a startup taint cannot be tested, and that is said with its reason.
    assert!(ran.stderr.contains("not tested: NodePool team-late"), "{}", ran.said());
    assert!(ran.stderr.contains("startup taint"), "{}", ran.said());
    let pools: std::collections::BTreeSet<String> = ran
        .events()
        .iter()
        .filter_map(|event| event["e"]["milestone"]["attributes"]["nodepool"].as_str().map(str::to_owned))
        .collect();
    let expected = ["team-blue", "team-green", "team-heavy", "team-spot"].map(str::to_owned);
    assert_eq!(pools, expected.into(), "{}", ran.said());
    let spot = ran.count(|event| event["azure"]["what"] == "vm_booted" && event["azure"]["capacity_type"] == "spot");
    assert!(spot > 0, "the spot pool is on spot VMs\n{}", ran.said());
    ran.assert_nothing_left();
}

#[rstest]
#[case("prepare")]
#[case("burst")]
#[case("drain")]
fn ctrl_c_cleans_up_and_reports(#[case] phase: &str) {
    if !components_or_skip("ctrl-c") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let child = start(&["scale-burst", "--profile", "smoke"], folder.path());
    wait_for_event(folder.path(), &format!("the phase {phase}"), |event| event["phase_began"]["phase"] == phase);
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let ran = ended(child, folder);
    assert_eq!(ran.code, 130, "{}", ran.said());
    ran.assert_reports();
    ran.assert_nothing_left();
}

#[test]
fn a_removed_folder_is_said_and_the_cluster_goes() {
    if !components_or_skip("removed folder") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let child = start(&["scale-burst", "--profile", "smoke"], folder.path());
    wait_for_event(folder.path(), "the begin", |event| event["run_started"].is_object());
    let text = std::fs::read_to_string(folder.path().join("run/events.jsonl")).unwrap();
    let begun: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let run_id = begun["e"]["run_started"]["run_id"].as_str().unwrap().to_owned();
    std::fs::remove_dir_all(folder.path().join("run")).unwrap();
    let ran = ended(child, folder);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("was removed"), "{}", ran.stderr);
    assert_eq!(processes_of(&run_id), Vec::<String>::new());
}

#[test]
fn sigkill_leaves_no_process_and_a_log_that_can_be_read() {
    if !components_or_skip("sigkill") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(&["scale-burst", "--profile", "smoke"], folder.path());
    wait_for_event(folder.path(), "the phase burst", |event| event["phase_began"]["phase"] == "burst");
    child.kill().unwrap();
    child.wait().unwrap();
    let run = folder.path().join("run");
    let text = std::fs::read_to_string(run.join("events.jsonl")).unwrap();
    let begun: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let run_id = begun["e"]["run_started"]["run_id"].as_str().unwrap().to_owned();
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !processes_of(&run_id).is_empty() && std::time::Instant::now() < limit {
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    assert_eq!(processes_of(&run_id), Vec::<String>::new());
    let report = common::harness().args(["report", run.to_str().unwrap()]).output().unwrap();
    assert_eq!(report.status.code(), Some(4), "{}", String::from_utf8_lossy(&report.stderr));
    assert!(std::fs::read_to_string(run.join("report.md")).unwrap().contains("killed"));
}
