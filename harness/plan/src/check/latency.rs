//! Limits on a latency.

use std::fmt;

use harness_units::Span;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope, during};
use crate::{GroupBy, LatencyName};

/// Limits on one latency, which hold in each group. At least one of the percentiles or `censored`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Latency")]
pub struct LatencyLimits {
    /// Which latency.
    pub of: LatencyName,
    /// How its samples are grouped (default: one group of all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<GroupBy>,
    /// Upper bound of the median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50: Option<Span>,
    /// Upper bound of the 90th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90: Option<Span>,
    /// Upper bound of the 95th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95: Option<Span>,
    /// Upper bound of the 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<Span>,
    /// Upper bound of every sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Span>,
    /// Maximum number of censored samples in a group (default: as many as the percentiles allow).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub censored: Option<u32>,
    /// A group with fewer samples is inconclusive (default: 1).
    #[serde(default = "crate::defaults::one")]
    pub samples_min: u32,
    /// Only samples whose interval starts in one of these phases (default: those of the whole run).
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
}

impl LatencyLimits {
    /// The percentiles that have a limit: percentile (100 for `max`), key, limit.
    pub fn percentiles(&self) -> impl Iterator<Item = (u8, &'static str, Span)> {
        let all = [
            (50, "p50", self.p50),
            (90, "p90", self.p90),
            (95, "p95", self.p95),
            (99, "p99", self.p99),
            (100, "max", self.max),
        ];
        all.into_iter().filter_map(|(percentile, key, limit)| Some((percentile, key, limit?)))
    }

    /// Returns the limits in words, such as `p99 <= 1m, censored <= 0`.
    pub fn describe_limits(&self) -> String {
        let limits = self.percentiles().map(|(_, key, limit)| format!("{key} <= {limit}"));
        let censored = self.censored.map(|most| format!("censored <= {most}"));
        limits.chain(censored).collect::<Vec<_>>().join(", ")
    }
}

impl Expected for LatencyLimits {
    fn scope(&self) -> Scope<'_> {
        Scope::of_phases(&self.phases)
    }

    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.percentiles().next().is_none() && self.censored.is_none() {
            let hint = "give one of p50, p90, p95, p99, max, censored";
            found.push(Problem::new(&[], "this latency has no limit", hint));
        }
        if self.of == LatencyName::GitopsRefused && self.censored.is_some() {
            let message = "this cannot fail: a refusal that never comes is not a sample, so that none is ever censored";
            let hint = "expect as many samples as there are bad commits: `samplesMin: 2`";
            found.push(Problem::new(&["censored"], message, hint));
        }
        if self.samples_min == 0 {
            let message = "with samplesMin 0 a group without samples would hold its limits";
            found.push(Problem::new(&["samplesMin"], message, "give at least 1, which is the default"));
        }
        for (_, key, limit) in self.percentiles() {
            if limit == Span::ZERO {
                let message = format!("`{key}` must be longer than 0s");
                found.push(Problem::new(&[key], message, "give a duration above 0s"));
            }
        }
        if self.by.is_some_and(|by| !self.of.groups().contains(&by)) {
            let groups: Vec<&str> = self.of.groups().iter().map(|by| by.as_str()).collect();
            let message = format!("samples of {} are not grouped by {}", self.of, self.by.map_or("", GroupBy::as_str));
            let hint = match groups.is_empty() {
                true => "leave out `by`".to_owned(),
                false => format!("group them by {}, or leave out `by`", groups.join(", ")),
            };
            found.push(Problem::new(&["by"], message, hint));
        }
        found
    }
}

impl fmt::Display for LatencyLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "latency {}", self.of)?;
        if let Some(by) = self.by {
            write!(f, " by {}", by.as_str())?;
        }
        write!(f, " {}{}", self.describe_limits(), during(&self.phases))
    }
}
