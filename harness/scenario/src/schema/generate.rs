//! From the types to the schema.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::ScenarioFile;
use harness_units::{ScalarType, TYPE_KEY};
use harness_yaml::schema::Schema;

/// The JSON schema (draft 2020-12) of scenario files. `scenarios/scenario.schema.json` is this, written out.
pub fn scenario_schema() -> Value {
    SCHEMA.clone()
}

/// The same, for the check of a file's structure. A schema that could not be read would refuse every scenario, which tests rule out.
pub(super) static STRUCTURE: LazyLock<Schema> = LazyLock::new(|| Schema::deserialize(&*SCHEMA).unwrap_or_default());

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<ScenarioFile>();
    let mut schema = schema.to_value();
    without_null(&mut schema);
    counts(&mut schema);
    close(&mut schema["$defs"]);
    schema
});

/// A map takes its own keys only. Those of flattened types are added to it, which serde's `deny_unknown_fields` cannot say.
fn close(definitions: &mut Value) {
    for definition in definitions.as_object_mut().into_iter().flat_map(|definitions| definitions.values_mut()) {
        if definition["properties"].is_object() && definition["additionalProperties"].is_null() {
            definition["additionalProperties"] = false.into();
        }
    }
}

/// A whole number from 0 is a type that a parameter can have, as those of `harness-units` are.
fn counts(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("type").is_some_and(|kind| kind == "integer")
                && object.get("format").is_some_and(|size| size == "uint32")
            {
                object.remove("format");
                object.remove("minimum");
                object.insert("type".to_owned(), json!(["string", "integer"]));
                object.insert(TYPE_KEY.to_owned(), ScalarType::Count.as_str().into());
            }
            object.values_mut().for_each(counts);
        }
        Value::Array(items) => items.iter_mut().for_each(counts),
        _ => {}
    }
}

/// `null` does not leave a key out: it is an unfinished line, and the schema should say so.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(alternatives)) = object.get_mut("anyOf") {
                alternatives.retain(|alternative| alternative["type"] != "null");
                if let [Value::Object(only)] = alternatives.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    object.extend(only);
                }
            }
            if object.get("default") == Some(&Value::Null) {
                object.remove("default");
            }
            object.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}
