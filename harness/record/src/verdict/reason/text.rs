//! Causes and symptoms in words.

use std::collections::{BTreeMap, BTreeSet};

use super::cause::{self, Cause};
use super::symptom::{self, Symptom};
use crate::event::EndReason;
use crate::text::{self, duration};
use crate::timeline::Spell;

/// Length of a quoted message, characters.
const QUOTE: usize = 160;
/// Names of leaks that are shown.
const LEAKS_SHOWN: usize = 5;
/// Expectations without evidence that are shown.
const DOUBTS_SHOWN: usize = 3;

/// A cause in one line.
pub(super) fn describe_cause(cause: &Cause<'_>) -> String {
    use cause::Kind;
    match &cause.kind {
        Kind::Ended { how, phase, detail, at_us } => describe_end(*how, *phase, detail, *at_us),
        Kind::Killed { component, at_us, again_us } => {
            let again = match again_us {
                Some(again_us) => format!("started again at {}", duration(*again_us)),
                None => "not started again".to_owned(),
            };
            format!("{component} was killed at {}, {again}", duration(*at_us))
        }
        Kind::ArmDown(spell) => {
            format!("Azure Resource Manager was down: {} refused {}", text::count(spell.count, "call"), when(*spell))
        }
        Kind::NotFetched { reason, message, at_us } => {
            format!("Flux could not fetch the Git repository at {}: {}", duration(*at_us), said(reason, message))
        }
        Kind::CommitRefused { commit, phase, kustomization, reason, message } => {
            let of = phase.map_or(String::new(), |phase| format!(" of phase {phase}"));
            let says = said(reason, message);
            format!("Flux refused commit {}{of}: Kustomization {kustomization}: {says}", short(commit))
        }
        Kind::PoolDeleted { pool, at_us, commit } => {
            format!("NodePool {pool} was deleted at {}{}", duration(*at_us), after(*commit))
        }
        Kind::Disrupted { pool, reason, nodes, at_us, commit } => {
            let (nodes, after) = (text::count(*nodes, "node"), after(*commit));
            format!("{pool}: Karpenter disrupted {nodes} as {reason} at {}{after}", duration(*at_us))
        }
        Kind::ActionFailed { what, phase, error } => {
            format!("{what} of phase {phase} failed: {}", text::one_line(error, 2 * QUOTE))
        }
        Kind::PodsDenied { workload, reason, message } => {
            format!("the API server refused pods of {workload}: {}", said(reason, message))
        }
        Kind::VmsRefused { pools, code, message, times } => {
            let message = text::one_line(message, QUOTE);
            let message = if message.is_empty() { String::new() } else { format!(" ({message})") };
            format!("{}Azure refused {}: {code}{message}", front(pools), text::count(*times, "VM"))
        }
        Kind::NeverRegistered { pool, vms } => {
            format!("{pool}: {} booted and never registered", text::count(*vms, "VM"))
        }
        Kind::ClaimsNeverRegistered { pool, claims } => {
            format!("{pool}: {} launched and never registered", text::count(*claims, "NodeClaim"))
        }
        Kind::Crashed { pool, vms } => format!("{pool}: {} crashed", text::count(*vms, "VM")),
        Kind::Evicted { pool, vms } => format!("{pool}: {} evicted", text::count(*vms, "spot VM")),
        Kind::Throttled(spell) => {
            let calls = text::count(spell.count, "call");
            format!("Azure Resource Manager answered 429 to {calls} {}", when(*spell))
        }
        Kind::Said { pools, reason, message, .. } => format!("{}{}", front(pools), said(reason, message)),
    }
}

/// A symptom in one line.
pub(super) fn describe_symptom(symptom: &Symptom<'_>) -> String {
    use symptom::Kind;
    match &symptom.kind {
        Kind::PodsMissing { class, asked, late, never, phase } => {
            let asked = text::count(*asked, "pod");
            let front = front(&BTreeSet::from([*class]));
            match never {
                0 => format!("{front}{late} of {asked} Ready only after phase {phase}'s deadline"),
                never => format!("{front}{never} of {asked} never Ready"),
            }
        }
        Kind::PhaseMissed { phase, until, took_us } => {
            let what = until.map_or("done".to_owned(), ToString::to_string);
            let detail = if phase.detail.is_empty() { String::new() } else { format!(": {}", phase.detail) };
            format!("phase {}: not {what} after {}{detail}", phase.name, duration(*took_us))
        }
        Kind::Expectation(result) => format!("{}: {}", result.name, result.observed),
        Kind::NoEvidence(results) => {
            let doubts: Vec<String> =
                results.iter().map(|result| format!("{} ({})", result.name, result.observed)).collect();
            format!("not enough evidence: {}", text::first_few(&doubts, DOUBTS_SHOWN))
        }
    }
}

/// What was left behind, in one line.
pub(super) fn describe_leaks(leaks: &BTreeSet<(String, String)>) -> String {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, _) in leaks {
        *kinds.entry(kind).or_default() += 1;
    }
    let counts: Vec<String> = kinds.into_iter().map(|(kind, count)| text::count(count, kind)).collect();
    let names: Vec<String> = leaks.iter().map(|(_, name)| name.clone()).collect();
    format!("left behind: {} ({})", counts.join(", "), text::first_few(&names, LEAKS_SHOWN))
}

fn describe_end(how: Option<EndReason>, phase: Option<&str>, detail: &str, at_us: u64) -> String {
    let in_phase = phase.map_or(String::new(), |phase| format!(" in phase {phase}"));
    let what = match how {
        None => {
            return format!("killed{in_phase}: the log has no end, its last event is at {}", duration(at_us));
        }
        Some(EndReason::Completed) => "completed",
        Some(EndReason::NotRun) => "not run",
        Some(EndReason::TargetFailed) => "the target failed",
        Some(EndReason::Interrupted) => "interrupted",
    };
    if detail.is_empty() { format!("{what}{in_phase}") } else { format!("{what}{in_phase}: {detail}") }
}

/// `, after commit 0123456789ab of phase burst`.
fn after(commit: Option<(&str, &str)>) -> String {
    commit.map_or(String::new(), |(commit, phase)| format!(", after commit {} of phase {phase}", short(commit)))
}

/// `a, b: `.
fn front(pools: &BTreeSet<&str>) -> String {
    let pools: Vec<&str> = pools.iter().copied().filter(|pool| !pool.is_empty()).collect();
    if pools.is_empty() { String::new() } else { format!("{}: ", pools.join(", ")) }
}

fn said(reason: &str, message: &str) -> String {
    let message = text::one_line(message, QUOTE);
    if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") }
}

fn when(spell: Spell) -> String {
    format!("between {} and {}", duration(spell.first_us), duration(spell.last_us))
}

/// The start of a commit's SHA.
fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
