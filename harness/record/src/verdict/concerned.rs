//! Which pools an expectation or a phase's condition is about, so that what is known of these explains it.

use std::collections::BTreeSet;

use harness_plan::{Check, Happening, Plan, Until};

/// The pools that a check is about, those first that its finding names; empty where it is about all of them or none.
pub(super) fn pools<'p>(check: &'p Check, observed: &str, plan: &'p Plan) -> Vec<&'p str> {
    let of_workloads = |workloads: &'p [String]| -> Vec<&'p str> {
        let named = workloads.iter().filter(|workload| names(observed, workload));
        named.filter_map(|workload| class_of(workload, plan)).collect()
    };
    let all: Vec<&str> = match check {
        Check::Pending { workloads, .. }
        | Check::Undisturbed { workloads, .. }
        | Check::Available { workloads, .. } => of_workloads(workloads),
        Check::Replaced { nodepools, .. } | Check::Kept { nodepools, .. } | Check::AtOnce { nodepools, .. } => {
            nodepools.iter().map(String::as_str).filter(|pool| names(observed, pool)).collect()
        }
        Check::Happened { of, .. } => of_happening(of, plan).into_iter().collect(),
        Check::Latency(_)
        | Check::Phase { .. }
        | Check::Placement { .. }
        | Check::Limits { .. }
        | Check::Fleet { .. }
        | Check::Price { .. }
        | Check::Savings { .. }
        | Check::Quota { .. }
        | Check::ReplacedBeforeLoss { .. }
        | Check::Field { .. }
        | Check::Changes { .. }
        | Check::Order { .. }
        | Check::Usage { .. }
        | Check::AppliedInOrder { .. } => Vec::new(),
    };
    let mut seen = BTreeSet::new();
    all.into_iter().filter(|pool| seen.insert(*pool)).collect()
}

/// The pool that a phase's condition is about.
pub(super) fn pool_of<'p>(until: &'p Until, plan: &'p Plan) -> Option<&'p str> {
    match until {
        Until::ReadyPods { workload, .. } => class_of(workload, plan),
        Until::Nodes { nodepool, .. } => nodepool.as_deref(),
        Until::Happened { of, .. } => of_happening(of, plan),
        Until::All(parts) => parts.iter().find_map(|part| pool_of(part, plan)),
        Until::AllPodsReady
        | Until::NoPods
        | Until::NoNodes
        | Until::AllNodesReplaced
        | Until::Settled(_)
        | Until::Field(_)
        | Until::InForce => None,
    }
}

fn of_happening<'p>(of: &'p Happening, plan: &'p Plan) -> Option<&'p str> {
    let workload = || of.workload.as_ref().and_then(|workload| class_of(workload, plan));
    of.nodepool.as_deref().or_else(workload)
}

fn class_of<'p>(workload: &str, plan: &'p Plan) -> Option<&'p str> {
    plan.workloads.iter().find(|known| known.name == workload).map(|known| known.class.as_str())
}

/// Findings open with what they are about: `NAME: what`, several with commas between.
fn names(observed: &str, name: &str) -> bool {
    observed.split(", ").any(|part| part.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
}
