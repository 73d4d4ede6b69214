//! Expectations for one tree: with their names, and with every selection resolved.

use std::collections::BTreeMap;

use super::inputs::Inputs;
use super::moments::Moments;
use harness_plan::{Candidates, Check, Expectation, LabelledCheck, Phase, PhaseReached, Selection, Workload};
use harness_yaml::Problem;

/// That each phase with conditions reaches them in time, unless its deadline may pass.
pub(super) fn of_phases(phases: &[Phase]) -> impl Iterator<Item = Expectation> {
    phases.iter().filter_map(|phase| {
        if phase.deadline_may_pass {
            return None;
        }
        let (until, within) = (phase.until.as_ref()?, phase.within?);
        let reached = PhaseReached { phase: phase.name.clone() };
        Some(Expectation::new(until.expected_as(&reached, within), Check::Phase(reached)))
    })
}

/// What can be checked on this tree.
pub(super) struct Present<'a> {
    inputs: &'a Inputs<'a>,
    /// The workloads that ever have pods.
    workloads: Vec<&'a Workload>,
    /// The NodePools that are ever there, and whether they ever have limits.
    pools: BTreeMap<&'a str, bool>,
}

impl<'a> Present<'a> {
    pub(super) fn of(inputs: &'a Inputs<'a>, moments: &'a Moments, workloads: &'a [Workload]) -> Self {
        let mut pools: BTreeMap<&str, bool> = BTreeMap::new();
        for pool in moments.all().iter().flat_map(|moment| &moment.pools) {
            *pools.entry(&pool.name).or_default() |= pool.limits != Default::default();
        }
        let workloads = workloads.iter().filter(|workload| workload.replicas_peak > 0).collect();
        Self { inputs, workloads, pools }
    }

    /// What the scenario expects, on these workloads and pools; or why something of it cannot be checked: on another tree than the scenario's own
    /// only where nothing of it can.
    pub(super) fn expectation(&self, expected: &LabelledCheck) -> Result<Expectation, Problem> {
        let (variant, scope) = (&expected.variant, expected.variant.scope());
        let under = |problem: Problem| problem.under(variant.as_str());
        if let Some(pattern) = scope.pattern {
            let missing = pattern.workload.as_ref().filter(|name| !self.workloads.iter().any(|one| one.name == **name));
            let missing = missing.map(|name| self.without_workload(&["workload"], name));
            let pool = pattern.nodepool.as_ref().filter(|name| !self.pools.contains_key(name.as_str()));
            if let Some(problem) = missing.or(pool.map(|name| self.without_pool(&["nodepool"], name))) {
                return Err(under(problem));
            }
        }
        let mut check = variant.clone();
        if let Some((selection, candidates)) = scope.selection {
            let chosen: Vec<String> = self.candidates(selection, candidates);
            let is_whole = selection.names().len() <= chosen.len() || !self.inputs.is_own_tree();
            if chosen.is_empty() || !is_whole {
                return Err(under(self.unmatched(selection, candidates, &chosen)));
            }
            if let Some(selection) = check.selection_mut() {
                *selection = Selection::Named(chosen);
            }
        }
        match &mut check {
            Check::Quota(quota) => quota.cores = self.inputs.bound.file.azure.quota_cores.clone(),
            Check::Happened(happened) => happened.bounds = happened.bounds.or_once(),
            Check::Notified(notified) => notified.bounds = notified.bounds.or_once(),
            _ => {}
        }
        let name = expected.beside.name(variant);
        Ok(Expectation { name, group: expected.beside.group.clone(), check })
    }

    /// Those that a selection selects on this tree.
    fn candidates(&self, selection: &Selection, candidates: Candidates) -> Vec<String> {
        let workloads = |is: fn(&Workload) -> bool| -> Vec<&str> {
            self.workloads.iter().filter(|workload| is(workload)).map(|workload| workload.name.as_str()).collect()
        };
        let found = match candidates {
            Candidates::Workloads => workloads(|workload| !workload.stays_pending),
            Candidates::PendingWorkloads => workloads(|workload| workload.stays_pending),
            Candidates::AnyWorkloads => workloads(|_| true),
            Candidates::Nodepools => self.pools.keys().copied().collect(),
            Candidates::LimitedNodepools => {
                let limited = self.pools.iter().filter(|(_, limited)| **limited).map(|(name, _)| *name);
                match selection {
                    Selection::All => {
                        limited.filter(|name| self.workloads.iter().any(|one| one.class == *name)).collect()
                    }
                    Selection::Named(_) => limited.filter(|name| self.may_have_nodes(name)).collect(),
                }
            }
        };
        found.into_iter().filter(|name| selection.selects(name)).map(str::to_owned).collect()
    }

    /// Whether pods may need nodes of a pool: those of a workload, or those of the layers.
    fn may_have_nodes(&self, pool: &str) -> bool {
        let has_layers = self.inputs.bound.file.gitops.as_ref().is_some_and(|gitops| gitops.tree.is_some());
        has_layers || self.workloads.iter().any(|workload| workload.classes().any(|class| class == pool))
    }

    /// Why the first one that is selected, or all of them, cannot be checked.
    fn unmatched(&self, selection: &Selection, candidates: Candidates, chosen: &[String]) -> Problem {
        let key = match candidates {
            Candidates::Workloads | Candidates::PendingWorkloads | Candidates::AnyWorkloads => "workloads",
            Candidates::Nodepools | Candidates::LimitedNodepools => "nodepools",
        };
        let missing = selection.names().iter().enumerate().find(|(_, name)| !chosen.contains(name));
        let Some((index, name)) = missing else {
            let what = match candidates {
                Candidates::Workloads | Candidates::PendingWorkloads | Candidates::AnyWorkloads => "workload with pods",
                Candidates::Nodepools => "NodePool",
                Candidates::LimitedNodepools => "NodePool with limits and with a workload for it",
            };
            let message = format!("the tree `{}` has no {what} that this could be about", self.inputs.tree.source);
            return Problem::new(&[key], message, "remove this, or change what it is about");
        };
        let path = [key, &index.to_string()];
        match (candidates, self.pools.get(name.as_str())) {
            (Candidates::Nodepools | Candidates::LimitedNodepools, None) => self.without_pool(&path, name),
            (Candidates::Nodepools | Candidates::LimitedNodepools, Some(true)) => {
                let message = format!("no workload is for `{name}`, so that its limits are never exceeded");
                Problem::new(&path, message, "leave it out, or name a workload of this class")
            }
            (Candidates::Nodepools | Candidates::LimitedNodepools, Some(false)) => {
                Problem::new(&path, format!("`{name}` never has limits"), "give it `limits`, or leave it out")
            }
            (Candidates::Workloads | Candidates::PendingWorkloads | Candidates::AnyWorkloads, _) => {
                self.without_workload(&path, name)
            }
        }
    }

    fn without_workload(&self, path: &[&str], name: &str) -> Problem {
        let message = format!("`{name}` has no pods on the tree `{}`", self.inputs.tree.source);
        Problem::new(path, message, "scale it up in a phase, or leave it out")
    }

    fn without_pool(&self, path: &[&str], name: &str) -> Problem {
        let message = format!("there is no NodePool `{name}` in the tree `{}`", self.inputs.tree.source);
        Problem::unknown(path, message, name, self.pools.keys().copied())
    }
}
