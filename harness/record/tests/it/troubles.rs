//! The table of troubles: what goes wrong, and what the run says of it. The first line names the true cause first.
//!
//! Recorded runs; a log that is put together here where there can be none: what the harness itself refuses
//! or undoes, and what needs another machine. `cargo test -p harness-record troubles -- --nocapture` prints the table.

use std::fmt::Write as _;

use harness_plan::{Action, Check, Commit};
use harness_record::event::*;
use harness_record::verdict::Verdict;
use harness_record::{EventKind, ExitCode, RunResult};
use harness_testing::recordings;
use serde_json::json;

use crate::log_builder::{S, planned};
use crate::recording::Recording;
use crate::scene::{POOL, Scene, WEB, node};
use ExitCode::{Failed, Inconclusive, Interrupted, LeftBehind, TargetFailed};

/// One trouble: its name, where its run comes from, its exit code, and how the one line starts; `*` is anything, such as a figure that differs from
/// recording to recording.
type Row = (&'static str, Box<dyn Fn() -> RunResult>, ExitCode, &'static str);

/// A recorded run.
fn recorded(name: &'static str) -> Box<dyn Fn() -> RunResult> {
    Box::new(move || Recording::read(&recordings::folder().join(name)).result())
}

/// A burst of four pods that are never Ready, and what goes wrong meanwhile.
fn burst(trouble: impl Fn(&mut Scene) + 'static) -> Box<dyn Fn() -> RunResult> {
    Box::new(move || {
        let mut scene = Scene::new();
        scene.phase_with("burst", 10, Some((30, PhaseOutcome::DeadlinePassed)));
        scene.scale(10, "burst", 0, 4);
        scene.node("n", &node(1));
        for pod in 0..4 {
            scene.pod_of(WEB, &format!("web-7d9f-{pod}"), "n", 11, None, None);
        }
        trouble(&mut scene);
        scene.run(vec![phase("burst")])
    })
}

fn phase(name: &str) -> Check {
    planned(json!({"phase": {"phase": name}}))
}

/// An Event of a controller.
fn event(scene: &mut Scene, at: u64, about: (&str, &str), severity: &str, reason: &str, message: &str) {
    let (kind, name) = about;
    let [kind, name, reason, message, severity] = [kind, name, reason, message, severity].map(str::to_owned);
    scene.builder.at(at * S, EventKind::Reason(Reason { kind, name, reason, message, severity }));
}

/// A phase that waits for Flux, after a commit.
fn delivery(trouble: impl Fn(&mut Scene) + 'static) -> Box<dyn Fn() -> RunResult> {
    Box::new(move || {
        let mut scene = Scene::new();
        scene.phase_with("changed", 10, Some((30, PhaseOutcome::DeadlinePassed)));
        scene.plan.phases[0].until = Some(serde_json::from_value(json!("in-force")).unwrap());
        scene.push(1, "prepare", &"a".repeat(40));
        scene.planned(
            11,
            "changed",
            Action::Commit(Commit { message: Some("A change".to_owned()), ..Commit::default() }),
        );
        scene.push(11, "changed", &"b".repeat(40));
        trouble(&mut scene);
        scene.run(vec![phase("changed")])
    })
}

/// A run that ends like this, in a phase of which nothing more is known.
fn ended(reason: EndReason, detail: &'static str) -> Box<dyn Fn() -> RunResult> {
    Box::new(move || {
        let mut scene = Scene::new();
        scene.phase_with("burst", 10, Some((20, PhaseOutcome::Cancelled)));
        scene.cut();
        scene.builder.ended(21 * S, reason, detail);
        scene.run(vec![phase("burst")])
    })
}

#[expect(clippy::too_many_lines, reason = "one row for each trouble")]
fn rows() -> Vec<Row> {
    let left = |scene: &mut Scene| {
        scene.phase("hold", 30, 40);
        for name in ["aks-b-vm", "aks-a-vm"] {
            let kind = EventKind::Leak { kind: "VirtualMachine".to_owned(), name: name.to_owned() };
            scene.builder.at(50 * S, kind);
        }
    };
    let mut rows: Vec<Row> = vec![
        (
            "no quota",
            recorded("no-quota"),
            Failed,
            "compute-optimized: Azure refused *: OperationNotAllowed (Operation could not be completed as it results in exceeding approved standardFSv2Family Cores quota.",
        ),
        (
            "no quota, while others have it",
            recorded("class-targeting--no-quota"),
            Failed,
            "compute-optimized: Azure refused *: OperationNotAllowed (",
        ),
        (
            "no capacity",
            recorded("no-capacity"),
            Failed,
            "compute-optimized, general-purpose, memory-optimized: Azure refused * VMs: ZonalAllocationFailed (Allocation failed.",
        ),
        (
            "no capacity in any zone",
            recorded("capacity-shortage--nowhere"),
            Failed,
            "general-purpose, memory-optimized: Azure refused * VMs: ZonalAllocationFailed (",
        ),
        (
            "no spot capacity and no fallback",
            recorded("spot--no-fallback"),
            Failed,
            "spot-nodepool: Azure refused * VMs: SkuNotAvailable (",
        ),
        (
            "boots that never register",
            recorded("never-registers"),
            Failed,
            "compute-optimized: 2 VMs booted and never registered; compute-optimized: 4 of 4 pods never Ready",
        ),
        (
            "ARM down",
            recorded("arm-down-too-long"),
            Failed,
            "Azure Resource Manager was down: * calls refused between * and *; compute-optimized: 4 of 4 pods never Ready",
        ),
        (
            "throttling",
            recorded("trouble-throttled"),
            Failed,
            "Azure Resource Manager answered 429 to * calls between * and *; compute-optimized: 4 of 4 pods never Ready",
        ),
        (
            "NAP killed while a quota is raised",
            recorded("quota--controller-stays-dead"),
            Failed,
            "karpenter was killed at *, not started again; phase raised: not at least 12 Ready pods of encoder after *: 6 Ready pods of encoder",
        ),
        (
            "a NodePool deleted by a commit",
            recorded("gitops-rollback--nothing-protects-the-pool"),
            Failed,
            "NodePool general-purpose was deleted at *, after commit * of phase pools-removed; web uninterrupted in ",
        ),
        (
            "a NodePool deleted by a commit in the middle of a burst",
            recorded("trouble-pool-deleted"),
            Failed,
            "NodePool general-purpose was deleted at *, after commit * of phase burst; general-purpose: ",
        ),
        (
            "a node class applied before its pool is refused",
            recorded("gitops-rollback--a-class-goes-first"),
            Failed,
            // Before, the reason was an Event of cleanup: "Failed resolving NodeClass".
            "general-purpose: Karpenter disrupted 2 nodes as Drifted at *, after commit * of phase schema; web uninterrupted in ",
        ),
        (
            "a commit that Flux refuses",
            recorded("trouble-commit-refused"),
            Failed,
            "Flux refused commit * of phase changed: Kustomization node-config: ReconciliationFailed: NodePool/general-purpose dry-run failed (Invalid)",
        ),
        (
            "a commit that Flux cannot build",
            delivery(|scene| scene.flux(13, "node-config", Reached::Failed, &"b".repeat(40))),
            Failed,
            "Flux refused commit bbbbbbbbbbbb of phase changed: Kustomization node-config: BuildFailed: broken.yaml; phase changed: not in-force after 20.0s",
        ),
        (
            "Git down while a commit is fetched",
            recorded("trouble-git-down"),
            Failed,
            "Flux could not fetch the Git repository at *: GitOperationFailed: failed to checkout and determine revision: unable to list remote",
        ),
        (
            "a webhook that denies",
            Box::new(|| {
                let mut scene = Scene::new();
                scene.phase_with("burst", 10, Some((30, PhaseOutcome::DeadlinePassed)));
                scene.scale(10, "burst", 0, 4);
                let says = "admission webhook \"policy.example.com\" denied the request: pods need an owner's label";
                event(&mut scene, 11, ("ReplicaSet", "web-7d9f"), "Warning", "FailedCreate", says);
                scene.run(vec![phase("burst")])
            }),
            Failed,
            "the API server refused pods of web: FailedCreate: admission webhook \"policy.example.com\" denied the request: pods need an owner's label; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "a policy that denies the pods",
            recorded("trouble-policy-denies"),
            Failed,
            "the API server refused pods of web: FailedCreate: ",
        ),
        (
            "a pod that no class fits",
            recorded("trouble-no-class-fits"),
            Failed,
            // Before, all that was kept of it was the scheduler's "no nodes available to schedule pods".
            "general-purpose: FailedScheduling: Failed to schedule pod, ",
        ),
        (
            "an image that cannot be pulled",
            recorded("trouble-image-not-pulled"),
            Failed,
            "general-purpose: Failed: Failed to pull image: failed to resolve reference: no such host; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "a PodDisruptionBudget blocks the drain",
            recorded("trouble-drain-blocked"),
            Failed,
            "general-purpose: DisruptionBlocked: Pdb prevents pod evictions (PodDisruptionBudget=[*/web]); phase changed: not all-nodes-replaced after *",
        ),
        (
            "a budget of 0 nodes blocks the drift",
            recorded("node-drift--blocked"),
            Failed,
            // Before, it was only the symptom: "not at least 1 x nodeclaim-created".
            "general-purpose: DisruptionBlocked: No allowed disruptions for disruption reason Drifted due to blocking budget; phase broken: ",
        ),
        (
            "a component died",
            recorded("cut-component-died"),
            TargetFailed,
            "the target failed in phase burst: kube-scheduler died (ended unexpectedly (signal: 9 (SIGKILL)))",
        ),
        (
            "a component died of a full disk",
            ended(
                EndReason::TargetFailed,
                "kube-apiserver died (exit status: 1); its log ends with: command failed: no space left on device",
            ),
            TargetFailed,
            "the target failed in phase burst: kube-apiserver died (exit status: 1); its log ends with: command failed: no space left on device",
        ),
        ("interrupted", recorded("cut-interrupted"), Interrupted, "interrupted in phase burst"),
        (
            "the target lacks something",
            Box::new(|| {
                let mut scene = Scene::new();
                scene.plan_phase("burst");
                scene.cut();
                scene.builder.ended(S, EndReason::NotRun, "needs gitops");
                scene.run(vec![phase("burst")])
            }),
            Inconclusive,
            "not run: needs gitops",
        ),
        (
            "killed",
            recorded("cut-killed"),
            Inconclusive,
            "killed in phase burst: the log has no end, its last event is at *",
        ),
        (
            "a full disk, which cuts the log",
            recorded("cut-disk-full"),
            Inconclusive,
            "killed in phase burst: the log has no end, its last event is at *",
        ),
        (
            "no evidence",
            recorded("trouble-no-evidence"),
            Inconclusive,
            "not enough evidence: at most 1 concurrent disruption in general-purpose in hold (nothing was disrupted)",
        ),
        (
            "something left behind",
            Box::new(move || {
                let mut scene = Scene::new();
                left(&mut scene);
                scene.run(vec![phase("hold")])
            }),
            LeftBehind,
            "left behind: 2 VirtualMachines (aks-a-vm, aks-b-vm)",
        ),
        (
            "a commit that is pushed and refused by the Git server",
            delivery(|scene| {
                let stamps = ActionStamps {
                    what: ActionKind::Planned(1),
                    phase: "changed".to_owned(),
                    intended_us: 12 * S,
                    sent_us: Some(12 * S),
                    acked_us: None,
                    error: Some("cannot push: remote rejected (hook declined)".to_owned()),
                };
                scene.builder.at(12 * S, EventKind::Action(stamps));
            }),
            Failed,
            "commit `A change` of phase changed failed: cannot push: remote rejected (hook declined); phase changed: not in-force",
        ),
        (
            "a crashed VM",
            recorded("trouble-vm-crashed"),
            Failed,
            "general-purpose: 1 VM crashed; phase crash: not all-pods-ready after *: web: 0 of 4 pods Ready",
        ),
        (
            "a component killed and started again too late",
            recorded("trouble-scheduler-back-late"),
            Failed,
            "kube-scheduler was killed at *, started again at *; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "ARM down in cleanup only",
            burst(|scene| {
                scene.builder.phase_began(40 * S, "cleanup");
                scene.builder.call(41 * S, AzureFactKind::Refused, "9");
                event(scene, 42, ("NodePool", POOL), "Warning", "NoCompatibleInstanceTypes", "none");
                scene.builder.phase_ended(50 * S, "cleanup", PhaseOutcome::Reached, "");
            }),
            Failed,
            "general-purpose: 4 of 4 pods never Ready",
        ),
    ];
    for (name, recording, line) in [
        (
            "the API server killed",
            "trouble-apiserver-killed",
            "kube-apiserver was killed at *, not started again; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "etcd killed",
            "trouble-etcd-killed",
            "etcd was killed at *, not started again; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "the scheduler killed",
            "trouble-scheduler-killed",
            "kube-scheduler was killed at *, not started again; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "the controller manager killed",
            "trouble-controller-manager-killed",
            "kube-controller-manager was killed at *, not started again; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "kwok killed",
            "trouble-kwok-killed",
            "kwok was killed at *, not started again; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "NAP killed",
            "trouble-karpenter-killed",
            "karpenter was killed at *, not started again; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "Flux's source-controller killed",
            "trouble-source-controller-killed",
            "source-controller was killed at *, not started again; phase changed: not in-force after *",
        ),
        (
            "Flux's kustomize-controller killed",
            "trouble-kustomize-controller-killed",
            "kustomize-controller was killed at *, not started again; phase changed: not in-force after *",
        ),
    ] {
        rows.push((name, recorded(recording), Failed, line));
    }
    rows
}

/// Whether a line starts as the pattern says.
fn begins(line: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(rest) = line.strip_prefix(first) else { return false };
    parts.try_fold(rest, |rest, part| Some(rest.split_once(part)?.1)).is_some()
}

#[test]
fn the_first_line_of_every_trouble_is_its_cause() {
    let rows = rows();
    assert!(rows.len() >= 25);
    let mut table = "| trouble | verdict | exit | first line | left |\n|---|---|---|---|---|\n".to_owned();
    let mut wrong = Vec::new();
    for (name, run, exit_code, line) in rows {
        let result = run();
        let left = result.leaks.len();
        writeln!(table, "| {name} | {} | {} | {} | {left} |", result.verdict, result.exit_code, result.reason).unwrap();
        if result.exit_code != exit_code || !begins(&result.reason, line) {
            wrong.push(format!("{name}: exit code {}\n   is {:?}\n  not {line:?}", result.exit_code, result.reason));
        }
        // Rust's own notation has no place in a reason.
        assert!(!["Some(", "None", "{ ", "::"].iter().any(|part| result.reason.contains(part)), "{}", result.reason);
        assert_ne!(result.verdict, Verdict::Pass, "{name}");
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
