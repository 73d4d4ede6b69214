//! What verdicts rest on, and what a check comes to.

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
    /// Whether every phase ended by itself. What did not come until then did not come; in a run that was cut it may still have.
    pub(crate) fn complete(&self) -> bool {
        matches!(self.source.timelines.ended, Some((EndReason::Completed, _)))
    }

    /// Whether VMs are those of the simulated Azure, which tells of each.
    pub(crate) fn has_azure_record(&self) -> bool {
        let timelines = self.source.timelines;
        let target = timelines.header.as_ref().map_or("", |header| header.target.as_str());
        timelines.azure.facts > 0 || matches!(target, "local" | "kind" | "k3s")
    }
}

/// What a check came to, without the expectation's name.
#[derive(Debug)]
pub(crate) struct CheckOutcome {
    pub(crate) verdict: Verdict,
    pub(crate) observed: Findings,
    pub(crate) limit: String,
    pub(crate) evidence: String,
}
