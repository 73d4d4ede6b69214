//! Edits of a text by the places of its values: only the bytes of the change are touched, so that comments, order and quotes stay.
//!
//! Each function returns `None` where it is not sure.

use crate::{Entry, Node};

/// One change of a text, by bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextEdit {
    /// Where it starts.
    pub offset: usize,
    /// The number of bytes that are replaced.
    pub length: usize,
    /// The replacement.
    pub text: String,
}

impl TextEdit {
    fn new(from: usize, to: usize, text: impl Into<String>) -> Self {
        Self { offset: from, length: to - from, text: text.into() }
    }

    /// The byte behind the last one that is replaced.
    pub fn end(&self) -> usize {
        self.offset + self.length
    }
}

/// The text with all of the edits, which must not overlap.
pub fn apply(text: &str, mut edits: Vec<TextEdit>) -> String {
    // From the back, so that offsets hold.
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.offset));
    let mut text = text.to_owned();
    for edit in edits {
        if text.get(edit.offset..edit.end()).is_some() {
            text.replace_range(edit.offset..edit.end(), &edit.text);
        }
    }
    text
}

/// Writes another scalar; quotes stay as they are.
pub fn replace(text: &str, node: &Node, new: &str) -> Option<TextEdit> {
    let quote = raw(text, node)?.chars().next().filter(|c| ['"', '\''].contains(c));
    replace_raw(text, node, &quote.map_or_else(|| new.to_owned(), |quote| format!("{quote}{new}{quote}")))
}

/// Writes exactly `new` in the place of a scalar.
pub fn replace_raw(text: &str, node: &Node, new: &str) -> Option<TextEdit> {
    let length = raw(text, node)?.len();
    Some(TextEdit { offset: node.mark.offset, length, text: new.to_owned() })
}

/// The scalar as it is written; `None` where that is not its value, such as in a folded text or after a substitution.
fn raw<'t>(text: &'t str, node: &Node) -> Option<&'t str> {
    let raw = text.get(node.mark.offset..end_of_scalar(node))?;
    (raw.trim_matches(['"', '\'']) == node.scalar()?).then_some(raw)
}

/// Writes another key; quotes stay as they are.
pub fn rename(text: &str, entry: &Entry, key: &str) -> Option<TextEdit> {
    let (from, to) = (entry.key_mark.offset, entry.key_mark.offset + entry.key_mark.length);
    let raw = text.get(from..to)?;
    let quote = raw.chars().next().filter(|c| ['"', '\''].contains(c)).map(String::from).unwrap_or_default();
    (raw == format!("{quote}{}{quote}", entry.key)).then(|| TextEdit::new(from, to, format!("{quote}{key}{quote}")))
}

/// Removes an entry of a map, with its value and the comments in it.
pub fn remove(text: &str, map: &Node, entry: &Entry) -> Option<TextEdit> {
    if map.entries().len() == 1 {
        // A key without a value would be null, which is not an empty map.
        return None;
    }
    let (from, to) = if is_flow(text, map) { flow_span(text, map, entry)? } else { block_span(text, entry)? };
    Some(TextEdit::new(from, to, ""))
}

/// Writes another entry in the place of one and of its value, which must not have comments.
pub fn exchange(text: &str, entry: &Entry, line: &str) -> Option<TextEdit> {
    let offset = entry.key_mark.offset;
    let end = if entry.value.scalar().is_some() {
        end_of_scalar(&entry.value)
    } else if is_flow(text, &entry.value) {
        entry.value.end
    } else {
        offset + text.get(offset..block_end(text, entry)?.1)?.trim_end().len()
    };
    (!has_comment(text.get(offset..end)?)).then(|| TextEdit::new(offset, end, line))
}

/// Inserts an entry before the first one of a map.
pub fn insert_first(text: &str, map: &Node, line: &str) -> Option<TextEdit> {
    let first = map.entries().first()?;
    let offset = first.key_mark.offset;
    if first.key_mark.source != map.mark.source {
        return None;
    }
    let at = |offset, text| Some(TextEdit { offset, length: 0, text });
    if is_flow(text, map) {
        return at(offset, format!("{line}, "));
    }
    let indent = " ".repeat(column(text, offset));
    let start = line_start(text, offset);
    let newline = newline(text);
    if text[start..offset].trim().is_empty() {
        // The comments above the first entry are about that one.
        at(above_comments(text, start), format!("{indent}{line}{newline}"))
    } else {
        // After a `- ` the keys below have the indentation of the first one.
        at(offset, format!("{line}{newline}{indent}"))
    }
}

/// Inserts an entry behind the last one of a map. `lines` is the entry in block style, `flow` the same on one line.
pub(super) fn insert_last(text: &str, map: &Node, lines: &str, flow: &str) -> Option<TextEdit> {
    let last = map.entries().last()?;
    if is_flow(text, map) {
        return Some(TextEdit { offset: end_of_flow(text, &last.value), length: 0, text: format!(", {flow}") });
    }
    let (indent, end) = block_end(text, last)?;
    Some(block_insertion(text, end, &indented(lines, indent, "")))
}

/// Inserts an item behind the last one of a list.
pub(super) fn insert_item(text: &str, list: &Node, lines: &str, flow: &str) -> Option<TextEdit> {
    let last = list.items().last()?;
    if is_flow(text, list) {
        return Some(TextEdit { offset: end_of_flow(text, last), length: 0, text: format!(", {flow}") });
    }
    let (dash, end) = item_end(text, last)?;
    Some(block_insertion(text, end, &indented(lines, dash, "- ")))
}

/// Removes an item of a list that has others.
pub(super) fn remove_item(text: &str, list: &Node, index: usize) -> Option<TextEdit> {
    let item = list.items().get(index)?;
    if is_flow(text, list) {
        return match list.items().get(index + 1) {
            Some(next) => Some(TextEdit::new(item.mark.offset, next.mark.offset, "")),
            None => Some(TextEdit::new(text.get(..item.mark.offset)?.rfind(',')?, end_of_flow(text, item), "")),
        };
    }
    let (_, end) = item_end(text, item)?;
    Some(TextEdit::new(line_start(text, item.mark.offset), end, ""))
}

/// Moves an entry to the front of another map of the same text, with the comment behind it.
pub fn move_to(text: &str, from: &Node, entry: &Entry, to: &Node) -> Option<[TextEdit; 2]> {
    let removed = remove(text, from, entry)?;
    if from.mark.source != to.mark.source || entry.value.scalar().is_none() {
        return None;
    }
    let offset = entry.key_mark.offset;
    let end = if is_flow(text, from) || is_flow(text, to) {
        end_of_scalar(&entry.value)
    } else {
        text[offset..].find('\n').map_or(text.len(), |at| offset + at)
    };
    Some([removed, insert_first(text, to, text[offset..end].trim_end())?])
}

/// The lines with their indentation, the first one behind `front`.
fn indented(lines: &str, indent: usize, front: &str) -> Vec<String> {
    let first = format!("{}{front}", " ".repeat(indent));
    let later = " ".repeat(indent + front.len());
    let lines = lines.lines().enumerate();
    lines.map(|(index, line)| format!("{}{line}", if index == 0 { &first } else { &later })).collect()
}

/// Inserts whole lines at the start of a line, or behind a last line that has no line break.
fn block_insertion(text: &str, offset: usize, lines: &[String]) -> TextEdit {
    let newline = newline(text);
    let lines = lines.join(newline);
    let whole = offset == 0 || text[..offset].ends_with('\n');
    let text = if whole { format!("{lines}{newline}") } else { format!("{newline}{lines}") };
    TextEdit { offset, length: 0, text }
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

fn end_of_scalar(node: &Node) -> usize {
    node.mark.offset + node.mark.length
}

fn end_of_flow(text: &str, node: &Node) -> usize {
    if is_flow(text, node) { node.end } else { end_of_scalar(node) }
}

/// Whether a part of a text has a comment, or what might be one: a `#` in a scalar counts too.
pub fn has_comment(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with('#') || line.contains(" #"))
}

pub(super) fn is_flow(text: &str, node: &Node) -> bool {
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
            Some((comma, end_of_flow(text, &entry.value)))
        }
    }
}

/// The whole lines of an entry and its value. Comments and empty lines behind it belong to what follows.
fn block_span(text: &str, entry: &Entry) -> Option<(usize, usize)> {
    let offset = entry.key_mark.offset;
    let start = line_start(text.get(..offset)?, offset);
    text[start..offset].chars().all(|c| c == ' ').then_some(())?;
    Some((start, block_end(text, entry)?.1))
}

/// The indentation of an entry, and where the lines of its value end.
fn block_end(text: &str, entry: &Entry) -> Option<(usize, usize)> {
    let offset = entry.key_mark.offset;
    let indent = offset - line_start(text.get(..offset)?, offset);
    let is_list = !entry.value.items().is_empty();
    lines_end(text, offset, |depth, content| {
        // The items of a list may stand as deep as its key.
        depth <= indent && !(is_list && depth == indent && (content.starts_with("- ") || content.trim_end() == "-"))
    })
    .map(|end| (indent, end))
}

/// The indentation of an item's dash, and where the lines of the item end.
fn item_end(text: &str, item: &Node) -> Option<(usize, usize)> {
    let offset = item.mark.offset;
    let start = line_start(text.get(..offset)?, offset);
    let front = text[start..offset].strip_suffix("- ")?;
    front.chars().all(|c| c == ' ').then_some(())?;
    lines_end(text, offset, |depth, _| depth <= front.len()).map(|end| (front.len(), end))
}

/// The end of the lines from an offset up to the first one, blank ones left out, of which `is_next` holds for its indentation and content.
fn lines_end(text: &str, offset: usize, is_next: impl Fn(usize, &str) -> bool) -> Option<usize> {
    let (mut at, mut end) = (line_start(text, offset), None);
    for (number, line) in text[at..].split_inclusive('\n').enumerate() {
        let content = line.trim_start_matches(' ');
        let blank = content.trim().is_empty();
        if number > 0 && !blank && is_next(line.len() - content.len(), content) {
            break;
        }
        at += line.len();
        if !blank {
            end = Some(at);
        }
    }
    end
}
