//! Figures that others have published, beside ours.

use std::collections::BTreeMap;

use harness_plan::LatencyName;

use crate::samples::Percentile;

/// A figure that others have published, beside ours.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedFigure {
    /// Which latency.
    pub name: LatencyName,
    /// Of which of our samples: empty for all, otherwise one label such as `nodepool` = `general-purpose`.
    pub labels: BTreeMap<String, String>,
    /// Which percentile; 100 is the maximum.
    pub percent: u8,
    /// The published value, microseconds.
    pub published_us: u64,
    /// The same percentile of our samples; `None` where there is none.
    pub ours: Option<Percentile>,
    /// Our samples.
    pub count: u64,
    /// Who published it, and where.
    pub source: String,
    /// How their method differs from ours.
    pub differs: String,
}
