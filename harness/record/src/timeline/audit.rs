//! The self-audit of the harness, and the processes' use of the machine.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::event::{Audit, ProcessUsage};
use crate::samples::histogram;

/// CPU and memory of one process over the run, over restarts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Used {
    /// CPU time before its last restart, milliseconds.
    before_ms: u64,
    last_ms: u64,
    pub(crate) rss_max_bytes: u64,
}

impl Used {
    pub(crate) fn cpu_ms(&self) -> u64 {
        self.before_ms + self.last_ms
    }
}

/// Watches whose restarts are named.
const RESTARTS_NAMED: usize = 20;

/// The self-audit.
#[derive(Clone, Debug)]
pub(crate) struct Audits {
    pub(crate) watch_lag: Histogram<u64>,
    pub(crate) restarts: u64,
    /// By watch: how often, and the last error.
    pub(crate) restarts_by_watch: BTreeMap<String, (u64, String)>,
    pub(crate) lost_by_queue: BTreeMap<String, u64>,
    pub(crate) requests: Option<u64>,
    pub(crate) usage: BTreeMap<String, Used>,
}

impl Default for Audits {
    fn default() -> Self {
        Self {
            watch_lag: histogram(),
            restarts: 0,
            restarts_by_watch: BTreeMap::new(),
            lost_by_queue: BTreeMap::new(),
            requests: None,
            usage: BTreeMap::new(),
        }
    }
}

impl Audits {
    pub(crate) fn apply(&mut self, audit: &Audit) {
        match audit {
            Audit::WatchLag { lag_us } => lag_us.iter().for_each(|lag| self.watch_lag.saturating_record((*lag).max(1))),
            Audit::WatchRestarted { watch, error } => {
                self.restarts += 1;
                if let Some(known) = self.restarts_by_watch.get_mut(watch) {
                    *known = (known.0 + 1, error.clone());
                } else if self.restarts_by_watch.len() < RESTARTS_NAMED {
                    self.restarts_by_watch.insert(watch.clone(), (1, error.clone()));
                }
            }
            Audit::QueueOverflow { queue, lost } => *self.lost_by_queue.entry(queue.clone()).or_default() += lost,
            Audit::Requests { sent } => self.requests = Some(self.requests.unwrap_or(0).max(*sent)),
        }
    }

    pub(crate) fn usage(&mut self, processes: &[ProcessUsage]) {
        for process in processes {
            let used = self.usage.entry(process.name.clone()).or_default();
            // Cumulative since the process started: a smaller figure is that of a new process of the same name.
            if process.cpu_ms < used.last_ms {
                used.before_ms += used.last_ms;
            }
            used.last_ms = process.cpu_ms;
            used.rss_max_bytes = used.rss_max_bytes.max(process.rss_max_bytes).max(process.rss_bytes);
        }
    }

    pub(crate) fn observations_lost(&self) -> u64 {
        self.lost_by_queue.values().sum()
    }
}
