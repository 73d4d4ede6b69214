//! Requests to a run that goes on.

use tokio_util::sync::CancellationToken;

/// Requests to end, each more urgent than the one before and made after it. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Interrupts {
    /// Stop, clean up and report.
    pub interrupt: CancellationToken,
    /// Give up the cleanup too: name what it leaves, stop what was started, report.
    pub abandon: CancellationToken,
    /// Wait for nothing any more: name what has not ended, report.
    pub leave: CancellationToken,
}

impl Interrupts {
    /// Carries out a step of the end, unless nothing is waited for any more: then returns `None`.
    pub async fn unless_leaving<T>(&self, step: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.leave.cancelled() => None,
            done = step => Some(done),
        }
    }
}
