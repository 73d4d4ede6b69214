//! Latencies: samples with labels, censoring, percentiles and histograms.
//!
//! A sample is one object's way from one milestone to another. A sample without an end is not dropped: it is *censored*, and
//! counts in every percentile as larger than all that were measured ([`Samples::percentile`]).
//!
//! `reports/README.md` defines each latency: its start, its end, and what it has a sample for.

mod alerts;
mod autoscaled;
mod drift;
mod fill;
mod gitops;
mod gitops_recovered;
mod groups;
mod nodes;
mod pods;
mod recovered;
mod replaced;
mod source;

pub use crate::samples::{Cause, Censored, LatencyStats, Percentile, Samples};

pub(crate) use crate::samples::Sample;
pub(crate) use groups::{Groups, UNKNOWN};
pub(crate) use nodes::{gone, pods_by_claim};
pub(crate) use replaced::replacements;
pub(crate) use source::{Source, between, until};

use groups::Grouping;

/// All samples that the log supports.
pub(crate) fn collect(source: &Source<'_>) -> Groups {
    collect_into(Grouping::default(), source)
}

/// Those that start in one of these spans, in microseconds since the run began, ends included.
pub(crate) fn collect_within(spans: &[(u64, u64)], source: &Source<'_>) -> Groups {
    collect_into(Grouping::within(spans), source)
}

fn collect_into(mut grouping: Grouping<'_>, source: &Source<'_>) -> Groups {
    pods::collect(source, &mut grouping);
    nodes::collect(source, &mut grouping);
    replaced::collect(source, &mut grouping);
    fill::collect(source, &mut grouping);
    nodes::collect_idle(source, &mut grouping);
    recovered::collect(source, &mut grouping);
    autoscaled::collect(source, &mut grouping);
    gitops::collect(source, &mut grouping);
    drift::collect(source, &mut grouping);
    alerts::collect(source, &mut grouping);
    gitops_recovered::collect(source, &mut grouping);
    grouping.finish(|name| source.names.text(name))
}
