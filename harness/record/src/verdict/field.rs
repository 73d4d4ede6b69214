//! Did a field have its expected value, and how often did it change?

use harness_plan::{Bounds, Changes, ExpectedField};

use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::{Windows, named_or_all};
use crate::event::Seen;
use crate::text;
use crate::timeline::Valued;

/// Values that are shown.
const SHOWN: usize = 6;
/// Characters of a value that are shown.
const VALUE_LENGTH: usize = 120;

/// Checks the value at every moment of the phases, or at the end of the last.
pub(super) fn check(check: &ExpectedField, evidence: &Evidence<'_>) -> CheckOutcome {
    let ExpectedField { field: of, phases, always } = check;
    let always = *always;
    let fields = &evidence.source.timelines.fields;
    let named = named_or_all(phases, evidence);
    let windows = if always { Windows::of(named, evidence) } else { Windows::of(named.last().copied(), evidence) };
    let limit = format!("{} {}{}", of.path, of.value, if always { " at every moment" } else { "" });
    // The value at the end is known when the phase has had its time; at every moment one wrong value is enough.
    let judge = |held| if always { windows.judge_always(held) } else { windows.judge_at_the_end(held) };
    let mut verdict = judge(true);
    let (mut observed, mut shown) = (Vec::new(), Vec::new());
    for window in &windows.all {
        let at_us = if always { window.from_us } else { window.to_us };
        let Some(first) = fields.at(&of.object, &of.path, at_us) else {
            verdict = verdict.and(Verdict::Inconclusive);
            observed.push(format!("{}: {} was not seen before {}", of.object, of.path, text::duration(at_us)));
            continue;
        };
        let later = if always { fields.within(&of.object, &of.path, at_us, window.to_us) } else { &[] };
        note(&mut shown, format!("{} since {}", say(first), text::duration(first.at_us)));
        shown.extend(later.iter().map(|valued| format!("{} at {}", say(valued), text::duration(valued.at_us))));
        if later.iter().any(|valued| valued.seen != Seen::Live) {
            verdict = verdict.and(Verdict::Inconclusive);
            observed.push(format!("{}: its watch was interrupted in {}", of.object, window.phase));
        }
        let wrong = std::iter::once(first).chain(later).find(|valued| !of.value.matches(valued.value.as_ref()));
        if let Some(wrong) = wrong {
            verdict = verdict.and(judge(false));
            let since_us = wrong.at_us.max(at_us);
            observed.push(format!("{}: {} {} at {}", of.object, of.path, is(wrong), text::duration(since_us)));
        } else if !always {
            observed.push(format!("{}: {} {}", of.object, of.path, is(first)));
        }
    }
    if observed.is_empty() && !windows.all.is_empty() {
        observed.push(format!("{}: {} always was", of.object, of.path));
    }
    let observed = windows.observed(observed, always && verdict == Verdict::Fail);
    CheckOutcome { verdict, observed, limit, evidence: windows.evidence(&shown, SHOWN) }
}

/// Adds a text unless it repeats the last one: a phase often starts with the value with which the one before ended.
fn note(shown: &mut Vec<String>, one: String) {
    if !shown.contains(&one) {
        shown.push(one);
    }
}

/// Checks how often the value changed.
pub(super) fn changes(check: &Changes, evidence: &Evidence<'_>) -> CheckOutcome {
    let Changes { object, path, bounds, phases } = check;
    let Bounds { at_least, at_most } = *bounds;
    let fields = &evidence.source.timelines.fields;
    let windows = Windows::of(named_or_all(phases, evidence), evidence);
    // Changes that were not seen can only add to the count.
    let (mut count, mut all_seen) = (0_u64, true);
    let (mut doubts, mut shown) = (Vec::new(), Vec::new());
    for window in &windows.all {
        let Some(first) = fields.at(object, path, window.from_us) else {
            all_seen = false;
            doubts.push(format!("{path} was not seen before {}", text::duration(window.from_us)));
            continue;
        };
        note(&mut shown, format!("{} since {}", say(first), text::duration(first.at_us)));
        let mut before = first;
        for valued in fields.within(object, path, window.from_us, window.to_us) {
            if valued.value != before.value || valued.uid != before.uid {
                count += 1;
                shown.push(format!("{} at {}", say(valued), text::duration(valued.at_us)));
            }
            if valued.seen != Seen::Live {
                all_seen = false;
                doubts.push(format!("its watch was interrupted in {}", window.phase));
            }
            before = valued;
        }
    }
    let enough = at_least.is_none_or(|least| count >= u64::from(least));
    let too_many = at_most.is_some_and(|most| count > u64::from(most));
    let doubt = || if all_seen { Verdict::Pass } else { Verdict::Inconclusive };
    let verdict = match () {
        () if too_many => Verdict::Fail,
        () if enough && at_most.is_none() => Verdict::Pass,
        () if enough => windows.judge_always(true).and(doubt()),
        () if all_seen => windows.judge_once(false),
        () => Verdict::Inconclusive,
    };
    doubts.insert(0, format!("{object}: {}", text::count(count, "change")));
    let limit = format!("{} of {path}", bounds.describe("change"));
    CheckOutcome {
        verdict,
        observed: windows.observed(doubts, too_many || (enough && at_most.is_none())),
        limit,
        evidence: windows.evidence(&shown, SHOWN),
    }
}

fn say(valued: &Valued) -> String {
    match &valued.value {
        Some(value) => text::one_line(&value.to_string(), VALUE_LENGTH),
        None if valued.uid.is_empty() => "no object".to_owned(),
        None => "nothing".to_owned(),
    }
}

fn is(valued: &Valued) -> String {
    match &valued.value {
        Some(_) => format!("is {}", say(valued)),
        None => format!("is not there ({})", say(valued)),
    }
}
