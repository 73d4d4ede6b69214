//! All load that is in force.

use std::collections::{BTreeMap, BTreeSet};

use super::load::{Demand, ExternalMetric, Load};

/// The loads by namespace and workload, and the external metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loads {
    workloads: BTreeMap<(String, String), Load>,
    external: BTreeMap<(String, BTreeMap<String, String>), u64>,
}

impl Loads {
    /// Replaces the load of the workload; an empty load removes it.
    pub(crate) fn set(&mut self, load: Load) {
        let key = (load.namespace.clone(), load.workload.clone());
        if load.is_empty() {
            self.workloads.remove(&key);
        } else {
            self.workloads.insert(key, load);
        }
    }

    /// Replaces the value of an external metric.
    pub(crate) fn set_external(&mut self, metric: ExternalMetric) {
        self.external.insert((metric.name, metric.labels), metric.value_milli);
    }

    /// Whether there is no load on any workload.
    pub(crate) fn has_no_workload(&self) -> bool {
        self.workloads.is_empty()
    }

    /// The loads, by namespace and workload.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = &Load> {
        self.workloads.values()
    }

    /// The values of an external metric with their labels; `None` when there is no metric of that name.
    pub(crate) fn external(&self, name: &str) -> Option<Vec<(&BTreeMap<String, String>, u64)>> {
        let found: Vec<_> =
            self.external.iter().filter(|((n, _), _)| n == name).map(|((_, labels), value)| (labels, *value)).collect();
        (!found.is_empty()).then_some(found)
    }

    /// The names of the external metrics.
    pub(crate) fn external_names(&self) -> BTreeSet<&str> {
        self.external.keys().map(|(name, _)| name.as_str()).collect()
    }

    /// The names of the pods' own metrics.
    pub(crate) fn custom_names(&self) -> BTreeSet<&str> {
        self.workloads().flat_map(|load| load.custom_milli.keys()).map(String::as_str).collect()
    }

    /// Whether a workload of that namespace has the metric.
    pub(crate) fn knows_custom(&self, namespace: &str, metric: &str) -> bool {
        self.workloads().any(|load| load.namespace == namespace && load.custom_milli.contains_key(metric))
    }
}

impl Load {
    /// Every load, by the name under which it is reported.
    pub(crate) fn demands(&self) -> impl Iterator<Item = (&str, Demand)> {
        let cpu = self.cpu_millicores.map(|demand| ("cpu", demand));
        let memory = self.memory_bytes.map(|demand| ("memory", demand));
        cpu.into_iter().chain(memory).chain(self.custom_milli.iter().map(|(name, demand)| (name.as_str(), *demand)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_word_replaces_an_earlier_one() {
        let mut loads = Loads::default();
        let mut load = Load::new("shop", "web");
        load.cpu_millicores = Some(Demand::total(100));
        loads.set(load.clone());
        load.cpu_millicores = None;
        load.memory_bytes = Some(Demand::total(5));
        loads.set(load.clone());
        assert_eq!(loads.workloads().collect::<Vec<_>>(), [&load]);
        loads.set(Load::new("shop", "web"));
        assert!(loads.has_no_workload());
    }

    #[test]
    fn labels_tell_external_values_apart() {
        let mut loads = Loads::default();
        let metric = |queue: &str, value_milli| ExternalMetric {
            name: "depth".into(),
            labels: [("queue".to_owned(), queue.to_owned())].into(),
            value_milli,
        };
        for (queue, value) in [("a", 1), ("b", 2), ("a", 3)] {
            loads.set_external(metric(queue, value));
        }
        let values: Vec<u64> = loads.external("depth").unwrap().into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, [3, 2]);
        assert!(loads.external("other").is_none());
    }
}
