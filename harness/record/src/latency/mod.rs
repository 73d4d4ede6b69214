//! Latencies: samples with labels, censoring, percentiles and histograms.

mod samples;

pub use samples::{Cause, Censored, LatencyStats, Percentile, Samples};
