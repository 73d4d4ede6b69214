//! Paths into objects.

use std::fmt;
use std::str::FromStr;

use harness_units::TYPE_KEY;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A path into an object, as a scenario writes it:
///
/// - `spec.replicas`, `metadata.annotations[example.com/owner]`, `spec.template.spec.containers[0].image`,
///   `status.conditions[type=Ready].status`: a value;
/// - `exists`: whether the object is there;
/// - `owners:spec.replicas`: the field managers that own a value or something in it, by the object's `managedFields`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath {
    text: String,
    look: Look,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Look {
    Exists,
    Value(Vec<PathStep>),
    Owners(Vec<PathStep>),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathStep {
    /// A key of a map.
    Key(String),
    /// `[3]`: an item of a list, or the key `3` of a map.
    Item(usize),
    /// `[type=Ready]`: the first item of a list whose key has this value.
    Where(String, String),
}

const OWNERS: &str = "owners:";

impl FieldPath {
    /// The name of its type in the JSON schema.
    pub const TYPE: &str = "fieldPath";

    /// `exists`.
    pub fn exists() -> Self {
        Self { text: "exists".to_owned(), look: Look::Exists }
    }

    /// Whether this is `exists`.
    pub fn is_exists(&self) -> bool {
        self.look == Look::Exists
    }

    /// Whether it leads to the field managers of a value, and not to the value.
    pub fn is_of_owners(&self) -> bool {
        matches!(self.look, Look::Owners(_))
    }

    /// The way from the object to the value; empty for `exists`.
    pub fn steps(&self) -> &[PathStep] {
        match &self.look {
            Look::Exists => &[],
            Look::Value(steps) | Look::Owners(steps) => steps,
        }
    }

    /// As a scenario writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands there; `None` where there is nothing. `object` is the object as the API server returns it, `None` where it is not
    /// there.
    pub fn read(&self, object: Option<&Value>) -> Option<Value> {
        match &self.look {
            Look::Exists => Some(Value::Bool(object.is_some())),
            Look::Value(steps) => {
                let found = steps.iter().try_fold(object?, |value, step| step.of(value))?;
                (!found.is_null()).then(|| found.clone())
            }
            Look::Owners(steps) => Some(owners(object?, steps)),
        }
    }

    /// The paths of everything that a merge patch (RFC 7386) writes, sorted: lists are replaced as a whole.
    pub fn of_patch(patch: &Value) -> Vec<Self> {
        let mut found = Vec::new();
        leaves(patch, &mut Vec::new(), &mut found);
        found.sort();
        found
    }

    fn of_keys(keys: &[String]) -> Self {
        let mut text = String::new();
        for key in keys {
            let plain = !key.is_empty() && !key.contains(['.', '[', ']', '"']) && key.parse::<usize>().is_err();
            match (plain, text.is_empty()) {
                (true, true) => text.push_str(key),
                (true, false) => {
                    text.push('.');
                    text.push_str(key);
                }
                (false, _) => {
                    text.push('[');
                    text.push_str(key);
                    text.push(']');
                }
            }
        }
        Self { text, look: Look::Value(keys.iter().cloned().map(PathStep::Key).collect()) }
    }

    /// The merge patch that puts `value` (nothing where it is `None`) back where [`FieldPath::of_patch`] has found it.
    pub fn patch(&self, value: Option<&Value>) -> Value {
        let (Look::Value(steps) | Look::Owners(steps)) = &self.look else { return Value::Null };
        steps.iter().rev().fold(value.cloned().unwrap_or(Value::Null), |inner, step| match step {
            PathStep::Key(key) => Value::Object([(key.clone(), inner)].into_iter().collect()),
            PathStep::Item(_) | PathStep::Where(..) => inner,
        })
    }
}

fn leaves(patch: &Value, keys: &mut Vec<String>, found: &mut Vec<FieldPath>) {
    match patch.as_object() {
        Some(map) if !map.is_empty() => {
            for (key, value) in map {
                keys.push(key.clone());
                leaves(value, keys, found);
                keys.pop();
            }
        }
        _ if keys.is_empty() => {}
        _ => found.push(FieldPath::of_keys(keys)),
    }
}

impl PathStep {
    fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Key(key) => value.get(key),
            Self::Item(index) => value.get(index).or_else(|| value.get(index.to_string())),
            Self::Where(key, wanted) => {
                value.as_array()?.iter().find(|item| item.get(key).is_some_and(|found| text(found) == *wanted))
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The managers whose `fieldsV1` reaches the path, sorted. A set that ends before the path does owns everything below: the field is
/// atomic.
fn owners(object: &Value, steps: &[PathStep]) -> Value {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let mut managers: Vec<&str> = entries
        .into_iter()
        .flatten()
        .filter(|entry| entry.get("fieldsV1").is_some_and(|fields| is_owned(fields, object, steps)))
        .filter_map(|entry| entry.get("manager").and_then(Value::as_str))
        .collect();
    managers.sort_unstable();
    managers.dedup();
    managers.into()
}

/// Walks the set of owned fields beside the object: items of a list are named by their keys (`k:{"name":"web"}`), their value (`v:`)
/// or their index (`i:`), keys of a map by `f:`. Source: sigs.k8s.io/structured-merge-diff `fieldpath/serialize-pe.go`.
fn is_owned(fields: &Value, object: &Value, steps: &[PathStep]) -> bool {
    let mut fields = fields;
    let mut value = Some(object);
    for (depth, step) in steps.iter().enumerate() {
        let Some(set) = fields.as_object() else { return false };
        if depth > 0 && set.keys().all(|key| key == ".") {
            return true;
        }
        let item = value.and_then(|value| step.of(value));
        let below = match step {
            PathStep::Key(key) => set.get(&format!("f:{key}")),
            PathStep::Item(index) => {
                set.get(&format!("i:{index}")).or_else(|| set.get(&format!("f:{index}"))).or_else(|| keyed(set, item))
            }
            PathStep::Where(..) => keyed(set, item),
        };
        let Some(below) = below else { return false };
        fields = below;
        value = item;
    }
    true
}

/// The entry of an item of a list of maps, whose keys the item has.
fn keyed<'f>(set: &'f serde_json::Map<String, Value>, item: Option<&Value>) -> Option<&'f Value> {
    let item = item?;
    set.iter().find_map(|(name, below)| {
        let is_it = if let Some(value) = name.strip_prefix("v:") {
            serde_json::from_str::<Value>(value).is_ok_and(|value| value == *item)
        } else {
            let keys: Value = serde_json::from_str(name.strip_prefix("k:")?).ok()?;
            keys.as_object()?.iter().all(|(key, value)| item.get(key) == Some(value))
        };
        is_it.then_some(below)
    })
}

impl FromStr for FieldPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "exists" {
            return Ok(Self::exists());
        }
        let look = match text.strip_prefix(OWNERS) {
            Some(path) => Look::Owners(steps(path)?),
            None => Look::Value(steps(text)?),
        };
        Ok(Self { text: text.to_owned(), look })
    }
}

fn steps(text: &str) -> Result<Vec<PathStep>, String> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let Some((inside, after)) = inner.split_once(']') else {
                return Err(format!("`{text}` has a `[` without its `]`"));
            };
            steps.push(bracketed(inside).ok_or_else(|| format!("`{text}` has nothing between `[` and `]`"))?);
            rest = after;
            if !rest.is_empty() && !rest.starts_with(['.', '[']) {
                return Err(format!("`{text}` lacks a `.` after `]`"));
            }
        } else {
            let key = if steps.is_empty() { rest } else { rest.strip_prefix('.').unwrap_or(rest) };
            let end = key.find(['.', '[']).unwrap_or(key.len());
            let (key, after) = key.split_at(end);
            if key.is_empty() || key.contains(']') {
                return Err(format!("`{text}` has an empty key, or a `]` without its `[`"));
            }
            steps.push(PathStep::Key(key.to_owned()));
            rest = after;
        }
        if rest == "." {
            return Err(format!("`{text}` ends with a `.`"));
        }
    }
    if steps.is_empty() { Err("an empty path".to_owned()) } else { Ok(steps) }
}

fn bracketed(inside: &str) -> Option<PathStep> {
    let unquoted = inside.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    if let Some(key) = unquoted {
        return (!key.is_empty()).then(|| PathStep::Key(key.to_owned()));
    }
    if let Ok(index) = inside.parse() {
        return Some(PathStep::Item(index));
    }
    match inside.split_once('=') {
        Some((key, value)) => (!key.is_empty()).then(|| PathStep::Where(key.to_owned(), value.to_owned())),
        None => (!inside.is_empty()).then(|| PathStep::Key(inside.to_owned())),
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl schemars::JsonSchema for FieldPath {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FieldPath".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", TYPE_KEY: Self::TYPE})
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for FieldPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    fn deployment() -> Value {
        json!({
            "metadata": {
                "annotations": {"example.com/owner": "team"},
                "managedFields": [
                    {"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": {
                        "f:spec": {
                            "f:selector": {},
                            "f:template": {"f:spec": {"f:containers": {
                                "k:{\"name\":\"app\"}": {".": {}, "f:name": {}, "f:image": {}},
                            }}},
                        },
                    }},
                    {"manager": "kube-controller-manager", "operation": "Update", "subresource": "scale",
                     "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                ],
            },
            "spec": {
                "replicas": 3,
                "selector": {"matchLabels": {"app": "demo"}},
                "template": {"spec": {"containers": [{"name": "app", "image": "demo:1"}]}},
                "nothing": null,
            },
            "status": {"conditions": [{"type": "Available", "status": "True"}]},
        })
    }

    #[rstest]
    #[case("spec.replicas", Some(json!(3)))]
    #[case("metadata.annotations[example.com/owner]", Some(json!("team")))]
    #[case("metadata.annotations[\"example.com/owner\"]", Some(json!("team")))]
    #[case("spec.template.spec.containers[0].image", Some(json!("demo:1")))]
    #[case("spec.template.spec.containers[name=app].image", Some(json!("demo:1")))]
    #[case("status.conditions[type=Available].status", Some(json!("True")))]
    #[case("status.conditions[type=Ready].status", None)]
    #[case("spec.nothing", None)]
    #[case("spec.replicas.more", None)]
    #[case("exists", Some(json!(true)))]
    #[case("owners:spec.replicas", Some(json!(["kube-controller-manager"])))]
    // What is owned as a whole is owned in its parts.
    #[case("owners:spec.selector.matchLabels", Some(json!(["kustomize-controller"])))]
    #[case("owners:spec.template.spec.containers[0].image", Some(json!(["kustomize-controller"])))]
    #[case("owners:spec.template.spec.containers[name=app].resources", Some(json!([])))]
    // Who owns something in it.
    #[case("owners:spec", Some(json!(["kube-controller-manager", "kustomize-controller"])))]
    #[case("owners:status", Some(json!([])))]
    fn paths_lead_to_values(#[case] path: &str, #[case] expected: Option<Value>) {
        let path: FieldPath = path.parse().unwrap();
        assert_eq!(path.read(Some(&deployment())), expected);
    }

    #[test]
    fn of_an_object_that_is_not_there_only_that_is_known() {
        assert_eq!(FieldPath::exists().read(None), Some(json!(false)));
        for path in ["spec.replicas", "owners:spec.replicas"] {
            assert_eq!(path.parse::<FieldPath>().unwrap().read(None), None);
        }
    }

    #[rstest]
    #[case("")]
    #[case("owners:")]
    #[case("spec..replicas")]
    #[case("spec.")]
    #[case(".spec")]
    #[case("spec[")]
    #[case("spec[]")]
    #[case("spec]")]
    #[case("spec[0]image")]
    fn unreadable_paths_are_refused(#[case] path: &str) {
        assert!(path.parse::<FieldPath>().is_err());
    }

    #[test]
    fn a_patch_writes_its_leaves() {
        let patch = json!({
            "metadata": {"annotations": {"a.example/b": "x", "0": null}},
            "spec": {"list": [1, 2], "weight": 5, "empty": {}},
        });
        let paths: Vec<String> = FieldPath::of_patch(&patch).iter().map(ToString::to_string).collect();
        let expected =
            ["metadata.annotations[0]", "metadata.annotations[a.example/b]", "spec.empty", "spec.list", "spec.weight"];
        assert_eq!(paths, expected);
        assert!(FieldPath::of_patch(&json!({})).is_empty());
    }

    proptest! {
        /// What a patch writes is read at its paths, also when the path went through its text, and can be taken back there.
        #[test]
        fn paths_of_a_patch_are_those_of_the_object(keys in prop::collection::vec("[a-z./]{1,6}|[0-9]", 1..4), value in 0_u32..9) {
            let patch = keys.iter().rev().fold(json!(value), |inner, key| json!({key: inner}));
            let paths = FieldPath::of_patch(&patch);
            prop_assert_eq!(paths.len(), 1);
            prop_assert_eq!(paths[0].read(Some(&patch)), Some(json!(value)));
            let told: FieldPath = paths[0].as_str().parse().unwrap();
            prop_assert_eq!(told.read(Some(&patch)), Some(json!(value)));
            prop_assert_eq!(paths[0].patch(Some(&json!(value))), patch);
        }

        #[test]
        fn no_text_brings_it_down(text in ".{0,40}") {
            let _ = text.parse::<FieldPath>();
        }
    }
}
