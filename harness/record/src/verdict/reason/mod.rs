//! The reasons of a run's verdict: what went wrong first, then what follows from it.
//!
//! Causes and symptoms are found as data ([`cause`], [`symptom`]) and turned into words in one place ([`text`]). A cause is named where it explains a
//! symptom: it is about the same, and at the same time. Of several causes of one symptom those of the first rank are named. What was over before the symptom
//! ended comes after what was not; of what is there to the end, one that follows is named too.

mod azure;
mod cause;
mod controllers;
mod delivery;
mod run;
mod symptom;
mod text;

use std::collections::BTreeSet;

use super::outcome::{Evidence, ExpectationResult, Verdict};
use crate::event::EndReason;
use crate::text::one_line;
use cause::{Cause, Rank};
use symptom::Symptom;

/// Causes, and symptoms, that the one line combines.
const JOINED: usize = 3;
/// Characters of a line.
const LINE_MAX: usize = 600;

/// Why the run has its verdict.
#[derive(Debug, Default)]
pub(crate) struct Reasons {
    /// The one line; empty when everything held.
    pub(crate) line: String,
    /// Its parts, then what follows from them, one line each.
    pub(crate) all: Vec<String>,
}

impl Reasons {
    /// Adds a reason that outweighs the others.
    pub(crate) fn put_first(&mut self, reason: String) {
        let rest = std::mem::take(&mut self.line);
        self.line = if rest.is_empty() { reason.clone() } else { format!("{reason}; {rest}") };
        self.all.insert(0, reason);
    }
}

/// Finds the reasons. A mere consequence (a percentile of pods that were never Ready, their placement) is not in the one line when its
/// cause is.
pub(crate) fn reasons(
    evidence: &Evidence<'_>,
    expectations: &[ExpectationResult],
    leaks: &BTreeSet<(String, String)>,
) -> Reasons {
    let symptoms = symptom::symptoms(evidence, expectations);
    let ending = run::ending(evidence);
    let mut first: Vec<String> = ending.iter().map(text::describe_cause).collect();
    first.extend(explain(&symptoms, evidence).iter().map(text::describe_cause));
    let failed = expectations.iter().any(|it| it.verdict == Verdict::Fail);
    if !failed {
        let undone = run::undone(evidence);
        let undone = undone.iter().map(text::describe_cause).filter(|line| !first.contains(line));
        first.extend(undone.collect::<Vec<_>>());
    }
    first.truncate(JOINED);
    // Something left behind decides the exit code.
    first.extend((!leaks.is_empty()).then(|| text::describe_leaks(leaks)));
    let (primary, secondary): (Vec<&Symptom<'_>>, Vec<&Symptom<'_>>) =
        symptoms.iter().partition(|symptom| symptom.is_primary());
    let lines = |symptoms: &[&Symptom<'_>]| -> Vec<String> {
        symptoms.iter().map(|symptom| text::describe_symptom(symptom)).collect()
    };
    let (primary, mut secondary) = (lines(&primary), lines(&secondary));
    // About a run in which nothing was done there is nothing else to say.
    let not_run = matches!(evidence.source.timelines.ended, Some((EndReason::NotRun, _)));
    let doubts = symptom::without_evidence(evidence, expectations).filter(|_| !not_run);
    secondary.extend(doubts.iter().map(text::describe_symptom));
    let shorten = |lines: Vec<String>| -> Vec<String> { lines.iter().map(|line| one_line(line, LINE_MAX)).collect() };
    let (first, primary, secondary) = (shorten(first), shorten(primary), shorten(secondary));
    let shown = match (primary.is_empty(), first.is_empty()) {
        (false, _) => primary.iter().take(JOINED),
        // How the run ended says why nothing is known.
        (true, false) if !failed => secondary.iter().take(0),
        (true, _) => secondary.iter().take(JOINED),
    };
    let line: Vec<String> = first.iter().chain(shown).cloned().collect();
    Reasons { line: line.join("; "), all: first.into_iter().chain(primary).chain(secondary).collect() }
}

/// The causes of the symptoms, the first in rank first.
fn explain<'a>(symptoms: &[Symptom<'a>], evidence: &Evidence<'a>) -> Vec<Cause<'a>> {
    let any_primary = symptoms.iter().any(Symptom::is_primary);
    let general: Vec<Cause<'_>> = run::causes(evidence)
        .into_iter()
        .chain(delivery::causes(evidence))
        .chain(controllers::causes(evidence))
        .collect();
    let mut found: Vec<(Rank, Cause<'_>)> = Vec::new();
    for symptom in symptoms {
        // What the run shows explains the expectations about it, but for those about a pool that it does not show.
        if any_primary && !symptom.is_primary() && !symptom.extent.about.names_pools() {
            continue;
        }
        let (from_us, to_us) = (symptom.extent.from_us, symptom.extent.to_us);
        let candidates = general.iter().cloned().chain(azure::causes(evidence, from_us, to_us));
        let candidates: Vec<Cause<'_>> = candidates.filter(|cause| symptom.is_explained_by(cause)).collect();
        for (rank, cause) in first_of(&candidates, symptom) {
            match found.iter_mut().find(|(_, known)| known.is_same(&cause)) {
                Some((known_rank, known)) => {
                    *known_rank = rank.min(*known_rank);
                    // It was seen more often in the longer time.
                    if known.weight() < cause.weight() {
                        *known = cause;
                    }
                }
                None => found.push((rank, cause)),
            }
        }
    }
    let mut merged: Vec<(Rank, Cause<'_>)> = Vec::new();
    for (rank, cause) in found {
        match merged.iter_mut().find_map(|(known_rank, known)| known.merge(&cause).then_some(known_rank)) {
            Some(known_rank) => *known_rank = rank.min(*known_rank),
            None => merged.push((rank, cause)),
        }
    }
    merged.sort_by_key(|(rank, cause)| (*rank, std::cmp::Reverse(cause.weight())));
    merged.into_iter().map(|(_, cause)| cause).collect()
}

/// The causes of the first rank, and one of the next.
fn first_of<'a>(candidates: &[Cause<'a>], symptom: &Symptom<'a>) -> Vec<(Rank, Cause<'a>)> {
    let mut ranked: Vec<(Rank, Cause<'_>)> =
        candidates.iter().map(|cause| (symptom.rank(cause, candidates), cause.clone())).collect();
    ranked.sort_by_key(|(rank, cause)| (*rank, std::cmp::Reverse(cause.weight())));
    let Some((best, _)) = ranked.first() else { return Vec::new() };
    let best = *best;
    let next = ranked.iter().find(|(rank, cause)| *rank != best && cause.is_named_second(*rank)).cloned();
    ranked.retain(|(rank, _)| *rank == best);
    ranked.extend(next);
    ranked
}
