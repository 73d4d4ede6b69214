//! The changes that should make an expectation fail, most telling first: one function for each kind of check.

mod fields;
mod flux;
mod happened;
mod latency;
mod nodes;
mod pods;
mod usage;
mod vms;

use harness_record::EventKind;
use harness_record::event::PhaseOutcome;
use harness_scenario::plan::Check;

use super::edit::{Edit, Mutation};
use super::log::Log;

/// The candidates for one check. A new kind of check does not compile without an answer here.
pub(crate) fn of(check: &Check, log: &Log<'_>) -> Vec<Mutation> {
    match check {
        Check::Phase { phase } => deadline_passes(phase, log).into_iter().collect(),
        Check::Placement { workloads, .. } => pods::misplaced(workloads, log),
        Check::Latency(asked) => latency::of(asked, log),
        Check::Limits { nodepools } => nodes::over_the_limits(nodepools, log),
        Check::Fleet { as_many_as_nodeclaims, at_the_end } => {
            vms::another_fleet(*as_many_as_nodeclaims, at_the_end.is_some(), log)
        }
        Check::Happened { of, phases, at_least, at_most } => happened::of(of, phases, *at_least, *at_most, log),
        Check::Pending { workloads, .. } => pods::not_pending(workloads, log),
        Check::Undisturbed { workloads, phases } => pods::disturbed(workloads, phases, log),
        Check::Available { workloads, phases, .. } => pods::too_few(workloads, phases, log),
        Check::Replaced { nodepools, phase, differs_in, .. } => nodes::not_replaced(nodepools, phase, *differs_in, log),
        Check::Kept { nodepools, phases } => nodes::not_kept(nodepools, phases, log),
        Check::AtOnce { nodepools, reason, phases, .. } => {
            nodes::all_at_once(nodepools, reason.as_deref(), phases, log)
        }
        Check::Price { before, after, .. } => vms::dearer(before, after, log),
        Check::Savings { .. } => vms::nothing_saved(log),
        Check::Quota { scopes } => vms::over_quota(scopes, log),
        Check::ReplacedBeforeLoss { phases } => vms::lost_too_early(phases, log),
        Check::Field { of, phases, always } => fields::wrong(of, phases, *always, log),
        Check::Changes { object, path, at_least, at_most, phases } => {
            fields::changed(object, path, (*at_least, *at_most), phases, log)
        }
        Check::Order { kustomizations, .. } => flux::out_of_order(kustomizations, log),
        Check::Usage { processes, cpu, memory, phases } => usage::of(processes, *cpu, *memory, phases, log),
        Check::AppliedInOrder { last, .. } => flux::out_of_push_order(*last, log),
    }
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
