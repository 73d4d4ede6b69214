//! The phases that a check is about.

use super::outcome::{Evidence, Findings, Verdict};
use crate::event::PhaseOutcome;
use crate::text;

/// One phase, times in microseconds since the run began.
pub(super) struct Window<'a> {
    pub(super) phase: &'a str,
    pub(super) from_us: u64,
    /// Its end; where it has none, the start of cleanup or the end of the log.
    pub(super) to_us: u64,
}

/// These phases; all phases of the plan where none is named.
pub(super) fn named_or_all<'a>(phases: &'a [String], evidence: &Evidence<'a>) -> Vec<&'a str> {
    match phases {
        [] => evidence.source.plan.phases.iter().map(|phase| phase.name.as_str()).collect(),
        phases => phases.iter().map(String::as_str).collect(),
    }
}

/// The phases of a check, and why they are fewer or shorter than the plan says.
pub(super) struct Windows<'a> {
    pub(super) all: Vec<Window<'a>>,
    doubts: Vec<String>,
    ended: bool,
}

impl<'a> Windows<'a> {
    pub(super) fn of<S: AsRef<str> + ?Sized + 'a>(
        phases: impl IntoIterator<Item = &'a S>,
        evidence: &Evidence<'_>,
    ) -> Self {
        let mut windows = Self { all: Vec::new(), doubts: Vec::new(), ended: true };
        for phase in phases.into_iter().map(AsRef::as_ref) {
            let Some(seen) = evidence.source.timelines.phases.named(phase) else {
                windows.doubts.push(format!("phase {phase} never began"));
                windows.ended = false;
                continue;
            };
            let doubt = match seen.ended {
                Some((_, PhaseOutcome::Reached | PhaseOutcome::Held)) => None,
                Some((_, PhaseOutcome::DeadlinePassed)) => Some("ended by its deadline"),
                Some((_, PhaseOutcome::Cancelled)) => Some("was cancelled"),
                None => Some("did not end"),
            };
            windows.doubts.extend(doubt.map(|doubt| format!("phase {phase} {doubt}")));
            windows.ended &= !matches!(seen.ended, None | Some((_, PhaseOutcome::Cancelled)));
            let to_us = seen.ended.map_or(evidence.source.horizon.us, |(ended_us, _)| ended_us);
            windows.all.push(Window { phase, from_us: seen.began_us, to_us: to_us.max(seen.began_us) });
        }
        windows
    }

    /// Whether every phase lasted until its end or its deadline: what had not happened by then did not happen in it.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Not a pass where a phase did not run as planned.
    pub(super) fn cap(&self, verdict: Verdict) -> Verdict {
        if self.doubts.is_empty() { verdict } else { verdict.and(Verdict::Inconclusive) }
    }

    /// Whether a moment is in any of the phases, their ends included.
    pub(super) fn contain(&self, at_us: u64) -> bool {
        self.all.iter().any(|window| (window.from_us..=window.to_us).contains(&at_us))
    }

    /// The observation, with the doubts about the phases.
    pub(super) fn observed(&self, findings: impl Into<Findings>) -> Findings {
        let mut findings = findings.into();
        findings.extend(self.doubts.iter().cloned());
        findings
    }

    /// The first of what is shown, and the phases: `a, b; in hold (12.0s to 42.0s)`.
    pub(super) fn evidence(&self, shown: &[String], most: usize) -> String {
        let phases = format!("in {}", self.described());
        if shown.is_empty() { phases } else { format!("{}; {phases}", text::first_few(shown, most)) }
    }

    /// `hold (12.0s to 42.0s)`.
    pub(super) fn described(&self) -> String {
        let one = |window: &Window<'_>| {
            format!("{} ({} to {})", window.phase, text::duration(window.from_us), text::duration(window.to_us))
        };
        let all: Vec<String> = self.all.iter().map(one).collect();
        if all.is_empty() { "no phase that began".to_owned() } else { text::first_few(&all, 4) }
    }
}
