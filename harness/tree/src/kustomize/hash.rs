//! The hash that becomes a part of the names of generated objects. Source: api/hasher/hasher.go.

use sha2::{Digest, Sha256};

use super::resource::kind;
use harness_yaml::{Kind, Node};

/// How many signs of the hash are a part of the name.
const LENGTH: usize = 10;

/// The hash of an object's content.
pub(super) fn of(node: &Node) -> String {
    let json = match kind(node) {
        "ConfigMap" => fields(node, None, "binaryData"),
        "Secret" => fields(node, Some("type"), "stringData"),
        _ => node.to_json(),
    };
    let hex = Sha256::digest(escaped(&json.to_string())).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Letters and digits that make no words.
    let safe = |c: char| match c {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    };
    hex.chars().take(LENGTH).map(safe).collect()
}

/// What counts of an object: its data, and a second kind of data where it has that. Its name does not: kustomize looks for a field called
/// `metadata/name`.
fn fields(node: &Node, text: Option<&str>, more: &str) -> serde_json::Value {
    let mut map = serde_json::Map::new();
    map.insert("kind".to_owned(), kind(node).into());
    map.insert("name".to_owned(), "".into());
    if let Some(key) = text {
        map.insert(key.to_owned(), node.get(key).and_then(Node::scalar).unwrap_or_default().into());
    }
    map.insert("data".to_owned(), node.get("data").map_or_else(|| "".into(), Node::to_json));
    if let Some(more_data) = node.get(more).filter(|data| matches!(data.kind, Kind::Map(_))) {
        map.insert(more.to_owned(), more_data.to_json());
    }
    serde_json::Value::Object(map)
}

/// JSON as Go's `json.Marshal` writes it: safe within HTML.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// The answers are those of kustomize's own tests of its hasher.
    #[rstest]
    #[case("{apiVersion: v1, kind: ConfigMap}", "6ct58987ht")]
    #[case("{apiVersion: v1, kind: ConfigMap, data: {one: ''}}", "9g67k2htb6")]
    #[case("{apiVersion: v1, kind: ConfigMap, data: {two: 2, one: '', three: 3}}", "7757f9kkct")]
    #[case("{apiVersion: v1, kind: ConfigMap, data: {one: ''}, binaryData: {two: ''}}", "698h7c7t9m")]
    fn a_hash_is_that_of_kustomize(#[case] object: &str, #[case] expected: &str) {
        let node = harness_yaml::documents(object).unwrap().remove(0);
        assert_eq!(of(&node), expected);
    }
}
