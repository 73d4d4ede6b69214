//! Samples by latency and group.

use std::collections::BTreeMap;

use harness_plan::{GroupBy, LatencyName};

use crate::samples::{Censored, Samples};
use crate::timeline::{Name, ROOT};

/// The value of a label that stayed unknown.
pub const UNKNOWN: &str = "unknown";

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
    pub(crate) nodepool: Name,
    pub(crate) instance_type: Name,
    pub(crate) capacity_type: Name,
    pub(crate) zone: Name,
    pub(crate) workload: Name,
    pub(crate) object: Name,
    pub(crate) kustomization: Name,
}

impl Labels {
    fn get(&self, by: GroupBy) -> Name {
        match by {
            GroupBy::Nodepool => self.nodepool,
            GroupBy::InstanceType => self.instance_type,
            GroupBy::CapacityType => self.capacity_type,
            GroupBy::Zone => self.zone,
            GroupBy::Workload => self.workload,
            GroupBy::Object => self.object,
            GroupBy::Kustomization => self.kustomization,
        }
    }
}

/// One sample.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sample {
    Measured(u64),
    Censored(Censored),
}

type Key = (LatencyName, Option<(u8, Name)>);

/// One group of one latency: its label and the label's value, or no label for the whole.
type Row = (LatencyName, Option<(GroupBy, String)>, Samples);

/// Collects samples into their groups.
#[derive(Debug, Default)]
pub(crate) struct Grouping {
    groups: BTreeMap<Key, (Vec<u64>, Vec<Censored>)>,
}

impl Grouping {
    pub(crate) fn add(&mut self, name: LatencyName, labels: Option<&Labels>, sample: Sample) {
        self.push((name, None), sample);
        if let Some(labels) = labels {
            self.add_part(name, labels, sample);
        }
    }

    /// Adds a sample to the groups of its labels, and not to the whole.
    pub(crate) fn add_part(&mut self, name: LatencyName, labels: &Labels, sample: Sample) {
        for (index, by) in DIMENSIONS.into_iter().enumerate() {
            self.push((name, Some((index as u8, labels.get(by)))), sample);
        }
    }

    fn push(&mut self, key: Key, sample: Sample) {
        let (measured, censored) = self.groups.entry(key).or_default();
        match sample {
            Sample::Measured(us) => measured.push(us),
            Sample::Censored(it) => censored.push(it),
        }
    }

    /// Names the groups by `text`.
    pub(crate) fn finish<'t>(self, text: impl Fn(Name) -> &'t str) -> Groups {
        let mut groups = Groups::default();
        for ((name, group), (measured, censored)) in self.groups {
            let samples = Samples::new(measured, censored);
            let by = group.and_then(|(index, value)| Some((DIMENSIONS.get(usize::from(index))?, value)));
            match by {
                None => groups.all.push((name, samples)),
                Some((by, value)) => {
                    let value = if value.is_none() { UNKNOWN } else { text(value) };
                    groups.by_label.entry((name, *by)).or_default().insert(value.to_owned(), samples);
                }
            }
        }
        groups
    }
}

/// The samples of every latency, whole and split.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    all: Vec<(LatencyName, Samples)>,
    by_label: BTreeMap<(LatencyName, GroupBy), BTreeMap<String, Samples>>,
}

impl Groups {
    /// All samples of a latency; `None` where there is none.
    pub fn all(&self, name: LatencyName) -> Option<&Samples> {
        self.all.iter().find(|(known, _)| *known == name).map(|(_, samples)| samples)
    }

    /// The samples of a latency by the value of a label; [`UNKNOWN`] where the label is not known. Empty where there is none.
    pub fn by(&self, name: LatencyName, by: GroupBy) -> impl Iterator<Item = (&str, &Samples)> {
        self.by_label
            .get(&(name, by))
            .into_iter()
            .flat_map(|groups| groups.iter().map(|(value, samples)| (value.as_str(), samples)))
    }

    /// Every group in the order of the reports: the latency, the whole, then each label's values. A label of which no value
    /// is known is left out.
    pub(crate) fn into_rows(mut self) -> Vec<Row> {
        let mut rows = Vec::new();
        self.all.sort_by_key(|(name, _)| *name);
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
