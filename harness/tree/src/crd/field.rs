//! Fields of objects that are looked at while a run goes on: whether there is such a field, and whether it can have such a value.

use std::sync::LazyLock;

use harness_plan::{Field, FieldPath, Matcher, ObjectAddress, PathStep};
use harness_yaml::schema::{Dialect, Place, Schema, Type, Violation, walk};
use harness_yaml::{Problem, suggest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{catalogue, hints, metadata};

/// The part of a status that all embedded kinds share. The rest of it is not embedded. Source: apimachinery `metav1.Condition`.
static STATUS: LazyLock<Schema> = LazyLock::new(|| {
    schema(&json!({
        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"conditions": {"type": "array", "items": {"type": "object", "properties": {
            "type": {"type": "string"},
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "reason": {"type": "string"},
            "message": {"type": "string"},
            "lastTransitionTime": {"type": "string"},
            "observedGeneration": {"type": "integer"},
        }}}},
    }))
});

/// What `owners:` leads to.
static OWNERS: LazyLock<Schema> =
    LazyLock::new(|| schema(&json!({"type": "array", "items": {"type": "string", "minLength": 1}})));

fn schema(text: &Value) -> Schema {
    Schema::deserialize(text).unwrap_or_default()
}

/// What is wrong with a field of an object: there is none at the path, or it never has such a value. Nothing where the kind's CRD is not
/// embedded, but for metadata and owners. Each with the path from the field to the key that is wrong.
pub fn field_problems(at: &ObjectAddress, field: &Field) -> Vec<Problem> {
    let found = match path_leads_to(at, &field.path) {
        Ok(found) => found,
        Err(problem) => return vec![problem],
    };
    let mut problems = match found {
        _ if field.path.is_of_owners() => owners_are_sorted(&field.value),
        _ => Vec::new(),
    };
    let schema = if field.path.is_of_owners() { Some(&*OWNERS) } else { found };
    problems.extend(schema.into_iter().flat_map(|schema| values(schema, &field.path, &field.value)));
    problems
}

/// That there is no field at a path, with the path to the key `path`.
pub fn path_problem(at: &ObjectAddress, path: &FieldPath) -> Option<Problem> {
    path_leads_to(at, path).err()
}

/// The schema of what stands at a path; `None` where anything may.
fn path_leads_to(at: &ObjectAddress, path: &FieldPath) -> Result<Option<&'static Schema>, Problem> {
    let (group, version) = at.api_version.split_once('/').unwrap_or(("", &at.api_version));
    let known = catalogue::served(group, &at.kind, version);
    let Some((PathStep::Key(first), rest)) = path.steps().split_first() else { return Ok(None) };
    let mut schema = match (first.as_str(), known) {
        ("metadata", _) => metadata::schema(),
        (_, None) => return Ok(None),
        ("status", Some(_)) => &*STATUS,
        (key, Some(known)) => match known.schema.properties.get(key) {
            Some(schema) => schema,
            None => {
                let keys = known.schema.keys().into_iter().chain(["status"]);
                return Err(unknown(&at.kind, key, &format!("a {}", at.kind), keys));
            }
        },
    };
    let mut above = first.clone();
    for step in rest {
        schema = match below(schema, step, &at.kind, &above)? {
            Some(next) => next,
            None => return Ok(None),
        };
        above = match step {
            PathStep::Key(key) => format!("{above}.{key}"),
            PathStep::Item(index) => format!("{above}[{index}]"),
            PathStep::Where(key, value) => format!("{above}[{key}={value}]"),
        };
    }
    Ok(Some(schema))
}

/// The schema one step further; `None` where anything may stand there.
fn below<'s>(schema: &'s Schema, step: &PathStep, kind: &str, above: &str) -> Result<Option<&'s Schema>, Problem> {
    let is = |wanted: Type| schema.types().is_empty() || schema.takes(wanted);
    let in_map = |key: &str| match schema.field(key) {
        Some(field) => Ok(Some(field)),
        None if schema.takes_any_field() => Ok(None),
        None => Err(unknown(kind, key, &format!("`{above}`"), schema.keys())),
    };
    match step {
        PathStep::Key(key) if is(Type::Object) => in_map(key),
        PathStep::Item(_) if is(Type::Array) => Ok(schema.items.as_deref()),
        PathStep::Item(index) if is(Type::Object) => in_map(&index.to_string()),
        PathStep::Where(key, _) if is(Type::Array) => match schema.items.as_deref() {
            Some(item) if item.field(key).is_none() && !item.takes_any_field() => {
                Err(unknown(kind, key, &format!("the items of `{above}`"), item.keys()))
            }
            items => Ok(items),
        },
        PathStep::Key(_) | PathStep::Item(_) | PathStep::Where(..) => {
            let message = format!("`{above}` is {}", schema.describe_types());
            let hint = match (schema.types(), step) {
                ([Type::Array], _) => "name an item of it: `[0]` or `[type=Ready]`, say",
                ([Type::Object], _) => "name a key of it",
                _ => "end the path there",
            };
            Err(Problem::new(&["path"], message, hint))
        }
    }
}

fn unknown<'k>(kind: &str, key: &str, place: &str, known: impl IntoIterator<Item = &'k str>) -> Problem {
    let hint = hints::instead(kind, key).map_or_else(|| suggest::hint(key, known), str::to_owned);
    Problem::new(&["path"], format!("there is no field `{key}` in {place}"), hint)
}

/// Values that the field never has.
fn values(schema: &Schema, path: &FieldPath, value: &Matcher) -> Vec<Problem> {
    let mut problems = Vec::new();
    let given = [("is", value.is.as_ref(), "no value is ever this"), ("not", value.not.as_ref(), "this always holds")];
    for (key, wanted, effect) in given {
        let Some((wrong, hint)) = wanted.and_then(|wanted| never(schema, path, wanted)) else { continue };
        problems.push(Problem::new(&[key], format!("{wrong}: {effect}"), hint));
    }
    let (takes, types) = (|wanted: Type| schema.takes(wanted), schema.types());
    if let [Type::Boolean] = types {
        let bounds = [("atLeast", value.at_least), ("atMost", value.at_most)];
        problems.extend(bounds.into_iter().filter(|(_, bound)| bound.is_some()).map(|(key, _)| {
            Problem::new(
                &[key],
                format!("`{path}` is true or false: it has no size"),
                "write `is: true` or `is: false`",
            )
        }));
    }
    let Some(part) = &value.contains else { return problems };
    let (message, hint) = match part {
        Value::String(text) if text.is_empty() && takes(Type::String) => (
            "every text contains the empty one".to_owned(),
            "write `present: true`, or a part that it must have".to_owned(),
        ),
        Value::String(_) if types.is_empty() || takes(Type::String) || takes(Type::Object) => return problems,
        _ if types.is_empty() => return problems,
        part if takes(Type::Array) => match schema.items.as_deref().and_then(|item| never(item, path, part)) {
            Some((wrong, hint)) => (format!("an item of {wrong}"), hint),
            None => return problems,
        },
        _ => {
            let message = format!("`{path}` is {}: it never contains {part}", schema.describe_types());
            (message, if takes(Type::String) || takes(Type::Object) { "write a text" } else { "write `is`" }.to_owned())
        }
    };
    problems.push(Problem::new(&["contains"], message, hint));
    problems
}

/// The owners of a field are compared as a whole, and always stand in the order of their names.
fn owners_are_sorted(value: &Matcher) -> Vec<Problem> {
    let lists = [("is", &value.is), ("not", &value.not)].into_iter();
    lists
        .filter_map(|(key, wanted)| {
            let names = wanted.as_ref()?.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
            let mut sorted = names.clone();
            sorted.sort_unstable();
            sorted.dedup();
            let hint = format!("write [{}]", sorted.join(", "));
            (names != sorted)
                .then(|| Problem::new(&[key], "owners are listed in the order of their names, each once", hint))
        })
        .collect()
}

/// Why a field never has a value, and what to write.
fn never(schema: &Schema, path: &FieldPath, value: &Value) -> Option<(String, String)> {
    // JSON is YAML, and the walk wants places.
    let node = harness_yaml::documents(&value.to_string()).ok()?.pop()?;
    let mut first = First { path, found: None };
    walk(schema, &node, &mut first);
    first.found
}

/// The first thing that is wrong with a value.
struct First<'p> {
    path: &'p FieldPath,
    found: Option<(String, String)>,
}

impl Dialect for First<'_> {
    fn null_is_absent(&self, _: &Schema) -> bool {
        true
    }

    fn report(&mut self, at: &Place<'_>, violation: Violation<'_>) {
        // An object may be older than a field that it must have.
        if self.found.is_some() || matches!(violation, Violation::MissingKey { .. }) {
            return;
        }
        let (path, below) = (self.path, at.path());
        let what = match below.as_str() {
            "" => format!("`{path}`"),
            index if index.starts_with('[') => format!("`{path}{index}`"),
            key => format!("`{path}.{key}`"),
        };
        let (wrong, hint) = match (&violation, at.node.scalar()) {
            (Violation::Type(schema), Some(text)) if schema.types() == [Type::String] => {
                let known: Vec<&str> = schema.values.iter().filter_map(Value::as_str).collect();
                let hint = if known.is_empty() { format!("write `\"{text}\"`") } else { suggest::hint(&text, known) };
                (format!("{what} is a text, not {}", at.node.describe()), hint)
            }
            (Violation::Type(schema), _) => {
                (format!("{what} is {}, not {}", schema.describe_types(), at.node.describe()), violation.hint(at.node))
            }
            _ => (violation.message(&what, at.node), violation.hint(at.node)),
        };
        self.found = Some((wrong, hint));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn problems(kind: &str, field: Value) -> Vec<String> {
        let api_version = match kind {
            "NodePool" => "karpenter.sh/v1",
            "Kustomization" => "kustomize.toolkit.fluxcd.io/v1",
            "Deployment" => "apps/v1",
            _ => "v1",
        };
        let at = json!({"apiVersion": api_version, "kind": kind, "name": "a"});
        let mut whole = json!({"object": "a", "path": "spec"});
        json_patch_merge(&mut whole, field);
        let found = field_problems(&serde_json::from_value(at).unwrap(), &serde_json::from_value(whole).unwrap());
        found.iter().map(ToString::to_string).collect()
    }

    fn json_patch_merge(whole: &mut Value, field: Value) {
        for (key, value) in field.as_object().unwrap() {
            whole[key] = value.clone();
        }
    }

    #[rstest]
    // Always passing, or never met, in the scenarios of a new author.
    #[case("NodePool", json!({"path": "spec.limit.cpu", "not": "1"}), &["path: there is no field `limit` in `spec`; did you mean `limits`?"])]
    #[case("NodePool", json!({"path": "spek.limits", "present": true}), &["path: there is no field `spek` in a NodePool; did you mean `spec`?"])]
    #[case("NodePool", json!({"path": "spec.weight.cpu", "is": 1}), &["path: `spec.weight` is a whole number; end the path there"])]
    #[case("NodePool", json!({"path": "spec.disruption.budgets.nodes", "is": "1"}), &["path: `spec.disruption.budgets` is a list; name an item of it: `[0]` or `[type=Ready]`, say"])]
    #[case("NodePool", json!({"path": "spec.disruption.budgets[0].node", "is": "1"}), &["path: there is no field `node` in `spec.disruption.budgets[0]`; did you mean `nodes`?"])]
    #[case("NodePool", json!({"path": "status.conditions[typ=Ready].status", "is": "True"}), &["path: there is no field `typ` in the items of `status.conditions`; did you mean `type`?"])]
    #[case("NodePool", json!({"path": "spec.expireAfter", "is": "1h"}), &["path: there is no field `expireAfter` in `spec`; write it at `spec.template.spec.expireAfter`, where v1 has it"])]
    #[case("NodePool", json!({"path": "status.conditions[type=Ready].status", "is": true}), &["is: `status.conditions[type=Ready].status` is a text, not the boolean true: no value is ever this; did you mean `True`?"])]
    #[case("NodePool", json!({"path": "status.conditions[type=Ready].status", "not": "true"}), &["not: `status.conditions[type=Ready].status` cannot be `true`: this always holds; did you mean `True`?"])]
    #[case("NodePool", json!({"path": "spec.weight", "is": "5"}), &["is: `spec.weight` is a whole number, not the text `5`: no value is ever this; write a whole number"])]
    #[case("NodePool", json!({"path": "spec.limits.cpu", "contains": ""}), &["contains: every text contains the empty one; write `present: true`, or a part that it must have"])]
    #[case("NodePool", json!({"path": "owners:spec.limits", "is": "kubectl"}), &["is: `owners:spec.limits` is a list, not the text `kubectl`: no value is ever this; write a list"])]
    #[case("Deployment", json!({"path": "owners:spec.replicas", "not": ["b", "a"]}), &["not: owners are listed in the order of their names, each once; write [a, b]"])]
    #[case("Deployment", json!({"path": "owners:spec.replicas", "contains": ""}), &["contains: an item of `owners:spec.replicas` is empty"])]
    #[case("Deployment", json!({"path": "metadata.annotation.note", "present": false}), &["path: there is no field `annotation` in `metadata`; did you mean `annotations`?"])]
    #[case("ConfigMap", json!({"path": "metadata.labels.tier", "is": 5}), &["is: `metadata.labels.tier` is a text, not the number 5: no value is ever this; write `\"5\"`"])]
    #[case("Kustomization", json!({"path": "spec.suspend", "is": "true"}), &["is: `spec.suspend` is true or false, not the text `true`"])]
    #[case("Kustomization", json!({"path": "spec.suspend", "atLeast": 1}), &["atLeast: `spec.suspend` is true or false: it has no size"])]
    // Right, or not known.
    #[case("NodePool", json!({"path": "spec.limits.cpu", "is": "1000"}), &[])]
    #[case("NodePool", json!({"path": "spec.limits.anything", "is": 1000}), &[])]
    #[case("NodePool", json!({"path": "exists", "is": true}), &[])]
    #[case("NodePool", json!({"path": "status.resources.nodes", "is": 3}), &[])]
    #[case("NodePool", json!({"path": "metadata.annotations[karpenter.sh/nodepool-hash]", "not": "1"}), &[])]
    #[case("NodePool", json!({"path": "spec.template.metadata.labels.team", "contains": "a"}), &[])]
    #[case("NodePool", json!({"path": "spec.template.spec.requirements[key=kubernetes.io/arch].values", "contains": "amd64"}), &[])]
    #[case("Kustomization", json!({"path": "owners:spec.suspend", "is": ["a", "b"]}), &[])]
    #[case("Kustomization", json!({"path": "status.conditions[type=Ready].observedGeneration", "atLeast": 1}), &[])]
    #[case("Deployment", json!({"path": "spec.replica", "is": "3"}), &[])]
    fn fields_that_are_not_there_or_never_have_a_value(
        #[case] kind: &str,
        #[case] field: Value,
        #[case] expected: &[&str],
    ) {
        let found = problems(kind, field);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
