//! One expectation against the evidence.

use harness_plan::{Check, Expectation};

use super::evidence::{Evidence, Outcome};
use super::types::ExpectationResult;
use super::{
    at_once, available, field, fleet, happened, in_order, kept, latency, limits, loss, order, pending, phase,
    placement, price, quota, replaced, savings, undisturbed, usage,
};

/// Checks one expectation.
pub(crate) fn check(expectation: &Expectation, evidence: &Evidence<'_>) -> ExpectationResult {
    let outcome = match &expectation.check {
        Check::Phase { phase } => phase::check(phase, evidence),
        Check::Placement { workloads, exclusively } => placement::check(workloads, *exclusively, evidence),
        Check::Latency(asked) => latency::check(asked, evidence),
        Check::Limits { nodepools } => limits::check(nodepools, evidence),
        Check::Fleet { as_many_as_nodeclaims, at_the_end } => {
            fleet::check(*as_many_as_nodeclaims, *at_the_end, evidence)
        }
        Check::Happened { of, phases, at_least, at_most } => happened::check(of, phases, *at_least, *at_most, evidence),
        Check::Pending { workloads, says } => pending::check(workloads, says.as_deref(), evidence),
        Check::Undisturbed { workloads, phases } => undisturbed::check(workloads, phases, evidence),
        Check::Available { workloads, at_least, phases } => available::check(workloads, *at_least, phases, evidence),
        Check::Replaced { nodepools, phase, reason, at_least, differs_in } => {
            let asked =
                replaced::Asked { phase, reason: reason.as_deref(), at_least: *at_least, differs_in: *differs_in };
            replaced::check(nodepools, &asked, evidence)
        }
        Check::Kept { nodepools, phases } => kept::check(nodepools, phases, evidence),
        Check::AtOnce { nodepools, reason, at_most, phases } => {
            at_once::check(nodepools, reason.as_deref(), *at_most, phases, evidence)
        }
        Check::Price { before, after, at_most_percent } => price::check(before, after, *at_most_percent, evidence),
        Check::Savings { at_least_percent } => savings::check(*at_least_percent, evidence),
        Check::Quota { scopes } => quota::check(scopes, evidence),
        Check::ReplacedBeforeLoss { phases } => loss::check(phases, evidence),
        Check::Field { of, phases, always } => field::check(of, phases, *always, evidence),
        Check::Changes { object, path, at_least, at_most, phases } => {
            field::changes(object, path, (*at_least, *at_most), phases, evidence)
        }
        Check::Order { kustomizations, phases } => order::check(kustomizations, phases, evidence),
        Check::Usage { processes, cpu, memory, phases } => {
            usage::check(processes, &usage::Limits { cpu: *cpu, memory: *memory }, phases, evidence)
        }
        Check::AppliedInOrder { last, phases } => in_order::check(*last, phases, evidence),
    };
    let Outcome { verdict, observed, limit, evidence } = outcome;
    ExpectationResult { name: expectation.name.clone(), verdict, observed, limit, evidence }
}
