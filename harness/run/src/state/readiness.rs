//! Which pods are Ready, and on which nodes they are lost.

use std::collections::{BTreeMap, BTreeSet};

use harness_record::event::AzureFact;

use super::State;

#[derive(Debug, Default)]
pub(super) struct Pod {
    pub(super) name: String,
    pub(super) workload: String,
    /// Empty until it is bound.
    pub(super) node: String,
    pub(super) ready: bool,
    pub(super) deleting: bool,
    /// The order in which pods were first seen.
    pub(super) order: u64,
}

impl Pod {
    /// Whether it is Ready and not being deleted.
    fn is_ready(&self) -> bool {
        self.ready && !self.deleting
    }
}

/// What takes a VM away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loss {
    /// Azure has announced that it takes it back: its pods run a little longer.
    Notice,
    /// Azure has taken it back.
    Eviction,
    /// It has stopped.
    Crash,
}

impl State {
    pub(super) fn lose(&mut self, fact: &AzureFact, loss: Loss) {
        let last_us = self.losses_us.entry(loss).or_default();
        *last_us = fact.occurred_us.max(*last_us);
        self.losses.insert(fact.vm.clone(), loss);
    }

    /// Ready pods that are not being deleted, by workload. A pod on a node that is lost is not one of them, whatever the API server says of
    /// it yet.
    pub(crate) fn ready_pods(&self) -> BTreeMap<&str, u32> {
        self.count_ready(|state, pod| !state.is_lost(pod))
    }

    /// Those of them whose VM Azure has announced to take back.
    pub(crate) fn ready_pods_on_notice(&self) -> BTreeMap<&str, u32> {
        self.count_ready(|state, pod| !state.is_lost(pod) && state.losses.get(&pod.node) == Some(&Loss::Notice))
    }

    fn is_lost(&self, pod: &Pod) -> bool {
        let by_azure = matches!(self.losses.get(&pod.node), Some(Loss::Eviction | Loss::Crash));
        by_azure || self.gone_nodes.contains(&pod.node) || self.not_ready_nodes.contains(&pod.node)
    }

    fn count_ready(&self, counts: impl Fn(&Self, &Pod) -> bool) -> BTreeMap<&str, u32> {
        let mut by_workload = BTreeMap::new();
        for pod in self.pods.values().filter(|pod| pod.is_ready() && counts(self, pod)) {
            *by_workload.entry(pod.workload.as_str()).or_default() += 1;
        }
        by_workload
    }

    /// How many pods of the workload are not being deleted, Ready or not.
    pub(crate) fn pods_to_stay(&self, workload: &str) -> u32 {
        let staying = self.pods.values().filter(|pod| !pod.deleting && pod.workload == workload).count();
        u32::try_from(staying).unwrap_or(u32::MAX)
    }

    /// The nodes with Ready pods of the workload that are not being deleted, each once and in order.
    pub(crate) fn nodes_of(&self, workload: &str) -> Vec<String> {
        let ready = self.pods.values().filter(|pod| pod.is_ready() && pod.workload == workload);
        let nodes: BTreeSet<&String> = ready.map(|pod| &pod.node).filter(|node| !node.is_empty()).collect();
        nodes.into_iter().cloned().collect()
    }

    /// Whether the pod of that UID is Ready and not being deleted.
    pub(crate) fn is_ready(&self, uid: &str) -> bool {
        self.pods.get(uid).is_some_and(Pod::is_ready)
    }

    /// Name and UID of the workload's Ready pod that was created first, among those that are eligible by their UID.
    pub(crate) fn oldest_ready_pod(&self, workload: &str, eligible: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
        let ready = self.pods.iter().filter(|(_, pod)| pod.is_ready() && pod.workload == workload);
        let oldest = ready.filter(|(uid, _)| eligible(uid)).min_by_key(|(_, pod)| pod.order)?;
        Some((oldest.1.name.as_str(), oldest.0.as_str()))
    }
}
