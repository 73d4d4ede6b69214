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
    let windows = if is_azures(pattern.what) { windows.in_azures_record(evidence) } else { windows };
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
    let often_enough = at_least.map(|least| windows.judge_once(count >= u64::from(least)));
    let too_often = at_most.is_some_and(|most| count > u64::from(most));
    let not_too_often = at_most.map(|_| windows.judge_always(!too_often));
    let verdict = often_enough.into_iter().chain(not_too_often).reduce(Verdict::and).unwrap_or(Verdict::Pass);
    let names: Vec<String> = seen
        .iter()
        .map(|(at_us, name)| match *name {
            "" => format!("at {}", text::duration(*at_us)),
            name => format!("{name} at {}", text::duration(*at_us)),
        })
        .collect();
    let said = match &tally.quote {
        Some(quote) if says_why(pattern.what) => {
            format!("; it says: {}", quote.message)
        }
        _ => String::new(),
    };
    let what = if names.is_empty() { "nothing of the kind".to_owned() } else { text::first_few(&names, SHOWN) };
    let times = text::count(count, "time");
    let settled = too_often || (at_most.is_none() && verdict == Verdict::Pass);
    let observed = windows.observed(times, settled);
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
            | OccurrenceKind::VmPriceChanged
            | OccurrenceKind::PricesRead
            | OccurrenceKind::CallThrottled
            | OccurrenceKind::CallRefused
            | OccurrenceKind::FaultBegan
            | OccurrenceKind::FaultEnded
    )
}
