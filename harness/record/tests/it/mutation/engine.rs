//! Search for a change of a recorded log that makes one expectation fail and no unrelated one.

use harness_plan::{Check, Expectation};
use harness_record::verdict::{ExpectationResult, Verdict};
use harness_record::{ExitCode, RunResult};

use super::edit::{Claim, Mutation};
use super::log::Log;
use super::signal::{reads, touched};

/// What made an expectation fail.
#[derive(Clone, Debug)]
pub(crate) struct Killed {
    pub(crate) mutation: String,
    pub(crate) verdict: Verdict,
    pub(crate) observed: String,
    /// Other expectations that failed with it, all of them related.
    pub(crate) collateral: Vec<String>,
}

/// Tries the changes that should refute a claim of an expectation, in their order. The first that makes nothing else fail wins, otherwise the
/// one that makes the fewest related expectations fail.
///
/// # Errors
/// No change refutes it: what was tried, one line each.
pub(crate) fn kill(log: &Log<'_>, original: &RunResult, index: usize, claim: &Claim) -> Result<Killed, Vec<String>> {
    let target = &log.plan.expectations[index];
    let mut best: Option<Killed> = None;
    let mut tried = Vec::new();
    for mutation in &claim.mutations {
        if mutation.edits.is_empty() {
            tried.push(format!("{}: this log has nothing to change", mutation.what));
            continue;
        }
        let result = crate::result_of(log.plan, mutation.apply(log.events));
        let found = &result.expectations[index];
        if found.verdict == Verdict::Pass {
            tried.push(format!("{}: still passes ({})", mutation.what, found.observed));
            continue;
        }
        if let Err(why) = names_it(mutation, target, found, &result) {
            tried.push(format!("{}: {why}", mutation.what));
            continue;
        }
        let signals = touched(mutation, log);
        let fallen = |(other, _): &(usize, &Expectation)| {
            *other != index && result.expectations[*other].verdict != original.expectations[*other].verdict
        };
        let (related, unrelated): (Vec<&Expectation>, Vec<&Expectation>) = log
            .plan
            .expectations
            .iter()
            .enumerate()
            .filter(fallen)
            .map(|(_, expectation)| expectation)
            .partition(|other| signals.iter().any(|signal| reads(&other.check, signal, log)));
        if let Some(other) = unrelated.first() {
            tried.push(format!("{}: makes {} fail, which is unrelated", mutation.what, other.name));
            continue;
        }
        let collateral: Vec<String> = related.iter().map(|other| other.name.clone()).collect();
        if best.as_ref().is_none_or(|best| collateral.len() < best.collateral.len()) {
            best = Some(Killed {
                mutation: mutation.what.clone(),
                verdict: found.verdict,
                observed: found.observed.clone(),
                collateral,
            });
        }
        if best.as_ref().is_some_and(|best| best.collateral.is_empty()) {
            break;
        }
    }
    best.ok_or(tried)
}

/// Checks that the run as a whole does not pass, that a reason is about this expectation, and that the finding names what was changed.
fn names_it(
    mutation: &Mutation,
    target: &Expectation,
    found: &ExpectationResult,
    result: &RunResult,
) -> Result<(), String> {
    if result.verdict == Verdict::Pass || result.exit_code == ExitCode::Passed {
        return Err("the run passes nevertheless".to_owned());
    }
    let lines: Vec<&String> = result.reasons.iter().filter(|line| is_about(line, target)).collect();
    if found.verdict == Verdict::Fail && lines.is_empty() {
        return Err(format!("none of the run's reasons is about it: {:?}", result.reasons));
    }
    if result.reasons.is_empty() {
        return Err("the run gives no reason".to_owned());
    }
    let named = |name: &&String| {
        found.observed.contains(name.as_str()) || lines.iter().any(|line| line.contains(name.as_str()))
    };
    match mutation.names.iter().find(|name| !named(name)) {
        Some(name) => Err(format!("`{name}` is not named: {} {lines:?}", found.observed)),
        None => Ok(()),
    }
}

/// Reasons of failed expectations start with their names, those of phases with the phase's.
fn is_about(line: &str, target: &Expectation) -> bool {
    match &target.check {
        Check::Phase(check) => line.starts_with(&format!("phase {}: ", check.phase)),
        _ => line.starts_with(&target.name),
    }
}
