//! Runs of scenarios, as users start them.

use std::collections::BTreeSet;
use std::time::Instant;

use harness_testing::{limits, repository, wait_for_blocking};
use nix::sys::signal::Signal;

use crate::binary::{harness, processes_of, run_id, scenario, start_alone};
use crate::shared::SharedCluster;

/// scale-burst passes; its counts agree with Azure's, and its reports are a function of the log.
pub(crate) fn scale_burst_passes_and_its_counts_agree(shared: &SharedCluster) {
    let ran = shared.run(&["scale-burst", "--profile", "smoke", "--seed", "7"]);
    ran.assert_passed();
    let latencies = ran.summary["latencies"].as_array().unwrap();
    let provisioning =
        latencies.iter().find(|it| it["name"] == "node_provisioning" && it["labels"] == serde_json::json!({})).unwrap();
    let booted = ran.count(|event| event["azure"]["what"] == "vm_booted");
    let claims = ran.count(|event| {
        event["milestone"]["object"]["kind"] == "nodeclaim" && event["milestone"]["reached"] == "created"
    });
    assert!(booted > 0);
    assert_eq!(provisioning["count"], booted, "{}", ran.report());
    assert_eq!(claims, booted, "{}", ran.report());
    assert_eq!(ran.summary["counts"]["unmodelledCalls"], 0, "{}", ran.report());
    // What the harness measured is what the simulated Azure did.
    let seen_after_ms = ran.summary["crossCheck"]["readySeenAfterMsP99"].as_f64().unwrap();
    let limit_ms = limits::READY_SEEN.get().as_secs_f64() * 1e3;
    assert!(seen_after_ms < limit_ms, "Ready was seen {seen_after_ms} ms after Azure set it\n{}", ran.report());
    assert!(ran.summary["self"]["cpuMs"].as_f64().unwrap() > 0.0, "{}", ran.report());
    let before = std::fs::read_to_string(ran.run().join("summary.json")).unwrap();
    let again = harness().args(["report", ran.run().to_str().unwrap()]).output().unwrap();
    assert_eq!(again.status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(ran.run().join("summary.json")).unwrap(), before);
}

/// A tree with pools, names and taints unlike the example's is tested pool by pool.
pub(crate) fn a_tree_of_another_team_passes(shared: &SharedCluster) {
    let tree = repository("harness/suite/tests/strange-tree");
    let ran =
        shared.run(&["scale-burst", "--profile", "smoke", "--seed", "7", "--node-config", tree.to_str().unwrap()]);
    ran.assert_passed();
    // The pool with a startup taint cannot be tested, and the run reports why.
    assert!(ran.stderr.contains("not tested: NodePool team-late"), "{}", ran.report());
    assert!(ran.stderr.contains("startup taint"), "{}", ran.report());
    let expected: BTreeSet<String> = ["team-blue", "team-green", "team-heavy", "team-spot"].map(str::to_owned).into();
    assert_eq!(ran.attributes("nodepool"), expected, "{}", ran.report());
    let spot = ran.count(|event| event["azure"]["what"] == "vm_booted" && event["azure"]["capacity_type"] == "spot");
    assert!(spot > 0, "the spot pool has no spot VM\n{}", ran.report());
}

/// A bad commit shows, what was in force stays in force, and the revert is applied.
pub(crate) fn a_bad_commit_is_rolled_back(shared: &SharedCluster) {
    let ran = shared.run(&[&scenario("rollback"), "--seed", "7"]);
    ran.assert_passed();
    let failed = ran.count(|event| {
        event["milestone"]["object"]["kind"] == "kustomization" && event["milestone"]["reached"] == "failed"
    });
    assert!(failed > 0, "the bad commit was never seen to fail\n{}", ran.report());
}

/// An evicted spot VM is replaced.
pub(crate) fn an_evicted_spot_vm_is_replaced(shared: &SharedCluster) {
    let ran = shared.run(&[&scenario("eviction"), "--seed", "7"]);
    ran.assert_passed();
    assert_eq!(ran.count(|event| event["azure"]["what"] == "spot_evicted"), 1, "{}", ran.report());
}

/// A run on a cluster of which only the kubeconfig is known: it finds NAP and Flux there, pushes to the repository that Flux follows, controls no
/// Azure, reports what the cluster declares as simulated, and leaves nothing behind.
pub(crate) fn a_kubeconfig_is_all_that_a_run_needs(shared: &SharedCluster) {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let before = shared.with(async |cluster| {
        let variables = cluster.env();
        let (_, path) = variables.iter().find(|(name, _)| name == "KUBECONFIG").unwrap();
        std::fs::copy(path, &kubeconfig).unwrap();
        cluster.contents().await.unwrap()
    });
    let arguments = [&scenario("any-target"), "--target", "kubeconfig", "--kubeconfig", kubeconfig.to_str().unwrap()];
    let ran = start_alone(&arguments).ended();
    ran.assert_passed();
    let header = &ran.events()[0]["e"]["run_started"];
    assert_eq!(header["target"], "kubeconfig");
    assert_eq!(header["capabilities"], serde_json::json!(["node-auto-provisioning", "gitops"]));
    let simulated = ["azure", "kubelets", "control-plane-upgrades", "control-plane-limits"];
    assert_eq!(header["simulated"], serde_json::json!(simulated));
    assert_eq!(ran.count(|event| event["azure"].is_object()), 0, "the run does not control this Azure");
    let after = shared.with(async |cluster| cluster.contents().await.unwrap());
    assert_eq!(after.left_since(&before), Vec::<String>::new());
}

/// Ctrl-C in a phase: the run cleans up, reports, and ends with 130.
fn ctrl_c(phase: &str) {
    let started = start_alone(&[&scenario("one-pod")]);
    started.wait_for_phase("", phase);
    started.signal(Signal::SIGINT);
    let ran = started.ended();
    assert_eq!(ran.code, 130, "{}", ran.report());
    ran.assert_reports();
    ran.assert_nothing_left();
}

pub(crate) fn ctrl_c_in_prepare() {
    ctrl_c("prepare")
}

pub(crate) fn ctrl_c_in_burst() {
    ctrl_c("burst")
}

pub(crate) fn ctrl_c_in_drain() {
    ctrl_c("drain")
}

/// The folder of a run is removed during the run: the run fails, and its cluster is stopped.
pub(crate) fn a_removed_folder_fails_the_run() {
    let started = start_alone(&[&scenario("one-pod")]);
    let run_id = started.run_id();
    std::fs::remove_dir_all(started.folder()).unwrap();
    let ran = started.ended();
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("was removed"), "{}", ran.stderr);
    assert_eq!(processes_of(&run_id), Vec::<String>::new());
}

/// SIGKILL leaves no process behind, and a log that can be reported on.
pub(crate) fn sigkill_leaves_no_process() {
    let started = start_alone(&[&scenario("one-pod")]);
    started.wait_for_phase("", "burst");
    let (_folder, run) = started.sigkill();
    let run_id = run_id(&run);
    wait_for_blocking("every process of the cluster is gone", limits::KERNEL, || {
        let left = processes_of(&run_id);
        if left.is_empty() { Ok(()) } else { Err(left.join("\n")) }
    });
    let report = harness().args(["report", run.to_str().unwrap()]).output().unwrap();
    assert_eq!(report.status.code(), Some(4), "{}", String::from_utf8_lossy(&report.stderr));
    assert!(std::fs::read_to_string(run.join("report.md")).unwrap().contains("killed"));
}

/// SIGTERM with `--grace`: everything ends before a pipeline would kill it, also in the middle of a run with nodes.
pub(crate) fn sigterm_with_grace_ends_in_time() {
    let started = start_alone(&[&scenario("one-pod"), "--grace", "10s"]);
    started.wait_for_event("", "a booted VM", |event| event["azure"]["what"] == "vm_booted");
    let began = Instant::now();
    started.signal(Signal::SIGTERM);
    let ran = started.ended();
    let took = began.elapsed();
    assert!(took < limits::GRACE.get(), "it took {took:?}\n{}", ran.stderr);
    assert_eq!(ran.code, 130, "{}", ran.report());
    ran.assert_reports();
    ran.assert_nothing_left();
}

/// While a run is on a cluster, a second one is refused, by name; once it was killed, the next one takes over and restores what it left.
/// Before, the second removed the pools of the first, and both were wrong without a word.
pub(crate) fn one_run_at_a_time(shared: &SharedCluster) {
    let before = shared.with(async |cluster| cluster.contents().await.unwrap());
    let first = shared.start(&[&scenario("one-pod")]);
    let id = first.run_id();
    first.wait_for_event("", "a booted VM", |event| event["azure"]["what"] == "vm_booted");
    let second = shared.run(&[&scenario("one-pod")]);
    assert_eq!(second.code, 3, "{}", second.stderr);
    assert!(second.stderr.contains(&format!("another run is on this cluster: run {id}")), "{}", second.stderr);
    assert!(!second.run().exists(), "a run that is not started leaves no folder");
    let _folder = first.sigkill();

    let third = shared.run(&[&scenario("one-pod")]);
    third.assert_passed();
    let found: BTreeSet<String> =
        third.events().iter().filter_map(|event| Some(event["e"]["found"]["kind"].as_str()?.to_owned())).collect();
    for kind in ["dead_run", "git_tree", "object", "shortages"] {
        assert!(found.contains(kind), "{kind} of {found:?}\n{}", third.report());
    }
    let after = shared.with(async |cluster| cluster.contents().await.unwrap());
    assert_eq!(after.left_since(&before), Vec::<String>::new());
}
