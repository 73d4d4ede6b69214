//! The input of every latency.

use harness_plan::Plan;

use crate::samples::{Cause, Censored, Sample};
use crate::timeline::{Horizon, Join, Names, Readiness, Slots, Stamp, Timelines};

/// Everything that samples are computed from.
pub(crate) struct Source<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) timelines: &'a Timelines,
    pub(crate) join: &'a Join<'a>,
    pub(crate) slots: &'a Slots,
    pub(crate) horizon: &'a Horizon,
    /// The timelines' names and those of the plan: a workload without any pod has a name too.
    pub(crate) names: &'a Names,
    pub(crate) readiness: &'a Readiness,
}

/// From a moment that is known to a milestone.
pub(crate) fn until(from_us: u64, to: Option<Stamp>, missing: impl FnOnce() -> Censored) -> Sample {
    match to {
        Some(to) if to.is_live() => Sample::measured(from_us, to.at_us()),
        Some(to) => unseen(from_us, to.at_us()),
        None => Sample::censored(from_us, missing()),
    }
}

/// Between two milestones of which the first was reached.
pub(crate) fn between(from: Stamp, to: Option<Stamp>, missing: impl FnOnce() -> Censored) -> Sample {
    match to {
        Some(to) if !from.is_live() => unseen(from.at_us(), to.at_us()),
        to => until(from.at_us(), to, missing),
    }
}

fn unseen(from_us: u64, to_us: u64) -> Sample {
    Sample::censored(from_us, Censored { at_least_us: to_us.saturating_sub(from_us), cause: Cause::Unseen })
}
