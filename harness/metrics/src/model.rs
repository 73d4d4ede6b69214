//! The usage of each pod, from loads and pods.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::load::Load;
use super::loads::Loads;
use super::pod::{PodFacts, Resource};
use super::spread::{Shares, spread};

/// One workload with load, as the metrics show it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadReport {
    /// The namespace of its pods.
    pub namespace: String,
    /// Its name.
    pub workload: String,
    /// Its pods that are Ready and share the load.
    pub ready_pods: usize,
    /// By metric: `cpu` in thousandths of a core, `memory` in bytes, others in thousandths of their unit.
    pub metrics: BTreeMap<String, DemandReport>,
}

/// One demand, as it was divided among the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DemandReport {
    /// The sum over the pods of what the API answers.
    pub used: u64,
    /// What was demanded beyond it, because the pods are saturated or there are none.
    pub overload: u64,
}

/// The usage of one pod; metrics without a load are absent.
#[derive(Debug)]
pub(crate) struct PodUsage {
    pub(crate) pod: PodFacts,
    pub(crate) cpu_millicores: Option<u64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) custom_milli: BTreeMap<String, u64>,
    /// How long the sample was collected, in seconds.
    pub(crate) window_s: u32,
}

/// All usage at one moment.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// By namespace and name.
    pub(crate) pods: Vec<PodUsage>,
    pub(crate) workloads: Vec<WorkloadReport>,
}

/// The sum of the pods of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeUsage {
    pub(crate) cpu_millicores: u64,
    pub(crate) memory_bytes: u64,
    /// The longest of its pods' windows; 0 without pods.
    pub(crate) window_s: u32,
}

/// Shares the loads among the pods. Pods without load do not appear.
pub(crate) fn usage(loads: &Loads, pods: Vec<PodFacts>) -> Usage {
    let mut by_workload: BTreeMap<(String, String), Vec<PodFacts>> = BTreeMap::new();
    for pod in pods {
        if let Some(workload) = pod.workload() {
            by_workload.entry((pod.namespace.clone(), workload.to_owned())).or_default().push(pod);
        }
    }
    let mut usage = Usage::default();
    for load in loads.workloads() {
        let mut pods = by_workload.remove(&(load.namespace.clone(), load.workload.clone())).unwrap_or_default();
        // Who gets the indivisible rest must not change from one question to the next.
        pods.sort_by(|a, b| a.name.cmp(&b.name));
        let (pods, report) = share(load, pods);
        usage.pods.extend(pods);
        usage.workloads.push(report);
    }
    usage.pods.sort_by(|a, b| (&a.pod.namespace, &a.pod.name).cmp(&(&b.pod.namespace, &b.pod.name)));
    usage
}

/// One workload.
fn share(load: &Load, pods: Vec<PodFacts>) -> (Vec<PodUsage>, WorkloadReport) {
    let shares: BTreeMap<&str, Shares> = load
        .demands()
        .map(|(name, demand)| {
            let resource = match name {
                "cpu" => Some(Resource::Cpu),
                "memory" => Some(Resource::Memory),
                _ => None,
            };
            (name, spread(demand, &pods, |pod, cap| pod.cap(resource?, cap)))
        })
        .collect();
    let report = WorkloadReport {
        namespace: load.namespace.clone(),
        workload: load.workload.clone(),
        ready_pods: pods.len(),
        metrics: shares
            .iter()
            .map(|(name, shares)| {
                let used = shares.used.iter().fold(0_u64, |sum, used| sum.saturating_add(*used));
                ((*name).to_owned(), DemandReport { used, overload: shares.overload })
            })
            .collect(),
    };
    let value = |name: &str, index: usize| shares.get(name).and_then(|shares| shares.used.get(index)).copied();
    let pods = pods
        .into_iter()
        .enumerate()
        .map(|(index, pod)| PodUsage {
            cpu_millicores: value("cpu", index),
            memory_bytes: value("memory", index),
            custom_milli: load
                .custom_milli
                .keys()
                .filter_map(|name| Some((name.clone(), value(name, index)?)))
                .collect(),
            window_s: load.window_s,
            pod,
        })
        .collect();
    (pods, report)
}

/// The sums by node; a node without loaded pods is not in it.
pub(crate) fn by_node(pods: &[PodUsage]) -> BTreeMap<&str, NodeUsage> {
    let mut nodes: BTreeMap<&str, NodeUsage> = BTreeMap::new();
    for usage in pods {
        if let Some(name) = usage.pod.node.as_deref() {
            let node = nodes.entry(name).or_default();
            node.cpu_millicores = node.cpu_millicores.saturating_add(usage.cpu_millicores.unwrap_or(0));
            node.memory_bytes = node.memory_bytes.saturating_add(usage.memory_bytes.unwrap_or(0));
            node.window_s = node.window_s.max(usage.window_s);
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Cap, Demand};
    use crate::tests::{NODE, ready_pod};

    fn facts(namespace: &str, workload: &str, names: &[&str]) -> Vec<PodFacts> {
        names.iter().filter_map(|name| PodFacts::of(&ready_pod(namespace, workload, name))).collect()
    }

    #[test]
    fn a_load_reaches_the_pods_of_its_workload_and_no_others() {
        let mut loads = Loads::default();
        let mut load = Load::new("shop", "web");
        load.cpu_millicores = Some(Demand::total(1001));
        load.custom_milli.insert("rps".into(), Demand::each_pod(5000));
        loads.set(load);
        let pods = [facts("shop", "web", &["b", "a"]), facts("shop", "db", &["c"]), facts("other", "web", &["d"])];
        let usage = usage(&loads, pods.concat());

        let seen: Vec<_> = usage.pods.iter().map(|u| (u.pod.name.as_str(), u.cpu_millicores, u.memory_bytes)).collect();
        assert_eq!(seen, [("a", Some(501), None), ("b", Some(500), None)]);
        assert_eq!(usage.pods[0].custom_milli, [("rps".to_owned(), 5000)].into());
        let report = &usage.workloads[0];
        assert_eq!((report.ready_pods, report.metrics["cpu"].used), (2, 1001));
        assert_eq!(report.metrics["rps"], DemandReport { used: 10_000, overload: 0 });
    }

    #[test]
    fn what_a_saturated_workload_cannot_take_is_overload() {
        let mut loads = Loads::default();
        let mut load = Load::new("shop", "web");
        // Each of these pods has a request of 100m and a limit of 200m.
        load.cpu_millicores = Some(Demand::capped(1000, Cap::Limit));
        loads.set(load);
        let usage = usage(&loads, facts("shop", "web", &["a", "b"]));
        assert_eq!(usage.workloads[0].metrics["cpu"], DemandReport { used: 400, overload: 600 });
    }

    #[test]
    fn a_node_is_the_sum_of_its_pods() {
        let mut loads = Loads::default();
        for (workload, cpu) in [("web", 300), ("db", 40)] {
            let mut load = Load::new("shop", workload);
            load.cpu_millicores = Some(Demand::total(cpu));
            load.memory_bytes = Some(Demand::each_pod(7));
            load.window_s = cpu as u32;
            loads.set(load);
        }
        let usage = usage(&loads, [facts("shop", "web", &["a", "b"]), facts("shop", "db", &["c"])].concat());
        let expected = NodeUsage { cpu_millicores: 340, memory_bytes: 21, window_s: 300 };
        assert_eq!(by_node(&usage.pods), [(NODE, expected)].into());
    }
}
