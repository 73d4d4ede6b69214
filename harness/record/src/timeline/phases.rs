//! Phases.

use crate::event::PhaseOutcome;

/// The phase that the run adds after those of the plan (before them it adds `prepare`): in it the harness deletes what it created.
pub(crate) const CLEANUP: &str = "cleanup";

/// One phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PhaseTimeline {
    pub(crate) name: String,
    pub(crate) began_us: u64,
    pub(crate) ended: Option<(u64, PhaseOutcome)>,
    pub(crate) detail: String,
}

/// Phases in the order in which they began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phases {
    pub(crate) all: Vec<PhaseTimeline>,
}

impl Phases {
    pub(crate) fn began(&mut self, at_us: u64, name: &str) {
        self.all.push(PhaseTimeline { name: name.to_owned(), began_us: at_us, ..PhaseTimeline::default() });
    }

    pub(crate) fn ended(&mut self, at_us: u64, name: &str, outcome: PhaseOutcome, detail: &str) {
        if let Some(phase) = self.all.iter_mut().rev().find(|phase| phase.name == name && phase.ended.is_none()) {
            phase.ended = Some((at_us, outcome));
            phase.detail = detail.to_owned();
        }
    }

    pub(crate) fn named(&self, name: &str) -> Option<&PhaseTimeline> {
        self.all.iter().find(|phase| phase.name == name)
    }

    /// The current phase.
    pub(crate) fn current(&self) -> Option<&PhaseTimeline> {
        self.all.iter().rev().find(|phase| phase.ended.is_none())
    }

    pub(crate) fn cleanup_began_us(&self) -> Option<u64> {
        self.named(CLEANUP).map(|phase| phase.began_us)
    }

    /// When a deadline passed without the phase's condition.
    pub(crate) fn deadlines_passed_us(&self) -> Vec<u64> {
        let passed = |phase: &PhaseTimeline| match phase.ended {
            Some((at_us, PhaseOutcome::DeadlinePassed)) => Some(at_us),
            _ => None,
        };
        self.all.iter().filter_map(passed).collect()
    }
}
