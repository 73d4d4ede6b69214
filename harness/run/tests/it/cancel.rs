//! Ctrl-C at every moment: nothing is left behind, and the log is whole.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::future::poll_fn;
use harness_plan::Plan;
use harness_record::event::{EndReason, PhaseOutcome};
use proptest::prelude::{ProptestConfig, proptest};

use crate::api::{Stage, Verb};
use crate::lab::{Lab, Ran, on_paused_time};
use crate::plans;

/// The plan without the hold, during which nothing happens.
fn plan() -> Plan {
    plans::of_phases(&[plans::up(), plans::down()])
}

/// Checks what holds for every interrupted run, wherever it was interrupted.
async fn assert_clean(lab: &Lab, ran: &Ran, at: &str) {
    ran.assert_well_formed();
    let (reason, _) = ran.ended();
    let phases = ran.phases();
    let cleaned =
        phases.last().is_some_and(|(name, outcome)| name == "cleanup" && *outcome == Some(PhaseOutcome::Reached));
    assert!(cleaned, "{at}: {phases:?}");
    let cancelled = phases.iter().any(|(_, outcome)| *outcome == Some(PhaseOutcome::Cancelled));
    match reason {
        EndReason::Interrupted => {}
        // The cleanup had started: there was nothing to interrupt.
        EndReason::Completed => assert!(!cancelled, "{at}: {phases:?}"),
        reason => panic!("{at}: {reason:?}"),
    }
    assert!(ran.leaks().is_empty(), "{at}: {:?}", ran.leaks());
    assert_eq!(lab.leaks_of(ran).await, [""; 0], "{at}");
}

#[test]
fn at_every_request_before_and_after_it_is_done() {
    let reference = on_paused_time(async {
        let lab = Lab::start();
        lab.run(&plan()).await.assert_well_formed();
        lab.api.calls()
    });
    let mut ends: BTreeMap<EndReason, u32> = BTreeMap::new();
    for stage in [Stage::Arrived, Stage::Applied] {
        for at in 0..reference.len() as u64 {
            if stage == Stage::Applied && reference[at as usize].verb == Verb::Watch {
                continue;
            }
            let reason = on_paused_time(async {
                let lab = Lab::start();
                let interrupt = lab.interrupt.clone();
                lab.api.on_call(move |number, now, _| {
                    if number == at && now == stage {
                        interrupt.cancel();
                    }
                });
                let ran = lab.run(&plan()).await;
                assert_clean(&lab, &ran, &format!("{stage:?} {at}: {}", reference[at as usize])).await;
                ran.ended().0
            });
            *ends.entry(reason).or_default() += 1;
        }
    }
    // Most of the requests are those of the preparation and of the cleanup.
    assert!(ends[&EndReason::Interrupted] >= 20, "{ends:?}");
}

/// Polls the run, and interrupts it before one of the polls.
async fn interrupted_at_poll(lab: &Lab, at: u64, polls: &AtomicU64) -> Ran {
    let plan = plan();
    let mut run = pin!(lab.run(&plan));
    poll_fn(|cx| {
        if polls.fetch_add(1, Ordering::Relaxed) == at {
            lab.interrupt.cancel();
        }
        match run.as_mut().poll(cx) {
            Poll::Ready(ran) => Poll::Ready(ran),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[test]
fn at_every_await_of_the_run_loop() {
    let polls = AtomicU64::new(0);
    let whole = on_paused_time(async {
        let lab = Lab::start();
        interrupted_at_poll(&lab, u64::MAX, &polls).await
    });
    whole.assert_well_formed();
    let count = polls.load(Ordering::Relaxed);
    for at in 0..count {
        let interrupted = on_paused_time(async {
            let lab = Lab::start();
            let ran = interrupted_at_poll(&lab, at, &AtomicU64::new(0)).await;
            if ran.ended().0 == EndReason::Interrupted {
                assert_clean(&lab, &ran, &format!("poll {at} of {count}")).await;
            }
            ran.ended().0 == EndReason::Interrupted
        });
        if !interrupted {
            // From here on the run cleans up.
            assert!(at > 10, "only {at} polls of {count} could be interrupted");
            return;
        }
    }
    panic!("no poll of {count} was one of the cleanup");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn at_any_time(after_ms in 0_u64..20_000) {
        on_paused_time(async {
            let lab = Lab::start();
            let interrupt = lab.interrupt.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                interrupt.cancel();
            });
            let ran = lab.run(&plan()).await;
            assert_clean(&lab, &ran, &format!("after {after_ms} ms")).await;
        });
    }
}

#[test]
fn a_second_interrupt_abandons_the_cleanup_and_the_log_says_so() {
    for after_ms in [0, 1, 10, 400, 1_500] {
        on_paused_time(async {
            let lab = Lab::start();
            let (interrupt, abandon) = (lab.interrupt.clone(), lab.abandon.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(4)).await;
                interrupt.cancel();
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                abandon.cancel();
            });
            let ran = lab.run(&plan()).await;
            ran.assert_well_formed();
            assert_eq!(ran.ended().0, EndReason::Interrupted, "{after_ms} ms");
            let cleaned =
                ran.phases().iter().any(|(name, outcome)| name == "cleanup" && *outcome == Some(PhaseOutcome::Reached));
            assert!(!cleaned, "{after_ms} ms: {:?}", ran.phases());
        });
    }
}
