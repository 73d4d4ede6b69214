//! Fields with other values, or with other numbers of them.

use harness_plan::{Field, FieldPath, Matcher};
use harness_record::event::{FieldValue, Seen};
use harness_record::{Event, EventKind};
use serde_json::{Value, json};

use super::super::edit::{Edit, Mutation};
use super::super::log::Log;

/// How long a wrong value stays, microseconds.
const MOMENT_US: u64 = 1_000;

/// The field has a value that it must not have: for a moment in the phases, or when the last of them ends.
pub(super) fn wrong(of: &Field, phases: &[String], always: bool, log: &Log<'_>) -> Vec<Mutation> {
    let named = log.phases(phases);
    let looked_at = if always { named } else { named.last().copied().into_iter().collect() };
    let mut mutations = Vec::new();
    for phase in looked_at {
        let Some(window) = log.window(phase) else { continue };
        let at_us = if always { window.middle_us() } else { window.to_us };
        let known = values(&of.object, of.path.as_str(), log);
        let Some((_, before)) = known.iter().rev().find(|(at, _)| *at <= at_us) else { continue };
        let Some(value) = wrong_value(&of.value, before.value.as_ref()) else { continue };
        let wrong = FieldValue { value: value.clone(), seen: Seen::Live, ..(*before).clone() };
        let right = FieldValue { seen: Seen::Live, ..(*before).clone() };
        let edits = vec![event(at_us, wrong), event(at_us + MOMENT_US, right)];
        let shown = value.as_ref().map_or("nothing".to_owned(), shown);
        let when = if always { "for a moment in" } else { "at the end of" };
        let what = format!("{} of {} is {shown} {when} {phase}", of.path, of.object);
        mutations.push(Mutation::new(what, edits).naming(&of.object));
    }
    mutations
}

/// A value that is not allowed: the right one without the part that it must have, another one of the same kind, or none at all.
fn wrong_value(matcher: &Matcher, right: Option<&Value>) -> Option<Option<Value>> {
    let without = match (&matcher.contains, right) {
        (Some(Value::String(part)), Some(Value::String(text))) => Some(json!(text.replace(part, ""))),
        (Some(part), Some(Value::Array(items))) => {
            Some(items.iter().filter(|item| *item != part).cloned().collect::<Value>())
        }
        _ => None,
    };
    let of_its_kind = match right {
        Some(Value::Bool(value)) => Some(json!(!value)),
        Some(Value::Array(_)) => Some(json!(["mutated"])),
        _ => None,
    };
    let others = [Some(json!("mutated")), Some(json!(-1)), Some(json!(1_000_000)), None, matcher.not.clone()];
    let candidates = without.map(Some).into_iter().chain(of_its_kind.map(Some)).chain(others);
    candidates.into_iter().find(|value| !matcher.matches(value.as_ref()))
}

/// The field keeps its value.
pub(super) fn kept(object: &str, path: &FieldPath, phases: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let windows = log.windows(phases);
    let known = log.events.iter().enumerate().filter(|(_, event)| match &event.kind {
        EventKind::Field(field) => field.object == object && field.path == path.as_str(),
        _ => false,
    });
    let within = known.filter(|(_, event)| windows.iter().any(|window| window.contains(event.at_us)));
    let edits: Vec<Edit> = within.map(|(index, _)| Edit::Drop(index)).collect();
    vec![Mutation::new(format!("{path} of {object} keeps its value"), edits).naming(object)]
}

/// The field alternates between another value and its own, until that is too often.
pub(super) fn too_often(object: &str, path: &FieldPath, most: u32, phases: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for phase in log.phases(phases) {
        let Some(window) = log.window(phase) else { continue };
        let known = values(object, path.as_str(), log);
        let Some((_, before)) = known.iter().rev().find(|(at, _)| *at <= window.middle_us()) else { continue };
        let edits = (0..=u64::from(most) / 2).flat_map(|index| {
            let other = FieldValue { value: Some(json!("mutated")), seen: Seen::Live, ..(*before).clone() };
            let same = FieldValue { seen: Seen::Live, ..(*before).clone() };
            let at_us = window.middle_us() + 2 * index;
            [event(at_us, other), event(at_us + 1, same)]
        });
        let what = format!("{path} of {object} changes too often in {phase}");
        mutations.push(Mutation::new(what, edits.collect()).naming(object));
    }
    mutations
}

/// A value for the table: the start of a long one.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 { text } else { text.chars().take(40).chain("...".chars()).collect() }
}

fn event(at_us: u64, field: FieldValue) -> Edit {
    Edit::Add(Event { at_us, kind: EventKind::Field(field) })
}

/// Every value of a field, in the order of the log.
fn values<'a>(object: &str, path: &str, log: &Log<'a>) -> Vec<(u64, &'a FieldValue)> {
    let known = log.events.iter().filter_map(|event| match &event.kind {
        EventKind::Field(field) if field.object == object && field.path == path => Some((event.at_us, field)),
        _ => None,
    });
    known.collect()
}
