//! What a check rests on, and its outcome.

use std::fmt;

use harness_plan::Capability;
use serde::{Deserialize, Serialize};

use crate::event::EndReason;
use crate::latency::{Groups, Source};

/// The outcome of a check. Three-valued: without evidence there is no verdict, and an empty sample is not a pass.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::Display,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Verdict {
    /// It held, and there is evidence that it did.
    Pass,
    /// There is not enough evidence for either.
    Inconclusive,
    /// It did not hold.
    Fail,
}

impl Verdict {
    /// `pass`, `inconclusive` or `fail`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The conjunction of two verdicts: a failure outweighs a doubt, a doubt outweighs a pass.
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

/// One expectation of the plan and its verdict. All texts are for people, one line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectationResult {
    /// The expectation's name, unique within the plan.
    pub name: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// What was observed, such as `p99 41.2s (encoder, 40 pods)`.
    pub observed: String,
    /// The workloads or NodePools that the observation names.
    #[serde(skip)]
    pub subjects: Vec<String>,
    /// The limit, such as `p99 <= 60s`.
    pub limit: String,
    /// What the verdict rests on, such as `120 pods, 0 censored`.
    pub evidence: String,
}

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

impl CheckOutcome {
    pub(super) fn inconclusive(
        observed: impl Into<Findings>,
        limit: impl Into<String>,
        evidence: impl Into<String>,
    ) -> Self {
        let (observed, limit, evidence) = (observed.into(), limit.into(), evidence.into());
        Self { verdict: Verdict::Inconclusive, observed, limit, evidence }
    }
}

/// Findings, and the workloads or NodePools that they are about: there the reason looks for causes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    parts: Vec<String>,
    subjects: Vec<String>,
}

impl Findings {
    /// A finding about a workload or NodePool.
    pub(super) fn about(&mut self, subject: &str, finding: impl fmt::Display) {
        self.parts.push(format!("{subject}: {finding}"));
        self.subjects.push(subject.to_owned());
    }

    /// A finding about nothing in particular.
    pub(super) fn push(&mut self, finding: impl Into<String>) {
        self.parts.push(finding.into());
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = String>) {
        self.parts.extend(findings);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Which workloads or NodePools they are about, in the order of the findings.
    pub(super) fn into_subjects(self) -> Vec<String> {
        self.subjects
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join(", "))
    }
}

impl From<Vec<String>> for Findings {
    fn from(parts: Vec<String>) -> Self {
        Self { parts, subjects: Vec::new() }
    }
}

impl From<String> for Findings {
    fn from(part: String) -> Self {
        vec![part].into()
    }
}

impl From<&str> for Findings {
    fn from(part: &str) -> Self {
        part.to_owned().into()
    }
}
