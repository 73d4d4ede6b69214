//! What each kind of check claims, and the changes that should refute it.

mod fields;
mod flux;
mod happened;
pub(super) mod latency;
mod nodes;
mod pods;
mod usage;
mod vms;

use harness_plan::{
    Bounds, Candidates, Changes, Check, EventPattern, MaxConcurrentDisruptions, MaxSurge, Replaced, Scope, Selection,
    Unready, VmCount,
};
use harness_record::EventKind;
use harness_record::event::PhaseOutcome;

use super::edit::{Claim, Edit, Mutation};
use super::log::Log;

/// The claims of a check and the changes that should refute them. A kind of check without an arm has the claims of its scope; where these do not refute it, it
/// is reported as toothless and needs an arm.
pub(crate) fn claims(check: &Check, log: &Log<'_>) -> Vec<Claim> {
    match check {
        Check::Phase(check) => vec![Claim::new("", deadline_passes(&check.phase, log).into_iter().collect())],
        Check::Placement(check) => {
            let mut claims = each(&check.workloads, |workload| pods::misplaced(workload, log));
            if check.exclusively {
                claims.push(Claim::new("nothing else there", pods::intruder(check.workloads.names(), log)));
            }
            claims
        }
        Check::Latency(limits) => latency::claims(limits, log),
        Check::Limits(check) => vec![Claim::new("", nodes::over_the_limits(check.nodepools.names(), log))],
        Check::Fleet(check) => {
            let as_many = check.vms.map(|VmCount::AsManyAsNodeclaims| Claim::new("as many", vms::another_fleet(log)));
            let end = check.at_end.map(|_| Claim::new("at the end", vms::others_at_the_end(log)));
            as_many.into_iter().chain(end).collect()
        }
        Check::Happened(check) => occurrences(&check.pattern, check.bounds, &check.phases, log),
        Check::Notified(check) => occurrences(&check.notification.pattern(), check.bounds, &check.phases, log),
        Check::Pending(check) => {
            let mut claims = each(&check.workloads, |workload| pods::bound_after_all(workload, &check.phases, log));
            claims.push(Claim::new("a reason", pods::without_a_reason(check.workloads.names(), log)));
            claims
        }
        Check::Unready(Unready { workloads, phases, .. }) => {
            each(workloads, |workload| pods::stuck(workload, phases, log))
        }
        Check::Replaced(Replaced { nodepools, phase, differs_in, once, reason, .. }) => {
            let mut claims = each(nodepools, |pool| nodes::not_replaced(pool, phase, log));
            if let Some(property) = differs_in {
                claims.push(Claim::new("by others", nodes::made_of_the_same(nodepools.names(), phase, *property, log)));
            }
            if *once {
                let again = |pool: &str| nodes::replaced_again(pool, phase, reason.as_deref(), log);
                let claims_of_pools = each(nodepools, again).into_iter();
                claims.extend(claims_of_pools.map(|claim| Claim::new(format!("once {}", claim.what), claim.mutations)));
            }
            claims
        }
        Check::MaxSurge(MaxSurge { nodepools, at_most, phases }) => {
            each(nodepools, |pool| nodes::too_many(pool, *at_most, phases, log))
        }
        Check::MaxConcurrentDisruptions(MaxConcurrentDisruptions { nodepools, reason, phases, .. }) => {
            each(nodepools, |pool| nodes::all_at_once(pool, reason.as_deref(), phases, log))
        }
        Check::Price(check) => {
            let end = (!check.always).then(|| Claim::new("", vms::dearer(&check.before, &check.after, log)));
            let always = check.always.then(|| Claim::new("always", vms::dearer_for_a_moment(&check.after, log)));
            end.into_iter().chain(always).collect()
        }
        Check::Savings(_) => vec![Claim::new("", vms::nothing_saved(log))],
        Check::Quota(check) => {
            check.cores.iter().map(|(scope, cores)| Claim::new(scope, vms::over_quota(scope, *cores, log))).collect()
        }
        Check::ReplacedBeforeLoss(check) => vec![Claim::new("", vms::lost_too_early(&check.phases, log))],
        Check::Field(check) => vec![Claim::new("", fields::wrong(&check.field, &check.phases, check.always, log))],
        Check::Changes(Changes { object, path, bounds, phases }) => {
            let few = bounds.at_least.map(|_| Claim::new("at least", fields::kept(object, path, phases, log)));
            let many = bounds.at_most;
            let many = many.map(|most| Claim::new("at most", fields::too_often(object, path, most, phases, log)));
            few.into_iter().chain(many).collect()
        }
        Check::Order(check) => flux::out_of_order(&check.kustomizations, log),
        Check::Usage(check) => usage::claims(&check.processes, check.cpu, check.memory, &check.phases, log),
        Check::AppliedInOrder(check) => {
            let order = Claim::new("in order", flux::out_of_push_order(log));
            let last = check.last.then(|| Claim::new("the last in force", flux::not_in_force(log)));
            std::iter::once(order).chain(last).collect()
        }
        other => by_scope(&other.scope(), log),
    }
}

/// The changes that refute most expectations about workloads or NodePools in some phases: pods that are not Ready, nodes that are deleted.
fn by_scope(scope: &Scope<'_>, log: &Log<'_>) -> Vec<Claim> {
    let phases: Vec<String> = scope.all_phases().map(str::to_owned).collect();
    match scope.selection {
        Some((workloads, Candidates::Workloads | Candidates::PendingWorkloads | Candidates::AnyWorkloads)) => {
            each(workloads, |workload| pods::too_few(workload, &phases, log))
        }
        Some((nodepools, Candidates::Nodepools | Candidates::LimitedNodepools)) => {
            each(nodepools, |pool| nodes::not_kept(pool, &phases, log))
        }
        None => Vec::new(),
    }
}

fn occurrences(pattern: &EventPattern, bounds: Bounds, phases: &[String], log: &Log<'_>) -> Vec<Claim> {
    let few = bounds.at_least.map(|least| Claim::new("at least", happened::too_few(pattern, phases, least, log)));
    let many = bounds.at_most.map(|most| Claim::new("at most", happened::too_many(pattern, phases, most, log)));
    few.into_iter().chain(many).collect()
}

/// A claim of each workload or pool.
fn each(selected: &Selection, of: impl Fn(&str) -> Vec<Mutation>) -> Vec<Claim> {
    let names = selected.names();
    names.iter().map(|name| Claim::new(if names.len() > 1 { name.as_str() } else { "" }, of(name))).collect()
}

/// The phase's condition is not reached before its deadline.
fn deadline_passes(phase: &str, log: &Log<'_>) -> Option<Mutation> {
    let (index, event) = log.end(phase)?;
    let mut changed = event.clone();
    if let EventKind::PhaseEnded { outcome, .. } = &mut changed.kind {
        *outcome = PhaseOutcome::DeadlinePassed;
    }
    Some(
        Mutation::new(format!("phase {phase} ends by its deadline"), vec![Edit::Replace(index, changed)]).naming(phase),
    )
}
