//! Values as YAML.

use serde_json::{Map, Number, Value};
use serde_saphyr::ser_options;

use crate::{Kind, Node};

/// The documents as YAML, with sorted keys.
pub fn write(documents: &[Value]) -> String {
    let options = ser_options! { indent_step: 2, compact_list_indent: true, prefer_block_scalars: false };
    let yaml = serde_saphyr::to_string_multiple_with_options(documents, options).ok();
    // What a reader would take for something else is written as JSON, which is YAML too.
    yaml.filter(|text| means(text, documents))
        .unwrap_or_else(|| documents.iter().map(|document| format!("{document:#}\n")).collect::<Vec<_>>().join("---\n"))
}

/// Whether a text holds exactly these documents.
pub(super) fn means(text: &str, documents: &[Value]) -> bool {
    crate::documents(text).is_ok_and(|read| read.iter().map(Node::to_json).eq(documents.iter().cloned()))
}

impl Node {
    /// The value without its places.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(value, text) => number(*value, text),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect::<Map<_, _>>().into()
            }
        }
    }
}

fn number(value: f64, text: &str) -> Value {
    let whole = text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from));
    match whole {
        Ok(whole) => Value::Number(whole),
        // `0x10` and its like: kustomize hands the number on, not its spelling.
        Err(_) if value.fract() == 0.0 && value.abs() < 9e15 && !text.contains(['.', 'e', 'E']) => {
            Value::Number((value as i64).into())
        }
        Err(_) => Number::from_f64(value).map_or(Value::Null, Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(text: &str) -> Vec<Value> {
        crate::documents(text).unwrap().iter().map(crate::Node::to_json).collect()
    }

    #[test]
    fn values_that_look_like_others_stay_what_they_are() {
        let document = json!({
            "nodes": "10%", "count": "5", "number": 5, "yes": "yes", "on": "off", "schedule": "30 4 * * *",
            "version": "1e3", "empty": "", "null": "null", "nested": [{"a": [], "b": {}}], "long": "x ".repeat(200),
            "lines": "a\nb\n", "time": "2026-01-01", "half": 0.5, "big": 12_345_678_901_u64, "sha": "main@sha1:0",
        });
        assert_eq!(read(&write(std::slice::from_ref(&document))), [document]);
    }

    #[test]
    fn several_documents_stay_several() {
        let documents = [json!({"a": 1}), json!({"b": [1, 2]})];
        assert_eq!(read(&write(&documents)), documents);
    }

    #[test]
    fn numbers_keep_their_value() {
        assert_eq!(read("a: 0x10\nb: 007\nc: 1.5\nd: -3\n"), [json!({"a": 16, "b": 7, "c": 1.5, "d": -3})]);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~\n\u{e9}]{0,12}".prop_map(Value::from),
        ];
        scalar.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z./-]{1,8}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(value in any_value()) {
            // A document of nothing is none.
            let document = json!({"value": value});
            prop_assert_eq!(read(&write(std::slice::from_ref(&document))), vec![document]);
        }
    }
}
