//! From text to nodes, through the parser that serde-saphyr uses.

use std::collections::HashMap;
use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

use super::scalar::Resolution;
use super::{Entry, Kind, Mark, Node};

/// Why a text is not YAML.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Where.
    pub mark: Mark,
    /// What.
    pub message: String,
    /// What to do about it.
    pub hint: &'static str,
}

impl SyntaxError {
    fn new(mark: Mark, message: impl Into<String>) -> Self {
        Self { mark, message: message.into(), hint: "check indentation, colons and brackets near here" }
    }
}

/// The tags by which a scalar is resolved whatever its quotes. Source: `resolvableTag` of go-yaml.
const RESOLVED_TAGS: [&str; 5] = ["int", "float", "bool", "null", "timestamp"];

/// More nodes than this, aliases counted as often as they are used, are refused where the text is not long enough to have them without: a file
/// of a few lines can stand for billions.
const NODES_MAX: usize = 200_000;
/// No node is shorter, with what separates it from the next one.
const NODE_BYTES_MIN: usize = 2;

/// What some editors write before a text. It is no part of it (YAML 1.2.2 section 5.2), and it has no column.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The documents of a text of ours, without empty ones: its scalars are those of the core schema of YAML 1.2. What follows a syntax error
/// cannot be read.
///
/// # Errors
/// Why it is not YAML, and where.
pub fn documents(text: &str) -> Result<Vec<Node>, SyntaxError> {
    Reader::new(text, 0, Resolution::Core).documents()
}

/// The documents of a manifest, as kustomize reads them: `0755` is 493, and an unquoted date a time. Every place bears the index of the file
/// among those that are read together.
///
/// # Errors
/// Why kustomize cannot read it, and where.
pub fn documents_of(text: &str, source: u32) -> Result<Vec<Node>, SyntaxError> {
    Reader::new(text, source, Resolution::Kustomize).documents()
}

/// A key that a map has twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeat {
    /// The key.
    pub key: String,
    /// Where it stands again: the value that counts.
    pub mark: Mark,
    /// Where it stood first.
    pub first: Mark,
}

/// The same as [`documents_of`] by a reader that keeps the last of two values of one key, with each such key.
///
/// # Errors
/// Why it cannot be read, and where.
pub fn documents_with_repeats(text: &str, source: u32) -> Result<(Vec<Node>, Vec<Repeat>), SyntaxError> {
    let mut reader = Reader { repeats: Some(Vec::new()), ..Reader::new(text, source, Resolution::Kustomize) };
    let documents = reader.documents()?;
    Ok((documents, reader.repeats.unwrap_or_default()))
}

/// The bytes of the values that stand in several places: those that an alias refers to. Empty for a text that cannot be read.
pub fn shared_values(text: &str) -> Vec<Range<usize>> {
    if !text.contains('*') {
        return Vec::new();
    }
    let mut reader = Reader::new(text, 0, Resolution::Core);
    match reader.documents() {
        Ok(_) => reader.shared,
        Err(_) => Vec::new(),
    }
}

/// Resolves a value in which Flux has replaced variables. It is read again as YAML, where the quotes that stood around a variable are gone
/// and those of the variable's value count: `"123"` is how a number stays a text.
pub fn plain_scalar(text: &str) -> Kind {
    let quoted = text.starts_with(['"', '\'']).then(|| documents(text).ok()?.pop()).flatten();
    match quoted.map(|quoted| quoted.kind) {
        Some(Kind::Text(text)) => Kind::Text(text),
        _ => Resolution::Substituted.resolve(text),
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    nodes_max: usize,
    /// The bytes before what is parsed.
    skipped: usize,
    source: u32,
    resolution: Resolution,
    /// The bytes of what aliases refer to.
    shared: Vec<Range<usize>>,
    /// Whether the text has no line break at its end.
    is_unended: bool,
    /// Where its last word ends.
    last: usize,
    /// The keys that are given twice; `None` where they are refused.
    repeats: Option<Vec<Repeat>>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, source: u32, resolution: Resolution) -> Self {
        let mark = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        let parser = Parser::new_from_str(&text[mark..]);
        Self {
            parser,
            anchors: HashMap::new(),
            nodes: 0,
            skipped: mark,
            source,
            resolution,
            nodes_max: NODES_MAX.max(text.len() / NODE_BYTES_MIN),
            shared: Vec::new(),
            is_unended: !text.ends_with('\n'),
            last: text.trim_end().len(),
            repeats: None,
        }
    }

    fn documents(&mut self) -> Result<Vec<Node>, SyntaxError> {
        let mut documents = Vec::new();
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                event => documents.push(self.node(event, span)?),
            }
        }
        // A comment between two `---` is a document of nothing.
        documents.retain(|document| document.kind != Kind::Null);
        Ok(documents)
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, SyntaxError> {
        loop {
            match self.parser.next() {
                None => return Ok(None),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(event)) => return Ok(Some(event)),
                Some(Err(error)) => {
                    let message = format!("this is not YAML: {}", error.info());
                    return Err(SyntaxError::new(self.place(error.marker(), 0), message));
                }
            }
        }
    }

    fn expect(&mut self, within: Mark) -> Result<(Event<'a>, Span), SyntaxError> {
        let message = "this is not YAML: the text ends inside this value";
        self.next()?.ok_or_else(|| SyntaxError::new(within, message))
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, SyntaxError> {
        let mark = self.mark(span);
        self.count(1, mark)?;
        let mut end = mark.offset + mark.length;
        let (kind, anchor) = match event {
            Event::Scalar(mut text, style, anchor, tag) => {
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                // A block that ends with the file has a last line break only where the file has one.
                if is_block && self.is_unended && end >= self.last && text.ends_with('\n') {
                    text = text.trim_end_matches('\n').to_owned().into();
                }
                let kind = match &tag {
                    None if style == ScalarStyle::Plain => self.resolution.resolve(&text),
                    Some(tag) if self.resolution == Resolution::Kustomize && RESOLVED_TAGS.contains(&tag.suffix()) => {
                        self.resolution.resolve(&text)
                    }
                    _ => Kind::Text(text.into_owned()),
                };
                if let Kind::Number(value, text) = &kind
                    && !value.is_finite()
                {
                    let message = format!("`{text}` is a number that JSON does not have: kustomize cannot build it");
                    return Err(SyntaxError {
                        hint: "quote it if it is meant as a text",
                        ..SyntaxError::new(mark, message)
                    });
                }
                (kind, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.list(mark, &mut end)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.map(mark, &mut end)?, anchor),
            Event::Alias(anchor) => {
                let target = self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or_else(|| SyntaxError::new(mark, "this alias refers to itself"))?;
                self.count(size(&target), mark)?;
                self.shared.push(target.mark.offset..target.end);
                (target.kind, 0)
            }
            _ => {
                return Err(SyntaxError::new(mark, "this is not YAML: a value must be here"));
            }
        };
        let node = Node { kind, mark, end };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, within: Mark, end: &mut usize) -> Result<Kind, SyntaxError> {
        let mut items = Vec::new();
        loop {
            match self.expect(within)? {
                (Event::SequenceEnd, span) => {
                    *end = self.end_of(span).max(*end);
                    return Ok(Kind::List(items.into()));
                }
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self, within: Mark, end: &mut usize) -> Result<Kind, SyntaxError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let is_time;
            let key = match self.expect(within)? {
                (Event::MappingEnd, span) => {
                    *end = self.end_of(span).max(*end);
                    // Last, since a key of the map itself wins wherever it stands.
                    merged.into_iter().for_each(|value| merge(&mut entries, value));
                    return Ok(Kind::Map(entries.into()));
                }
                (event, span) => {
                    // A time is a text in JSON, but not yet where kustomize has it as a key.
                    is_time = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None)
                        if matches!(self.resolution.resolve(text), Kind::Text(other) if other != *text));
                    self.node(event, span)?
                }
            };
            let Some(name) = key.scalar() else {
                return Err(SyntaxError::new(key.mark, format!("{} cannot be a key", key.describe())));
            };
            if self.resolution == Resolution::Kustomize && (is_time || key.text().is_none()) {
                let what = if is_time { "a time".to_owned() } else { key.describe() };
                let message = format!("the key is {what}, and kustomize builds only objects whose keys are texts");
                return Err(SyntaxError { hint: "quote it", ..SyntaxError::new(key.mark, message) });
            }
            let (event, span) = self.expect(within)?;
            let value = self.node(event, span)?;
            if name == "<<" {
                merged.push(value);
                continue;
            }
            if let (Some(repeats), Some(known)) =
                (self.repeats.as_mut(), entries.iter_mut().find(|entry| entry.key == name))
            {
                repeats.push(Repeat { key: name.clone(), mark: key.mark, first: known.key_mark });
                *known = Entry { key: name, key_mark: key.mark, value };
                continue;
            }
            if let Some(first) = entries.iter().find(|entry| entry.key == name) {
                let message = format!("`{name}` is given twice; first in line {}", first.key_mark.line);
                return Err(SyntaxError { hint: "keep one of them", ..SyntaxError::new(key.mark, message) });
            }
            entries.push(Entry { key: name, key_mark: key.mark, value });
        }
    }

    fn count(&mut self, more: usize, mark: Mark) -> Result<(), SyntaxError> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > self.nodes_max {
            let message = format!("the file holds more than {} values", self.nodes_max);
            return Err(SyntaxError { hint: "make it smaller", ..SyntaxError::new(mark, message) });
        }
        Ok(())
    }

    fn end_of(&self, span: Span) -> usize {
        span.byte_range().map_or(0, |range| range.end + self.skipped)
    }

    fn mark(&self, span: Span) -> Mark {
        let length = span.byte_range().map_or(0, |range| range.len());
        self.place(&span.start, length)
    }

    fn place(&self, marker: &Marker, length: usize) -> Mark {
        Mark {
            line: u32::try_from(marker.line()).unwrap_or(u32::MAX),
            // The parser counts columns from 0, people from 1.
            column: u32::try_from(marker.col() + 1).unwrap_or(u32::MAX),
            offset: marker.byte_offset().unwrap_or(0) + self.skipped,
            length,
            source: self.source,
        }
    }
}

/// YAML 1.1 merge keys, which Kubernetes tools still take: keys that are there already win.
fn merge(entries: &mut Vec<Entry>, value: Node) {
    let sources = match value.kind {
        Kind::List(items) => items,
        kind => vec![Node { kind, mark: value.mark, end: value.end }].into(),
    };
    for entry in sources.iter().flat_map(Node::entries) {
        if !entries.iter().any(|known| known.key == entry.key) {
            entries.push(entry.clone());
        }
    }
}

fn size(node: &Node) -> usize {
    1 + node.items().iter().map(size).sum::<usize>()
        + node.entries().iter().map(|entry| 1 + size(&entry.value)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn keys_and_values_know_their_places() {
        let text = "a: 1\nb:\n  - {c: x}\n";
        let document = documents(text).unwrap().remove(0);
        let c = document.get("b").unwrap().items()[0].entry("c").unwrap();
        assert_eq!((c.key_mark.line, c.key_mark.column), (3, 6));
        assert_eq!((c.value.mark.line, c.value.mark.column), (3, 9));
        assert_eq!(&text[c.value.mark.offset..][..c.value.mark.length], "x");
    }

    #[rstest]
    #[case("\"1\"", Kind::Text("1".into()), Kind::Text("1".into()))]
    #[case("!!str 5", Kind::Text("5".into()), Kind::Text("5".into()))]
    #[case("!!int \"5\"", Kind::Text("5".into()), Kind::Number(5.0, "5".into()))]
    #[case("!!bool \"true\"", Kind::Text("true".into()), Kind::Bool(true))]
    #[case("0755", Kind::Number(755.0, "0755".into()), Kind::Number(493.0, "493".into()))]
    fn scalars_are_resolved_by_who_reads_them(#[case] text: &str, #[case] ours: Kind, #[case] kustomize: Kind) {
        assert_eq!(documents(text).unwrap()[0].kind, ours);
        assert_eq!(documents_of(text, 0).unwrap()[0].kind, kustomize);
    }

    /// Before, both were taken; kustomize: "json: unsupported type: map[interface {}]interface {}", and "unsupported value: +Inf".
    #[rstest]
    #[case("a: {5: x}\n", 5, "the number 5")]
    #[case("a: {true: x}\n", 5, "the boolean true")]
    #[case("a: {2026-01-01: x}\n", 5, "a time")]
    #[case("a: .inf\n", 4, "JSON")]
    fn what_kustomize_cannot_build_is_refused(#[case] text: &str, #[case] column: u32, #[case] part: &str) {
        assert!(documents(text).is_ok() || text.contains(".inf"));
        let error = documents_of(text, 0).unwrap_err();
        assert_eq!(error.mark.column, column, "{error}");
        assert!(error.message.contains(part), "{error}");
        assert!(documents_of("a: {\"5\": x, yes: y, '2026-01-01': z}\n", 0).is_ok());
    }

    /// Editors on Windows write a byte order mark: the text was said to be no YAML.
    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let text = "\u{feff}a: x\n";
        let document = documents(text).unwrap().remove(0);
        let entry = document.entry("a").unwrap();
        assert_eq!((entry.key_mark.line, entry.key_mark.column), (1, 1));
        assert_eq!(&text[entry.value.mark.offset..][..entry.value.mark.length], "x");
        assert_eq!(&text[..document.end], "\u{feff}a: x\n");
        let wrong = documents("\u{feff}a: *nowhere\n").unwrap_err();
        assert_eq!(&"\u{feff}a: *nowhere\n"[wrong.mark.offset..][..1], "*");
    }

    /// Before, the break was there in any case; go-yaml has it only where the text has it.
    #[rstest]
    #[case("a: |\n  x", "x")]
    #[case("a: |\n  x\n", "x\n")]
    #[case("a: >\n  x\n  y", "x y")]
    #[case("- a: |\n    x\n- b: |\n    y", "x\n")]
    fn a_block_ends_as_the_text_does(#[case] text: &str, #[case] expected: &str) {
        let document = documents(text).unwrap().remove(0);
        let value = document.get("a").or_else(|| document.items()[0].get("a")).unwrap();
        assert_eq!(value.text(), Some(expected));
    }

    #[test]
    fn several_documents_and_empty_ones() {
        let text = "---\n# only a comment\n---\na: 1\n---\nb: 2\n";
        let documents = documents(text).unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[1].entries()[0].key_mark.line, 6);
    }

    #[test]
    fn of_two_values_of_a_key_the_last_one_is_kept_where_that_is_asked_for() {
        let text = "a: [x]\nb: 1\na: [y]\n";
        let (documents, repeats) = documents_with_repeats(text, 3).unwrap();
        assert_eq!(documents[0].items_at(&["a"])[0].text(), Some("y"));
        assert_eq!((repeats[0].key.as_str(), repeats[0].mark.line, repeats[0].first.line), ("a", 3, 1));
        assert_eq!(repeats[0].mark.source, 3);
        assert!(documents_of(text, 3).is_err());
    }

    #[test]
    fn anchors_and_merges_are_followed() {
        let text = "base: &b {x: 1, y: 2}\nuse: {<<: *b, x: 3}\n";
        let document = documents(text).unwrap().remove(0);
        let used = document.get("use").unwrap();
        assert_eq!(used.get("y").unwrap().whole(), Some(2));
        assert_eq!(used.get("x").unwrap().whole(), Some(3));
    }

    /// Before, the text was `"123"`, with its quotes: the documented way to keep a number a text was an error.
    #[test]
    fn quotes_in_the_value_of_a_variable_count() {
        assert_eq!(plain_scalar("\"123\""), Kind::Text("123".to_owned()));
        assert_eq!(plain_scalar("'yes'"), Kind::Text("yes".to_owned()));
        assert_eq!(plain_scalar("\"a\" b"), Kind::Text("\"a\" b".to_owned()));
    }

    #[test]
    fn values_that_aliases_refer_to_are_shared() {
        let text = "a: &a {x: 1}\nb: &b 5\nc: *a\nd: &d\n  e: 1\nf: {<<: *d}\n";
        let shared: Vec<&str> = shared_values(text).into_iter().map(|range| text[range].trim_end()).collect();
        assert_eq!(shared, ["{x: 1}", "e: 1"]);
        assert!(shared_values("a: &a 1\nb: \"*a\"\n").is_empty());
    }

    #[test]
    fn aliases_cannot_explode() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let previous = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{previous}]\n"));
        }
        assert!(documents(&text).unwrap_err().message.contains("more than"));
    }

    #[rstest]
    #[case("a: 1\na: 2\n", 2, "given twice")]
    #[case("a: [1\nb: 2\n", 2, "not YAML")]
    #[case("a: *nowhere\n", 1, "not YAML")]
    fn what_is_not_yaml_is_refused_at_its_place(#[case] text: &str, #[case] line: u32, #[case] part: &str) {
        let error = documents(text).unwrap_err();
        assert_eq!(error.mark.line, line, "{error}");
        assert!(error.message.contains(part), "{error}");
    }
}
