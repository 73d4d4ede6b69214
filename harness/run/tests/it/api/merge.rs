//! Merge patches (RFC 7386), and the part of strategic ones that is used: conditions are merged by their type.

use serde_json::{Map, Value};

pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let target = target.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

pub(crate) fn strategic_merge(target: &mut Value, patch: &Value) {
    let mut patch = patch.clone();
    if let Some(news) = patch["status"]["conditions"].as_array().cloned() {
        let mut conditions = target["status"]["conditions"].as_array().cloned().unwrap_or_default();
        set_conditions(&mut conditions, &news);
        patch["status"]["conditions"] = Value::Array(conditions);
    }
    if patch["status"].is_null() {
        patch.as_object_mut().unwrap().remove("status");
    }
    merge(target, &patch);
}

/// Each condition replaces the one of its type.
pub(crate) fn set_conditions(conditions: &mut Vec<Value>, news: &[Value]) {
    for new in news {
        match conditions.iter_mut().find(|old| old["type"] == new["type"]) {
            Some(old) => *old = new.clone(),
            None => conditions.push(new.clone()),
        }
    }
}

#[test]
fn fields_that_a_patch_leaves_out_stay() {
    let mut object = serde_json::json!({"a": {"b": 1, "c": 2}, "d": [1]});
    merge(&mut object, &serde_json::json!({"a": {"b": null, "e": {"f": null}}, "d": [2]}));
    assert_eq!(object, serde_json::json!({"a": {"c": 2, "e": {}}, "d": [2]}));
    let mut node = serde_json::json!({"status": {"conditions": [{"type": "A", "status": "1"}, {"type": "B"}]}});
    strategic_merge(&mut node, &serde_json::json!({"status": {"conditions": [{"type": "A", "status": "2"}]}}));
    assert_eq!(node["status"]["conditions"], serde_json::json!([{"type": "A", "status": "2"}, {"type": "B"}]));
}
