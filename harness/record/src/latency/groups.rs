//! Samples by latency and group.

use std::collections::BTreeMap;

use harness_plan::{GroupBy, LatencyName};

use crate::samples::{Sample, Samples};
use crate::timeline::{Name, Placed, ROOT};

/// The value of a label that stayed unknown.
pub(crate) const UNKNOWN: &str = "unknown";

/// What samples are split by, in the order of the reports.
const DIMENSIONS: [GroupBy; 7] = [
    GroupBy::Nodepool,
    GroupBy::InstanceType,
    GroupBy::CapacityType,
    GroupBy::Zone,
    GroupBy::Workload,
    GroupBy::Object,
    GroupBy::Kustomization,
];

/// A sample's labels, by number; 0 is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Labels {
    pub(crate) placed: Placed,
    pub(crate) workload: Name,
    pub(crate) object: Name,
    pub(crate) kustomization: Name,
}

impl Labels {
    fn get(&self, by: GroupBy) -> Name {
        match by {
            GroupBy::Nodepool => self.placed.nodepool,
            GroupBy::InstanceType => self.placed.instance_type,
            GroupBy::CapacityType => self.placed.capacity_type,
            GroupBy::Zone => self.placed.zone,
            GroupBy::Workload => self.workload,
            GroupBy::Object => self.object,
            GroupBy::Kustomization => self.kustomization,
        }
    }
}

type Key = (LatencyName, Option<(GroupBy, Name)>);

/// One group of one latency: its label and the label's value, or no label for the whole.
type Row = (LatencyName, Option<(GroupBy, String)>, Samples);

/// Collects samples into their groups.
#[derive(Debug, Default)]
pub(crate) struct Grouping<'s> {
    /// Only those that start in one of these spans, ends included; all of them where there is none.
    spans: Option<&'s [(u64, u64)]>,
    groups: BTreeMap<Key, Vec<Sample>>,
}

impl<'s> Grouping<'s> {
    /// Collects only the samples that start in one of these spans, in microseconds since the run began, ends included.
    pub(crate) fn within(spans: &'s [(u64, u64)]) -> Self {
        Self { spans: Some(spans), groups: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, name: LatencyName, labels: Option<&Labels>, sample: Sample) {
        self.push((name, None), sample);
        if let Some(labels) = labels {
            self.add_part(name, labels, sample);
        }
    }

    /// Adds a sample to the groups of its labels, and not to the whole.
    pub(crate) fn add_part(&mut self, name: LatencyName, labels: &Labels, sample: Sample) {
        for by in DIMENSIONS {
            self.push((name, Some((by, labels.get(by)))), sample);
        }
    }

    fn push(&mut self, key: Key, sample: Sample) {
        let is_in = |(from_us, to_us): &(u64, u64)| (*from_us..=*to_us).contains(&sample.from_us);
        if self.spans.is_some_and(|spans| !spans.iter().any(is_in)) {
            return;
        }
        self.groups.entry(key).or_default().push(sample);
    }

    /// Names the groups by `text`.
    pub(crate) fn finish<'t>(self, text: impl Fn(Name) -> &'t str) -> Groups {
        let mut groups = Groups::default();
        for ((name, group), samples) in self.groups {
            let samples = samples.into_iter().collect();
            if let Some((by, value)) = group {
                let value = if value.is_none() { UNKNOWN } else { text(value) };
                groups.by_label.entry((name, by)).or_default().insert(value.to_owned(), samples);
            } else {
                groups.all.insert(name, samples);
            }
        }
        groups
    }
}

/// The samples of every latency, whole and split.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Groups {
    all: BTreeMap<LatencyName, Samples>,
    by_label: BTreeMap<(LatencyName, GroupBy), BTreeMap<String, Samples>>,
}

impl Groups {
    /// All samples of a latency; `None` where there is none.
    pub(crate) fn all(&self, name: LatencyName) -> Option<&Samples> {
        self.all.get(&name)
    }

    /// The samples of a latency by the value of a label; [`UNKNOWN`] where the label is not known. Empty where there is none.
    pub(crate) fn by(&self, name: LatencyName, by: GroupBy) -> impl Iterator<Item = (&str, &Samples)> {
        self.by_label.get(&(name, by)).into_iter().flatten().map(|(value, samples)| (value.as_str(), samples))
    }

    /// Every group in the order of the reports: the latency, the whole, then each label's values. A label of which no value
    /// is known is left out.
    pub(crate) fn into_rows(mut self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (name, samples) in self.all {
            rows.push((name, None, samples));
            for by in DIMENSIONS {
                let groups = self.by_label.remove(&(name, by)).unwrap_or_default();
                if groups.keys().all(|value| value == UNKNOWN) {
                    continue;
                }
                // Where there is the root alone, the whole says the same.
                if by == GroupBy::Kustomization && groups.keys().all(|name| name == ROOT) {
                    continue;
                }
                rows.extend(groups.into_iter().map(|(value, samples)| (name, Some((by, value)), samples)));
            }
        }
        rows
    }
}
