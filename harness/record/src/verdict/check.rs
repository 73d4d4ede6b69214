//! One expectation against the evidence.

use harness_scenario::plan::{Check, Expectation};

use super::types::{ExpectationResult, Verdict};
use super::{fleet, latency, limits, phase, placement};
use crate::event::EndReason;
use crate::latency::Groups;
use crate::latency::Source;

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
    pub(crate) fn azure_tells(&self) -> bool {
        let timelines = self.source.timelines;
        let target = timelines.header.as_ref().map_or("", |header| header.target.as_str());
        timelines.azure.facts > 0 || matches!(target, "local" | "kind" | "k3s")
    }
}

/// What a check came to, without the expectation's name.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) observed: String,
    pub(crate) limit: String,
    pub(crate) evidence: String,
}

/// Checks one expectation.
pub(crate) fn check(expectation: &Expectation, evidence: &Evidence<'_>) -> ExpectationResult {
    let outcome = match &expectation.check {
        Check::Phase { phase } => phase::check(phase, evidence),
        Check::Placement { workloads, exclusively } => placement::check(workloads, *exclusively, evidence),
        Check::Latency(asked) => latency::check(asked, evidence),
        Check::Limits { nodepools } => limits::check(nodepools, evidence),
        Check::Fleet { as_many_as_nodeclaims, at_the_end } => {
            fleet::check(*as_many_as_nodeclaims, *at_the_end, evidence)
        }
        _ => Outcome {
            verdict: Verdict::Inconclusive,
            observed: "not checked".to_owned(),
            limit: String::new(),
            evidence: String::new(),
        },
    };
    let Outcome { verdict, observed, limit, evidence } = outcome;
    ExpectationResult { name: expectation.name.clone(), verdict, observed, limit, evidence }
}
