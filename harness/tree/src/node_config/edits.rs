//! The edits that fix a finding. Without a certain one there is none: then the finding is one for people.

use harness_yaml::edit::text::{self, TextEdit};
use harness_yaml::{Entry, Kind, Node};
use serde::de::IgnoredAny;

use crate::files::index_of;
use crate::finding::Edit;
use crate::object::Object;

impl Object<'_> {
    /// Edits of the file in which a value stands.
    fn edits(&self, node: &Node, edits: impl FnOnce(&str) -> Option<Vec<TextEdit>>) -> Vec<Edit> {
        let Ok(text) = self.files.text(index_of(node.mark)) else { return Vec::new() };
        let file = self.files.path_of(node.mark);
        let edits = edits(text).unwrap_or_default();
        // A value that an alias refers to stands in other places too, where the change may be wrong.
        let shared = if edits.is_empty() { Vec::new() } else { harness_yaml::shared_values(text) };
        if edits.iter().any(|edit| shared.iter().any(|span| edit.offset < span.end && span.start <= edit.end())) {
            return Vec::new();
        }
        edits.into_iter().map(|edit| Edit { file: file.to_owned(), edit }).collect()
    }

    /// A value as it stands in its file; `None` where the file is not known.
    fn written(&self, node: &Node) -> Option<&str> {
        self.files.text(index_of(node.mark)).ok()?.get(node.mark.offset..node.mark.offset + node.mark.length)
    }

    /// How a value that is not the text that is expected becomes one, and the edits for it. A number in a notation that people take for a text
    /// is left to them: `0755` is 493, and only they know which they mean.
    pub(crate) fn as_text(&self, node: &Node) -> (String, Vec<Edit>) {
        let text = node.scalar().unwrap_or_default();
        match (&node.kind, self.written(node)) {
            (Kind::Number(..), Some(written)) if written != text && is_plain(written, node) => {
                let fix = format!(
                    "`{written}` is read as the number {text}: write `\"{written}\"` if the text is meant, `\"{text}\"` if the number is"
                );
                (fix, Vec::new())
            }
            _ => (format!("write `\"{text}\"`"), self.quoting(node)),
        }
    }

    /// The same for a text that was made of a time, such as `2026-01-01`; `None` for any other value.
    pub(crate) fn time_as_text(&self, node: &Node) -> Option<(String, Vec<Edit>)> {
        let written = self.written(node).filter(|written| node.text().is_some_and(|text| text != *written))?;
        let quoted = format!("\"{written}\"");
        let edit = TextEdit { offset: node.mark.offset, length: node.mark.length, text: quoted.clone() };
        is_plain(written, node).then(|| {
            (format!("write `{quoted}`: without quotes it is read as a time"), self.edits(node, |_| Some(vec![edit])))
        })
    }

    /// Writes another scalar; quotes stay as they are.
    pub(crate) fn replacing(&self, node: &Node, new: &str) -> Vec<Edit> {
        self.edits(node, |text| Some(vec![text::replace(text, node, new)?]))
    }

    /// Writes exactly `new` in the place of a scalar.
    pub(crate) fn replacing_raw(&self, node: &Node, new: &str) -> Vec<Edit> {
        self.edits(node, |text| Some(vec![text::replace_raw(text, node, new)?]))
    }

    /// Writes a number or a boolean as a text.
    fn quoting(&self, node: &Node) -> Vec<Edit> {
        node.scalar().map_or_else(Vec::new, |text| self.replacing_raw(node, &format!("\"{text}\"")))
    }

    /// Writes another key.
    pub(crate) fn renaming(&self, map: &Node, entry: &Entry, key: &str) -> Vec<Edit> {
        self.edits(map, |text| Some(vec![text::rename(text, entry, key)?]))
    }

    /// Removes an entry of a map, with its value. One that has comments is left to people: they would be lost.
    pub(crate) fn removing(&self, map: &Node, entry: &Entry) -> Vec<Edit> {
        self.edits(map, |text| {
            let edit = text::remove(text, map, entry)?;
            (!text::has_comment(&text[edit.offset..edit.end()])).then(|| vec![edit])
        })
    }

    /// Writes another entry in the place of one, with its whole value.
    pub(crate) fn exchanging(&self, map: &Node, entry: &Entry, line: &str) -> Vec<Edit> {
        self.edits(map, |text| Some(vec![text::exchange(text, entry, &in_style(text, line)?)?]))
    }

    /// Inserts an entry before the first one of a map.
    pub(crate) fn inserting(&self, map: &Node, line: &str) -> Vec<Edit> {
        self.edits(map, |text| Some(vec![text::insert_first(text, map, &in_style(text, line)?)?]))
    }

    /// Moves an entry to the front of another map of the same file, with the comment behind it.
    pub(crate) fn moving(&self, from: &Node, entry: &Entry, to: &Node) -> Vec<Edit> {
        self.edits(from, |text| text::move_to(text, from, entry, to).map(Vec::from))
    }
}

/// Whether what is written is the value by itself, without quotes and not through an alias.
fn is_plain(written: &str, node: &Node) -> bool {
    !written.starts_with(['"', '\'', '*', '|', '>'])
        && !written.contains('\n')
        && harness_yaml::documents_of(written, 0).is_ok_and(|read| read.iter().any(|read| read.kind == node.kind))
}

/// Whether a text is JSON, and so must stay it.
pub(crate) fn is_json(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim();
    text.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// An entry, given as YAML, in the style of a text.
fn in_style(text: &str, line: &str) -> Option<String> {
    if !is_json(text) {
        return Some(line.to_owned());
    }
    let entry = harness_yaml::documents(line).ok()?.pop()?.entries().first()?.clone();
    Some(format!("{}: {}", serde_json::Value::from(entry.key), entry.value.to_json()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Files;
    use crate::source_file::SourceFile;
    use rstest::rstest;

    const TEXT: &str = "spec:\n  # kept\n  a: 1 # of a\n  list:\n  - x\n  - y\n  # of deep\n  deep:\n    b: 2\n    # in deep\n\n  flow: {c: 3, d: {e: 4}, f: 5}\n  last: \"6\"\n";

    fn edited(change: impl Fn(&Object<'_>, &Node) -> Vec<Edit>) -> String {
        let files = Files::from(vec![SourceFile::new("x.yaml", TEXT)]);
        let node = harness_yaml::documents(TEXT).unwrap().remove(0);
        let object = Object { file: "x.yaml", node: node.clone(), files: &files };
        let edits = change(&object, node.get("spec").unwrap());
        let text = harness_yaml::edit::apply(TEXT, edits.into_iter().map(|edit| edit.edit).collect());
        assert!(harness_yaml::documents(&text).is_ok(), "{text}");
        text
    }

    #[rstest]
    #[case("list", "# of a\n  # of deep\n")]
    #[case("last", "f: 5}\n")]
    fn entries_are_removed_with_what_is_theirs(#[case] key: &str, #[case] left: &str) {
        let text = edited(|object, spec| object.removing(spec, spec.entry(key).unwrap()));
        assert!(text.contains(left) && !text.contains(&format!("  {key}:")), "{text}");
    }

    #[rstest]
    #[case("c", "flow: {d: {e: 4}, f: 5}")]
    #[case("d", "flow: {c: 3, f: 5}")]
    #[case("f", "flow: {c: 3, d: {e: 4}}")]
    fn entries_of_flow_maps_are_removed(#[case] key: &str, #[case] left: &str) {
        let text = edited(|object, spec| {
            let map = spec.get("flow").unwrap();
            object.removing(map, map.entry(key).unwrap())
        });
        assert!(text.contains(left), "{text}");
    }

    #[rstest]
    #[case("a")]
    #[case("deep")]
    fn entries_with_comments_are_left_to_people(#[case] key: &str) {
        let text = edited(|object, spec| object.removing(spec, spec.entry(key).unwrap()));
        assert_eq!(text, TEXT);
    }

    #[test]
    fn the_only_entry_of_a_map_is_left_to_people() {
        edited(|object, spec| {
            let map = spec.get("deep").unwrap();
            assert_eq!(object.removing(map, map.entry("b").unwrap()), []);
            Vec::new()
        });
    }

    #[test]
    fn entries_move_with_the_comment_behind_them() {
        let text = edited(|object, spec| object.moving(spec, spec.entry("a").unwrap(), spec.get("deep").unwrap()));
        assert!(text.contains("  deep:\n    a: 1 # of a\n    b: 2\n"), "{text}");
        assert!(!text.contains("\n  a: 1"), "{text}");
        let text = edited(|object, spec| object.inserting(spec, "new: 0"));
        assert!(text.starts_with("spec:\n  new: 0\n  # kept\n  a: 1"), "{text}");
        let text = edited(|object, spec| object.moving(spec, spec.entry("a").unwrap(), spec.get("flow").unwrap()));
        assert!(text.contains("flow: {a: 1, c: 3"), "{text}");
    }

    #[test]
    fn scalars_keep_their_quotes() {
        let text = edited(|object, spec| object.replacing(spec.get("last").unwrap(), "7"));
        assert!(text.contains("last: \"7\"\n"), "{text}");
        let text = edited(|object, spec| object.as_text(spec.get("a").unwrap()).1);
        assert!(text.contains("a: \"1\" # of a"), "{text}");
        let text = edited(|object, spec| object.exchanging(spec, spec.entry("list").unwrap(), "items: 2"));
        assert!(text.contains("# of a\n  items: 2\n  # of deep\n"), "{text}");
        let text = edited(|object, spec| object.renaming(spec, spec.entry("deep").unwrap(), "deeper"));
        assert!(text.contains("  deeper:\n    b: 2"), "{text}");
    }

    fn edited_text(text: &str, change: impl Fn(&Object<'_>, &Node) -> Vec<Edit>) -> String {
        let files = Files::from(vec![SourceFile::new("x.yaml", text)]);
        let node = harness_yaml::documents_of(text, 0).unwrap().remove(0);
        let object = Object { file: "x.yaml", node: node.clone(), files: &files };
        let edits = change(&object, &node);
        harness_yaml::edit::apply(text, edits.into_iter().map(|edit| edit.edit).collect())
    }

    /// Before, YAML was written into JSON, which `kubectl` and other readers of JSON refuse.
    #[test]
    fn json_stays_json() {
        let text = "{\n  \"a\": {\"b\": 1},\n  \"c\": 5\n}\n";
        let changed = edited_text(text, |object, node| {
            let a = node.get("a").unwrap();
            [object.inserting(a, "new: 0s"), object.exchanging(node, node.entry("c").unwrap(), "d: 6")].concat()
        });
        assert_eq!(changed, "{\n  \"a\": {\"new\": \"0s\", \"b\": 1},\n  \"d\": 6\n}\n");
        assert!(is_json(&changed));
        let changed = edited_text(text, |object, node| object.renaming(node, node.entry("c").unwrap(), "C"));
        assert_eq!(changed, text.replace("\"c\"", "\"C\""));
        assert!(is_json(&changed));
    }

    /// Before, the value changed wherever an alias brought it.
    #[rstest]
    #[case("a: &a 5\nb: *a\n", "a")]
    #[case("a: &a 5\nb: *a\n", "b")]
    #[case("b: {<<: &m {a: 5}}\nc: *m\na: 1\n", "b.a")]
    #[case("x: &m {a: 5}\nb: {<<: *m}\n", "b.a")]
    fn what_aliases_share_is_left(#[case] text: &str, #[case] path: &str) {
        let path: Vec<&str> = path.split('.').collect();
        assert_eq!(edited_text(text, |object, node| object.as_text(node.at(&path).unwrap()).1), text);
        assert_eq!(edited_text("a: &a 5\n", |object, node| object.as_text(node.get("a").unwrap()).1), "a: &a \"5\"\n");
    }

    /// Before, `0x6` became the text "0x6", whatever was meant.
    #[rstest]
    #[case("a: 0755\n", "a: 0755\n", "`\"0755\"` if the text is meant, `\"493\"` if")]
    #[case("a: 0x6\n", "a: 0x6\n", "read as the number 6")]
    #[case("a: 1_000\n", "a: 1_000\n", "read as the number 1000")]
    #[case("a: 1.10\n", "a: \"1.10\"\n", "write `\"1.10\"`")]
    #[case("a: 5\r\nb: 1\r\n", "a: \"5\"\r\nb: 1\r\n", "write `\"5\"`")]
    #[case("\u{feff}a: true\n", "\u{feff}a: \"true\"\n", "write `\"true\"`")]
    fn numbers_become_texts_only_where_that_is_certain(#[case] text: &str, #[case] expected: &str, #[case] fix: &str) {
        assert_eq!(edited_text(text, |object, node| object.as_text(node.get("a").unwrap()).1), expected);
        edited_text(text, |object, node| {
            let said = object.as_text(node.get("a").unwrap()).0;
            assert!(said.contains(fix), "{said}");
            Vec::new()
        });
    }

    #[rstest]
    #[case("a: 2026-01-01\n", "a: \"2026-01-01\"\n")]
    #[case("a: \"2026-01-01\"\n", "a: \"2026-01-01\"\n")]
    #[case("a: >-\n  x\n  y\n", "a: >-\n  x\n  y\n")]
    fn times_become_texts(#[case] text: &str, #[case] expected: &str) {
        let changed =
            edited_text(text, |object, node| object.time_as_text(node.get("a").unwrap()).unwrap_or_default().1);
        assert_eq!(changed, expected);
    }
}
