//! What each kind of check claims, and the changes that should refute it.

mod fields;
mod flux;
mod happened;
mod latency;
mod nodes;
mod pods;
mod usage;
mod vms;

use harness_plan::Check;
use harness_record::EventKind;
use harness_record::event::PhaseOutcome;

use super::edit::{Claim, Edit, Mutation};
use super::log::Log;

/// What a check claims and what should refute it. A new kind of check does not compile without an answer here.
pub(crate) fn claims(check: &Check, log: &Log<'_>) -> Vec<Claim> {
    match check {
        Check::Phase { phase } => vec![Claim::new("", deadline_passes(phase, log).into_iter().collect())],
        Check::Placement { workloads, exclusively } => {
            let mut claims = each(workloads, |workload| pods::misplaced(workload, log));
            if *exclusively {
                claims.push(Claim::new("nothing else there", pods::intruder(workloads, log)));
            }
            claims
        }
        Check::Latency(asked) => latency::claims(asked, log),
        Check::Limits { nodepools } => vec![Claim::new("", nodes::over_the_limits(nodepools, log))],
        Check::Fleet { as_many_as_nodeclaims, at_the_end } => {
            let as_many = as_many_as_nodeclaims.then(|| Claim::new("as many", vms::another_fleet(log)));
            let end = at_the_end.map(|_| Claim::new("at the end", vms::others_at_the_end(log)));
            as_many.into_iter().chain(end).collect()
        }
        Check::Happened { of, phases, at_least, at_most } => {
            let few = at_least.map(|least| Claim::new("at least", happened::too_few(of, phases, least, log)));
            let many = at_most.map(|most| Claim::new("at most", happened::too_many(of, phases, most, log)));
            few.into_iter().chain(many).collect()
        }
        Check::Pending { workloads, .. } => {
            let mut claims = each(workloads, |workload| pods::bound_after_all(workload, log));
            claims.push(Claim::new("a reason", pods::without_a_reason(workloads, log)));
            claims
        }
        Check::Undisturbed { workloads, phases } => each(workloads, |workload| pods::disturbed(workload, phases, log)),
        Check::Available { workloads, phases, .. } => each(workloads, |workload| pods::too_few(workload, phases, log)),
        Check::Replaced { nodepools, phase, differs_in, .. } => {
            let mut claims = each(nodepools, |pool| nodes::not_replaced(pool, phase, log));
            if let Some(property) = differs_in {
                claims.push(Claim::new("by others", nodes::made_of_the_same(nodepools, phase, *property, log)));
            }
            claims
        }
        Check::Kept { nodepools, phases } => each(nodepools, |pool| nodes::not_kept(pool, phases, log)),
        Check::AtOnce { nodepools, reason, phases, .. } => {
            each(nodepools, |pool| nodes::all_at_once(pool, reason.as_deref(), phases, log))
        }
        Check::Price { before, after, .. } => vec![Claim::new("", vms::dearer(before, after, log))],
        Check::Savings { .. } => vec![Claim::new("", vms::nothing_saved(log))],
        Check::Quota { scopes } => {
            scopes.iter().map(|scope| Claim::new(&scope.scope, vms::over_quota(scope, log))).collect()
        }
        Check::ReplacedBeforeLoss { phases } => vec![Claim::new("", vms::lost_too_early(phases, log))],
        Check::Field { of, phases, always } => vec![Claim::new("", fields::wrong(of, phases, *always, log))],
        Check::Changes { object, path, at_least, at_most, phases } => {
            let few = at_least.map(|_| Claim::new("at least", fields::kept(object, path, phases, log)));
            let many = at_most.map(|most| Claim::new("at most", fields::too_often(object, path, most, phases, log)));
            few.into_iter().chain(many).collect()
        }
        Check::Order { kustomizations, .. } => flux::out_of_order(kustomizations, log),
        Check::Usage { processes, cpu, memory, phases } => usage::claims(processes, *cpu, *memory, phases, log),
        Check::AppliedInOrder { last, .. } => {
            let order = Claim::new("in order", flux::out_of_push_order(log));
            let last = last.then(|| Claim::new("the last in force", flux::not_in_force(log)));
            std::iter::once(order).chain(last).collect()
        }
    }
}

/// A claim of each workload, pool or process.
fn each(names: &[String], of: impl Fn(&str) -> Vec<Mutation>) -> Vec<Claim> {
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
