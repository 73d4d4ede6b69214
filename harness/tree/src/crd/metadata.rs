//! What every object has, whatever its kind: metadata. And the maps of texts of the simplest kinds.

use std::sync::LazyLock;

use harness_yaml::schema::Schema;
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest part of a label's or an annotation's key before and behind the slash. Source: apimachinery `util/validation`.
const DOMAIN_MAX: usize = 253;
const NAME_MAX: usize = 63;

/// The fields of `metadata` and their types. Source: apimachinery `metav1.ObjectMeta` and, for the values of labels,
/// `util/validation`, `IsValidLabelValue`.
fn metadata() -> Value {
    let text = json!({"type": "string"});
    let label = json!({"type": "string", "maxLength": 63, "pattern": "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"});
    json!({
        "type": "object",
        "properties": {
            "annotations": {"type": "object", "additionalProperties": text},
            "creationTimestamp": text,
            "deletionGracePeriodSeconds": {"type": "integer"},
            "deletionTimestamp": text,
            "finalizers": {"type": "array", "items": text},
            "generateName": text,
            "generation": {"type": "integer"},
            "labels": {"type": "object", "additionalProperties": label},
            "managedFields": {"type": "array"},
            "name": text,
            "namespace": text,
            "ownerReferences": {"type": "array", "items": {"type": "object", "properties": {
                "apiVersion": text, "kind": text, "name": text, "uid": text,
                "controller": {"type": "boolean"}, "blockOwnerDeletion": {"type": "boolean"},
            }}},
            "resourceVersion": text,
            "selfLink": text,
            "uid": text,
        },
    })
}

/// An object with these fields beside its metadata, and any others.
fn object(mut fields: Value) -> Schema {
    fields["metadata"] = metadata();
    let whole = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": fields});
    Schema::deserialize(&whole).unwrap_or_default()
}

static OBJECT: LazyLock<Schema> = LazyLock::new(|| object(json!({})));

static CONFIG_MAP: LazyLock<Schema> = LazyLock::new(|| object(json!({"data": texts(), "binaryData": texts()})));

static SECRET: LazyLock<Schema> = LazyLock::new(|| object(json!({"data": texts(), "stringData": texts()})));

fn texts() -> Value {
    json!({"type": "object", "additionalProperties": {"type": "string"}})
}

/// The schema of `metadata`.
pub(super) fn schema() -> &'static Schema {
    OBJECT.properties.get("metadata").unwrap_or(&OBJECT)
}

/// What is known of every object of a kind.
pub(super) fn of_kind(group: &str, kind: &str) -> &'static Schema {
    match (group, kind) {
        ("", "ConfigMap") => &CONFIG_MAP,
        ("", "Secret") => &SECRET,
        _ => &OBJECT,
    }
}

/// Whether a text can be the key of a label: a name, with or without a domain in lower case before it. Source: `IsLabelKey` in
/// pkg/api/validate/content/kube.go of apimachinery.
pub(crate) fn is_label_key(key: &str) -> bool {
    let is_end = |c: char| c.is_ascii_alphanumeric();
    let is_name = |name: &str| {
        (1..=NAME_MAX).contains(&name.len())
            && name.starts_with(is_end)
            && name.ends_with(is_end)
            && name.chars().all(|c| is_end(c) || "-_.".contains(c))
    };
    let is_lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_part = |part: &str| {
        part.starts_with(is_lower) && part.ends_with(is_lower) && part.chars().all(|c| is_lower(c) || c == '-')
    };
    match key.split_once('/') {
        Some((domain, name)) => is_name(name) && domain.len() <= DOMAIN_MAX && domain.split('.').all(is_part),
        None => is_name(key),
    }
}

/// Whether a text can be the key of an annotation: that of a label in whatever case. Source: `ValidateAnnotations` in
/// pkg/api/validation/objectmeta.go of apimachinery.
pub(super) fn is_annotation_key(key: &str) -> bool {
    is_label_key(&key.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("app", true, true)]
    #[case("App", true, true)]
    #[case("example.com/owner", true, true)]
    #[case("example.com/Owner", true, true)]
    // Before, a label could have such a domain, which the API server refuses.
    #[case("Example.com/owner", false, true)]
    #[case("a_b.c-d", true, true)]
    #[case("a b", false, false)]
    #[case("", false, false)]
    #[case("-a", false, false)]
    #[case("a/b/c", false, false)]
    #[case("/a", false, false)]
    #[case("example.com/", false, false)]
    #[case("example..com/a", false, false)]
    #[case("a_b/c", false, false)]
    fn keys_are_names(#[case] key: &str, #[case] label: bool, #[case] annotation: bool) {
        assert_eq!((is_label_key(key), is_annotation_key(key)), (label, annotation));
    }
}
