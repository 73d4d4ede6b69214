//! The plan's phases, one after another.

use harness_plan::{Condition, Conditions, Phase, Plan};
use harness_record::event::PhaseOutcome;
use harness_units::Span;

use crate::drive::{Actions, Driver};
use crate::until::{Beginning, reached, settles_us};
use crate::wanted::Wanted;

/// A phase with a condition and no deadline of its own gets this one; the planner always sets one. After the end of a phase without a
/// condition its last actions have this long to be answered.
const DEADLINE: Span = Span::from_secs(300);
/// What is missing where a phase ends with actions under way.
const UNANSWERED: &str = "an action was still due or not answered";

/// Carries out every phase. A phase whose deadline passes does not end the run: what comes after it may still answer
/// something, and the fleet must come down in any case.
pub(crate) async fn run(plan: &Plan, actions: &Actions) {
    let mut wanted = Wanted::new(plan);
    for phase in &plan.phases {
        let hub = &actions.context.hub;
        let began_us = hub.start_phase(&phase.name);
        wanted.plan(phase);
        // Before the first action: what it causes belongs to the phase.
        let begin = hub.read(|state| Beginning::of(state, began_us, &wanted));
        let mut driver = Driver::start(phase, began_us, actions);
        let (outcome, detail) = end(phase, begin, &mut driver, actions).await;
        hub.end_phase(outcome, detail);
    }
}

async fn end(phase: &Phase, mut begin: Beginning, driver: &mut Driver, actions: &Actions) -> (PhaseOutcome, String) {
    let hub = &actions.context.hub;
    let began_us = begin.began_us;
    let deadline = |span: Span| hub.clock.instant(began_us + span.as_micros());
    let Some(until) = &phase.until else {
        let held_until = deadline(phase.hold.unwrap_or(Span::ZERO));
        tokio::time::sleep_until(held_until).await;
        // A server that never answers must not hold the phase for ever.
        return match tokio::time::timeout_at(held_until + DEADLINE.as_duration(), driver.finished()).await {
            Ok(()) => (PhaseOutcome::Held, String::new()),
            Err(_) => (PhaseOutcome::DeadlinePassed, UNANSWERED.to_owned()),
        };
    };
    let mut missing = String::new();
    let awaited = async {
        // The condition may hold before the last action is sent: a phase is not over while something is still due.
        driver.finished().await;
        begin.acted_us = hub.clock.now_us();
        wait(until, &begin, &mut missing, actions).await;
    };
    match tokio::time::timeout_at(deadline(phase.within.unwrap_or(DEADLINE)), awaited).await {
        Ok(()) => (PhaseOutcome::Reached, String::new()),
        Err(_) if !driver.is_finished() => (PhaseOutcome::DeadlinePassed, UNANSWERED.to_owned()),
        Err(_) => {
            // The last look may be older than the deadline when nothing changed; say how it is now.
            let now = hub.read(|state| reached(until, state, &begin, hub.clock.now_us()).err());
            (PhaseOutcome::DeadlinePassed, now.unwrap_or(missing))
        }
    }
}

/// Returns when the condition holds. A part that waits for quiet wakes when it would hold if nothing more happened, not at every event.
async fn wait(until: &Conditions, begin: &Beginning, missing: &mut String, actions: &Actions) {
    let hub = &actions.context.hub;
    let noisy = until.0.iter().filter(|condition| !matches!(condition, Condition::Settled(_)));
    let noisy = Conditions(noisy.cloned().collect());
    loop {
        if !noisy.0.is_empty() {
            hub.wait_for(missing, |state| reached(&noisy, state, begin, 0)).await;
        }
        let due_us = hub.read(|state| settles_us(until, state, begin));
        if hub.clock.now_us() >= due_us {
            return;
        }
        tokio::time::sleep_until(hub.clock.instant(due_us)).await;
    }
}
