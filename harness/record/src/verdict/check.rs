//! One expectation against the evidence.

use harness_plan::{Check, Expectation};

use super::evidence::{CheckOutcome, Evidence};
use super::types::ExpectationResult;
use super::{
    applied_in_order, available, field, fleet, happened, latency, limits, max_concurrent_disruptions, order, pending,
    phase, placement, price, quota, replaced, replaced_before_loss, retained, savings, uninterrupted, usage,
};

/// Checks one expectation.
pub(crate) fn check(expectation: &Expectation, evidence: &Evidence<'_>) -> ExpectationResult {
    let outcome = match &expectation.check {
        Check::Phase(check) => phase::check(check, evidence),
        Check::Placement(check) => placement::check(check, evidence),
        Check::Latency(check) => latency::check(check, evidence),
        Check::Limits(check) => limits::check(check, evidence),
        Check::Fleet(check) => fleet::check(check, evidence),
        Check::Happened(check) => happened::check(&check.pattern, check.bounds, &check.phases, evidence),
        Check::Notified(check) => happened::check(&check.notification.pattern(), check.bounds, &check.phases, evidence),
        Check::Pending(check) => pending::check(check, evidence),
        Check::Uninterrupted(check) => uninterrupted::check(check, evidence),
        Check::Available(check) => available::check(check, evidence),
        Check::Replaced(check) => replaced::check(check, evidence),
        Check::Retained(check) => retained::check(check, evidence),
        Check::MaxConcurrentDisruptions(check) => max_concurrent_disruptions::check(check, evidence),
        Check::Price(check) => price::check(check, evidence),
        Check::Savings(check) => savings::check(check, evidence),
        Check::Quota(check) => quota::check(check, evidence),
        Check::ReplacedBeforeLoss(check) => replaced_before_loss::check(check, evidence),
        Check::Field(check) => field::check(check, evidence),
        Check::Changes(check) => field::changes(check, evidence),
        Check::Order(check) => order::check(check, evidence),
        Check::Usage(check) => usage::check(check, evidence),
        Check::AppliedInOrder(check) => applied_in_order::check(check, evidence),
    };
    let CheckOutcome { verdict, observed, limit, evidence } = outcome;
    let (name, text) = (expectation.name.clone(), observed.to_string());
    ExpectationResult { name, verdict, observed: text, subjects: observed.into_subjects(), limit, evidence }
}
