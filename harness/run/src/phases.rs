//! The plan's phases, one after another.

use std::collections::BTreeMap;

use harness_plan::{Conditions, Phase, Plan};
use harness_record::event::PhaseOutcome;
use harness_units::Span;

use crate::RunError;
use crate::conditions::{PhaseStart, PlannedReplicas, missing, settles_us};
use crate::drive::{Actions, Driver, start_faults};
use crate::hub::Hub;
use crate::state::State;

/// A phase with a condition and no deadline of its own gets this one; the planner always sets one. After the end of a phase without a
/// condition its last actions have this long to be answered.
const DEADLINE: Span = Span::from_secs(300);
/// What is missing where a phase ends while an action is due or not answered.
const UNANSWERED: &str = "an action was still due or not answered";
/// What is missing where the conditions hold when they are checked for the last time, after the deadline.
const LATE: &str = "the conditions held only after the deadline";

/// Carries out every phase. A phase whose deadline passes does not end the run: the phases after it may still answer something, and the
/// fleet must be scaled down in any case.
pub(crate) async fn run(plan: &Plan, actions: &Actions) -> Result<(), RunError> {
    let mut replicas = PlannedReplicas::new(plan);
    let mut started_us_by_phase = BTreeMap::new();
    for (index, phase) in plan.phases.iter().enumerate() {
        let hub = &actions.context.hub;
        let started_us = hub.start_phase(&phase.name);
        if index == 0 {
            // In force before the first action, and in the log of the first phase.
            start_faults(plan, &actions.context).await?;
        }
        replicas.add(phase);
        // Before the first action: its effects belong to the phase.
        let start = hub.read(|state| PhaseStart::new(started_us, state, &replicas, &started_us_by_phase));
        started_us_by_phase.insert(phase.name.clone(), started_us);
        let mut driver = Driver::start(phase, started_us, actions);
        let (outcome, detail) = end(phase, start, &mut driver, hub).await;
        hub.update(State::end_phase);
        hub.end_phase(outcome, detail);
    }
    actions.context.hub.update(State::end_phases);
    Ok(())
}

async fn end(phase: &Phase, mut start: PhaseStart, driver: &mut Driver, hub: &Hub) -> (PhaseOutcome, String) {
    let started_us = start.at_us;
    let deadline = |span: Span| hub.clock.instant(started_us + span.as_micros());
    let Some(until) = &phase.until else {
        let held_until = deadline(phase.hold.unwrap_or(Span::ZERO));
        tokio::time::sleep_until(held_until).await;
        // A server that never answers must not hold the phase for ever.
        return match tokio::time::timeout_at(held_until + DEADLINE.as_duration(), driver.finished()).await {
            Ok(()) => (PhaseOutcome::Held, String::new()),
            Err(_) => (PhaseOutcome::DeadlinePassed, UNANSWERED.to_owned()),
        };
    };
    let awaited = async {
        // The condition may hold before the last action is sent: a phase does not end while an action is still due.
        driver.finished().await;
        start.acted_us = hub.clock.now_us();
        wait(until, &start, hub).await;
    };
    match tokio::time::timeout_at(deadline(phase.within.unwrap_or(DEADLINE)), awaited).await {
        Ok(()) => (PhaseOutcome::Reached, String::new()),
        Err(_) if !driver.is_finished() => (PhaseOutcome::DeadlinePassed, UNANSWERED.to_owned()),
        Err(_) => {
            let missing = hub.read(|state| missing(until, state, &start, hub.clock.now_us()));
            (PhaseOutcome::DeadlinePassed, missing.unwrap_or_else(|| LATE.to_owned()))
        }
    }
}

/// Returns when the conditions hold: at an event, or when it has been quiet for long enough.
async fn wait(until: &Conditions, start: &PhaseStart, hub: &Hub) {
    let missing = |state: &State| missing(until, state, start, hub.clock.now_us());
    loop {
        let due_us = hub.read(|state| settles_us(until, state, start, hub.clock.now_us()));
        let quiet = async {
            match due_us {
                Some(due_us) => tokio::time::sleep_until(hub.clock.instant(due_us)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = hub.wait_until(|state| missing(state).is_none()) => return,
            () = quiet => {}
        }
    }
}
