//! Expectations for one tree: with their names, and with every selection resolved.

use harness_plan::{Candidates, Check, Expectation, LabelledCheck, Phase, PhaseReached, Selection, Workload};
use harness_simulation::Behaviour;

/// That each phase with conditions reaches them in time, unless its deadline may pass.
pub(super) fn of_phases(phases: &[Phase]) -> impl Iterator<Item = Expectation> {
    phases.iter().filter_map(|phase| {
        if phase.deadline_may_pass {
            return None;
        }
        let (until, within) = (phase.until.as_ref()?, phase.within?);
        let check = Check::Phase(PhaseReached { phase: phase.name.clone() });
        Some(Expectation::new(format!("{check} reaches {until} within {within}"), check))
    })
}

/// What can be checked on this tree.
pub(super) struct Present<'a> {
    /// The workloads that ever have pods.
    pub(super) workloads: &'a [&'a Workload],
    /// The NodePools.
    pub(super) pools: &'a [String],
    /// Those with limits.
    pub(super) limited: &'a [String],
    /// How Azure behaves from the start.
    pub(super) azure: &'a Behaviour,
}

impl Present<'_> {
    /// What the scenario expects, on these workloads and pools. `None` where nothing of this tree can be checked.
    pub(super) fn expectation(&self, expected: &LabelledCheck) -> Option<Expectation> {
        let scope = expected.variant.scope();
        if let Some(pattern) = scope.pattern {
            let mut workloads = self.workloads.iter();
            let has_workload = |name: &String| workloads.any(|workload| workload.name == *name);
            let has_pool = |name: &String| self.pools.contains(name);
            if !pattern.workload.as_ref().is_none_or(has_workload) || !pattern.nodepool.as_ref().is_none_or(has_pool) {
                return None;
            }
        }
        let mut check = expected.variant.clone();
        if let Some((selection, candidates)) = scope.selection {
            let chosen: Vec<String> =
                self.candidates(candidates).into_iter().filter(|name| selection.selects(name)).collect();
            if chosen.is_empty() {
                return None;
            }
            if let Some(selection) = check.selection_mut() {
                *selection = Selection::Named(chosen);
            }
        }
        match &mut check {
            Check::Quota(quota) => quota.cores = self.azure.quota_cores.clone(),
            Check::Happened(happened) => happened.bounds = happened.bounds.or_once(),
            Check::Notified(notified) => notified.bounds = notified.bounds.or_once(),
            _ => {}
        }
        let name = expected.beside.name(&expected.variant);
        Some(Expectation { name, group: expected.beside.group.clone(), check })
    }

    fn candidates(&self, candidates: Candidates) -> Vec<String> {
        let workloads = |pending: bool| {
            let workloads = self.workloads.iter().filter(|workload| workload.stays_pending == pending);
            workloads.map(|workload| workload.name.clone()).collect()
        };
        match candidates {
            Candidates::Workloads => workloads(false),
            Candidates::PendingWorkloads => workloads(true),
            Candidates::Nodepools => self.pools.to_vec(),
            Candidates::LimitedNodepools => self.limited.to_vec(),
        }
    }
}
