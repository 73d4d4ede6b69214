//! Did something happen as often as expected?

use harness_plan::{Bounds, EventPattern, OccurrenceKind};

use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::{Windows, named_or_all};
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
    let windows = Windows::of(named_or_all(phases, evidence), evidence);
    let Some(tally) = source.timelines.occurrences.tally(pattern) else {
        let why = "the events were folded without this plan's expectations";
        return CheckOutcome::inconclusive("not counted", limit, why);
    };
    if is_azures(pattern.what) && !evidence.has_azure_record() {
        return CheckOutcome::inconclusive("not known", limit, "this target has no record of Azure's doings");
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
