//! What an expectation is about.

use harness_yaml::Problem;

use super::PREPARE;
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

    /// Names that the scenario does not have.
    pub(super) fn problems(&self, names: &Names<'_>) -> Vec<Problem> {
        let mut found = match self.selection {
            Some((selection, Candidates::Workloads | Candidates::PendingWorkloads)) => {
                names.workloads("workloads", selection)
            }
            // Which NodePools there are depends on the tree.
            Some((selection, Candidates::Nodepools | Candidates::LimitedNodepools)) => {
                named_once("nodepools", selection)
            }
            None => Vec::new(),
        };
        found.extend(self.pattern.into_iter().flat_map(|pattern| pattern.problems(names)));
        if let Some(object) = self.object {
            found.extend(names.object(&["object"], object));
        }
        for (index, name) in self.phases.iter().enumerate() {
            if !(self.with_prepare && name == PREPARE) {
                found.extend(names.phase(&["in", &index.to_string()], name));
            }
        }
        for (key, name) in self.phase.into_iter().chain(self.other_phase) {
            found.extend(names.phase(&[key], name));
        }
        found
    }
}
