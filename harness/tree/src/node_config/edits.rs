//! The edits that fix a finding. Without a certain one there is none: then the finding is one for people.

use harness_yaml::edit::text::{self, TextEdit};
use harness_yaml::{Entry, Node};

use crate::files::index_of;
use crate::finding::Edit;
use crate::object::Object;

impl Object<'_> {
    /// Edits of the file in which a value stands.
    fn edits(&self, node: &Node, edits: impl FnOnce(&str) -> Option<Vec<TextEdit>>) -> Vec<Edit> {
        let Ok(text) = self.files.text(index_of(node.mark)) else { return Vec::new() };
        let file = self.files.path_of(node.mark);
        let edits = edits(text).unwrap_or_default();
        edits.into_iter().map(|edit| Edit { file: file.to_owned(), edit }).collect()
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
    pub(super) fn quoting(&self, node: &Node) -> Vec<Edit> {
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
        self.edits(map, |text| Some(vec![text::exchange(text, entry, line)?]))
    }

    /// Inserts an entry before the first one of a map.
    pub(crate) fn inserting(&self, map: &Node, line: &str) -> Vec<Edit> {
        self.edits(map, |text| Some(vec![text::insert_first(text, map, line)?]))
    }

    /// Moves an entry to the front of another map of the same file, with the comment behind it.
    pub(crate) fn moving(&self, from: &Node, entry: &Entry, to: &Node) -> Vec<Edit> {
        self.edits(from, |text| text::move_to(text, from, entry, to).map(Vec::from))
    }
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
        let text = edited(|object, spec| object.quoting(spec.get("a").unwrap()));
        assert!(text.contains("a: \"1\" # of a"), "{text}");
        let text = edited(|object, spec| object.exchanging(spec, spec.entry("list").unwrap(), "items: 2"));
        assert!(text.contains("# of a\n  items: 2\n  # of deep\n"), "{text}");
        let text = edited(|object, spec| object.renaming(spec, spec.entry("deep").unwrap(), "deeper"));
        assert!(text.contains("  deeper:\n    b: 2"), "{text}");
    }
}
