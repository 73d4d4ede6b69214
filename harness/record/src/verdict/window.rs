//! The phases that a check is about, and how far each of them was watched.
//!
//! What was seen decides where it can: something that must happen is proved when it has happened often enough, something that must not is
//! refuted when it happens. Whatever follows changes neither. What was not seen decides only where the phases were watched to the
//! end of their time, be it their end or their deadline.

use super::outcome::{Evidence, Findings, Verdict};
use crate::event::PhaseOutcome;
use crate::text;

/// Phases that are shown.
const SHOWN: usize = 4;

/// How far a phase was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    /// Its condition was reached, or its time was held.
    ToItsEnd,
    /// Its condition was not reached in its time.
    ToItsDeadline,
    /// The run was stopped in it.
    UntilCancelled,
    /// The log has no more of it.
    UntilTheLogEnds,
}

impl Watched {
    fn of(ended: Option<PhaseOutcome>) -> Self {
        match ended {
            Some(PhaseOutcome::Reached | PhaseOutcome::Held) => Self::ToItsEnd,
            Some(PhaseOutcome::DeadlinePassed) => Self::ToItsDeadline,
            Some(PhaseOutcome::Cancelled) => Self::UntilCancelled,
            None => Self::UntilTheLogEnds,
        }
    }

    /// Whether the phase had its whole time.
    fn is_whole(self) -> bool {
        matches!(self, Self::ToItsEnd | Self::ToItsDeadline)
    }
}

/// One phase, times in microseconds since the run began.
pub(super) struct Window<'a> {
    pub(super) phase: &'a str,
    pub(super) from_us: u64,
    /// Its end; where it has none, the start of cleanup or the end of the log.
    pub(super) to_us: u64,
    pub(super) watched: Watched,
}

impl Window<'_> {
    /// How far it was watched, where that was not to its end.
    fn note(&self) -> Option<String> {
        let (phase, time) = (self.phase, text::duration(self.to_us - self.from_us));
        match self.watched {
            Watched::ToItsEnd => None,
            Watched::ToItsDeadline => Some(format!("phase {phase} hit its deadline after {time}")),
            Watched::UntilCancelled => Some(format!("phase {phase} was cancelled after {time}")),
            Watched::UntilTheLogEnds => Some(format!("the log ends {time} into phase {phase}")),
        }
    }
}

/// These phases; all phases of the plan where none is named.
pub(super) fn named_or_all<'a>(phases: &'a [String], evidence: &Evidence<'a>) -> Vec<&'a str> {
    match phases {
        [] => evidence.source.plan.phases.iter().map(|phase| phase.name.as_str()).collect(),
        phases => phases.iter().map(String::as_str).collect(),
    }
}

/// What the phases are together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    /// Some phases, each with its own end.
    Phases,
    /// The whole run, up to cleanup.
    Run {
        /// Whether that is over.
        over: bool,
    },
}

/// The phases of a check, as far as they were watched.
pub(super) struct Windows<'a> {
    pub(super) all: Vec<Window<'a>>,
    /// Phases that never started.
    missing: Vec<&'a str>,
    /// Observations that were lost: each may have been about any of the phases.
    lost: u64,
    span: Span,
}

impl<'a> Windows<'a> {
    pub(super) fn of<S: AsRef<str> + ?Sized + 'a>(
        phases: impl IntoIterator<Item = &'a S>,
        evidence: &Evidence<'_>,
    ) -> Self {
        let timelines = evidence.source.timelines;
        let lost = timelines.audits.observations_lost();
        let mut windows = Self { all: Vec::new(), missing: Vec::new(), lost, span: Span::Phases };
        for phase in phases.into_iter().map(AsRef::as_ref) {
            let Some(seen) = timelines.phases.named(phase) else {
                windows.missing.push(phase);
                continue;
            };
            let to_us = seen.ended.map_or(evidence.source.horizon.us, |(ended_us, _)| ended_us);
            windows.all.push(Window {
                phase,
                from_us: seen.began_us,
                to_us: to_us.max(seen.began_us),
                watched: Watched::of(seen.ended.map(|(_, outcome)| outcome)),
            });
        }
        windows
    }

    /// Every phase of the plan, up to cleanup.
    pub(super) fn of_run(evidence: &Evidence<'a>) -> Self {
        let over = evidence.complete() || evidence.source.timelines.phases.cleanup_began_us().is_some();
        Self { span: Span::Run { over }, ..Self::of(named_or_all(&[], evidence), evidence) }
    }

    /// These phases, seen in Azure's record: facts that were lost may have been about any of them.
    pub(super) fn in_azures_record(self, evidence: &Evidence<'_>) -> Self {
        let facts_lost = evidence.source.timelines.azure.facts_lost;
        Self { lost: self.lost.saturating_add(facts_lost), ..self }
    }

    /// Whether every phase had its whole time and nothing of it was lost: what was not seen did not happen.
    pub(super) fn are_whole(&self) -> bool {
        self.lost == 0 && self.had_their_time()
    }

    fn had_their_time(&self) -> bool {
        !self.all.is_empty()
            && self.missing.is_empty()
            && self.span != Span::Run { over: false }
            && self.all.iter().all(|window| window.watched.is_whole())
    }

    /// The verdict on something that must hold all the time: refuted as soon as it did not, held only by phases that were watched to the
    /// end of their time.
    pub(super) fn judge_always(&self, held: bool) -> Verdict {
        match (held, self.are_whole()) {
            (false, _) => Verdict::Fail,
            (true, true) => Verdict::Pass,
            (true, false) => Verdict::Inconclusive,
        }
    }

    /// The verdict on something that must happen at some time: proved as soon as it has, refuted only by phases that were watched to the
    /// end of their time.
    pub(super) fn judge_once(&self, seen: bool) -> Verdict {
        match (seen, self.are_whole()) {
            (true, _) => Verdict::Pass,
            (false, true) => Verdict::Fail,
            (false, false) => Verdict::Inconclusive,
        }
    }

    /// The verdict on something that is known only when the time of the phases is over, such as an average.
    pub(super) fn judge_at_the_end(&self, held: bool) -> Verdict {
        match (held, self.are_whole()) {
            (_, false) => Verdict::Inconclusive,
            (true, true) => Verdict::Pass,
            (false, true) => Verdict::Fail,
        }
    }

    /// Whether a moment is in any of the phases, their ends included.
    pub(super) fn contain(&self, at_us: u64) -> bool {
        self.all.iter().any(|window| (window.from_us..=window.to_us).contains(&at_us))
    }

    /// The observation, with how far the phases were watched. Where a verdict rests on what was seen alone that does not matter: `settled`.
    pub(super) fn observed(&self, findings: impl Into<Findings>, settled: bool) -> Findings {
        let mut findings = findings.into();
        if settled {
            return findings;
        }
        match self.span {
            Span::Phases => {
                findings.extend(self.all.iter().filter_map(Window::note));
                findings.extend(self.missing.iter().map(|phase| format!("phase {phase} never started")));
            }
            // The deadlines of its phases are findings of their own.
            Span::Run { .. } => {
                findings.extend((!self.had_their_time()).then(|| "the run was cut".to_owned()));
            }
        }
        findings.extend((self.lost > 0).then(|| format!("{} lost", text::count(self.lost, "observation"))));
        findings
    }

    /// The first of what is shown, and the phases: `a, b; in hold (12.0s to 42.0s)`.
    pub(super) fn evidence(&self, shown: &[String], most: usize) -> String {
        let phases = format!("in {}", self.described());
        if shown.is_empty() { phases } else { format!("{}; {phases}", text::first_few(shown, most)) }
    }

    /// `hold (12.0s to 42.0s)`.
    pub(super) fn described(&self) -> String {
        let describe = |window: &Window<'_>| {
            format!("{} ({} to {})", window.phase, text::duration(window.from_us), text::duration(window.to_us))
        };
        let all: Vec<String> = self.all.iter().map(describe).collect();
        if all.is_empty() { "no phase that started".to_owned() } else { text::first_few(&all, SHOWN) }
    }
}
