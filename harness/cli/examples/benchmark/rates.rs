//! Rates per second, from the log of a run.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use harness_record::event::{ObjectKind, Reached};
use harness_record::log::read_log;
use harness_record::{Event, EventKind};

use crate::failure::Failure;

/// A rate per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rate {
    /// The mean, from the first start to the last end.
    pub(crate) mean: f64,
    /// The maximum over any one second.
    pub(crate) most: f64,
}

/// The rates of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rates {
    /// Pods bound: from the first pod seen to the last one bound.
    pub(crate) pods_scheduled: Rate,
    /// Nodes Ready: from the first NodeClaim seen to the last Node seen Ready.
    pub(crate) nodes_provisioned: Rate,
}

impl Rates {
    /// From a run's folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("events.jsonl");
        let file = File::open(&path).map_err(|source| Failure::file("read", &path, source))?;
        let broken = |source| Failure::Log { path: path.clone(), source };
        let mut moments = Moments::default();
        for event in read_log(BufReader::new(file)).map_err(broken)? {
            moments.take(&event.map_err(broken)?);
        }
        let missing = |figure| Failure::Missing { path: path.clone(), figure };
        let between = |started: (ObjectKind, Reached), ended: (ObjectKind, Reached)| {
            rate(&moments.of(started.0, started.1), &moments.of(ended.0, ended.1))
        };
        let pods_scheduled = between((ObjectKind::Pod, Reached::Created), (ObjectKind::Pod, Reached::Scheduled));
        let nodes_provisioned = between((ObjectKind::NodeClaim, Reached::Created), (ObjectKind::Node, Reached::Ready));
        Ok(Self {
            pods_scheduled: pods_scheduled.ok_or_else(|| missing("two scheduled pods"))?,
            nodes_provisioned: nodes_provisioned.ok_or_else(|| missing("two Ready nodes"))?,
        })
    }
}

/// When each object reached a milestone first, microseconds since the start of the run.
#[derive(Default)]
struct Moments(HashMap<(ObjectKind, Reached), HashMap<String, u64>>);

impl Moments {
    fn take(&mut self, event: &Event) {
        if let EventKind::Milestone(milestone) = &event.kind {
            let all = self.0.entry((milestone.object.kind, milestone.reached)).or_default();
            all.entry(milestone.object.uid.clone()).or_insert(event.at_us);
        }
    }

    fn of(&self, kind: ObjectKind, reached: Reached) -> Vec<u64> {
        let mut all: Vec<u64> = self.0.get(&(kind, reached)).into_iter().flat_map(HashMap::values).copied().collect();
        all.sort_unstable();
        all
    }
}

/// `None` for fewer than two ends: no time passed.
fn rate(begun_us: &[u64], ended_us: &[u64]) -> Option<Rate> {
    const SECOND_US: u64 = 1_000_000;
    let (first_us, last_us) = (*begun_us.first()?, *ended_us.last()?);
    let span_us = last_us.checked_sub(first_us).filter(|us| *us > 0 && ended_us.len() > 1)?;
    let within = |from: usize| ended_us.partition_point(|us| *us < ended_us[from] + SECOND_US) - from;
    let most = (0..ended_us.len()).map(within).max()?;
    Some(Rate { mean: ended_us.len() as f64 * SECOND_US as f64 / span_us as f64, most: most as f64 })
}
