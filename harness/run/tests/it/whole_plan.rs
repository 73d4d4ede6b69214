//! A whole plan, from its preparation to its cleanup.

use harness_record::event::{EndReason, Ledger, PhaseOutcome, Reached};
use harness_record::verdict::Verdict;
use harness_record::{EventKind, ExitCode};

use crate::lab::{Lab, Ran};
use crate::plans::{self, BOOT_S, PODS};

fn reached(ran: &Ran, milestone: Reached, kind: harness_record::event::ObjectKind) -> usize {
    let is = |event: &&harness_record::Event| match &event.kind {
        EventKind::Milestone(it) => it.reached == milestone && it.object.kind == kind,
        _ => false,
    };
    ran.events.iter().filter(is).count()
}

/// The simulated Azure's own sums, which are the last that it reports.
fn ledger(ran: &Ran) -> &Ledger {
    let mut of_azure =
        ran.events.iter().filter(|event| matches!(event.kind, EventKind::Azure(_) | EventKind::Ledger(_)));
    match of_azure.next_back().map(|event| &event.kind) {
        Some(EventKind::Ledger(ledger)) => ledger,
        other => panic!("the last is {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_carried_out_in_its_order_and_passes() {
    use harness_record::event::ObjectKind::{Node, NodeClaim, Pod};
    let lab = Lab::start();
    let ran = lab.run(&plans::burst()).await;
    ran.assert_well_formed();
    let phases = [
        ("prepare", PhaseOutcome::Reached),
        ("up", PhaseOutcome::Reached),
        ("hold", PhaseOutcome::Held),
        ("down", PhaseOutcome::Reached),
        ("cleanup", PhaseOutcome::Reached),
    ];
    assert_eq!(ran.phases(), phases.map(|(name, outcome)| (name.to_owned(), Some(outcome))));
    assert_eq!(ran.ended(), (EndReason::Completed, ""));
    let EventKind::RunStarted(started) = &ran.events[0].kind else { panic!("no header") };
    assert_eq!((started.run_id.as_str(), started.target.as_str(), started.seed), ("r1", "in-process", 7));
    assert_eq!(started.versions["kubernetes"], "v1.36.3");
    assert_eq!(reached(&ran, Reached::Ready, Pod), PODS as usize);
    assert_eq!(reached(&ran, Reached::Deleted, Pod), PODS as usize);
    assert_eq!((reached(&ran, Reached::Ready, Node), reached(&ran, Reached::Initialized, NodeClaim)), (2, 2));
    let result = ran.result();
    assert_eq!(result.verdict, Verdict::Pass, "{:#?}", (&result.reasons, &result.expectations));
    assert_eq!(result.exit_code, ExitCode::Passed);
    assert!(result.warnings.is_empty(), "{:?}", result.warnings);
    let ledger = ledger(&ran);
    assert_eq!((ledger.after, ledger.accepted, ledger.booted, ledger.deleted, ledger.on_demand.vms), (0, 2, 2, 2, 2));
    assert!(ledger.on_demand.running_us > 2 * 5_000_000, "they ran through the hold: {ledger:?}");
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
    assert!(ran.leaks().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_hold_lasts_as_long_as_planned_and_a_boot_as_long_as_azure_says() {
    let lab = Lab::start();
    let ran = lab.run(&plans::burst()).await;
    let (began_us, ended_us, ..) = ran.phase("hold");
    assert!((5_000_000..5_002_000).contains(&(ended_us - began_us)), "{} us", ended_us - began_us);
    let facts = |kind: harness_record::event::AzureFactKind| {
        let mut moments = ran.events.iter().filter_map(move |event| match &event.kind {
            EventKind::Azure(fact) if fact.what == kind => Some(fact.occurred_us),
            _ => None,
        });
        moments.next().unwrap()
    };
    use harness_record::event::AzureFactKind::{NodeReady, VmAccepted};
    let boot_us = facts(NodeReady) - facts(VmAccepted);
    let limits = BOOT_S * 1_000_000..BOOT_S * 1_000_000 + 50_000;
    assert!(limits.contains(&boot_us), "{boot_us} us on the clock of the run");
}

/// Before, the log said only the size, from which the expectation `quota` guessed at a family.
#[tokio::test(start_paused = true)]
async fn each_fact_of_a_vm_says_which_quota_it_counts_against() {
    let lab = Lab::start();
    let ran = lab.run(&plans::burst()).await;
    let facts = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::Azure(fact) if fact.instance.is_some() => Some(fact),
        _ => None,
    });
    let of_vms: Vec<_> = facts.collect();
    assert!(!of_vms.is_empty());
    for fact in of_vms {
        assert!(fact.instance_type.starts_with(&format!("Standard_{}", fact.family)), "{fact:?}");
        assert!(!fact.family.is_empty() && fact.quota_family.ends_with("Family"), "{fact:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_run_on_the_same_cluster_finds_it_as_the_first_did() {
    let lab = Lab::start();
    let first = lab.run(&plans::burst()).await;
    let second = lab.run(&plans::burst()).await;
    second.assert_well_formed();
    assert_eq!((first.phases(), first.result().verdict), (second.phases(), second.result().verdict));
    assert_eq!((ledger(&second).after, ledger(&second).accepted), (2, 2), "each run has its own VMs");
    assert_eq!(lab.leaks_of(&second).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_kept_stays_as_the_last_phase_left_it() {
    let mut lab = Lab::start();
    lab.keep = true;
    let ran = lab.run(&plans::of_phases(&[plans::up()])).await;
    ran.assert_well_formed();
    assert_eq!(ran.ended().0, EndReason::Completed);
    let names: Vec<String> = ran.phases().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["prepare", "up"], "nothing is cleaned up");
    assert_eq!(lab.api.list("Pod", "harness.dev/run").len(), PODS as usize);
}
