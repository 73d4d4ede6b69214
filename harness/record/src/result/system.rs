//! How much of each node the cluster's own DaemonSets take.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::DaemonSetRequests;
use crate::latency::Source;

/// What the cluster's own DaemonSets take of the nodes of one VM size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemShare {
    /// The VM size.
    pub instance_type: String,
    /// How many nodes of it the run had.
    pub nodes: u64,
    /// What such a node offers to pods: thousandths of a core.
    pub allocatable_cpu_millicores: u64,
    /// And bytes.
    pub allocatable_memory_bytes: u64,
    /// What the DaemonSets request of that: thousandths of a core.
    pub cpu_millicores: u64,
    /// And bytes.
    pub memory_bytes: u64,
}

impl SystemShare {
    /// The part of the node's CPU, 0 to 1.
    pub fn cpu_share(&self) -> f64 {
        share(self.cpu_millicores, self.allocatable_cpu_millicores)
    }

    /// The part of the node's memory, 0 to 1.
    pub fn memory_share(&self) -> f64 {
        share(self.memory_bytes, self.allocatable_memory_bytes)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// One for each VM size, those with most nodes first; none where the cluster has no DaemonSets of its own, or the log does not say what nodes offer.
pub(super) fn shares(source: &Source<'_>) -> Vec<SystemShare> {
    let (cpu_millicores, memory_bytes) = requests(&source.timelines.daemon_sets);
    if (cpu_millicores, memory_bytes) == (0, 0) {
        return Vec::new();
    }
    let mut by_size: BTreeMap<&str, SystemShare> = BTreeMap::new();
    for node in &source.timelines.nodes.nodes {
        let instance_type = source.names.text(node.placed.instance_type);
        let (Some(cpu), Some(memory)) = (node.placed.allocatable_cpu_millicores, node.placed.allocatable_memory_bytes)
        else {
            continue;
        };
        let share = by_size.entry(instance_type).or_insert_with(|| SystemShare {
            instance_type: instance_type.to_owned(),
            nodes: 0,
            allocatable_cpu_millicores: cpu,
            allocatable_memory_bytes: memory,
            cpu_millicores,
            memory_bytes,
        });
        share.nodes += 1;
    }
    let mut all: Vec<SystemShare> = by_size.into_values().collect();
    all.sort_by_key(|share| std::cmp::Reverse(share.nodes));
    all
}

fn requests(daemon_sets: &[DaemonSetRequests]) -> (u64, u64) {
    let sum = |part: fn(&DaemonSetRequests) -> u64| daemon_sets.iter().map(part).fold(0, u64::saturating_add);
    (sum(|it| it.cpu_millicores), sum(|it| it.memory_bytes))
}
