//! One run of the burst and what it cost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use harness_record::Summary;
use harness_record::latency::Percentile;

use crate::failure::Failure;
use crate::process::Ran;
use crate::rates::Rates;

/// The process that the user starts; the others are in the run's own summary.
pub(crate) const HARNESS: &str = "harness";
/// The process with the simulated Azure and the Git server in it.
pub(crate) const SUPERVISOR: &str = "supervisor";

/// CPU time and memory of one process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// User and system time, seconds.
    pub(crate) cpu_s: f64,
    /// Peak resident memory, megabytes.
    pub(crate) rss_mb: f64,
}

/// One run of the burst.
#[derive(Clone, Debug)]
pub(crate) struct Burst {
    pub(crate) pods: u32,
    pub(crate) nodes: f64,
    /// From the intended start of the first pod's creation until the last pod is Ready.
    pub(crate) all_ready_s: f64,
    /// Pods and nodes per second.
    pub(crate) rates: Rates,
    /// From the start of `harness run` to its exit.
    pub(crate) wall_s: f64,
    pub(crate) watch_lag_p99_ms: f64,
    pub(crate) send_lag_p99_ms: f64,
    /// By process.
    pub(crate) costs: BTreeMap<String, Cost>,
}

impl Burst {
    /// Reads a run's folder. The harness's own row is the one measured from outside: it covers the whole process, including the
    /// start of the cluster and the writing of the reports.
    pub(crate) fn read(pods: u32, folder: &Path, ran: &Ran) -> Result<Self, Failure> {
        let (path, summary) = summary(folder)?;
        let missing = |figure| Failure::Missing { path: path.clone(), figure };
        let largest_s = |name: &str| measured_ms(largest(&summary, name)).map(|ms| ms / 1e3);
        let mut costs: BTreeMap<String, Cost> = summary
            .usage
            .iter()
            .map(|used| {
                let cost = Cost { cpu_s: used.cpu_ms as f64 / 1e3, rss_mb: used.rss_max_bytes as f64 / 1e6 };
                (used.name.clone(), cost)
            })
            .collect();
        if !costs.contains_key(SUPERVISOR) {
            return Err(missing("usage of the supervisor"));
        }
        let own = Cost { cpu_s: ran.cpu.as_secs_f64(), rss_mb: ran.rss_max_bytes as f64 / 1e6 };
        costs.insert(HARNESS.to_owned(), own);
        Ok(Self {
            pods,
            nodes: summary.counts.nodes_ready as f64,
            all_ready_s: largest_s("pod_ready").ok_or_else(|| missing("maximum of pod_ready"))?,
            rates: Rates::read(folder)?,
            wall_s: ran.wall.as_secs_f64(),
            watch_lag_p99_ms: summary.self_audit.watch_lag_ms_p99.ok_or_else(|| missing("watch lag"))?,
            send_lag_p99_ms: summary.self_audit.send_lag_ms_p99.ok_or_else(|| missing("send lag"))?,
            costs,
        })
    }

    /// CPU time of every process, seconds.
    pub(crate) fn cpu_s(&self) -> f64 {
        self.costs.values().map(|cost| cost.cpu_s).sum()
    }

    /// CPU time of the harness and the supervisor, percent of the total.
    pub(crate) fn own_share_percent(&self) -> f64 {
        self.own().map(|cost| cost.cpu_s).sum::<f64>() / self.cpu_s() * 100.0
    }

    /// The sum of the peaks of the harness and the supervisor, megabytes. They need not have been at the same moment.
    pub(crate) fn own_rss_mb(&self) -> f64 {
        self.own().map(|cost| cost.rss_mb).sum()
    }

    fn own(&self) -> impl Iterator<Item = &Cost> {
        [HARNESS, SUPERVISOR].into_iter().filter_map(|name| self.costs.get(name))
    }
}

/// The summary of a run's folder, with its path for messages.
pub(crate) fn summary(folder: &Path) -> Result<(PathBuf, Summary), Failure> {
    let path = folder.join("summary.json");
    let json = std::fs::read(&path).map_err(|source| Failure::file("read", &path, source))?;
    match Summary::from_json(&json) {
        Ok(summary) => Ok((path, summary)),
        Err(source) => Err(Failure::Summary { path, source }),
    }
}

/// The largest sample of a latency over all groups.
pub(crate) fn largest(summary: &Summary, name: &str) -> Option<Percentile> {
    summary.latencies.iter().find(|latency| latency.name == name && latency.labels.is_empty())?.stats.max
}

/// Returns a measured value. A censored sample is not a figure.
pub(crate) fn measured_ms(figure: Option<Percentile>) -> Option<f64> {
    match figure? {
        Percentile::Measured(us) => Some(us as f64 / 1e3),
        Percentile::Beyond(_) => None,
    }
}
