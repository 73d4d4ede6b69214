//! The self-audit of the harness, and the processes' use of the machine.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize, Serializer};

use crate::samples::histogram;

/// A few percentiles of many values, microseconds. From an HDR histogram of 3 digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// How many.
    pub count: u64,
    /// The 50th percentile; 0 when there is none.
    pub p50_us: u64,
    /// The 99th percentile; 0 when there is none.
    pub p99_us: u64,
    /// The largest; 0 when there is none.
    pub max_us: u64,
}

/// The self-audit of the harness.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SelfAudit {
    /// The most resident memory of the harness, bytes.
    pub rss_max_bytes: Option<u64>,
    /// CPU time of the harness, milliseconds.
    pub cpu_ms: Option<u64>,
    /// CPU time of the harness and the simulated Azure, as a share of that of all processes of the run, 0 to 1.
    pub cpu_share: Option<f64>,
    /// From an event read off the socket to its stamp.
    pub watch_lag: Distribution,
    /// From the intended moment of an action to its sending.
    pub send_lag: Distribution,
    /// Requests that the harness sent to the API server, watches excepted.
    pub requests_sent: Option<u64>,
    /// Watches that were interrupted and listed again.
    pub watch_restarts: u64,
    /// Observations that were lost because a queue was full.
    pub observations_lost: u64,
}

/// CPU and memory of one process over the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentUsage {
    /// `harness`, `kube-apiserver`, ...
    pub name: String,
    /// User and system time, milliseconds.
    pub cpu_ms: u64,
    /// Of the CPU time of all processes, 0 to 1.
    #[serde(serialize_with = "rounded_share")]
    pub cpu_share: f64,
    /// The most resident memory, bytes.
    #[serde(rename = "maxRssBytes")]
    pub rss_max_bytes: u64,
}

/// Shares to a tenth of a thousandth: more digits only make two runs look different.
pub(crate) fn rounded(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}

fn rounded_share<S: Serializer>(share: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    rounded(*share).serialize(serializer)
}

pub(super) fn distribution(histogram: &Histogram<u64>) -> Distribution {
    if histogram.is_empty() {
        return Distribution::default();
    }
    Distribution {
        count: histogram.len(),
        p50_us: histogram.value_at_quantile(0.50),
        p99_us: histogram.value_at_quantile(0.99),
        max_us: histogram.max(),
    }
}

pub(super) fn distribution_of(values_us: impl Iterator<Item = u64>) -> Distribution {
    let mut histogram = histogram();
    values_us.for_each(|us| histogram.saturating_record(us));
    distribution(&histogram)
}
