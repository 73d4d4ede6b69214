//! Edits of a text by the places of its values: nothing but the bytes that are meant is touched, so that comments, order and quotes stay.
//!
//! Each function returns no edit where it is not sure: then the finding is one for people.

use crate::finding::Edit;
use crate::object::Object;
use harness_yaml::{Entry, Node};

impl Object<'_> {
    fn source_of(&self, node: &Node) -> Option<(&str, &str)> {
        let file = self.files.get(usize::from(node.mark.source))?;
        Some((&file.path, &file.text))
    }

    /// Writes another scalar; quotes stay as they are.
    pub(crate) fn replacing(&self, node: &Node, text: &str) -> Vec<Edit> {
        let Some(raw) = self.raw(node) else { return Vec::new() };
        let quote = raw.chars().next().filter(|c| ['"', '\''].contains(c));
        self.replacing_raw(node, &quote.map_or_else(|| text.to_owned(), |quote| format!("{quote}{text}{quote}")))
    }

    /// Writes exactly this where a scalar stands.
    pub(crate) fn replacing_raw(&self, node: &Node, text: &str) -> Vec<Edit> {
        let (Some((file, _)), Some(raw)) = (self.source_of(node), self.raw(node)) else { return Vec::new() };
        vec![Edit { file: file.to_owned(), offset: node.mark.offset, length: raw.len(), text: text.to_owned() }]
    }

    /// A number or a boolean as a text.
    pub(super) fn quoting(&self, node: &Node) -> Vec<Edit> {
        node.scalar().map_or_else(Vec::new, |text| self.replacing_raw(node, &format!("\"{text}\"")))
    }

    /// What stands in the file; `None` where the value is not written there as it is, such as in a folded text or after a substitution.
    fn raw(&self, node: &Node) -> Option<&str> {
        let (_, text) = self.source_of(node)?;
        let raw = text.get(node.mark.offset..node.mark.offset + node.mark.length)?;
        (raw.trim_matches(['"', '\'']) == node.scalar()?).then_some(raw)
    }

    /// Writes another key.
    pub(crate) fn renaming(&self, map: &Node, entry: &Entry, key: &str) -> Vec<Edit> {
        let Some((file, text)) = self.source_of(map) else { return Vec::new() };
        let (offset, length) = (entry.key_mark.offset, entry.key_mark.length);
        if text.get(offset..offset + length) != Some(entry.key.as_str()) {
            return Vec::new();
        }
        vec![Edit { file: file.to_owned(), offset, length, text: key.to_owned() }]
    }

    /// Takes an entry out of a map, with its value. One that has comments is left to people: they would be lost.
    pub(crate) fn removing(&self, map: &Node, entry: &Entry) -> Vec<Edit> {
        let mut edits = self.span_of(map, entry);
        let text = self.source_of(map).map_or("", |(_, text)| text);
        edits.retain(|edit| !has_comment(&text[edit.offset..edit.offset + edit.length]));
        edits
    }

    fn span_of(&self, map: &Node, entry: &Entry) -> Vec<Edit> {
        let Some((file, text)) = self.source_of(map) else { return Vec::new() };
        if map.entries().len() == 1 {
            // A key without a value would be null, which is something else than an empty map.
            return Vec::new();
        }
        let span = if is_flow(text, map) { flow_span(text, map, entry) } else { block_span(text, entry) };
        span.map_or_else(Vec::new, |(offset, end)| {
            vec![Edit { file: file.to_owned(), offset, length: end - offset, text: String::new() }]
        })
    }

    /// Writes another entry where one stands; the value with everything in it goes.
    pub(crate) fn exchanging(&self, map: &Node, entry: &Entry, line: &str) -> Vec<Edit> {
        let Some((file, text)) = self.source_of(map) else { return Vec::new() };
        let offset = entry.key_mark.offset;
        let end = if entry.value.scalar().is_some() {
            entry.value.mark.offset + entry.value.mark.length
        } else if is_flow(text, &entry.value) {
            entry.value.end
        } else {
            let Some((_, end)) = block_span(text, entry) else { return Vec::new() };
            offset + text[offset..end].trim_end().len()
        };
        if has_comment(&text[offset..end]) {
            return Vec::new();
        }
        vec![Edit { file: file.to_owned(), offset, length: end - offset, text: line.to_owned() }]
    }

    /// Puts an entry before the first of a map.
    pub(crate) fn inserting(&self, map: &Node, line: &str) -> Vec<Edit> {
        let (Some((file, text)), Some(first)) = (self.source_of(map), map.entries().first()) else { return Vec::new() };
        let offset = first.key_mark.offset;
        if first.key_mark.source != map.mark.source {
            return Vec::new();
        }
        let edit = |offset, text| vec![Edit { file: file.to_owned(), offset, length: 0, text }];
        if is_flow(text, map) {
            return edit(offset, format!("{line}, "));
        }
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let indent = " ".repeat(column(text, offset));
        let start = line_start(text, offset);
        if text[start..offset].trim().is_empty() {
            // The comments above the first entry are about that one.
            edit(above_comments(text, start), format!("{indent}{line}{newline}"))
        } else {
            // After a `- ` the keys below stand as deep as the first one.
            edit(offset, format!("{line}{newline}{indent}"))
        }
    }

    /// Moves an entry to the front of another map of the same file, with the comment behind it.
    pub(crate) fn moving(&self, from: &Node, entry: &Entry, to: &Node) -> Vec<Edit> {
        let Some((_, text)) = self.source_of(from) else { return Vec::new() };
        let removed = self.span_of(from, entry);
        if removed.is_empty() || from.mark.source != to.mark.source || entry.value.scalar().is_none() {
            return Vec::new();
        }
        let offset = entry.key_mark.offset;
        let end = if is_flow(text, from) || is_flow(text, to) {
            entry.value.mark.offset + entry.value.mark.length
        } else {
            text[offset..].find('\n').map_or(text.len(), |at| offset + at)
        };
        let inserted = self.inserting(to, text[offset..end].trim_end());
        if inserted.is_empty() { Vec::new() } else { removed.into_iter().chain(inserted).collect() }
    }
}

/// Whether there is a comment, or what might be one: a `#` in a text counts too.
fn has_comment(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with('#') || line.contains(" #"))
}

fn is_flow(text: &str, node: &Node) -> bool {
    text.get(node.mark.offset..).is_some_and(|text| text.starts_with(['{', '[']))
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |at| at + 1)
}

fn column(text: &str, offset: usize) -> usize {
    text[line_start(text, offset)..offset].chars().count()
}

/// The start of the comment lines that stand right above a line, or of the line itself.
fn above_comments(text: &str, mut start: usize) -> usize {
    while start > 0 {
        let above = line_start(text, start - 1);
        if !text[above..start].trim_start().starts_with('#') {
            break;
        }
        start = above;
    }
    start
}

/// From the entry to the next one, or from the end of the one before to its own end.
fn flow_span(text: &str, map: &Node, entry: &Entry) -> Option<(usize, usize)> {
    let entries = map.entries();
    let index = entries.iter().position(|other| other.key_mark == entry.key_mark)?;
    match entries.get(index + 1) {
        Some(next) => Some((entry.key_mark.offset, next.key_mark.offset)),
        None => {
            let before = text.get(..entry.key_mark.offset)?;
            let comma = before.rfind(',')?;
            let end = if is_flow(text, &entry.value) {
                entry.value.end
            } else {
                entry.value.mark.offset + entry.value.mark.length
            };
            Some((comma, end))
        }
    }
}

/// The whole lines of an entry and its value. Comments and empty lines behind it belong to what follows.
fn block_span(text: &str, entry: &Entry) -> Option<(usize, usize)> {
    let offset = entry.key_mark.offset;
    let start = text.get(..offset)?.rfind('\n').map_or(0, |at| at + 1);
    let indent = offset - start;
    if !text[start..offset].chars().all(|c| c == ' ') {
        return None;
    }
    let mut end = None;
    let mut at = start;
    for (number, line) in text[start..].split_inclusive('\n').enumerate() {
        let content = line.trim_start_matches(' ');
        let depth = line.len() - content.len();
        let blank = content.trim().is_empty();
        // The items of a list may stand as deep as its key.
        let item = !entry.value.items().is_empty()
            && depth == indent
            && (content.starts_with("- ") || content.trim_end() == "-");
        if number > 0 && !blank && depth <= indent && !item {
            break;
        }
        at += line.len();
        if !blank {
            end = Some(at);
        }
    }
    Some((start, end?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_file::SourceFile;
    use rstest::rstest;

    const TEXT: &str = "spec:\n  # kept\n  a: 1 # of a\n  list:\n  - x\n  - y\n  # of deep\n  deep:\n    b: 2\n    # in deep\n\n  flow: {c: 3, d: {e: 4}, f: 5}\n  last: \"6\"\n";

    fn edited(change: impl Fn(&Object<'_>, &Node) -> Vec<Edit>) -> String {
        let files = [SourceFile::new("x.yaml", TEXT)];
        let node = harness_yaml::documents(TEXT).unwrap().remove(0);
        let object = Object { file: "x.yaml", node: node.clone(), files: &files };
        let mut edits = change(&object, node.get("spec").unwrap());
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.offset));
        let mut text = TEXT.to_owned();
        for edit in edits {
            text.replace_range(edit.offset..edit.offset + edit.length, &edit.text);
        }
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
