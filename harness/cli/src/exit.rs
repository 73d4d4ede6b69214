//! The exit codes. Others rely on them: a change is a new major version.

use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

/// Every expectation held.
pub(crate) const PASS: Exit = Exit(0);
/// An expectation failed, or a comparison found a regression.
pub(crate) const REGRESSION: Exit = Exit(1);
/// Usage, or an invalid scenario or node configuration.
pub(crate) const USAGE: Exit = Exit(2);
/// The target or a component failed.
pub(crate) const TARGET_FAILED: Exit = Exit(3);
/// Inconclusive: not run, or not enough evidence.
pub(crate) const INCONCLUSIVE: Exit = Exit(4);
/// Something was left behind.
pub(crate) const LEFT: Exit = Exit(5);
/// Interrupted; cleaned up, reports written.
pub(crate) const INTERRUPTED: Exit = Exit(130);

/// Of several runs the first of these that any of them has is the exit code of all: the order in which one run's own causes
/// outweigh each other (`harness_record::verdict::exit_code`). A failed target says nothing about what it should have tested, what is left
/// behind costs money until somebody acts, an interrupt says more than what some runs came to.
const PRECEDENCE: [u8; 7] = [2, 3, 5, 130, 1, 4, 0];

impl Exit {
    /// The one of two that outweighs the other. A code that is not known here outweighs all.
    pub(crate) fn worse(self, other: Self) -> Self {
        let rank = |exit: Self| PRECEDENCE.iter().position(|code| *code == exit.0).map_or(0, |rank| rank + 1);
        if rank(other) < rank(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
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
    fn the_worst_of_several_runs(#[case] codes: &[u8], #[case] all: u8) {
        assert_eq!(codes.iter().copied().map(Exit).fold(PASS, Exit::worse), Exit(all));
        assert_eq!(codes.iter().rev().copied().map(Exit).fold(PASS, Exit::worse), Exit(all));
    }
}
