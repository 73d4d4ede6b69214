//! The exit codes. Others rely on them: a change is a new major version.

use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

/// Every expectation held.
pub(crate) const PASS: Exit = Exit(0);
/// Usage, or an invalid scenario or node configuration.
pub(crate) const USAGE: Exit = Exit(2);
/// The target or a component failed.
pub(crate) const TARGET_FAILED: Exit = Exit(3);
/// Interrupted; cleaned up, reports written.
pub(crate) const INTERRUPTED: Exit = Exit(130);

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}
