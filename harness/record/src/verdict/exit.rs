//! The exit code.

use super::types::Verdict;
use crate::event::EndReason;

/// The exit code of a run, the first that applies:
///
/// | code | when | why here |
/// |---|---|---|
/// | 3 | the target or a component failed | nothing after it can be trusted, neither the expectations nor the count of leaks |
/// | 5 | something was left behind | 130 promises that it was cleaned up, so it cannot be given; and a leak costs money until it is removed, while a failed expectation closes the gate either way and stands in every report |
/// | 130 | interrupted | it says more than the expectations of a part of a run |
/// | 1 | an expectation failed | |
/// | 4 | inconclusive: not run, killed (no end in the log), no evidence | |
/// | 0 | every expectation held | |
pub fn exit_code(ended: Option<EndReason>, left_behind: bool, verdict: Verdict) -> u8 {
    match (ended, verdict) {
        (Some(EndReason::TargetFailed), _) => 3,
        _ if left_behind => 5,
        (Some(EndReason::Interrupted), _) => 130,
        (Some(EndReason::NotRun), _) => 4,
        (_, Verdict::Fail) => 1,
        (None, _) | (_, Verdict::Inconclusive) => 4,
        (Some(EndReason::Completed), Verdict::Pass) => 0,
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
        assert_eq!(exit_code(ended, left_behind, verdict), code);
    }
}
