//! Objects of the cluster: named before they are looked at, by paths that can be read, and changed in one way at a time.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Context;
use super::names::malformed;
use crate::model::{ExpectationSpec, FieldSpec, Setting, UntilSpec};
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
    for name in looked_at.iter().map(|(object, _)| *object) {
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
