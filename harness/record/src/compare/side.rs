//! One of the two runs of a comparison.

use std::collections::BTreeMap;

use crate::latency::{Cause, Censored, Samples};
use crate::result::RunResult;
use crate::summary::{HlogRow, Summary};

/// One latency in one group.
#[derive(Clone, Debug, PartialEq)]
pub struct SideLatency {
    /// The latency's name.
    pub name: String,
    /// The group: empty for all.
    pub labels: BTreeMap<String, String>,
    /// Its samples.
    pub samples: Samples,
}

/// One of the two runs: from its log ([`Side::from`] a [`RunResult`]), or from its `summary.json` and `latencies.hlog`
/// ([`Side::from_summary`]), which is all that a baseline needs to keep.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// The run's id.
    pub run: String,
    /// The scenario's name.
    pub scenario: String,
    /// The profile.
    pub profile: String,
    /// The target.
    pub target: String,
    /// The parameters' values.
    pub parameters: BTreeMap<String, String>,
    /// SHA-256 of the node configuration.
    pub node_config_sha256: String,
    /// Latencies in the order of the reports.
    pub latencies: Vec<SideLatency>,
}

impl From<&RunResult> for Side {
    fn from(result: &RunResult) -> Self {
        let latencies = result.latencies.iter().map(|latency| SideLatency {
            name: latency.name.as_str().to_owned(),
            labels: latency.labels.clone(),
            samples: latency.samples.clone(),
        });
        Self {
            run: result.run.id.clone(),
            scenario: result.run.scenario.clone(),
            profile: result.run.profile.clone(),
            target: result.run.target.clone(),
            parameters: result.run.parameters.clone(),
            node_config_sha256: result.run.node_config_sha256.clone(),
            latencies: latencies.collect(),
        }
    }
}

impl Side {
    /// From a baseline's files. Values have the 3 digits of their histograms; censored samples come from the summary's counts.
    pub fn from_summary(summary: &Summary, histograms: &[HlogRow]) -> Self {
        let latencies = summary.latencies.iter().map(|latency| {
            let row = histograms.iter().find(|row| row.name == latency.name && row.labels == latency.labels);
            let mut measured = Vec::new();
            for value in row.iter().flat_map(|row| row.histogram.iter_recorded()) {
                let count = value.count_since_last_iteration() as usize;
                measured.extend(std::iter::repeat_n(value.value_iterated_to(), count));
            }
            let bound_us = latency.max.map_or(0, |max| max.micros());
            let censored = Censored { at_least_us: bound_us, cause: Cause::Open };
            SideLatency {
                name: latency.name.clone(),
                labels: latency.labels.clone(),
                samples: Samples::new(measured, vec![censored; latency.censored as usize]),
            }
        });
        Self {
            run: summary.run.id.clone(),
            scenario: summary.run.scenario.clone(),
            profile: summary.run.profile.clone(),
            target: summary.run.target.clone(),
            parameters: summary.run.parameters.clone(),
            node_config_sha256: summary.run.node_config_sha256.clone(),
            latencies: latencies.collect(),
        }
    }
}
