//! Were there always enough Ready pods?

use harness_plan::{Available, DisruptionBudget};
use harness_units::Amount;

use super::outcome::{CheckOutcome, Evidence, Findings, Verdict};
use super::window::{Window, Windows};
use crate::steps::{Steps, pieces};
use crate::text;
use crate::timeline::desired_replicas;

/// How many pods of a workload must be Ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needed {
    /// So many, or this part of the replicas that the plan asks for.
    AtLeast(Amount),
    /// What its PodDisruptionBudget keeps.
    Budget(DisruptionBudget),
}

impl Needed {
    /// Of so many replicas.
    fn of(self, replicas: i64) -> i64 {
        let replicas = replicas.unsigned_abs();
        let needed = match self {
            Self::AtLeast(amount) => amount.of(replicas),
            Self::Budget(budget) => budget.keeps(replicas),
        };
        i64::try_from(needed).unwrap_or(i64::MAX)
    }
}

/// The moment of one phase at which Ready pods were fewest, compared with what was needed.
#[derive(Debug, PartialEq, Eq)]
struct Lowest {
    ready: i64,
    needed: i64,
    asked: i64,
    at_us: u64,
    /// The total time with fewer Ready pods than needed.
    short_us: u64,
    /// Whether pods were needed at any moment.
    any_needed: bool,
}

pub(super) fn check(check: &Available, evidence: &Evidence<'_>) -> CheckOutcome {
    let Available { workloads, at_least, phases } = check;
    let source = evidence.source;
    let timelines = source.timelines;
    let windows = Windows::of(phases, evidence);
    let mut verdict = windows.judge_always(true);
    let (mut observed, mut shown) = (Findings::default(), Vec::new());
    for workload in workloads.names() {
        let name = timelines.names.get(workload).filter(|name| !name.is_none());
        let ready = Steps::from_changes(source.readiness.changes(&timelines.pods, |pod| Some(pod.workload) == name));
        let planned = source.plan.workloads.iter().find(|planned| planned.name == *workload);
        let budget = planned.and_then(|planned| planned.disruption_budget);
        let Some(needed) = at_least.map(Needed::AtLeast).or(budget.map(Needed::Budget)) else {
            verdict = verdict.and(Verdict::Inconclusive);
            observed.about(workload, "it has no disruption budget");
            continue;
        };
        let desired = desired_replicas(source.plan, timelines, source.horizon, workload);
        for window in &windows.all {
            let lowest = lowest(&ready, &desired, needed, window);
            let Lowest { ready, needed, asked, at_us, short_us, any_needed } = lowest;
            let at = text::duration(at_us);
            if !any_needed {
                verdict = verdict.and(Verdict::Inconclusive);
                observed.about(workload, format!("no pod was needed in {}", window.phase));
                continue;
            }
            if ready < needed {
                verdict = Verdict::Fail;
                observed.about(
                    workload,
                    format!(
                        "{ready} Ready at {at} where {needed} are needed, too few for {}",
                        text::duration(short_us)
                    ),
                );
            }
            shown.push(format!(
                "{workload} in {}: never fewer than {ready} of {asked} Ready ({at}), {needed} needed",
                window.phase
            ));
        }
    }
    if observed.is_empty() && !shown.is_empty() {
        observed.push("always enough".to_owned());
    }
    let limit = match at_least {
        Some(Amount::Count(count)) => format!("at least {count} Ready"),
        Some(at_least) => format!("at least {at_least} of the replicas asked for Ready"),
        None => "as many Ready as the disruption budget keeps".to_owned(),
    };
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, verdict == Verdict::Fail),
        limit,
        evidence: windows.evidence(&shown, 6),
    }
}

fn lowest(ready: &Steps, desired: &Steps, needed: Needed, window: &Window<'_>) -> Lowest {
    let mut lowest = Lowest { ready: 0, needed: 0, asked: 0, at_us: window.from_us, short_us: 0, any_needed: false };
    let mut margin = i64::MAX;
    // A phase of no length is its moment.
    for (from_us, to_us) in pieces(&[ready, desired], window.from_us, window.to_us) {
        let asked = desired.at(from_us);
        let needed = needed.of(asked);
        lowest.any_needed |= needed > 0;
        let there = ready.at(from_us);
        if there < needed {
            lowest.short_us += to_us - from_us;
        }
        if there - needed < margin {
            margin = there - needed;
            (lowest.ready, lowest.needed, lowest.asked, lowest.at_us) = (there, needed, asked, from_us);
        }
    }
    lowest
}

#[cfg(test)]
mod tests {
    use super::super::window::Watched;
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        /// Looking at every microsecond finds the same.
        #[test]
        fn the_step_function_misses_no_moment(
            ready in vec((0_u64..60, -3_i64..4), 0..30),
            desired in vec((0_u64..60, 0_i64..9), 0..8),
            percent in 0_u32..=100,
            from_us in 0_u64..40,
            length in 1_u64..30,
        ) {
            let mut desired = desired;
            desired.sort_by_key(|(at_us, _)| *at_us);
            let (ready, desired) = (Steps::from_changes(ready), Steps::from_values(desired));
            let window = Window { phase: "p", from_us, to_us: from_us + length, watched: Watched::ToItsEnd };
            let at_least = Amount::Percent(percent);
            let found = lowest(&ready, &desired, Needed::AtLeast(at_least), &window);
            let needed = |at: u64| at_least.of(desired.at(at) as u64) as i64;
            let margins = (window.from_us..window.to_us).map(|at| ready.at(at) - needed(at));
            prop_assert_eq!(found.ready - found.needed, margins.clone().min().unwrap());
            prop_assert_eq!(found.short_us, margins.filter(|margin| *margin < 0).count() as u64);
        }
    }
}
