//! Exit codes. Pipelines rely on them: a change is a new major version.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::EndReason;
use crate::verdict::Verdict;

/// What a command or a run comes to; written as its number. The order is that in which they outweigh each other, least first: of several
/// runs the greatest is the exit code of all.
///
/// - A failed target says nothing about what it should have tested: neither the expectations nor the count of leaks can be trusted.
/// - A leak costs money until it is removed, while a failed expectation closes the gate either way and stands in every report.
///   [`Self::Interrupted`] promises that everything was cleaned up.
/// - An interrupt says more than the expectations of a part of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub enum ExitCode {
    /// 0: every expectation held.
    #[default]
    Passed,
    /// 4: not run, killed (no end in the log), or not enough evidence.
    Inconclusive,
    /// 1: an expectation failed, or a comparison found a regression.
    Failed,
    /// 130: interrupted; cleaned up, reports written.
    Interrupted,
    /// 5: something was left behind, or something that was there before is gone or changed.
    LeftBehind,
    /// 3: the target or a component failed.
    TargetFailed,
    /// 2: usage, or an invalid scenario or node configuration.
    InvalidInput,
}

impl ExitCode {
    /// The exit code of a run. `left_behind` says that the target is not as it was before: something of the run is still there, or something
    /// of others is not as it was.
    pub fn of_run(ended: Option<EndReason>, left_behind: bool, verdict: Verdict) -> Self {
        match (ended, verdict) {
            (Some(EndReason::TargetFailed), _) => Self::TargetFailed,
            _ if left_behind => Self::LeftBehind,
            (Some(EndReason::Interrupted), _) => Self::Interrupted,
            (Some(EndReason::NotRun), _) => Self::Inconclusive,
            (_, Verdict::Fail) => Self::Failed,
            (None, _) | (_, Verdict::Inconclusive) => Self::Inconclusive,
            (Some(EndReason::Completed), Verdict::Pass) => Self::Passed,
        }
    }
}

impl From<ExitCode> for u8 {
    fn from(code: ExitCode) -> Self {
        match code {
            ExitCode::Passed => 0,
            ExitCode::Failed => 1,
            ExitCode::InvalidInput => 2,
            ExitCode::TargetFailed => 3,
            ExitCode::Inconclusive => 4,
            ExitCode::LeftBehind => 5,
            ExitCode::Interrupted => 130,
        }
    }
}

impl From<u8> for ExitCode {
    /// A code that is not one of ours counts as a failed target: nothing after it can be trusted.
    fn from(code: u8) -> Self {
        match code {
            0 => Self::Passed,
            1 => Self::Failed,
            2 => Self::InvalidInput,
            4 => Self::Inconclusive,
            5 => Self::LeftBehind,
            130 => Self::Interrupted,
            _ => Self::TargetFailed,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(u8::from(code))
    }
}

impl fmt::Display for ExitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        u8::from(*self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(Some(EndReason::Completed), false, Verdict::Pass, 0)]
    #[case(Some(EndReason::Completed), false, Verdict::Fail, 1)]
    #[case(Some(EndReason::Completed), false, Verdict::Inconclusive, 4)]
    #[case(Some(EndReason::Completed), true, Verdict::Fail, 5)]
    #[case(Some(EndReason::Interrupted), false, Verdict::Fail, 130)]
    #[case(Some(EndReason::Interrupted), true, Verdict::Inconclusive, 5)]
    #[case(Some(EndReason::TargetFailed), true, Verdict::Fail, 3)]
    #[case(Some(EndReason::NotRun), false, Verdict::Inconclusive, 4)]
    #[case(None, false, Verdict::Inconclusive, 4)]
    #[case(None, false, Verdict::Fail, 1)]
    fn the_first_that_applies(
        #[case] ended: Option<EndReason>,
        #[case] left_behind: bool,
        #[case] verdict: Verdict,
        #[case] code: u8,
    ) {
        assert_eq!(u8::from(ExitCode::of_run(ended, left_behind, verdict)), code);
    }

    #[rstest]
    #[case(&[0, 0], 0)]
    #[case(&[0, 4, 0], 4)]
    #[case(&[4, 1], 1)]
    #[case(&[1, 130, 4], 130)]
    #[case(&[130, 5], 5)]
    #[case(&[5, 3, 1], 3)]
    #[case(&[3, 2], 2)]
    #[case(&[7, 5], 3)]
    fn the_worst_of_several_runs(#[case] codes: &[u8], #[case] worst: u8) {
        let greatest = codes.iter().copied().map(ExitCode::from).max();
        assert_eq!(greatest.map(u8::from), Some(worst));
    }
}
