//! What an expectation is about.

use harness_yaml::Problem;

use super::{Facts, PREPARE};
use crate::{EventPattern, Names, Selection, named_once};

/// What an expectation is about, by the names that it gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope<'a> {
    /// Its selection, and of what.
    pub selection: Option<(&'a Selection, Candidates)>,
    /// The events that it counts.
    pub pattern: Option<&'a EventPattern>,
    /// The object that it is about, by its name in the scenario.
    pub object: Option<&'a str>,
    /// The phases that it lists under `in`.
    pub phases: &'a [String],
    /// A single phase, and the key under which it is named.
    pub phase: Option<(&'static str, &'a str)>,
    /// A second one.
    pub other_phase: Option<(&'static str, &'a str)>,
    /// Whether [`PREPARE`] counts as a phase.
    pub with_prepare: bool,
}

/// What a selection selects from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// Workloads whose pods find nodes.
    Workloads,
    /// Workloads that stay pending.
    PendingWorkloads,
    /// Workloads of either kind.
    AnyWorkloads,
    /// NodePools.
    Nodepools,
    /// NodePools with limits where nothing is named.
    LimitedNodepools,
}

impl<'a> Scope<'a> {
    /// Workloads whose pods find nodes.
    pub(super) fn of_workloads(selection: &'a Selection) -> Self {
        Self { selection: Some((selection, Candidates::Workloads)), ..Self::default() }
    }

    /// Workloads that stay pending.
    pub(super) fn of_pending_workloads(selection: &'a Selection) -> Self {
        Self { selection: Some((selection, Candidates::PendingWorkloads)), ..Self::default() }
    }

    /// Workloads whose pods may wait for nodes for some time, or for ever.
    pub(super) fn of_any_workloads(selection: &'a Selection) -> Self {
        Self { selection: Some((selection, Candidates::AnyWorkloads)), ..Self::default() }
    }

    /// NodePools.
    pub(super) fn of_nodepools(selection: &'a Selection) -> Self {
        Self { selection: Some((selection, Candidates::Nodepools)), ..Self::default() }
    }

    /// Phases.
    pub(super) fn of_phases(phases: &'a [String]) -> Self {
        Self { phases, ..Self::default() }
    }

    /// Every phase that it names.
    pub fn all_phases(&self) -> impl Iterator<Item = &'a str> {
        let listed = self.phases.iter().map(String::as_str).filter(|name| !self.with_prepare || *name != PREPARE);
        listed.chain(self.phase.map(|(_, name)| name)).chain(self.other_phase.map(|(_, name)| name))
    }

    /// Names that the scenario does not have, workloads without pods, and phases that are not in their order.
    pub(super) fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        let names = &facts.names;
        let mut found = match self.selection {
            Some((selection, candidates)) => candidates.problems(selection, facts),
            None => Vec::new(),
        };
        found.extend(self.pattern.into_iter().flat_map(|pattern| facts.pattern(pattern)));
        if let Some(object) = self.object {
            found.extend(names.object(&["object"], object));
        }
        found.extend(self.phases_in_order(names));
        for (key, name) in self.phase.into_iter().chain(self.other_phase) {
            found.extend(names.phase(&[key], name));
        }
        found
    }

    /// That the phases under `in` are known, each named once, and in the order in which they come: "the first" and "the last" of them mean
    /// what they say.
    fn phases_in_order(&self, names: &Names<'_>) -> Vec<Problem> {
        let mut found = Vec::new();
        // The preparation is before every phase.
        let number = |name: &str| match names.phases.iter().position(|phase| *phase == name) {
            Some(index) => Some(index + 1),
            None => (self.with_prepare && name == PREPARE).then_some(0),
        };
        let mut ordered: Vec<(usize, &str)> =
            self.phases.iter().filter_map(|name| Some((number(name)?, name.as_str()))).collect();
        ordered.sort_unstable();
        ordered.dedup();
        let mut last: Option<(usize, &str)> = None;
        for (index, name) in self.phases.iter().enumerate() {
            let path = ["in", &index.to_string()];
            let Some(number) = number(name) else {
                found.extend(names.phase(&path, name));
                continue;
            };
            if self.phases[..index].contains(name) {
                found.push(Problem::new(&path, format!("`{name}` is named twice"), "name it once"));
            } else if let Some((_, later)) = last.filter(|(before, _)| *before > number) {
                let right: Vec<&str> = ordered.iter().map(|(_, name)| *name).collect();
                let hint = format!("name the phases in their order: `in: [{}]`", right.join(", "));
                found.push(Problem::new(&path, format!("the phase `{name}` comes before `{later}`"), hint));
            }
            last = last.max(Some((number, name)));
        }
        found
    }
}

impl Candidates {
    /// Names that are unknown or given twice, and workloads that a selection of these cannot be about.
    fn problems(self, selection: &Selection, facts: &Facts<'_>) -> Vec<Problem> {
        let key = match self {
            // Which NodePools there are depends on the tree.
            Self::Nodepools | Self::LimitedNodepools => return named_once("nodepools", selection),
            Self::Workloads | Self::PendingWorkloads | Self::AnyWorkloads => "workloads",
        };
        let is_meant = |name: &&str| match self {
            Self::Workloads => !facts.pending.contains(name),
            Self::PendingWorkloads => facts.pending.contains(name),
            Self::AnyWorkloads | Self::Nodepools | Self::LimitedNodepools => true,
        };
        let mut found = facts.names.workloads(key, selection);
        let derived = self != Self::PendingWorkloads && facts.derived_peak > 0;
        if *selection == Selection::All && !derived && !facts.peaks.keys().any(is_meant) {
            let message = match self {
                Self::Workloads => "there is never a pod that finds a node",
                _ => "there is never a pod that this is about",
            };
            found.push(Problem::new(&[key], message, "scale workloads up in a phase, or remove this"));
        }
        for (index, name) in selection.names().iter().enumerate() {
            let path = [key, &index.to_string()];
            if self == Self::Workloads && facts.pending.contains(name.as_str()) {
                let hint = format!("expect `pending: {{workloads: [{name}]}}` of it, or leave it out");
                found.push(Problem::new(&path, format!("the pods of `{name}` stay pending"), hint));
            } else {
                found.extend(facts.without_pods(&path, name));
            }
        }
        found
    }
}
