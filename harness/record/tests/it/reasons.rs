//! Every failure that a run must explain: the right verdict and code, and one line that names the pool and Azure's error code.

use crate::log_builder::{self, Fault, LogBuilder, MS, S, plan, plan_with, planned, run};
use harness_record::event::*;
use harness_record::verdict::Verdict;
use harness_record::{Event, EventKind, ExitCode};
use rstest::rstest;
use serde_json::json;

const POOL: &str = "compute-optimized";

#[rstest]
#[case::no_quota(
    Fault::Fails { pool: POOL, code: "OperationNotAllowed", message: "exceeding approved standardFSv2Family Cores quota. Current Limit: 0" },
    &["compute-optimized: 10 of 10 pods never Ready", "compute-optimized: Azure refused 3 VMs: OperationNotAllowed", "standardFSv2Family Cores quota"],
)]
#[case::no_capacity(
    Fault::Fails { pool: POOL, code: "ZonalAllocationFailed", message: "Allocation failed. We do not have sufficient capacity for the requested VM size in this zone." },
    &["compute-optimized: 10 of 10 pods never Ready", "Azure refused 3 VMs: ZonalAllocationFailed"],
)]
#[case::never_registers(
    Fault::NeverRegisters { pool: POOL },
    &["compute-optimized: 10 of 10 pods never Ready", "3 VMs booted and never registered"],
)]
#[case::throttled(
    Fault::Throttled,
    &["compute-optimized: 10 of 10 pods never Ready", "general-purpose: 12 of 12", "memory-optimized: 8 of 8", "answered 429 to 40 calls"],
)]
#[case::down(
    Fault::Down,
    &["general-purpose: 12 of 12 pods never Ready", "Azure Resource Manager was down: 25 calls refused between 3.00s and 51.0s"],
)]
#[case::killed(
    Fault::Killed { again: false },
    &["general-purpose: 12 of 12 pods never Ready", "karpenter was killed at 2.50s, not started again"],
)]
#[case::only_the_controllers_word(
    Fault::OnlyReasons { pool: POOL },
    &["compute-optimized: 10 of 10 pods never Ready", "InsufficientCapacityError", "Family vCPUs quota has been reached"],
)]
fn says_why(#[case] fault: Fault, #[case] parts: &[&str]) {
    let result = crate::result_of(&plan_with(&fault), run(&fault));
    assert_eq!((result.verdict, result.exit_code), (Verdict::Fail, ExitCode::Failed), "{result:#?}");
    for part in parts {
        assert!(result.reason.contains(part), "{part:?} is not in {:?}", result.reason);
    }
    assert!(!result.reason.contains('\n'));
    assert!(!result.reason.contains("placement"), "a consequence is not the cause: {}", result.reason);
}

#[test]
fn does_not_name_healthy_pools() {
    let fault = Fault::Fails { pool: POOL, code: "OperationNotAllowed", message: "quota" };
    let result = crate::result_of(&plan_with(&fault), run(&fault));
    assert!(!result.reason.contains("general-purpose:"), "{}", result.reason);
    assert_eq!(result.azure_failures.len(), 1);
    assert_eq!((result.azure_failures[0].nodepool.as_str(), result.azure_failures[0].count), (POOL, 3));
}

#[test]
fn a_fault_that_was_survived_is_a_pass() {
    // Killed and started again: late, but within every limit.
    let mut plan = plan_with(&Fault::Killed { again: true });
    plan.expectations.retain(|it| !it.name.starts_with("latency"));
    let result = crate::result_of(&plan, run(&Fault::Killed { again: true }));
    assert_eq!((result.verdict, result.exit_code), (Verdict::Pass, ExitCode::Passed), "{:#?}", result.expectations);
    assert_eq!((result.reason.as_str(), result.reasons.len()), ("", 0));
}

#[test]
fn a_pass_has_no_reason() {
    let result = crate::result_of(&plan(), run(&Fault::None));
    assert_eq!(
        (result.verdict, result.exit_code, result.reason.as_str()),
        (Verdict::Pass, ExitCode::Passed, ""),
        "{result:#?}"
    );
    assert_eq!(result.counts.nodeclaims, result.counts.vms_booted);
    let cross_check = result.cross_check.unwrap();
    assert_eq!(cross_check.provisioning.count, result.counts.nodeclaims);
    assert!(cross_check.provisioning.max_us <= 100 * MS, "{cross_check:?}");
}

/// A log that ends in another way.
fn ending(reason: EndReason, detail: &str, at_us: u64) -> Vec<Event> {
    let mut events = run(&Fault::None);
    events.retain(|event| event.at_us <= at_us);
    let mut builder = LogBuilder::default();
    builder.phase_ended(at_us, "burst", PhaseOutcome::Cancelled, "");
    builder.phase_began(at_us, "cleanup");
    builder.phase_ended(at_us + S, "cleanup", PhaseOutcome::Reached, "");
    builder.ended(at_us + S, reason, detail);
    events.extend(builder.events());
    events
}

#[test]
fn interrupted() {
    let result = crate::result_of(&plan(), ending(EndReason::Interrupted, "SIGINT", 5 * S));
    assert_eq!(
        (result.verdict, result.exit_code),
        (Verdict::Inconclusive, ExitCode::Interrupted),
        "{:#?}",
        result.expectations
    );
    assert!(result.reason.starts_with("interrupted in phase burst: SIGINT"), "{}", result.reason);
}

#[test]
fn the_target_failed() {
    let result = crate::result_of(&plan(), ending(EndReason::TargetFailed, "kube-apiserver exited with 1", 5 * S));
    assert_eq!((result.verdict, result.exit_code), (Verdict::Inconclusive, ExitCode::TargetFailed));
    assert!(
        result.reason.contains("the target failed in phase burst: kube-apiserver exited with 1"),
        "{}",
        result.reason
    );
}

#[test]
fn not_run() {
    let mut builder = LogBuilder::default();
    builder.ended(0, EndReason::NotRun, "needs gitops");
    let result = crate::result_of(&plan(), builder.events());
    assert_eq!((result.verdict, result.exit_code), (Verdict::Inconclusive, ExitCode::Inconclusive));
    assert!(result.reason.starts_with("not run: needs gitops"), "{}", result.reason);
}

#[test]
fn killed() {
    let mut events = run(&Fault::None);
    events.retain(|event| event.at_us <= 5 * S);
    let result = crate::result_of(&plan(), events);
    assert_eq!((result.verdict, result.exit_code), (Verdict::Inconclusive, ExitCode::Inconclusive));
    assert!(result.reason.starts_with("killed in phase burst: the log has no end"), "{}", result.reason);
    assert_eq!(result.run.ended, None);
}

#[test]
fn something_left_behind() {
    let mut events = run(&Fault::None);
    let end = events.pop().unwrap();
    for name in ["aks-b-vm", "aks-a-vm"] {
        let kind = EventKind::Leak { kind: "VirtualMachine".to_owned(), name: name.to_owned() };
        events.push(Event { at_us: end.at_us, kind });
    }
    events.push(end);
    let result = crate::result_of(&plan(), events);
    assert_eq!((result.verdict, result.exit_code), (Verdict::Fail, ExitCode::LeftBehind));
    assert_eq!(result.reason, "left behind: 2 VirtualMachines (aks-a-vm, aks-b-vm)");
    assert_eq!(result.leaks.len(), 2);
}

#[test]
fn lost_observations_are_not_a_pass() {
    let mut events = run(&Fault::None);
    let overflow = Audit::QueueOverflow { queue: "log".to_owned(), lost: 3 };
    events.insert(10, Event { at_us: 3 * S, kind: EventKind::Audit(overflow) });
    let result = crate::result_of(&plan(), events);
    assert_eq!((result.verdict, result.exit_code), (Verdict::Inconclusive, ExitCode::Inconclusive));
    assert!(result.warnings.iter().any(|it| it.contains("3 observations lost")), "{:?}", result.warnings);
}

#[test]
fn misplaced_and_foreign_pods_fail_the_placement() {
    let mut events = run(&Fault::None);
    for event in &mut events {
        if let EventKind::Milestone(milestone) = &mut event.kind
            && milestone.object.name.starts_with("web")
            && milestone.object.name.ends_with("-00000")
            && let Some(node) = milestone.attributes.get_mut(attribute::NODE)
        {
            "aks-memory-optimized-00000-vm".clone_into(node);
        }
    }
    let result = crate::result_of(&plan(), events.clone());
    let placement = &result.expectations[2];
    assert_eq!(placement.verdict, Verdict::Fail);
    assert!(placement.observed.contains("web-7d9f8c6b5d-00000 on memory-optimized"), "{}", placement.observed);

    // If only the cache is checked, the same pod is a foreign one.
    let mut plan = plan();
    plan.expectations[2].check = planned(json!({"placement": {"workloads": ["cache"]}}));
    let result = crate::result_of(&plan, events.clone());
    assert!(result.expectations[2].observed.contains("1 foreign pod"), "{}", result.expectations[2].observed);
    plan.expectations[2].check = planned(json!({"placement": {"workloads": ["cache"], "exclusively": false}}));
    assert_eq!(crate::result_of(&plan, events).expectations[2].verdict, Verdict::Pass);
}

#[test]
fn an_extra_vm_fails_the_fleet_whether_or_not_it_is_deleted() {
    let extra = |deleted: bool| {
        let mut events = run(&Fault::None);
        let mut builder = LogBuilder::default();
        let vm = log_builder::Vm { name: "orphan-vm".to_owned(), pool: POOL.to_owned(), ..log_builder::Vm::default() };
        builder.azure(3 * S, AzureFactKind::VmAccepted, &vm);
        builder.azure(4 * S, AzureFactKind::VmBooted, &vm);
        if deleted {
            builder.azure(6 * S, AzureFactKind::VmDeleted, &vm);
        }
        events.extend(builder.events());
        crate::result_of(&plan(), events).expectations.remove(6)
    };
    let fleet = extra(true);
    assert_eq!(fleet.verdict, Verdict::Fail);
    assert_eq!(
        fleet.observed,
        "9 VMs booted, 8 NodeClaims launched, VM orphan-vm has no launched NodeClaim, 0 VMs at the end"
    );
    assert!(extra(false).observed.ends_with("1 VM at the end"));
}

#[test]
fn an_empty_sample_is_inconclusive() {
    let mut plan = plan();
    plan.workloads.push(harness_plan::Workload { name: "idle".to_owned(), ..plan.workloads[0].clone() });
    let result = crate::result_of(&plan, run(&Fault::None));
    let latency = &result.expectations[3];
    assert_eq!((latency.verdict, latency.observed.as_str()), (Verdict::Inconclusive, "idle: no samples"));
    assert_eq!(result.exit_code, ExitCode::Inconclusive);
}

#[test]
fn late_is_not_never() {
    let mut events = run(&Fault::None);
    // The same run against a deadline of three seconds.
    for event in &mut events {
        if let EventKind::PhaseEnded { phase, outcome, .. } = &mut event.kind
            && phase == "burst"
        {
            *outcome = PhaseOutcome::DeadlinePassed;
            event.at_us = log_builder::BURST + 3 * S;
        }
    }
    events.sort_by_key(|event| event.at_us);
    let result = crate::result_of(&plan(), events);
    assert!(
        result.reason.contains("general-purpose: 12 of 12 pods Ready only after phase burst's deadline"),
        "{}",
        result.reason
    );
}
