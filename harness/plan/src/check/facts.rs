//! What the phases of a scenario do, as far as expectations and conditions depend on it.

use std::collections::{BTreeMap, BTreeSet};

use harness_units::count;
use harness_yaml::Problem;

use crate::{EventPattern, Names, Selection};

/// What a scenario names and does, for the checks whether an expectation can fail and whether a condition can come to hold at all.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// What it names.
    pub names: Names<'a>,
    /// The most pods that each workload ever has, by the phases and its autoscaler. A workload that never has a pod is not among them.
    pub peaks: BTreeMap<&'a str, u32>,
    /// The most pods that the phases ask for of each workload that is derived from the tree; 0 where none is derived.
    pub derived_peak: u32,
    /// Whether any phase scales anything above 0, derived workloads included.
    pub scales_up: bool,
    /// The workloads that are marked as staying pending.
    pub pending: BTreeSet<&'a str>,
    /// The workloads whose pods no phase waits for, those that stay pending included.
    pub not_awaited: BTreeSet<&'a str>,
    /// The workloads with a PodDisruptionBudget.
    pub budgeted: BTreeSet<&'a str>,
    /// Whether pods that a phase has waited for are certainly left, with their nodes, when the last phase ends.
    pub pods_at_end: bool,
    /// Whether a tree of layers is pushed beside the node configuration.
    pub has_layers: bool,
    /// Whether the run listens for notifications.
    pub has_webhook: bool,
    /// Whether the simulated Azure ever has a quota: from the start, or by a fault.
    pub has_quota: bool,
    /// Whether any phase pushes a commit.
    pub pushes: bool,
}

impl<'a> Facts<'a> {
    /// Whether pods that phases wait for are ever asked for.
    pub(crate) fn awaits_pods(&self) -> bool {
        self.derived_peak > 0 || self.peaks.keys().any(|name| !self.not_awaited.contains(name))
    }

    /// The problem that a workload never has a pod, if so. An unknown workload is reported elsewhere.
    pub(crate) fn without_pods(&self, path: &[&str], name: &str) -> Option<Problem> {
        let never = self.names.workloads.contains(&name) && !self.peaks.contains_key(name);
        let hint = "scale it up in a phase, or leave it out";
        never.then(|| Problem::new(path, format!("`{name}` never has a pod"), hint))
    }

    /// What is wrong with the names of a pattern, and that the workload has no pods to which anything could happen.
    pub(crate) fn pattern(&self, pattern: &EventPattern) -> Vec<Problem> {
        let mut found = pattern.problems(&self.names);
        found.extend(pattern.workload.as_deref().and_then(|name| self.without_pods(&["workload"], name)));
        found
    }

    /// Of the workloads whose pods find nodes and that are selected by name or by `all`: each with the most pods that it ever has.
    fn selected<'s>(&'s self, selection: &'s Selection) -> impl Iterator<Item = (&'a str, u32)> + 's {
        let finds_nodes = |name: &&str| !self.pending.contains(name) && selection.selects(name);
        self.peaks.iter().map(|(name, peak)| (*name, *peak)).filter(move |(name, _)| finds_nodes(name))
    }

    /// The problem that one of the workloads never has that many pods, if so.
    pub(crate) fn never_so_many(&self, path: &[&str], selection: &Selection, least: u32) -> Option<Problem> {
        let (name, peak) = self.selected(selection).find(|(_, peak)| *peak < least)?;
        let message = format!("this never holds: `{name}` never has more than {}", count(peak, "pod"));
        Some(Problem::new(path, message, format!("give at most {peak}")))
    }

    /// The problem that no workload ever has more pods than these, if so.
    pub(crate) fn never_more(&self, path: &[&str], selection: &Selection, most: u32) -> Option<Problem> {
        let derived = (*selection == Selection::All).then_some(self.derived_peak).filter(|peak| *peak > 0);
        let peak = self.selected(selection).map(|(_, peak)| peak).chain(derived).max()?;
        let message = format!("this cannot fail: there are never more than {} of a workload", count(peak, "pod"));
        (most >= peak).then(|| Problem::new(path, message, format!("give less than {peak}")))
    }
}
