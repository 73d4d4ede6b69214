//! The findings of a check.

use std::fmt;

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
