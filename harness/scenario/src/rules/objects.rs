//! Objects of the cluster: named before they are looked at, by paths that can be read, and changed in one way at a time.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Context;
use super::names::malformed;
use crate::expand::created_name;
use crate::model::{ActionSpec, ChangeSpec, ExpectationSpec, FieldSpec, Setting, UntilSpec};
use harness_plan::FieldPath;
use harness_yaml::Diagnostic;
use harness_yaml::suggest;
use harness_yaml::{Located, Mark};

/// Every field that a phase waits for or an expectation is about, with its place.
fn fields<'a>(context: &'a Context<'_>) -> impl Iterator<Item = (&'a FieldSpec, Mark)> {
    let awaited = context.scenario.phases.iter().filter_map(|phase| phase.until.as_ref()).flat_map(|until| {
        until.0.iter().filter_map(|one| match one {
            UntilSpec::Field(spec) => Some((&**spec, until.mark)),
            _ => None,
        })
    });
    let expected = context.scenario.expect.iter().filter_map(|expectation| match &expectation.value {
        ExpectationSpec::Field(spec) => Some((&**spec, expectation.mark)),
        _ => None,
    });
    awaited.chain(expected)
}

fn changes<'a>(context: &'a Context<'_>) -> impl Iterator<Item = (&'a ChangeSpec, &'a Located<ActionSpec>)> {
    let actions = context.scenario.phases.iter().flat_map(|phase| &phase.actions);
    actions.filter_map(|action| Some((action.change.as_ref()?, action)))
}

pub(super) fn are_known(context: &Context<'_>) -> Vec<Diagnostic> {
    let objects = &context.scenario.objects;
    let mut found = Vec::new();
    let mut addresses: BTreeMap<_, &str> = BTreeMap::new();
    for (name, spec) in objects {
        let mark = context.key_mark(&["objects", name]);
        found.extend(malformed(context, "an object", name, mark));
        let address = (&spec.api_version, &spec.kind, &spec.namespace, &spec.name);
        if let Some(first) = addresses.insert(address, name) {
            let message = format!("`{name}` is the same object as `{first}`");
            found.push(context.error(mark, message, "name it once"));
        }
    }
    let counted = context.scenario.expect.iter().filter_map(|expectation| match &expectation.value {
        ExpectationSpec::Changes(spec) => Some((&spec.object, &spec.path)),
        _ => None,
    });
    let looked_at: Vec<(&Located<String>, &Located<String>)> =
        fields(context).map(|(spec, _)| (&spec.object, &spec.path)).chain(counted).collect();
    let changed = changes(context).filter_map(|(spec, _)| spec.object.as_ref());
    for name in looked_at.iter().map(|(object, _)| *object).chain(changed) {
        if !objects.contains_key(&name.value) {
            let message = format!("unknown object `{}`", name.value);
            let hint = if objects.is_empty() {
                "name it under `objects`: `{apiVersion: ..., kind: ..., name: ...}`".to_owned()
            } else {
                suggest::hint(name, objects.keys().map(String::as_str))
            };
            found.push(context.error(name.mark, message, hint));
        }
    }
    for (_, path) in looked_at {
        if let Err(why) = path.value.parse::<FieldPath>() {
            let hint = "write it as spec.replicas, metadata.annotations[example.com/owner] or status.conditions[type=Ready].status";
            found.push(context.error(path.mark, why, hint));
        }
    }
    found
}

pub(super) fn fields_say_something(context: &Context<'_>) -> Vec<Diagnostic> {
    let number = |setting: &Option<Setting<u32>>| setting.as_ref().map(|setting| setting.value);
    let mut found = Vec::new();
    for (spec, mark) in fields(context) {
        let (least, most) = (number(&spec.at_least), number(&spec.at_most));
        let anything = spec.is.is_none() && spec.not.is_none() && spec.contains.is_none() && spec.present.is_none();
        let (message, hint) = if anything && least.is_none() && most.is_none() {
            ("any value is right here", "give `is`, `not`, `atLeast`, `atMost`, `contains` or `present`")
        } else if least.is_some() && most.is_some() && least > most {
            ("nothing is between these bounds", "swap them")
        } else if spec.path.value == "exists" && !matches!(spec.is, Some(Value::Bool(_))) {
            ("an object exists or it does not", "write `is: true` or `is: false`")
        } else {
            continue;
        };
        found.push(context.error(mark, message, hint));
    }
    for expectation in &context.scenario.expect {
        let ExpectationSpec::Changes(spec) = &expectation.value else { continue };
        let (message, hint) = match (number(&spec.at_least), number(&spec.at_most)) {
            (None | Some(0), None) => {
                ("every value changes any number of times", "give `atMost`, or `atLeast` above 0")
            }
            (Some(least), Some(most)) if least > most => ("nothing is between these bounds", "swap them"),
            _ => continue,
        };
        found.push(context.error(expectation.mark, message, hint));
    }
    found
}

pub(super) fn changes_are_one_each(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (spec, action) in changes(context) {
        let ways = [spec.patch.is_some(), spec.delete, spec.create.is_some()];
        let (message, hint) = match ways.into_iter().filter(|said| *said).count() {
            0 => ("this changes nothing", "give one of `patch`, `delete: true`, `create`"),
            1 if spec.patch.as_ref().is_some_and(|patch| FieldPath::of_patch(patch).is_empty()) => {
                ("this patch changes nothing", "write what is merged: `{spec: {weight: 5}}`")
            }
            1 if spec.patch.as_ref().is_some_and(names_another) => {
                ("a patch cannot make another object of this one", "leave out apiVersion, kind and the metadata's name")
            }
            1 if spec.create.is_some() && created_name(spec, &context.scenario.objects).is_none() => {
                ("what is created must be looked at", "name it under `objects`, and say `object: NAME`")
            }
            1 if spec.create.is_none() && spec.object.is_none() => ("which object?", "give `object`"),
            1 => continue,
            _ => ("this is more than one change", "make each an action of its own"),
        };
        found.push(context.error(action.mark, message, hint));
    }
    found
}

fn names_another(patch: &Value) -> bool {
    ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"].iter().any(|path| patch.pointer(path).is_some())
}
