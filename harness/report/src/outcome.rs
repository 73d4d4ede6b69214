//! The outcome of a run, in the words that every format uses.

use harness_record::event::{EndReason, PhaseOutcome};
use harness_record::verdict::Verdict;
use harness_record::{ExitCode, RunResult};

use crate::text;

/// The headline: how the run ended where that outweighs its expectations, otherwise the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Headline {
    /// `Passed`, `Failed`, ...
    pub(crate) word: &'static str,
    /// What that means, one sentence.
    pub(crate) meaning: &'static str,
    /// `pass`, `fail` or `inconclusive`: the colour.
    pub(crate) tone: Verdict,
}

/// By exit code, as design and `reports/README.md` define them.
pub(crate) fn headline(result: &RunResult) -> Headline {
    let (word, meaning, tone) = match result.exit_code {
        ExitCode::Passed => ("Passed", "Every expectation held.", Verdict::Pass),
        ExitCode::Failed => ("Failed", "An expectation did not hold.", Verdict::Fail),
        // Invalid input ends before there is a run.
        ExitCode::TargetFailed | ExitCode::InvalidInput => (
            "Target failed",
            "The target or one of its components failed, so the expectations say nothing about the node configuration.",
            Verdict::Fail,
        ),
        ExitCode::Inconclusive if result.run.ended.is_none() => (
            "Killed",
            "The log has no end: the run was killed. What is shown is what had been seen until then.",
            Verdict::Inconclusive,
        ),
        ExitCode::Inconclusive if result.run.ended == Some(EndReason::NotRun) => {
            ("Not run", "The target lacks what the scenario needs; nothing was done.", Verdict::Inconclusive)
        }
        ExitCode::Inconclusive => {
            ("Inconclusive", "There is not enough evidence for a verdict.", Verdict::Inconclusive)
        }
        ExitCode::LeftBehind if result.leaks.is_empty() => (
            "Not as before",
            "Something that was there before the run is gone, is another one, or asks for something else.",
            Verdict::Fail,
        ),
        ExitCode::LeftBehind => (
            "Left behind",
            "Something was left behind after cleanup; it may cost money until it is removed.",
            Verdict::Fail,
        ),
        ExitCode::Interrupted => {
            ("Interrupted", "The run was stopped before its end and cleaned up.", Verdict::Inconclusive)
        }
    };
    Headline { word, meaning, tone }
}

/// A sign that distinguishes verdicts without colour.
pub(crate) fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "\u{2713}",
        Verdict::Fail => "\u{2717}",
        Verdict::Inconclusive => "?",
    }
}

/// Every reason once, the main one first.
pub(crate) fn reasons(result: &RunResult) -> Vec<&str> {
    let mut lines: Vec<&str> = Vec::new();
    // The main reason is composed of the others: where they are there, it would say them twice.
    if result.reasons.is_empty() && !result.reason.is_empty() {
        lines.push(&result.reason);
    }
    for reason in &result.reasons {
        if !reason.is_empty() && !lines.contains(&reason.as_str()) {
            lines.push(reason);
        }
    }
    lines
}

/// Expectations by verdict: `7 passed, 1 failed`.
pub(crate) fn tally(result: &RunResult) -> String {
    let of = |verdict| result.expectations.iter().filter(|e| e.verdict == verdict).count();
    let (passed, failed, inconclusive) = (of(Verdict::Pass), of(Verdict::Fail), of(Verdict::Inconclusive));
    text::tally(&[(passed, "passed"), (failed, "failed"), (inconclusive, "inconclusive")], "none")
}

/// How a phase ended, in words.
pub(crate) fn phase_outcome(outcome: Option<PhaseOutcome>, began: bool) -> &'static str {
    match (outcome, began) {
        (Some(PhaseOutcome::Reached), _) => "reached",
        (Some(PhaseOutcome::Held), _) => "held",
        (Some(PhaseOutcome::DeadlinePassed), _) => "deadline passed",
        (Some(PhaseOutcome::Cancelled), _) => "cancelled",
        (None, true) => "not ended",
        (None, false) => "never started",
    }
}

/// The phase that the run adds after those of the plan.
const CLEANUP: &str = "cleanup";

/// What is known of what the run left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leftovers {
    /// So many objects.
    Found(usize),
    /// Cleanup ended and found nothing.
    None,
    /// Nothing was done, so nothing was cleaned up.
    NothingDone,
    /// Cleanup did not end: leaks were not counted.
    Unknown,
}

/// That nothing leaked is known only where cleanup ended.
pub(crate) fn leftovers(result: &RunResult) -> Leftovers {
    if !result.leaks.is_empty() {
        return Leftovers::Found(result.leaks.len());
    }
    let cleanup = result.phases.iter().find(|phase| !phase.planned && phase.name == CLEANUP);
    match cleanup.and_then(|phase| phase.outcome) {
        Some(PhaseOutcome::Reached | PhaseOutcome::Held) => Leftovers::None,
        _ if result.run.ended == Some(EndReason::NotRun) => Leftovers::NothingDone,
        _ => Leftovers::Unknown,
    }
}
