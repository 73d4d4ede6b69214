//! Which pools an expectation or a phase's condition is about: their errors explain its failure.

use std::collections::BTreeSet;

use harness_plan::{Candidates, Check, Condition, Conditions, EventPattern, Plan};

/// The pools that a check is about, of those that its findings name; empty where it is about all of them or none.
pub(super) fn pools<'p>(check: &'p Check, subjects: &[String], plan: &'p Plan) -> Vec<&'p str> {
    let of_workloads = |workloads: &'p [String]| -> Vec<&'p str> {
        let named = workloads.iter().filter(|workload| subjects.contains(workload));
        named.filter_map(|workload| class_of(workload, plan)).collect()
    };
    let scope = check.scope();
    let all: Vec<&str> = match (scope.selection, scope.pattern) {
        // Pods without a node have lines of their own in the reason.
        _ if matches!(check, Check::Placement(_) | Check::Limits(_)) => Vec::new(),
        (Some((workloads, Candidates::Workloads | Candidates::PendingWorkloads)), _) => of_workloads(workloads.names()),
        (Some((nodepools, Candidates::Nodepools | Candidates::LimitedNodepools)), _) => nodepools
            .names()
            .iter()
            .map(String::as_str)
            .filter(|pool| subjects.iter().any(|subject| subject == pool))
            .collect(),
        (None, Some(pattern)) => of_pattern(pattern, plan).into_iter().collect(),
        (None, None) => Vec::new(),
    };
    let mut seen = BTreeSet::new();
    all.into_iter().filter(|pool| seen.insert(*pool)).collect()
}

/// The pool that a phase's conditions are about.
pub(super) fn pool_of<'p>(until: &'p Conditions, plan: &'p Plan) -> Option<&'p str> {
    until.0.iter().find_map(|condition| match condition {
        Condition::ReadyPods(pods) => class_of(&pods.workload, plan),
        Condition::Nodes(nodes) => nodes.nodepool.as_deref(),
        Condition::Happened(happened) => of_pattern(&happened.pattern, plan),
        Condition::AllPodsReady
        | Condition::NoPods
        | Condition::NoNodes
        | Condition::AllNodesReplaced
        | Condition::Settled(_)
        | Condition::Field(_)
        | Condition::Notified(_)
        | Condition::InForce => None,
    })
}

fn of_pattern<'p>(pattern: &'p EventPattern, plan: &'p Plan) -> Option<&'p str> {
    let workload = || pattern.workload.as_ref().and_then(|workload| class_of(workload, plan));
    pattern.nodepool.as_deref().or_else(workload)
}

fn class_of<'p>(workload: &str, plan: &'p Plan) -> Option<&'p str> {
    plan.workloads.iter().find(|known| known.name == workload).map(|known| known.class.as_str())
}
