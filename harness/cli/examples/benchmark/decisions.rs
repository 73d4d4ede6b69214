//! The provisioner's decisions to shrink a fleet, from the log of a run.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use harness_plan::{Action, Plan};
use harness_record::EventKind;
use harness_record::event::{ObjectKind, Reached};
use harness_record::log::read_log;

use crate::failure::Failure;

/// NodeClaims that are chosen within this time are one decision: the marks of one command follow each other at once.
const ONE_DECISION_US: u64 = 500_000;

/// The decisions of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Decisions {
    /// From the last acknowledged scale-down of the phase that shrinks the load first to the first decision, seconds.
    pub(crate) first_s: f64,
    /// The mean time from one decision to the next, seconds; 0 if there was only one.
    pub(crate) between_s: f64,
    /// The number of decisions.
    pub(crate) count: usize,
    /// The NodeClaims that they removed.
    pub(crate) nodeclaims: usize,
}

impl Decisions {
    /// Reads a run's folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("plan.json");
        let json = fs::read(&path).map_err(|source| Failure::file("read", &path, source))?;
        let plan = Plan::from_json(&json).map_err(|source| Failure::Plan { path, source })?;
        let scale_downs = scale_downs(&plan);
        let path = folder.join("events.jsonl");
        let file = File::open(&path).map_err(|source| Failure::file("read", &path, source))?;
        let broken = |source| Failure::Log { path: path.clone(), source };
        let (mut downs, mut chosen_us) = (ScaleDowns::default(), Vec::new());
        for event in read_log(BufReader::new(file)).map_err(broken)? {
            let event = event.map_err(broken)?;
            match event.kind {
                EventKind::Action(action) if action.what.id().is_some_and(|id| scale_downs.contains(&id)) => {
                    downs.add(&action.phase, action.acked_us);
                }
                EventKind::Milestone(milestone)
                    if milestone.object.kind == ObjectKind::NodeClaim && milestone.reached == Reached::Disrupted =>
                {
                    chosen_us.push(event.at_us);
                }
                _ => {}
            }
        }
        let missing = |figure| Failure::Missing { path: path.clone(), figure };
        let scaled_down_us: u64 = downs.last_us.ok_or_else(|| missing("a scale-down"))?;
        chosen_us.retain(|at| downs.next_us.is_none_or(|next_us| *at < next_us));
        decided(scaled_down_us, &chosen_us).ok_or_else(|| missing("a decision after the scale-down"))
    }
}

/// The ids of the actions that shrink the load.
fn scale_downs(plan: &Plan) -> BTreeSet<u32> {
    let actions = plan.phases.iter().flat_map(|phase| &phase.actions);
    let shrinks =
        |action: &Action| matches!(action, Action::Scale(scale) if scale.from.is_some_and(|from| scale.to < from));
    actions.filter(|planned| shrinks(&planned.action)).map(|planned| planned.id).collect()
}

/// The scale-downs of the phase that has one first: what is decided for it ends where another phase shrinks the load again.
#[derive(Debug, Default)]
struct ScaleDowns {
    phase: Option<String>,
    /// The last one that was acknowledged in that phase.
    last_us: Option<u64>,
    /// The first one that was acknowledged in another.
    next_us: Option<u64>,
}

impl ScaleDowns {
    fn add(&mut self, phase: &str, acked_us: Option<u64>) {
        let Some(acked_us) = acked_us else { return };
        if self.phase.get_or_insert_with(|| phase.to_owned()) == phase {
            self.last_us = self.last_us.max(Some(acked_us));
        } else {
            self.next_us = Some(self.next_us.map_or(acked_us, |next_us| next_us.min(acked_us)));
        }
    }
}

fn decided(scaled_down_us: u64, chosen_us: &[u64]) -> Option<Decisions> {
    let mut chosen_us: Vec<u64> = chosen_us.iter().copied().filter(|at| *at >= scaled_down_us).collect();
    chosen_us.sort_unstable();
    let nodeclaims = chosen_us.len();
    chosen_us.dedup_by(|next, first| next.saturating_sub(*first) < ONE_DECISION_US);
    let (first, last) = (*chosen_us.first()?, *chosen_us.last()?);
    let gaps = chosen_us.len() - 1;
    Some(Decisions {
        first_s: (first - scaled_down_us) as f64 / 1e6,
        between_s: if gaps == 0 { 0.0 } else { (last - first) as f64 / 1e6 / gaps as f64 },
        count: chosen_us.len(),
        nodeclaims,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_downs_of_another_phase_are_separate() {
        let mut downs = ScaleDowns::default();
        for (phase, acked_us) in
            [("shrink", Some(10)), ("shrink", Some(12)), ("shrink", None), ("smaller", Some(90)), ("smaller", Some(95))]
        {
            downs.add(phase, acked_us);
        }
        assert_eq!((downs.last_us, downs.next_us), (Some(12), Some(90)));
    }

    #[test]
    fn marks_of_one_moment_are_one_decision() {
        let decisions = decided(1_000_000, &[500_000, 21_000_000, 21_100_000, 21_200_000, 31_000_000]).unwrap();
        assert_eq!(decisions, Decisions { first_s: 20.0, between_s: 10.0, count: 2, nodeclaims: 4 });
        assert_eq!(decided(5, &[1]), None);
    }
}
