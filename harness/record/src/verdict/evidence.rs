//! What verdicts rest on, and the outcome of a check.

use harness_plan::Capability;

use super::findings::Findings;
use super::types::Verdict;
use crate::event::EndReason;
use crate::latency::{Groups, Source};

/// What verdicts rest on.
pub(crate) struct Evidence<'a> {
    pub(crate) source: &'a Source<'a>,
    pub(crate) groups: &'a Groups,
}

impl Evidence<'_> {
    /// Whether every phase ended by itself. What had not happened by then did not happen; in a run that was cut it might have.
    pub(crate) fn complete(&self) -> bool {
        matches!(self.source.timelines.ended, Some((EndReason::Completed, _)))
    }

    /// Whether the log has the simulated Azure's record of every VM.
    pub(crate) fn has_azure_record(&self) -> bool {
        let timelines = self.source.timelines;
        let offered = timelines.header.as_ref().map(|header| &header.capabilities);
        timelines.azure.facts > 0 || offered.is_some_and(|offered| offered.contains(&Capability::SimulatedAzure))
    }
}

/// The outcome of a check, without the expectation's name.
#[derive(Debug)]
pub(crate) struct CheckOutcome {
    pub(crate) verdict: Verdict,
    pub(crate) observed: Findings,
    pub(crate) limit: String,
    pub(crate) evidence: String,
}
