//! One run, as far as a comparison needs it.

use std::collections::BTreeMap;

use crate::latency::{Cause, Censored, LatencyStats, Percentile, Samples};
use crate::result::{RunInfo, RunResult};
use crate::summary::{HlogRow, Summary};

/// More samples than any run has: what claims them is damaged.
const SAMPLES_MAX: u64 = 100_000_000;

/// `summary.json` and `latencies.hlog` do not belong together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "latencies.hlog does not belong to summary.json: {latency} has {summary} measured samples in the summary and {histogram} in the histogram"
)]
pub struct NotOneRun {
    /// The latency.
    pub latency: String,
    /// Its measured samples by the summary.
    pub summary: u64,
    /// And by the histogram.
    pub histogram: u64,
}

/// One latency in one group.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredLatency {
    /// The latency's name.
    pub name: String,
    /// The group: empty for all.
    pub labels: BTreeMap<String, String>,
    /// Its samples.
    pub samples: Samples,
}

/// One run: from its log ([`MeasuredRun::from`] a [`RunResult`]), or from its `summary.json` and `latencies.hlog`
/// ([`MeasuredRun::from_summary`]), which is all that a baseline needs to keep.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredRun {
    /// What was run, where and when.
    pub info: RunInfo,
    /// Latencies in the order of the reports.
    pub latencies: Vec<MeasuredLatency>,
}

impl From<&RunResult> for MeasuredRun {
    fn from(result: &RunResult) -> Self {
        let latencies = result.latencies.iter().map(|latency| MeasuredLatency {
            name: latency.name.as_str().to_owned(),
            labels: latency.labels.clone(),
            samples: latency.samples.clone(),
        });
        Self { info: result.run.clone(), latencies: latencies.collect() }
    }
}

impl MeasuredRun {
    /// From a baseline's files. Values have the 3 digits of their histograms; censored samples come from the summary's counts.
    ///
    /// # Errors
    /// The two files are not of one run: a latency has another number of samples in the one than in the other.
    pub fn from_summary(summary: &Summary, histograms: &[HlogRow]) -> Result<Self, NotOneRun> {
        let mut latencies = Vec::new();
        for latency in &summary.latencies {
            let row = histograms.iter().find(|row| row.name == latency.name && row.labels == latency.labels);
            // Counted before anything is made from it: a damaged file may claim any number.
            let counted = row.map_or(0, |row| row.histogram.len());
            let LatencyStats { count, censored, max, .. } = latency.stats;
            if count.checked_sub(censored) != Some(counted) {
                // A tag of a histogram holds no commas or spaces, so the group of a label with one cannot be found. Groups are only shown.
                if !latency.labels.is_empty() {
                    continue;
                }
                let summary = count.saturating_sub(censored);
                return Err(NotOneRun { latency: latency.name.clone(), summary, histogram: counted });
            }
            if count > SAMPLES_MAX {
                return Err(NotOneRun { latency: latency.name.clone(), summary: count, histogram: counted });
            }
            let mut measured = Vec::new();
            for value in row.iter().flat_map(|row| row.histogram.iter_recorded()) {
                let count = value.count_since_last_iteration() as usize;
                measured.extend(std::iter::repeat_n(value.value_iterated_to(), count));
            }
            let followed = Censored { at_least_us: max.map_or(0, Percentile::micros), cause: Cause::Open };
            latencies.push(MeasuredLatency {
                name: latency.name.clone(),
                labels: latency.labels.clone(),
                samples: Samples::new(measured, vec![followed; censored as usize]),
            });
        }
        Ok(Self { info: summary.run.clone(), latencies })
    }

    /// The samples of a latency in a group; `None` where there are none.
    pub(super) fn samples(&self, name: &str, labels: &BTreeMap<String, String>) -> Option<&Samples> {
        let found = self.latencies.iter().find(|latency| latency.name == name && latency.labels == *labels)?;
        (found.samples.count() > 0).then_some(&found.samples)
    }
}
