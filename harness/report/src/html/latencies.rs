//! Latencies: the table, and CDF and histogram by node class of the two that matter most.

use std::collections::BTreeMap;

use harness_plan::{Check, GroupBy, LatencyName, Plan};
use harness_record::RunResult;
use harness_record::latency::Percentile;
use harness_record::result::Latency;

use crate::svg::{CdfChart, CdfSeries, Domain, HistogramChart, HistogramPanel, LimitMark, SERIES_MAX};
use crate::text;

/// A line of a latency table.
pub(crate) struct LatencyRow {
    pub(crate) name: &'static str,
    /// `nodepool compute-optimized`; empty for all samples.
    pub(crate) group: String,
    pub(crate) count: String,
    pub(crate) censored: String,
    pub(crate) has_censored: bool,
    /// p50, p90, p95, p99 and the maximum.
    pub(crate) percentiles: [String; 5],
    pub(crate) mean: String,
}

impl LatencyRow {
    pub(crate) fn new(latency: &Latency) -> Self {
        let stats = &latency.stats;
        let group: Vec<String> = latency.labels.iter().map(|(key, value)| format!("{key} {value}")).collect();
        Self {
            name: latency.name.as_str(),
            group: group.join(", "),
            count: text::count(stats.count),
            censored: text::count(stats.censored),
            has_censored: stats.censored > 0,
            percentiles: [stats.p50, stats.p90, stats.p95, stats.p99, stats.max].map(text::percentile),
            mean: text::mean(stats.mean),
        }
    }
}

/// A latency's pictures.
pub(crate) struct LatencyFigure {
    pub(crate) title: &'static str,
    pub(crate) name: &'static str,
    pub(crate) definition: &'static str,
    /// Class of the sample of line, name, and figures.
    pub(crate) legend: Vec<(String, String)>,
    pub(crate) cdf: String,
    pub(crate) histogram: String,
    pub(crate) notes: Vec<String>,
}

/// The groups of a latency: by node class, or by what else there is, or all samples as one.
fn groups(result: &RunResult, name: LatencyName) -> Vec<(&str, &Latency)> {
    let of = |key: &str| -> Vec<(&str, &Latency)> {
        let by_label = result.latencies.iter().filter(|latency| latency.name == name);
        by_label.filter_map(|latency| Some((latency.labels.get(key)?.as_str(), latency))).collect()
    };
    for key in [GroupBy::Nodepool, GroupBy::Workload] {
        let found = of(key.as_str());
        if !found.is_empty() {
            return found;
        }
    }
    let all = result.latencies.iter().filter(|latency| latency.name == name && latency.labels.is_empty());
    all.map(|latency| ("all", latency)).collect()
}

/// The scenario's limits on this latency, each once; the tightest where several are set for one percentile.
fn limits(plan: &Plan, name: LatencyName) -> Vec<LimitMark> {
    let mut by_percentile: BTreeMap<u8, u64> = BTreeMap::new();
    for expectation in &plan.expectations {
        if let Check::Latency(check) = &expectation.check
            && check.of == name
        {
            for (percentile, _, limit) in check.percentiles() {
                let us = limit.as_micros();
                by_percentile.entry(percentile).and_modify(|known| *known = us.min(*known)).or_insert(us);
            }
        }
    }
    by_percentile.into_iter().map(|(percentile, limit_us)| LimitMark { percentile, limit_us }).collect()
}

/// CDF and histogram; `None` where there is no sample at all.
pub(crate) fn figure(plan: &Plan, result: &RunResult, name: LatencyName, title: &'static str) -> Option<LatencyFigure> {
    let groups = groups(result, name);
    if groups.iter().all(|(_, latency)| latency.stats.count == 0) {
        return None;
    }
    let series: Vec<CdfSeries<'_>> = groups
        .iter()
        .take(SERIES_MAX)
        .map(|(group, latency)| CdfSeries {
            name: group,
            measured_us: &latency.samples.measured_us,
            censored: latency.samples.censored.len() as u64,
        })
        .collect();
    let limits = limits(plan, name);
    let domain = Domain::of(&series, &limits);
    let measured = |value: Option<Percentile>| value.filter(|p| !p.is_beyond()).map(Percentile::micros);
    let panels: Vec<HistogramPanel<'_>> = series
        .iter()
        .zip(&groups)
        .map(|(series, (_, latency))| HistogramPanel {
            series: *series,
            p50_us: measured(latency.stats.p50),
            p95_us: measured(latency.stats.p95),
        })
        .collect();

    let described: Vec<String> = groups
        .iter()
        .take(SERIES_MAX)
        .map(|(group, latency)| {
            let stats = &latency.stats;
            let [p50, p95, p99] = [stats.p50, stats.p95, stats.p99].map(text::percentile);
            format!("{group}: p50 {p50}, p95 {p95}, p99 {p99}")
        })
        .collect();
    let described = described.join("; ");
    let cdf = CdfChart {
        label: format!("Cumulative distribution of {name}. {described}"),
        series: &series,
        limits: &limits,
        scale: domain,
    };
    let histogram =
        HistogramChart { label: format!("Histogram of {name}. {described}"), panels: &panels, scale: domain };

    let mut notes = Vec::new();
    let censored: u64 = series.iter().map(|s| s.censored).sum();
    if censored > 0 {
        notes.push(format!(
            "{} censored: followed without an end. They count as slower than every measured one, so a curve does not reach 100%.",
            text::counted(censored, "sample")
        ));
    }
    for mark in cdf.limits_beyond() {
        let name = if mark.percentile >= 100 { "max".to_owned() } else { format!("p{}", mark.percentile) };
        notes.push(format!("The limit {name} \u{2264} {} lies beyond the axis.", text::tick(mark.limit_us)));
    }
    if groups.len() > SERIES_MAX {
        notes.push(format!("{} of {} groups are drawn; the table has all.", SERIES_MAX, groups.len()));
    }
    let legend = series.iter().enumerate().map(|(index, s)| (format!("s{index}"), s.name.to_owned())).collect();
    Some(LatencyFigure {
        title,
        name: name.as_str(),
        definition: name.definition(),
        legend,
        cdf: cdf.render(),
        histogram: histogram.render(),
        notes,
    })
}
