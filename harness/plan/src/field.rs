//! What the value of a field must be.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use harness_yaml::Problem;

use crate::{Bounds, FieldPath};

/// An object of the cluster that is looked at, by a name of the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedObject {
    /// The name that the scenario gives it.
    pub name: String,
    /// Where it is.
    pub at: ObjectAddress,
    /// Its fields that are watched, sorted; `exists` is always among them.
    pub paths: Vec<FieldPath>,
}

/// Where an object is in the API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Object")]
pub struct ObjectAddress {
    /// `group/version`, or `v1`. The cluster must serve it when the run begins.
    #[schemars(length(min = 1))]
    pub api_version: String,
    /// Its kind.
    #[schemars(length(min = 1))]
    pub kind: String,
    /// Its namespace, where its kind has one. `{namespace}` is the namespace of the run's workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: String,
}

impl fmt::Display for ObjectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// The field of an object and the value that it must have. At least one of `is`, `not`, `atLeast`, `atMost`, `contains`, `present`; all
/// that are given must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// One of `objects`.
    pub object: String,
    /// Which field: `spec.replicas`, `metadata.annotations[example.com/owner]`, `status.conditions[type=Ready].status`, `exists`, or
    /// `owners:spec.replicas` for the field managers that own a value.
    pub path: FieldPath,
    /// The value that it must have.
    #[serde(flatten)]
    pub value: Matcher,
}

/// What a value must be: everything that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Matcher {
    /// Exactly this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<Value>,
    /// Anything but this, or no value at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not: Option<Value>,
    /// Lower bound of a number, or of the number of items in a list or map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u32>,
    /// Upper bound of a number, or of the number of items in a list or map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
    /// A string with this part, a list with this item, a map with this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<Value>,
    /// Whether there is a value, whatever it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<bool>,
}

impl Matcher {
    /// Whether a value is what it must be; `None` stands for no value.
    pub fn matches(&self, value: Option<&Value>) -> bool {
        let is = |wanted: &Value| value.is_some_and(|value| same(value, wanted));
        let size = value.and_then(size);
        self.is.as_ref().is_none_or(is)
            && self.not.as_ref().is_none_or(|unwanted| !is(unwanted))
            && self.at_least.is_none_or(|least| size.is_some_and(|size| size >= f64::from(least)))
            && self.at_most.is_none_or(|most| size.is_some_and(|size| size <= f64::from(most)))
            && self.contains.as_ref().is_none_or(|part| value.is_some_and(|value| contains(value, part)))
            && self.present.is_none_or(|present| value.is_some() == present)
    }
}

impl Matcher {
    /// Whether what is given excludes itself, whatever the value.
    fn is_contradictory(&self) -> bool {
        let Self { is, not: _, at_least, at_most, contains, present } = self;
        let wants_value = is.is_some() || at_least.is_some() || at_most.is_some() || contains.is_some();
        (*present == Some(false) && wants_value) || is.as_ref().is_some_and(|value| !self.matches(Some(value)))
    }
}

impl Field {
    /// Values that every field has, or none.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let Matcher { at_least, at_most, .. } = self.value;
        let (message, hint) = if self.value == Matcher::default() {
            ("any value is right here", "give `is`, `not`, `atLeast`, `atMost`, `contains` or `present`")
        } else if at_least.zip(at_most).is_some_and(|(least, most)| least > most) {
            ("nothing is between these bounds", "swap them")
        } else if self.value.is_contradictory() {
            ("no value is all of this at once", "leave out what contradicts the rest")
        } else if self.path.is_exists() && !matches!(self.value.is, Some(Value::Bool(_))) {
            ("an object exists or it does not", "write `is: true` or `is: false`")
        } else {
            return Vec::new();
        };
        vec![Problem::new(&[], message, hint)]
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.is.as_ref().map(|value| format!("is {value}")));
        parts.extend(self.not.as_ref().map(|value| format!("is not {value}")));
        if self.at_least.is_some() || self.at_most.is_some() {
            parts.push(format!("is {}", Bounds { at_least: self.at_least, at_most: self.at_most }));
        }
        parts.extend(self.contains.as_ref().map(|value| format!("contains {value}")));
        parts.extend(self.present.map(|present| if present { "is there" } else { "is not there" }.to_owned()));
        f.write_str(&parts.join(" and "))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.object, self.path, self.value)
    }
}

/// Whether two values are the same: `1` and `1.0` are.
fn same(a: &Value, b: &Value) -> bool {
    a == b || matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if (a - b).abs() <= f64::EPSILON * a.abs())
}

fn size(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Array(items) => Some(items.len() as f64),
        Value::Object(map) => Some(map.len() as f64),
        Value::Null | Value::Bool(_) => None,
    }
}

fn contains(value: &Value, part: &Value) -> bool {
    match value {
        Value::String(text) => part.as_str().is_some_and(|part| text.contains(part)),
        Value::Array(items) => items.iter().any(|item| same(item, part)),
        Value::Object(map) => part.as_str().is_some_and(|key| map.contains_key(key)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(json!({"is": "1", "not": "1"}), true)]
    #[case(json!({"is": "1", "present": false}), true)]
    #[case(json!({"atLeast": 1, "present": false}), true)]
    #[case(json!({"is": 3, "atMost": 2}), true)]
    #[case(json!({"is": [1], "contains": 2}), true)]
    #[case(json!({"is": "1", "not": "2", "present": true}), false)]
    #[case(json!({"not": "2", "present": false}), false)]
    fn what_no_value_can_be_is_refused(#[case] must: Value, #[case] refused: bool) {
        let value: Matcher = serde_json::from_value(must).unwrap();
        let field = Field { object: "a".to_owned(), path: "spec.b".parse().unwrap(), value };
        assert_eq!(!field.problems().is_empty(), refused);
    }

    #[rstest]
    #[case(json!({"is": 3}), Some(json!(3)), true)]
    #[case(json!({"is": 3}), Some(json!(3.0)), true)]
    #[case(json!({"is": 3}), Some(json!("3")), false)]
    #[case(json!({"is": 3}), None, false)]
    #[case(json!({"is": ["a"]}), Some(json!(["a"])), true)]
    #[case(json!({"not": 3}), Some(json!(4)), true)]
    #[case(json!({"not": 3}), Some(json!(3)), false)]
    #[case(json!({"not": 3}), None, true)]
    #[case(json!({"atLeast": 2}), Some(json!(2)), true)]
    #[case(json!({"atLeast": 2}), Some(json!("2")), true)]
    #[case(json!({"atLeast": 2}), Some(json!([1])), false)]
    #[case(json!({"atLeast": 0}), None, false)]
    #[case(json!({"atLeast": 2, "atMost": 4}), Some(json!(5)), false)]
    #[case(json!({"contains": "Ready"}), Some(json!("NotReady")), true)]
    #[case(json!({"contains": "b"}), Some(json!(["a"])), false)]
    #[case(json!({"contains": "b"}), Some(json!({"b": null})), true)]
    #[case(json!({"contains": "b"}), Some(json!(true)), false)]
    #[case(json!({"present": true}), Some(json!(false)), true)]
    #[case(json!({"present": false}), Some(json!(false)), false)]
    #[case(json!({"present": false}), None, true)]
    fn values_are_what_they_must_be(#[case] must: Value, #[case] value: Option<Value>, #[case] holds: bool) {
        let must: Matcher = serde_json::from_value(must).unwrap();
        assert_eq!(must.matches(value.as_ref()), holds);
        assert!(!must.to_string().is_empty());
    }
}
