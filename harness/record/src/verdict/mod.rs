//! Verdicts: of each expectation, and of the run.
//!
//! Three-valued ([`Verdict`]): a check over an empty sample, over a log that was cut, or over samples that might still have ended, is
//! inconclusive. A run passes when every expectation passed, every action of the plan was done, nothing was left behind, no observation was lost and
//! the log has its end.

mod applied_in_order;
mod available;
mod field;
mod fleet;
mod happened;
mod latency;
mod limits;
mod max_concurrent_disruptions;
mod max_surge;
mod nodes;
mod order;
mod outcome;
mod pending;
mod phase;
mod placement;
mod price;
mod quota;
mod reason;
mod replaced;
mod replaced_before_loss;
mod retained;
mod savings;
mod uninterrupted;
mod unready;
mod usage;
mod window;
mod zones;

use harness_plan::{Check, Expectation};

pub use outcome::{ExpectationResult, Verdict};

pub(crate) use outcome::Evidence;
pub(crate) use reason::reasons;

use outcome::CheckOutcome;

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
        Check::Unready(check) => unready::check(check, evidence),
        Check::Zones(check) => zones::check(check, evidence),
        Check::Replaced(check) => replaced::check(check, evidence),
        Check::Retained(check) => retained::check(check, evidence),
        Check::MaxConcurrentDisruptions(check) => max_concurrent_disruptions::check(check, evidence),
        Check::MaxSurge(check) => max_surge::check(check, evidence),
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
