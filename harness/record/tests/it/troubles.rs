//! The table of troubles: what goes wrong, and what the run says of it. The first line names the true cause first.
//!
//! Recorded runs; a log that is put together here where there can be none: what the harness itself refuses or undoes. A second trouble is added to a recorded run where the question is which of two is the cause. A row says what
//! the wrong answer was, unless the answer has always been right. `cargo test -p harness-record troubles -- --nocapture` prints the table.

use std::fmt::Write as _;

use harness_plan::{Action, Check, Commit, Component, Plan, PlannedAction, Receiver, Trigger};
use harness_record::event::*;
use harness_record::verdict::Verdict;
use harness_record::{Event, EventKind, ExitCode, RunResult};
use harness_testing::recordings;
use serde_json::json;

use crate::log_builder::{LogBuilder, S, Vm, planned};
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

/// A recorded run with a second trouble.
fn altered(name: &'static str, trouble: impl Fn(&mut Altered) + 'static) -> Box<dyn Fn() -> RunResult> {
    Box::new(move || {
        let recording = Recording::read(&recordings::folder().join(name));
        let mut run = Altered { events: recording.events(), plan: recording.plan, added: LogBuilder::default() };
        trouble(&mut run);
        run.events.extend(run.added.events());
        run.events.sort_by_key(|event| event.at_us);
        crate::result_of(&run.plan, run.events)
    })
}

/// A recorded run that gets more events.
struct Altered {
    plan: Plan,
    events: Vec<Event>,
    added: LogBuilder,
}

impl Altered {
    /// The plan kills a component in its first phase.
    fn kill(&mut self, at_us: u64, component: Component) {
        const ID: u32 = 99;
        let phase = &mut self.plan.phases[0];
        phase.actions.push(PlannedAction { id: ID, at_us: 0, action: Action::KillComponent(component) });
        self.added.action(at_us, &phase.name, ActionKind::Planned(ID));
    }

    /// The source of the tree fails, and succeeds again with the same commit.
    fn fail_source(&mut self, at_us: u64, again_us: Option<u64>) {
        let source = |event: &Event| match &event.kind {
            EventKind::Milestone(milestone)
                if milestone.object.kind == ObjectKind::GitRepository && event.at_us < at_us =>
            {
                Some(milestone.clone())
            }
            _ => None,
        };
        let fetched = self.events.iter().rev().find_map(source).unwrap();
        let says = "failed to checkout and determine revision: unable to list remote: 503 Service Unavailable";
        let attributes = [(attribute::REASON, "GitOperationFailed"), (attribute::SAYS, says)];
        self.added.reached(at_us, &fetched.object, Reached::Failed, &attributes);
        if let Some(again_us) = again_us {
            self.added.at(again_us, EventKind::Milestone(fetched));
        }
    }

    /// Azure refuses a VM; the recorded one follows.
    fn refuse_vm(&mut self, at_us: u64, pool: &str) {
        let vm = Vm {
            name: "aks-refused-vm".to_owned(),
            pool: pool.to_owned(),
            code: "SkuNotAvailable".to_owned(),
            ..Vm::default()
        };
        self.added.azure(at_us, AzureFactKind::ProvisioningFailed, &vm);
        for event in &mut self.events {
            if let EventKind::Ledger(ledger) = &mut event.kind {
                *ledger.failed.entry(vm.code.clone()).or_default() += 1;
            }
        }
    }
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
            // Before, the symptom stood first: "4 of 4 pods never Ready; Azure: OperationNotAllowed".
            "compute-optimized: Azure refused *: OperationNotAllowed (Operation could not be completed as it results in exceeding approved standardFSv2Family Cores quota.",
        ),
        (
            "no quota, while others have it",
            recorded("class-targeting--no-quota"),
            Failed,
            // Before, the symptom stood first, as with no quota at all.
            "compute-optimized: Azure refused *: OperationNotAllowed (",
        ),
        (
            "no capacity",
            recorded("no-capacity"),
            Failed,
            // Before, the symptom stood first, and Azure's code after each pool's.
            "compute-optimized, general-purpose, memory-optimized: Azure refused * VMs: ZonalAllocationFailed (Allocation failed.",
        ),
        (
            "no capacity in any zone",
            recorded("capacity-shortage--nowhere"),
            Failed,
            // Before, the symptom stood first, and Azure's code after each pool's.
            "general-purpose, memory-optimized: Azure refused * VMs: ZonalAllocationFailed (",
        ),
        (
            "no spot capacity and no fallback",
            recorded("spot--no-fallback"),
            Failed,
            // Before, the symptom stood first: "3 of 9 pods never Ready; Azure: SkuNotAvailable".
            "spot-nodepool: Azure refused * VMs: SkuNotAvailable (",
        ),
        (
            "boots that never register",
            recorded("never-registers"),
            Failed,
            // Before, the symptom stood first: "4 of 4 pods never Ready; 2 VMs booted and never registered".
            "compute-optimized: 2 VMs booted and never registered; compute-optimized: 4 of 4 pods never Ready",
        ),
        (
            "ARM down",
            recorded("arm-down-too-long"),
            Failed,
            // Before, the first reason was "4 of 4 pods never Ready; FailedScheduling: no nodes available to schedule pods".
            "Azure Resource Manager was down: * calls refused between * and *; compute-optimized: 4 of 4 pods never Ready",
        ),
        (
            "throttling",
            recorded("trouble-throttled"),
            Failed,
            // Before, the first reason was "4 of 4 pods never Ready; FailedScheduling: no nodes available to schedule pods".
            "Azure Resource Manager answered 429 to * calls between * and *; compute-optimized: 4 of 4 pods never Ready",
        ),
        (
            "NAP killed while a quota is raised",
            recorded("quota--controller-stays-dead"),
            Failed,
            // Before, the first reason was the quota of an earlier phase: "not at least 12 Ready pods of encoder; Azure: OperationNotAllowed".
            "karpenter was killed at *, not started again; phase raised: not at least 12 Ready pods of encoder after *: 6 Ready pods of encoder",
        ),
        (
            "a NodePool deleted by a commit",
            recorded("gitops-rollback--nothing-protects-the-pool"),
            Failed,
            // Before, the deletion was not named: "4 of 4 pods disturbed; FailedScheduling: no nodes available to schedule pods".
            "NodePool general-purpose was deleted at *, after commit * of phase pools-removed; web uninterrupted in ",
        ),
        (
            "a NodePool deleted by a commit in the middle of a burst",
            recorded("trouble-pool-deleted"),
            Failed,
            // Before, the deletion was not named: "33 of 40 pods never Ready; FailedScheduling: no nodes available to schedule pods".
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
            // Before, it was only the symptom: "phase changed: not in-force".
            "Flux refused commit * of phase changed: Kustomization node-config: ReconciliationFailed: NodePool/general-purpose dry-run failed (Invalid)",
        ),
        (
            "a commit that Flux cannot build",
            delivery(|scene| scene.flux(13, "node-config", Reached::Failed, &"b".repeat(40))),
            Failed,
            // Before, it was only the symptom: "phase changed: not in-force".
            "Flux refused commit bbbbbbbbbbbb of phase changed: Kustomization node-config: BuildFailed: broken.yaml; phase changed: not in-force after 20.0s",
        ),
        (
            "Git down while a commit is fetched",
            recorded("trouble-git-down"),
            Failed,
            // Before, it was only the symptom: "phase changed: not in-force", "pushed, not fetched".
            "Flux could not fetch the Git repository at *: GitOperationFailed: failed to checkout and determine revision: unable to list remote",
        ),
        (
            "a webhook that denies",
            recorded("trouble-webhook-denies"),
            Failed,
            "the API server refused pods of web: FailedCreate: Error creating: admission webhook \"policy.example.com\" denied the request: pods need an owner's label; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "a policy that denies the pods",
            recorded("trouble-policy-denies"),
            Failed,
            // Before, it was only the symptom: "4 of 4 pods never Ready".
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
            // Before, the symptom stood first.
            "general-purpose: Failed: Failed to pull image: failed to resolve reference: no such host; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "a PodDisruptionBudget blocks the drain",
            recorded("trouble-drain-blocked"),
            Failed,
            // Before, it was only the symptom: "phase changed: not all-nodes-replaced".
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
            // Before, the last line of the component's log stood there with its whole header.
            "the target failed in phase burst: kube-scheduler died (ended unexpectedly (signal: 9 (SIGKILL)))",
        ),
        (
            "a component died of a full disk",
            recorded("cut-cluster-disk-full"),
            TargetFailed,
            // Before, the line was etcd's JSON, with its stack: the full disk had cut it.
            "the target failed in phase burst: etcd died (ended unexpectedly (exit status: 1); the disk of * is full); its log ends with: ",
        ),
        (
            "Git down in prepare",
            recorded("cut-git-down"),
            TargetFailed,
            // Before, exit code 4 after three minutes: "pushed, not fetched".
            "the target failed in phase prepare: the fetch by Flux of commit * did not happen within 60 s; last seen: commit * is pushed, not fetched; Flux says: failed to checkout and determine revision: unable to list remote",
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
            // Before, the run said that its log had been removed or replaced.
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
            "a commit that the Git server refuses",
            recorded("trouble-push-refused"),
            // Before, it passed: what was in force still was.
            Inconclusive,
            "commit `One more label on every node` of phase changed failed: *pre-receive hook declined: nobody may push today",
        ),
        (
            "a crashed VM",
            recorded("trouble-vm-crashed"),
            Failed,
            // Before, it was only the symptom: "phase crash: not all-pods-ready".
            "general-purpose: 1 VM crashed; phase crash: not all-pods-ready after *: web: 0 of 4 pods Ready",
        ),
        (
            "a component killed and started again too late",
            recorded("trouble-scheduler-back-late"),
            Failed,
            // Before, the kill stood last: "4 of 4 pods never Ready; FailedScheduling: no nodes available to schedule pods".
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
            // Before, the calls that were refused in cleanup were a cause.
            "general-purpose: 4 of 4 pods never Ready",
        ),
    ];
    rows.extend(altered_rows());
    // Before, the kill stood behind the symptom, which was all that was said of pods: "4 of 4 pods never Ready; FailedScheduling: no nodes available
    // to schedule pods".
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
        (
            "Flux's notification-controller killed",
            "trouble-notification-controller-killed",
            "notification-controller was killed at *, not started again; phase changed: not at least 1 x notified",
        ),
        (
            "Flux's image-reflector-controller killed",
            "trouble-image-reflector-controller-killed",
            "image-reflector-controller was killed at *, not started again; phase newer: not policy: status.latestRef.tag is \"1.1.0\" after *",
        ),
        (
            "Flux's image-automation-controller killed",
            "trouble-image-automation-controller-killed",
            "image-automation-controller was killed at *, not started again; phase newer: not demo: spec.template.spec.containers[0].image contains *",
        ),
    ] {
        rows.push((name, recorded(recording), Failed, line));
    }
    rows
}

/// Two troubles, one of which is the cause.
#[expect(clippy::too_many_lines, reason = "one row for each trouble")]
fn altered_rows() -> Vec<Row> {
    const NO_QUOTA: &str = "compute-optimized: Azure refused 1 VM: OperationNotAllowed (Operation could not be completed as it results in exceeding approved standardFSv2Family Cores quota. Additional details - Deployment Model: Resource Manager,...); compute-optimized: 4 of 4 pods never Ready";
    const REFUSED: &str = "Flux refused commit 27a49fe3e586 of phase changed: Kustomization node-config: ReconciliationFailed: NodePool/general-purpose dry-run failed (Invalid): NodePool.karpenter.sh \"general-purpose\" is invalid: [spec.disruption.consolidationPolicy: Unsupported valu...; phase changed: not all-pods-ready and in-force after ";
    let mut rows: Vec<Row> = vec![
        (
            "no quota, and ARM refuses one call",
            altered("no-quota", |run| run.added.call(8 * S, AzureFactKind::Refused, "1")),
            Failed,
            // Before, the quota was not named: "Azure Resource Manager was down: 1 call refused between 8.00s and 8.00s".
            NO_QUOTA,
        ),
        (
            "no quota, and ARM down from then on",
            altered("no-quota", |run| {
                for second in 12..26 {
                    run.added.call(second * S, AzureFactKind::Refused, "1");
                }
            }),
            Failed,
            // Before, the quota was not named.
            "compute-optimized: Azure refused 1 VM: OperationNotAllowed (*); Azure Resource Manager was down: 14 calls refused between 12.0s and 25.0s; compute-optimized: 4 of 4 pods never Ready",
        ),
        (
            "no quota, and throttling",
            altered("no-quota", |run| {
                for call in 0..30 {
                    run.added.call(8 * S + call * S / 2, AzureFactKind::Throttled, "machines.get");
                }
            }),
            Failed,
            // Before, throttling came first, since there were more calls than VMs: "Azure Resource Manager answered 429 to 30 calls".
            NO_QUOTA,
        ),
        (
            "no class fits, and a little throttling",
            altered("trouble-no-class-fits", |run| run.added.call(8 * S, AzureFactKind::Throttled, "machines.get")),
            Failed,
            // Before, "Azure Resource Manager answered 429 to 1 call between 8.00s and 8.00s".
            "general-purpose: FailedScheduling: Failed to schedule pod, ",
        ),
        (
            "an image that cannot be pulled, on the second VM",
            altered("trouble-image-not-pulled", |run| run.refuse_vm(7 * S, POOL)),
            Failed,
            // Before, "general-purpose: Azure refused 1 VM: SkuNotAvailable", though each pod had a node.
            "general-purpose: Failed: Failed to pull image: failed to resolve reference: no such host; general-purpose: 4 of 4 pods never Ready",
        ),
        (
            "a commit that Flux refuses, and Git away for a moment",
            altered("trouble-commit-refused", |run| run.fail_source(8 * S, Some(8 * S + S / 2))),
            Failed,
            // Before, the refusal was not named: "Flux could not fetch the Git repository at 8.00s".
            REFUSED,
        ),
        (
            "a commit that Flux refuses, and then Git down",
            altered("trouble-commit-refused", |run| run.fail_source(8 * S, None)),
            Failed,
            // Before, "Flux could not fetch the Git repository at 8.00s", though it had fetched the commit.
            REFUSED,
        ),
        (
            "a commit that Flux refuses, and then kustomize-controller killed",
            altered("trouble-commit-refused", |run| run.kill(8 * S, Component::KustomizeController)),
            Failed,
            // Before, the refusal was not named.
            "Flux refused commit 27a49fe3e586 of phase changed: *; kustomize-controller was killed at 8.00s, not started again; phase changed: not all-pods-ready and in-force after ",
        ),
        (
            "Flux's notification-controller killed where the Git host calls it",
            delivery(|scene| {
                let receiver = Trigger::Receiver(Receiver { name: "push".to_owned(), token: "t".to_owned() });
                let commit = scene.plan.phases[0].actions.iter_mut().find_map(|planned| match &mut planned.action {
                    Action::Commit(commit) => Some(commit),
                    _ => None,
                });
                commit.unwrap().trigger = receiver;
                scene.planned(11, "changed", Action::KillComponent(Component::NotificationController));
            }),
            Failed,
            "notification-controller was killed at 11.0s, not started again; phase changed: not in-force after 20.0s",
        ),
        (
            "a commit that Flux refuses, and Flux's notification-controller killed",
            altered("trouble-commit-refused", |run| run.kill(5_900_000, Component::NotificationController)),
            Failed,
            // It delays what Flux does, and the refusal came nevertheless. Before, the refusal was not named.
            "Flux refused commit 27a49fe3e586 of phase changed: *; notification-controller was killed at 5.90s, not started again; phase changed: not all-pods-ready and in-force after ",
        ),
        (
            "a component started again after the deadline",
            burst(|scene| {
                scene.planned(11, "burst", Action::KillComponent(Component::KubeControllerManager));
                event(scene, 12, ("Pod", "web-7d9f-0"), "Warning", "BackOff", "Back-off pulling image");
                scene.phase("later", 31, 50);
                scene.planned(35, "later", Action::StartComponent(Component::KubeControllerManager));
            }),
            Failed,
            // Before, it was as if it had been over by then: "general-purpose: BackOff".
            "kube-controller-manager was killed at 11.0s, started again at 35.0s; general-purpose: 4 of 4 pods never Ready",
        ),
    ];
    for (name, component) in [
        ("a commit that Flux refuses, and the scheduler killed", Component::KubeScheduler),
        ("a commit that Flux refuses, and NAP killed", Component::Karpenter),
        (
            "a commit that Flux refuses, and Flux's image-automation-controller killed",
            Component::ImageAutomationController,
        ),
    ] {
        // Before, the refusal was not named: "karpenter was killed at 5.90s, not started again".
        rows.push((
            name,
            altered("trouble-commit-refused", move |run| run.kill(5_900_000, component)),
            Failed,
            REFUSED,
        ));
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
