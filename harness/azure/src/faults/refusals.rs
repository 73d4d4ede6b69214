//! The calls that an outage refuses, counted for the facts.

use std::time::Duration;

use tokio::time::Instant;

use crate::facts::{FactKind, FactLog};

/// How often an outage reports the number of refused calls: clients retry without end.
const REFUSALS_EVERY: Duration = Duration::from_secs(1);

/// Calls that outages refused.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    unreported: u64,
    reported_at: Option<Instant>,
}

impl Refusals {
    /// Counts one, and reports it where none was for some time.
    pub(super) fn count(&mut self, facts: &FactLog) {
        self.unreported += 1;
        if self.reported_at.is_none_or(|at| at.elapsed() >= REFUSALS_EVERY) {
            self.reported_at = Some(Instant::now());
            self.report(facts);
        }
    }

    fn report(&mut self, facts: &FactLog) {
        let calls = std::mem::take(&mut self.unreported);
        if calls > 0 {
            facts.push(FactKind::Refused { calls });
        }
    }

    /// Reports the rest; the next outage reports its first call immediately.
    pub(super) fn end(&mut self, facts: &FactLog) {
        self.report(facts);
        self.reported_at = None;
    }
}
