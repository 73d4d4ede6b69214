//! Exit codes. Pipelines rely on them: a change is a new major version.

use serde::{Deserialize, Serialize};

/// What a command or a run comes to. The order is that in which they outweigh each other, least first: of several runs the greatest
/// is the exit code of all. It is also the order in which the causes of one run do (`harness_record::verdict::exit_code`): a failed
/// target says nothing about what it should have tested, a leak costs money until somebody acts, and an interrupt says more than the
/// verdicts of a part of the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub enum ExitCode {
    /// 0: every expectation held.
    Passed,
    /// 4: not run, or not enough evidence.
    Inconclusive,
    /// 1: an expectation failed, or a comparison found a regression.
    Failed,
    /// 130: interrupted; cleaned up, reports written.
    Interrupted,
    /// 5: something was left behind.
    LeftBehind,
    /// 3: the target or a component failed.
    TargetFailed,
    /// 2: usage, or an invalid scenario or node configuration.
    InvalidInput,
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

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

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
