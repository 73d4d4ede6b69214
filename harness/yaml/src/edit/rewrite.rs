//! A text that is made to say something else.

use serde_json::{Map, Value};

use super::text::{self, TextEdit, apply, is_flow};
use super::write::{means, write};
use crate::{Entry, Kind, Node};

/// The text with other documents. Documents and values that stay the same keep their bytes; of those that change, as much as can be kept.
/// A document in which an edit cannot be made with certainty is written anew, without its comments.
pub fn rewrite(text: &str, documents: &[Value]) -> String {
    let parts = parts(text);
    let Some(values) = aligned(&parts, documents) else { return write(documents) };
    let mut out = String::new();
    for (part, value) in parts.iter().zip(values) {
        match (&part.document, value) {
            // What stands between documents stays.
            (None, _) => out.push_str(part.text),
            (Some(_), None) => {}
            (Some(document), Some(value)) => out.push_str(&changed(part.text, document, value)),
        }
    }
    if means(&out, documents) { out } else { write(documents) }
}

/// A document with the separator above it, or what stands where a document could.
struct Part<'t> {
    text: &'t str,
    document: Option<Node>,
}

/// The parts of a text; none where it cannot be read part by part.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > 0 && (line.trim_end() == "---" || line.starts_with("--- ")) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let parts = starts.iter().zip(ends).map(|(start, end)| {
        let text = &text[*start..end];
        let mut documents = crate::documents(text).ok()?;
        (documents.len() < 2).then(|| Part { text, document: documents.pop() })
    });
    parts.collect::<Option<_>>().unwrap_or_default()
}

/// For each part its new document; `None` where some are removed and others changed, so that it is not certain which is which.
fn aligned<'v>(parts: &[Part<'_>], documents: &'v [Value]) -> Option<Vec<Option<&'v Value>>> {
    let count = parts.iter().filter(|part| part.document.is_some()).count();
    let mut rest = documents.iter().peekable();
    let values = parts.iter().map(|part| {
        let document = part.document.as_ref()?;
        rest.next_if(|value| count == documents.len() || **value == document.to_json())
    });
    let values = values.collect();
    rest.peek().is_none().then_some(values)
}

fn changed(text: &str, document: &Node, value: &Value) -> String {
    let mut edits = Vec::new();
    if change(text, document, value, &mut edits).is_some() {
        let edited = apply(text, edits);
        if means(&edited, std::slice::from_ref(value)) {
            return edited;
        }
    }
    let separator = if text.starts_with("---") { "---\n" } else { "" };
    format!("{separator}{}", write(std::slice::from_ref(value)))
}

/// Collects the edits that make a value another one; `None` where there is no certain way.
fn change(text: &str, node: &Node, value: &Value, edits: &mut Vec<TextEdit>) -> Option<()> {
    if node.to_json() == *value {
        return Some(());
    }
    match (&node.kind, value) {
        (Kind::Map(entries), Value::Object(fields)) => change_map(text, node, entries, fields, edits),
        (Kind::List(items), Value::Array(values)) => change_list(text, node, items, values, edits),
        (Kind::Bool(_) | Kind::Number(..) | Kind::Text(_), Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            edits.push(text::replace_raw(text, node, &scalar(value)?)?);
            Some(())
        }
        _ => None,
    }
}

fn change_map(
    text: &str,
    map: &Node,
    entries: &[Entry],
    fields: &Map<String, Value>,
    edits: &mut Vec<TextEdit>,
) -> Option<()> {
    for entry in entries {
        let Some(value) = fields.get(&entry.key) else {
            edits.push(text::remove(text, map, entry)?);
            continue;
        };
        let before = edits.len();
        if change(text, &entry.value, value, edits).is_none() {
            edits.truncate(before);
            let lines = if is_flow(text, map) {
                flow_entry(&entry.key, value)
            } else {
                let indent = entry.key_mark.column.saturating_sub(1) as usize;
                block_entry(&entry.key, value)?.trim_end().replace('\n', &format!("\n{}", " ".repeat(indent)))
            };
            edits.push(text::exchange(text, entry, &lines)?);
        }
    }
    for (key, value) in fields.iter().filter(|(key, _)| map.get(key).is_none()) {
        edits.push(text::insert_last(text, map, &block_entry(key, value)?, &flow_entry(key, value))?);
    }
    Some(())
}

fn change_list(text: &str, list: &Node, items: &[Node], values: &[Value], edits: &mut Vec<TextEdit>) -> Option<()> {
    let known: Vec<Value> = items.iter().map(Node::to_json).collect();
    if let Some(added) = values.strip_prefix(known.as_slice()) {
        for value in added {
            edits.push(text::insert_item(
                text,
                list,
                write(std::slice::from_ref(value)).trim_end(),
                &value.to_string(),
            )?);
        }
        return Some(());
    }
    if items.len() == values.len() {
        return items.iter().zip(values).try_for_each(|(item, value)| change(text, item, value, edits));
    }
    let mut rest = values.iter().peekable();
    for (index, item) in known.iter().enumerate() {
        if rest.next_if(|value| *value == item).is_none() {
            edits.push(text::remove_item(text, list, index)?);
        }
    }
    (!values.is_empty() && rest.peek().is_none()).then_some(())
}

/// `key: value` in block style, for a place without indentation.
fn block_entry(key: &str, value: &Value) -> Option<String> {
    let text = write(&[Value::Object(Map::from_iter([(key.to_owned(), value.clone())]))]);
    (!text.starts_with('{')).then_some(text)
}

/// `"key": value` on one line: JSON is YAML in flow style.
fn flow_entry(key: &str, value: &Value) -> String {
    format!("{}: {value}", Value::from(key))
}

/// A single value as it is written behind a key.
fn scalar(value: &Value) -> Option<String> {
    let text = block_entry("k", value)?;
    let text = text.strip_prefix("k: ")?.trim_end();
    (!text.contains('\n')).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    const TEXT: &str = "# about it\nkind: A # the kind\nspec:\n  # kept\n  a: 1\n  list:\n  - x # first\n  - y\n  # of deep\n  deep:\n    b: \"2\"\n\n  flow: {c: 3, d: [4, 5]}\n---\n# second\nkind: B\n";

    fn changed(change: impl Fn(&mut Vec<Value>)) -> String {
        let mut documents: Vec<Value> = crate::documents(TEXT).unwrap().iter().map(Node::to_json).collect();
        change(&mut documents);
        let text = rewrite(TEXT, &documents);
        assert!(means(&text, &documents), "{text}");
        text
    }

    #[rstest]
    #[case::nothing(&[], &[])]
    #[case::a_scalar(&[("/spec/a", json!(2))], &[("a: 1\n", "a: 2\n")])]
    #[case::a_quoted_one(&[("/spec/deep/b", json!("x"))], &[("b: \"2\"", "b: x")])]
    #[case::the_kind(&[("/kind", json!("C"))], &[("kind: A #", "kind: C #")])]
    #[case::an_item(&[("/spec/list", json!(["x", "y", "z"]))], &[("  - y\n", "  - y\n  - z\n")])]
    #[case::another_item(&[("/spec/list", json!(["x", "z"]))], &[("- y", "- z")])]
    #[case::an_item_less(&[("/spec/list", json!(["y"]))], &[("  - x # first\n", "")])]
    #[case::no_items(&[("/spec/list", json!([]))], &[])]
    #[case::items_of_a_flow_list(&[("/spec/flow/d", json!([4, 5, 6]))], &[("[4, 5]", "[4, 5, 6]")])]
    #[case::the_last_item_of_a_flow_list(&[("/spec/flow/d", json!([4]))], &[("[4, 5]", "[4]")])]
    #[case::a_map_for_a_scalar(&[("/spec/a", json!({"x": {"z": 1}}))], &[("a: 1\n", "a:\n    x:\n      z: 1\n")])]
    fn what_does_not_change_keeps_its_bytes(#[case] set: &[(&str, Value)], #[case] expected: &[(&str, &str)]) {
        let text = changed(|documents| {
            for (path, value) in set {
                *documents[0].pointer_mut(path).unwrap() = value.clone();
            }
        });
        if set.is_empty() || !expected.is_empty() {
            let expected = expected.iter().fold(TEXT.to_owned(), |text, (old, new)| text.replacen(old, new, 1));
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn keys_come_last_and_go_alone() {
        let text = changed(|documents| {
            documents[0]["spec"]["deep"]["new"] = json!({"e": [1, {"f": "g"}]});
            documents[0]["spec"]["flow"]["h"] = json!({"i": true});
            documents[0]["spec"].as_object_mut().unwrap().remove("a");
        });
        let expected = TEXT
            .replace("  a: 1\n", "")
            .replace("    b: \"2\"\n", "    b: \"2\"\n    new:\n      e:\n      - 1\n      - f: g\n")
            .replace("d: [4, 5]}", "d: [4, 5], \"h\": {\"i\":true}}");
        assert_eq!(text, expected);
    }

    #[test]
    fn a_document_is_removed_alone() {
        assert_eq!(changed(|documents| drop(documents.remove(0))), "---\n# second\nkind: B\n");
        assert_eq!(changed(|documents| drop(documents.remove(1))), TEXT.split_once("---").unwrap().0);
    }

    #[test]
    fn what_is_shared_by_an_alias_is_not_changed_with_it() {
        let text = "a: &a {x: 1}\nb: *a\n";
        let documents = [json!({"a": {"x": 1}, "b": {"x": 2}})];
        let changed = rewrite(text, &documents);
        assert!(means(&changed, &documents), "{changed}");
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let scalar =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), "[ -~\n]{0,6}".prop_map(Value::from)];
        scalar.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_can_say_anything(before in any_value(), after in any_value(), pretty in any::<bool>()) {
            let (before, after) = (json!({"k": before}), json!({"k": after}));
            let text = if pretty { write(std::slice::from_ref(&before)) } else { format!("{before}\n") };
            let changed = rewrite(&text, std::slice::from_ref(&after));
            prop_assert!(means(&changed, &[after]), "{}", changed);
        }
    }
}
