//! How much the runs of one side differ among themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rows::{logs, median};
use super::run::MeasuredRun;
use super::stats;
use crate::latency::Percentile;

/// One percentile of one latency over all its samples, run by run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LatencySpread {
    /// The latency's name.
    pub latency: String,
    /// Which percentile.
    pub percentile: u8,
    /// Run by run; `None` for a run without samples.
    #[serde(rename = "ms")]
    pub by_run: Vec<Option<Percentile>>,
    /// The median of the runs; a percentile without an end is the largest. The upper of two in the middle.
    #[serde(rename = "medianMs")]
    pub median: Option<Percentile>,
    /// The relative standard deviation from run to run; null with one run, or where a run has only a bound.
    pub scatter: Option<f64>,
}

/// The p50 and p95 of every latency without labels, in the order of the reports.
pub fn spread(runs: &[MeasuredRun]) -> Vec<LatencySpread> {
    let mut names: Vec<&String> = Vec::new();
    for latency in runs.iter().flat_map(|run| &run.latencies) {
        if latency.labels.is_empty() && latency.samples.count() > 0 && !names.contains(&&latency.name) {
            names.push(&latency.name);
        }
    }
    names.into_iter().flat_map(|name| [50, 95].map(|percentile| one(name, percentile, runs))).collect()
}

fn one(name: &str, percentile: u8, runs: &[MeasuredRun]) -> LatencySpread {
    let none = BTreeMap::new();
    let by_run: Vec<Option<Percentile>> =
        runs.iter().map(|run| run.samples(name, &none).and_then(|samples| samples.percentile(percentile))).collect();
    let known: Vec<Percentile> = by_run.iter().copied().flatten().collect();
    LatencySpread {
        latency: name.to_owned(),
        percentile,
        by_run,
        median: median(&known),
        scatter: logs(&known).and_then(|logs| stats::sd(&logs)),
    }
}
