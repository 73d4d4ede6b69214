//! The table of troubles: what goes wrong, and what the run says of it. The first line names the true cause first.
//!
//! Recorded runs where there is one; what the simulated nodes cannot show (a kubelet that pulls images) and what needs another machine (a full
//! disk) is a log that is put together here. `cargo test -p harness-record troubles -- --nocapture` prints the table.

use std::fmt::Write as _;

use harness_plan::{Action, Check, Commit, Component};
use harness_record::event::*;
use harness_record::verdict::Verdict;
use harness_record::{EventKind, ExitCode, RunResult};
use harness_testing::recordings;
use serde_json::json;

use crate::log_builder::{self, Fault, S, planned};
use crate::recording::Recording;
use crate::scene::{POOL, Scene, WEB, node};
use ExitCode::{Failed, Inconclusive, Interrupted, LeftBehind, TargetFailed};

/// One trouble: its name, where its run comes from, its exit code, and how the one line starts.
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

fn kill(component: Component) -> Box<dyn Fn() -> RunResult> {
    burst(move |scene| scene.planned(12, "burst", Action::KillComponent(component)))
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

fn failed_source(scene: &mut Scene, at: u64) {
    let object = scene.builder.key(ObjectKind::GitRepository, "node-config");
    let says = "failed to checkout and determine revision: unable to list remote: 503 Service Unavailable";
    let attributes = [(attribute::REASON, "GitOperationFailed"), (attribute::SAYS, says)];
    scene.builder.reached(at * S, &object, Reached::Failed, &attributes);
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
            "compute-optimized: Azure refused 2 VMs: OperationNotAllowed (Operation could not be completed as it results in exceeding approved standardFSv2Family Cores quota.",
        ),
        (
            "no quota, while others have it",
            recorded("class-targeting--no-quota"),
            Failed,
            "compute-optimized: Azure refused 2 VMs: OperationNotAllowed (",
        ),
        (
            "no capacity",
            recorded("no-capacity"),
            Failed,
            "compute-optimized, general-purpose, memory-optimized: Azure refused 22 VMs: ZonalAllocationFailed (Allocation failed.",
        ),
        (
            "no capacity in any zone",
            recorded("capacity-shortage--nowhere"),
            Failed,
            "general-purpose, memory-optimized: Azure refused 17 VMs: ZonalAllocationFailed (",
        ),
        (
            "no spot capacity and no fallback",
            recorded("spot--no-fallback"),
            Failed,
            "spot-nodepool: Azure refused 6 VMs: SkuNotAvailable (",
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
            "Azure Resource Manager was down: 39 calls refused between 7.66s and 25.5s; compute-optimized: 4 of 4 pods never Ready",
        ),
        (
            "throttling",
            Box::new(|| {
                crate::result_of(&log_builder::plan_with(&Fault::Throttled), log_builder::run(&Fault::Throttled))
            }),
            Failed,
            "Azure Resource Manager answered 429 to 40 calls between ",
        ),
        (
            "NAP killed while a quota is raised",
            recorded("quota--controller-stays-dead"),
            Failed,
            "karpenter was killed at 25.3s, not started again; phase raised: not at least 12 Ready pods of encoder after 2m: 6 Ready pods of encoder",
        ),
        (
            "a NodePool deleted by a commit",
            recorded("gitops-rollback--nothing-protects-the-pool"),
            Failed,
            "NodePool general-purpose was deleted at 14.2s, after commit f84b4bca89e2 of phase pools-removed; web undisturbed in ",
        ),
        (
            "a node class applied before its pool is refused",
            recorded("gitops-rollback--a-class-goes-first"),
            Failed,
            // Before, the reason was an Event of cleanup: "Failed resolving NodeClass".
            "general-purpose: Karpenter disrupted 2 nodes as Drifted at 19.0s, after commit ef3f500db93a of phase schema; web undisturbed in ",
        ),
        (
            "a commit that Flux refuses",
            delivery(|scene| scene.flux(13, "node-config", Reached::Failed, &"b".repeat(40))),
            Failed,
            "Flux refused commit bbbbbbbbbbbb of phase changed: Kustomization node-config: BuildFailed: broken.yaml; phase changed: not in-force after 20.0s",
        ),
        (
            "Git down while a commit is fetched",
            delivery(|scene| failed_source(scene, 13)),
            Failed,
            "Flux could not fetch the Git repository at 13.0s: GitOperationFailed: failed to checkout and determine revision: unable to list remote: 503 Service Unavailable; phase changed: not in-force",
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
            "a pod that no class fits",
            burst(|scene| {
                let says = "Failed to schedule pod, incompatible with nodepool \"general-purpose\", no instance type has enough resources";
                event(scene, 12, ("Pod", "web-7d9f-0"), "Warning", "FailedScheduling", says);
            }),
            Failed,
            "general-purpose: FailedScheduling: Failed to schedule pod, incompatible with nodepool \"general-purpose\", no instance type has enough resources; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "an image that cannot be pulled",
            burst(|scene| {
                event(
                    scene,
                    12,
                    ("Pod", "web-7d9f-0"),
                    "Warning",
                    "FailedScheduling",
                    "0/1 nodes are available: 1 Insufficient cpu",
                );
                event(
                    scene,
                    14,
                    ("Pod", "web-7d9f-0"),
                    "Warning",
                    "Failed",
                    "Failed to pull image \"web:9\": not found",
                );
            }),
            Failed,
            "general-purpose: Failed: Failed to pull image \"web:9\": not found; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "a PodDisruptionBudget blocks the drain",
            Box::new(|| {
                let mut scene = Scene::new();
                scene.node("n", &node(1));
                scene.phase_with("changed", 10, Some((30, PhaseOutcome::DeadlinePassed)));
                scene.plan.phases[0].until = Some(serde_json::from_value(json!("all-nodes-replaced")).unwrap());
                let says = "Pdb prevents pod evictions (PodDisruptionBudget=[run/web])";
                event(&mut scene, 12, ("Node", "vm-n"), "Normal", "DisruptionBlocked", says);
                scene.run(vec![phase("changed")])
            }),
            Failed,
            "general-purpose: DisruptionBlocked: Pdb prevents pod evictions (PodDisruptionBudget=[run/web]); phase changed: not all-nodes-replaced after 20.0s",
        ),
        (
            "a component died",
            ended(
                EndReason::TargetFailed,
                "kube-apiserver died (exit status: 1); its log ends with: command failed: no space left on device",
            ),
            TargetFailed,
            "the target failed in phase burst: kube-apiserver died (exit status: 1); its log ends with: command failed: no space left on device",
        ),
        ("interrupted", ended(EndReason::Interrupted, "SIGTERM"), Interrupted, "interrupted in phase burst: SIGTERM"),
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
            "killed, or a full disk that cut the log",
            Box::new(|| {
                let mut scene = Scene::new();
                scene.phase_with("burst", 10, None);
                scene.cut();
                scene.run(vec![phase("burst")])
            }),
            Inconclusive,
            "killed in phase burst: the log has no end, its last event is at 10.0s",
        ),
        (
            "no evidence",
            Box::new(|| {
                let mut scene = Scene::new();
                scene.phase("hold", 10, 30);
                scene.node("n", &node(1));
                scene.run(vec![planned(
                    json!({"maxConcurrentDisruptions": {"nodepools": [POOL], "atMost": 1, "in": ["hold"]}}),
                )])
            }),
            Inconclusive,
            "not enough evidence: check 0 (nothing was disrupted)",
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
            burst(|scene| {
                scene.fact(15, AzureFactKind::VmCrashed, "n", &node(1));
            }),
            Failed,
            "general-purpose: 1 VM crashed; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "a component killed and started again too late",
            burst(|scene| {
                scene.planned(12, "burst", Action::KillComponent(Component::KubeScheduler));
                scene.planned(29, "burst", Action::StartComponent(Component::KubeScheduler));
            }),
            Failed,
            "kube-scheduler was killed at 12.0s, started again at 29.0s; general-purpose: 4 of 4 pods never Ready",
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
    rows.push((
        "a policy in a commit that Flux refuses",
        recorded("trouble-commit-refused"),
        Failed,
        "Flux refused commit b71437bcfeb1 of phase changed: Kustomization node-config: ReconciliationFailed: NodePool/general-purpose dry-run failed (Invalid)",
    ));
    rows.push((
        "the scheduler killed, recorded",
        recorded("trouble-scheduler-killed"),
        Failed,
        "kube-scheduler was killed at 6.24s, not started again; general-purpose: 4 of 4 pods never Ready",
    ));
    for (name, component, line) in [
        (
            "the API server killed",
            Component::KubeApiserver,
            "kube-apiserver was killed at 12.0s, not started again; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "etcd killed",
            Component::Etcd,
            "etcd was killed at 12.0s, not started again; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "the scheduler killed",
            Component::KubeScheduler,
            "kube-scheduler was killed at 12.0s, not started again; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "the controller manager killed",
            Component::KubeControllerManager,
            "kube-controller-manager was killed at 12.0s, not started again; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "kwok killed",
            Component::Kwok,
            "kwok was killed at 12.0s, not started again; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "NAP killed",
            Component::Karpenter,
            "karpenter was killed at 12.0s, not started again; general-purpose: 4 of 4 pods never Ready",
        ),
    ] {
        rows.push((name, kill(component), Failed, line));
    }
    for (name, component, line) in [
        (
            "Flux's source-controller killed",
            Component::SourceController,
            "source-controller was killed at 12.0s, not started again; phase changed: not in-force after 20.0s",
        ),
        (
            "Flux's kustomize-controller killed",
            Component::KustomizeController,
            "kustomize-controller was killed at 12.0s, not started again; phase changed: not in-force after 20.0s",
        ),
    ] {
        rows.push((
            name,
            delivery(move |scene| scene.planned(12, "changed", Action::KillComponent(component))),
            Failed,
            line,
        ));
    }
    rows
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
        if result.exit_code != exit_code || !result.reason.starts_with(line) {
            wrong.push(format!("{name}: exit code {}\n   is {:?}\n  not {line:?}", result.exit_code, result.reason));
        }
        // Rust's own notation has no place in a reason.
        assert!(!["Some(", "None", "{ ", "::"].iter().any(|part| result.reason.contains(part)), "{}", result.reason);
        assert_ne!(result.verdict, Verdict::Pass, "{name}");
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
