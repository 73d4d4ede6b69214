//! The three-valued verdict.

use serde::{Deserialize, Serialize};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectationResult {
    /// The expectation's name, unique within the plan.
    pub name: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// What was observed, such as `p99 41.2s (encoder, 40 pods)`.
    pub observed: String,
    /// The workloads or NodePools that the observation names.
    pub subjects: Vec<String>,
    /// The limit, such as `p99 <= 60s`.
    pub limit: String,
    /// What the verdict rests on, such as `120 pods, 0 censored`.
    pub evidence: String,
}
