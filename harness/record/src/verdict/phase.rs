//! Was the phase's condition reached?

use harness_plan::PhaseReached;

use super::outcome::{CheckOutcome, Evidence, Verdict};
use crate::event::PhaseOutcome;
use crate::text;

pub(super) fn check(check: &PhaseReached, evidence: &Evidence<'_>) -> CheckOutcome {
    let name = check.phase.as_str();
    let planned = evidence.source.plan.phases.iter().find(|phase| phase.name == name);
    let until = planned.and_then(|phase| phase.until.as_ref()).map_or("held".to_owned(), ToString::to_string);
    let limit = match planned.and_then(|phase| phase.within) {
        Some(within) => format!("{until} within {within}"),
        None => until.clone(),
    };
    let Some(phase) = evidence.source.timelines.phases.named(name) else {
        return CheckOutcome::inconclusive("the phase never started", limit, "no such phase in the log");
    };
    let began = text::duration(phase.began_us);
    let Some((ended_us, outcome)) = phase.ended else {
        let seen = format!("began at {began}, the log ends at {}", text::duration(evidence.source.horizon.end_us));
        return CheckOutcome::inconclusive("the phase did not end", limit, seen);
    };
    let took = text::duration(ended_us.saturating_sub(phase.began_us));
    let detail = if phase.detail.is_empty() { String::new() } else { format!(": {}", phase.detail) };
    let (verdict, observed) = match outcome {
        PhaseOutcome::Reached => (Verdict::Pass, format!("{until} after {took}")),
        PhaseOutcome::Held => (Verdict::Pass, format!("held for {took}")),
        PhaseOutcome::DeadlinePassed => (Verdict::Fail, format!("not {until} after {took}{detail}")),
        PhaseOutcome::Cancelled => (Verdict::Inconclusive, format!("cancelled after {took}{detail}")),
    };
    let evidence = format!("began at {began}, ended at {}", text::duration(ended_us));
    CheckOutcome { verdict, observed: observed.into(), limit, evidence }
}
