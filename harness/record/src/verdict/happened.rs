//! Did something happen as often as expected?

use harness_plan::{Bounds, EventPattern, OccurrenceKind};

use super::evidence::{CheckOutcome, Evidence};
use super::types::Verdict;
use super::window::Windows;
use crate::text;

/// Names of objects that are shown.
const SHOWN: usize = 5;

pub(super) fn check(
    pattern: &EventPattern,
    bounds: Bounds,
    phases: &[String],
    evidence: &Evidence<'_>,
) -> CheckOutcome {
    let source = evidence.source;
    let Bounds { at_least, at_most } = bounds;
    let limit = bounds.describe("time");
    let windows = Windows::named_or_all(phases, evidence);
    let inconclusive = |observed: &str, why: &str| CheckOutcome {
        verdict: Verdict::Inconclusive,
        observed: observed.to_owned().into(),
        limit: limit.clone(),
        evidence: why.to_owned(),
    };
    let Some(tally) = source.timelines.occurrences.tally(pattern) else {
        return inconclusive("not counted", "the events were folded without this plan's expectations");
    };
    if is_azures(pattern.what) && !evidence.has_azure_record() {
        return inconclusive("not known", "this target has no record of Azure's doings");
    }
    let mut seen: Vec<(u64, &str)> =
        tally.times.iter().filter(|(at_us, _)| windows.contain(*at_us)).map(|(us, name)| (*us, &**name)).collect();
    seen.sort_unstable();
    let count = seen.len() as u64;
    let lost = is_azures(pattern.what) && source.timelines.azure.facts_lost > 0;
    let verdict = if at_most.is_some_and(|most| count > u64::from(most)) {
        Verdict::Fail
    } else if at_least.is_some_and(|least| count < u64::from(least)) {
        if windows.ended() && !lost { Verdict::Fail } else { Verdict::Inconclusive }
    } else if lost && at_most.is_some() {
        Verdict::Inconclusive
    } else if phases.is_empty() && at_most.is_none() {
        // It could happen at any time, and did: the way in which the phases ended does not matter.
        Verdict::Pass
    } else {
        windows.cap(Verdict::Pass)
    };
    let names: Vec<String> = seen
        .iter()
        .map(|(at_us, name)| match *name {
            "" => format!("at {}", text::duration(*at_us)),
            name => format!("{name} at {}", text::duration(*at_us)),
        })
        .collect();
    let said = match &tally.quote {
        Some((_, _, message)) if says_why(pattern.what) => {
            format!("; it says: {message}")
        }
        _ => String::new(),
    };
    let what = if names.is_empty() { "nothing of the kind".to_owned() } else { text::first_few(&names, SHOWN) };
    let times = text::count(count, "time");
    let observed = if verdict == Verdict::Pass { times.into() } else { windows.observed(times) };
    CheckOutcome { verdict, observed, limit, evidence: format!("{what}; in {}{said}", windows.described()) }
}

/// Whether the message says why it happened.
fn says_why(what: OccurrenceKind) -> bool {
    matches!(
        what,
        OccurrenceKind::Reason
            | OccurrenceKind::VmFailed
            | OccurrenceKind::SourceFailed
            | OccurrenceKind::KustomizationFailed
            | OccurrenceKind::Notified
    )
}

/// Whether it is known from Azure's own record only.
fn is_azures(what: OccurrenceKind) -> bool {
    matches!(
        what,
        OccurrenceKind::VmAccepted
            | OccurrenceKind::VmBooted
            | OccurrenceKind::VmFailed
            | OccurrenceKind::VmDeleted
            | OccurrenceKind::VmCrashed
            | OccurrenceKind::SpotNotice
            | OccurrenceKind::SpotEvicted
            | OccurrenceKind::CallThrottled
            | OccurrenceKind::CallRefused
            | OccurrenceKind::FaultBegan
            | OccurrenceKind::FaultEnded
    )
}
