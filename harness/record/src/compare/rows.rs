//! The rows of a comparison: one value for each run.

use std::collections::BTreeMap;

use super::outcome::{Row, RowSide, Thresholds};
use super::run::MeasuredRun;
use super::stats;
use crate::latency::Percentile;

/// The percentiles that are compared: the middle, and the tail as far as a run of some dozens of samples knows it.
const PERCENTILES: [u8; 2] = [50, 95];

/// One percentile of one latency in one group, with what is known of each run.
pub(super) struct Values {
    pub(super) row: Row,
    /// Logarithms of the runs' percentiles in microseconds, before and after; `None` where a run has only a bound or no sample.
    pub(super) logs: Option<[Vec<f64>; 2]>,
}

/// Every row of either side, in the order of the reports.
pub(super) fn rows(before: &[&MeasuredRun], after: &[&MeasuredRun], thresholds: &Thresholds) -> Vec<Values> {
    let mut keys: Vec<(&String, &BTreeMap<String, String>)> = Vec::new();
    for latency in before.iter().chain(after).flat_map(|run| &run.latencies) {
        let key = (&latency.name, &latency.labels);
        if latency.samples.count() > 0 && !keys.contains(&key) {
            keys.push(key);
        }
    }
    let each = keys.into_iter().flat_map(|(name, labels)| PERCENTILES.map(|percentile| (name, labels, percentile)));
    each.map(|(name, labels, percentile)| row(name, labels, percentile, [before, after], thresholds)).collect()
}

fn row(
    name: &str,
    labels: &BTreeMap<String, String>,
    percentile: u8,
    sides: [&[&MeasuredRun]; 2],
    thresholds: &Thresholds,
) -> Values {
    let known = sides.map(|runs| runs.iter().filter_map(|run| run.samples(name, labels)).collect::<Vec<_>>());
    let percentiles = known.each_ref().map(|samples| {
        samples.iter().filter_map(|samples| samples.percentile(percentile)).collect::<Vec<Percentile>>()
    });
    let [before, after] = [0, 1].map(|side| {
        let (samples, values) = (&known[side], &percentiles[side]);
        RowSide {
            runs: values.len(),
            samples: samples.iter().map(|samples| samples.count()).sum(),
            censored: samples.iter().map(|samples| samples.censored.len() as u64).sum(),
            runs_beyond: values.iter().filter(|value| value.is_beyond()).count(),
            figure: figure(values),
            scatter: logs(values).and_then(|logs| stats::sd(&logs)),
        }
    });
    let logs = match percentiles.each_ref().map(|values| logs(values)) {
        [Some(a), Some(b)] if !a.is_empty() && !b.is_empty() => Some([a, b]),
        _ => None,
    };
    let everywhere = known.iter().zip(sides).all(|(known, runs)| known.len() == runs.len() && !runs.is_empty());
    let enough = percentile == 50 || known.iter().flatten().all(|it| it.count() >= thresholds.p95_samples_min);
    let row = Row {
        latency: name.to_owned(),
        labels: labels.clone(),
        percentile,
        before,
        after,
        ratio: None,
        interval: None,
        gated: labels.is_empty() && everywhere && enough,
        p: None,
        change: None,
        why: why_not_gated(labels, everywhere, enough, thresholds),
    };
    Values { row, logs }
}

fn why_not_gated(labels: &BTreeMap<String, String>, everywhere: bool, enough: bool, thresholds: &Thresholds) -> String {
    match () {
        () if !labels.is_empty() => String::new(),
        () if !everywhere => "not every run has it".to_owned(),
        () if !enough => format!("a run has fewer than {} samples", thresholds.p95_samples_min),
        () => String::new(),
    }
}

/// `None` where one is only a bound. A latency of 0 counts as one microsecond, the resolution of the clock.
pub(super) fn logs(values: &[Percentile]) -> Option<Vec<f64>> {
    let log = |value: &Percentile| match value {
        Percentile::Measured(us) => Some(((*us).max(1) as f64).ln()),
        Percentile::Beyond(_) => None,
    };
    values.iter().map(log).collect()
}

/// What stands for all runs of a side.
fn figure(values: &[Percentile]) -> Option<Percentile> {
    match logs(values).and_then(|logs| stats::mean(&logs)) {
        Some(mean) => Some(Percentile::Measured(mean.exp().round() as u64)),
        None => median(values),
    }
}

/// The upper of the two in the middle: a percentile without an end must not look measured.
pub(super) fn median(values: &[Percentile]) -> Option<Percentile> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by_key(|value| (value.is_beyond(), value.micros()));
    sorted.get(sorted.len() / 2).copied()
}
