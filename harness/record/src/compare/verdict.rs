//! Slower, faster or the same?

use std::collections::BTreeMap;

use serde::Serialize;

use super::rank::rank_test;
use super::side::Side;
use crate::latency::{Percentile, Samples};
use crate::summary::Figure;

/// When a difference is called one. All conditions must hold: a difference must be too large for chance, and large enough to matter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Thresholds {
    /// Fewer samples than this on either side are inconclusive. Below 8 the test's normal approximation is poor.
    pub samples_min: u64,
    /// The test's p must be below this divided by the number of tests of the comparison (Bonferroni), so that the chance of any
    /// false alarm in the whole comparison stays below it.
    pub p_max: f64,
    /// The probability that the later run's sample is the larger must be at least this, or at most 1 minus this. 0.56 is the
    /// least that Vargha and Delaney call a small effect.
    pub effect_min: f64,
    /// The median or the 95th percentile must differ by at least this factor.
    pub ratio_min: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { samples_min: 8, p_max: 0.01, effect_min: 0.56, ratio_min: 1.10 }
    }
}

/// What became of a latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Slower.
    Regression,
    /// Neither, as far as the samples tell.
    Same,
    /// Faster.
    Better,
    /// Too few samples on a side.
    Inconclusive,
}

impl Change {
    /// `regression`, `same`, `better` or `inconclusive`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Same => "same",
            Self::Better => "better",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// One latency in one group, before (A) and after (B). Figures are milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparedLatency {
    /// The latency's name.
    pub name: String,
    /// The group: empty for all.
    pub labels: BTreeMap<String, String>,
    /// Samples of A and B, the censored ones included.
    pub count: [u64; 2],
    /// Censored samples of A and B.
    pub censored: [u64; 2],
    /// Medians of A and B.
    pub p50: [Option<Figure>; 2],
    /// 95th percentiles of A and B.
    pub p95: [Option<Figure>; 2],
    /// Median of B over that of A; `None` where either is only a bound or A's is 0.
    pub ratio_p50: Option<f64>,
    /// 95th percentile of B over that of A; likewise.
    pub ratio_p95: Option<f64>,
    /// p of the rank test, two-sided; `None` where a side is empty.
    pub p: Option<f64>,
    /// The probability that a sample of B is larger than one of A.
    pub effect: Option<f64>,
    /// What became of it.
    pub change: Change,
}

/// Two runs, A before and B after.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The run before.
    pub before: String,
    /// The run after.
    pub after: String,
    /// The thresholds that were used.
    pub thresholds: Thresholds,
    /// Every latency and group of either.
    pub latencies: Vec<ComparedLatency>,
    /// What differs between the runs and makes the comparison one of apples and pears: scenario, profile, target, parameters.
    pub differences: Vec<String>,
    /// `regression` when there is one; `inconclusive` when nothing could be compared; otherwise `better` when there is one, or `same`.
    pub change: Change,
}

impl Comparison {
    /// 1 with a regression, 4 when nothing could be compared, otherwise 0.
    pub fn exit_code(&self) -> u8 {
        match self.change {
            Change::Regression => 1,
            Change::Inconclusive => 4,
            Change::Same | Change::Better => 0,
        }
    }
}

/// Compares B with A.
pub fn compare(a: &Side, b: &Side, thresholds: Thresholds) -> Comparison {
    let mut pairs: Vec<(&str, &BTreeMap<String, String>, Samples, Samples)> = Vec::new();
    for latency in &a.latencies {
        let other = b.latencies.iter().find(|other| other.name == latency.name && other.labels == latency.labels);
        let after = other.map(|other| other.samples.clone()).unwrap_or_default();
        pairs.push((&latency.name, &latency.labels, latency.samples.clone(), after));
    }
    for latency in &b.latencies {
        if !a.latencies.iter().any(|other| other.name == latency.name && other.labels == latency.labels) {
            pairs.push((&latency.name, &latency.labels, Samples::default(), latency.samples.clone()));
        }
    }
    let enough = |samples: &Samples| samples.count() >= thresholds.samples_min.max(1);
    let tests = pairs.iter().filter(|(_, _, before, after)| enough(before) && enough(after)).count();
    let p_max = thresholds.p_max / tests.max(1) as f64;
    let latencies: Vec<ComparedLatency> = pairs
        .into_iter()
        .map(|(name, labels, before, after)| {
            let comparable = enough(&before) && enough(&after);
            one(name, labels, &before, &after, comparable.then_some(p_max), &thresholds)
        })
        .collect();
    let any = |change| latencies.iter().any(|latency| latency.change == change);
    let change = if any(Change::Regression) {
        Change::Regression
    } else if tests == 0 {
        Change::Inconclusive
    } else if any(Change::Better) {
        Change::Better
    } else {
        Change::Same
    };
    Comparison {
        before: a.run.clone(),
        after: b.run.clone(),
        thresholds,
        latencies,
        differences: differences(a, b),
        change,
    }
}

fn one(
    name: &str,
    labels: &BTreeMap<String, String>,
    before: &Samples,
    after: &Samples,
    p_max: Option<f64>,
    thresholds: &Thresholds,
) -> ComparedLatency {
    let test = rank_test(before, after);
    let both = |percent| [before.percentile(percent), after.percentile(percent)];
    let (p50, p95) = (both(50), both(95));
    let slower = by_ratio(p50, thresholds.ratio_min) || by_ratio(p95, thresholds.ratio_min);
    let swapped = |[a, b]: [Option<Percentile>; 2]| [b, a];
    let faster = by_ratio(swapped(p50), thresholds.ratio_min) || by_ratio(swapped(p95), thresholds.ratio_min);
    let change = match (p_max, test) {
        (Some(p_max), Some(test)) if test.p < p_max => match () {
            () if slower && test.effect >= thresholds.effect_min => Change::Regression,
            () if faster && test.effect <= 1.0 - thresholds.effect_min => Change::Better,
            () => Change::Same,
        },
        (Some(_), Some(_)) => Change::Same,
        _ => Change::Inconclusive,
    };
    let figures = |pair: [Option<Percentile>; 2]| pair.map(|it| it.map(Figure::from));
    ComparedLatency {
        name: name.to_owned(),
        labels: labels.clone(),
        count: [before.count(), after.count()],
        censored: [before.censored.len() as u64, after.censored.len() as u64],
        p50: figures(p50),
        p95: figures(p95),
        ratio_p50: ratio(p50),
        ratio_p95: ratio(p95),
        p: test.map(|test| test.p),
        effect: test.map(|test| test.effect),
        change,
    }
}

fn ratio(pair: [Option<Percentile>; 2]) -> Option<f64> {
    match pair {
        [Some(Percentile::Measured(a)), Some(Percentile::Measured(b))] if a > 0 => Some(b as f64 / a as f64),
        _ => None,
    }
}

/// Whether the second is larger than the first by the factor; one that never came is larger than any that did.
fn by_ratio(pair: [Option<Percentile>; 2], factor: f64) -> bool {
    match pair {
        [Some(Percentile::Measured(_)), Some(Percentile::Beyond(_))] => true,
        [Some(Percentile::Measured(a)), Some(Percentile::Measured(b))] => b > a && b as f64 >= a as f64 * factor,
        _ => false,
    }
}

fn differences(a: &Side, b: &Side) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differ = |what: &str, a: &str, b: &str| {
        if a != b {
            differences.push(format!("{what}: {a} before, {b} after"));
        }
    };
    differ("scenario", &a.scenario, &b.scenario);
    differ("profile", &a.profile, &b.profile);
    differ("target", &a.target, &b.target);
    let keys: std::collections::BTreeSet<&String> = a.parameters.keys().chain(b.parameters.keys()).collect();
    for key in keys {
        let of = |side: &Side| side.parameters.get(key).cloned().unwrap_or_else(|| "not set".to_owned());
        differ(&format!("parameter {key}"), &of(a), &of(b));
    }
    // A comparison before and after a change of the node configuration is what it is for: told, since it is the cause to look at.
    differ("node configuration", short(&a.node_config_sha256), short(&b.node_config_sha256));
    differences
}

fn short(sha: &str) -> &str {
    sha.get(..12).unwrap_or(sha)
}
