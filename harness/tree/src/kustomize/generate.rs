//! `configMapGenerator` and `secretGenerator`. Source: api/internal/generators, api/kv/kv.go and api/resource/factory.go.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::builder::{Builder, Place};
use super::resource::{Behavior, Resource};
use crate::files::{Unreadable, index_of};
use harness_yaml::{Entry, Kind, Mark, Node};

const RULE: &str = "kustomization-generators";

/// The objects that a kustomization generates.
pub(super) fn generate(builder: &mut Builder<'_>, place: Place<'_>, document: &Node) -> Vec<Resource> {
    let options = document.get("generatorOptions");
    let mut generated = Vec::new();
    // Secrets first: `configureBuiltinGenerators` has config maps first, and runs them in this order.
    for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
        for item in document.items_at(&[field]) {
            generated.extend(one(builder, place, item, kind, options));
        }
    }
    generated
}

/// A key with its value.
struct Pair {
    key: String,
    value: String,
    mark: Mark,
}

fn one(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    item: &Node,
    kind: &str,
    global: Option<&Node>,
) -> Option<Resource> {
    let text = |key: &str| item.get(key).and_then(Node::scalar).unwrap_or_default();
    if text("name").is_empty() {
        let message = format!("a generated {kind} has no `name`");
        builder.report(RULE, item.mark, message, "give it a name");
        return None;
    }
    let mut pairs = Vec::new();
    from_env_files(builder, place, item, &mut pairs);
    from_literals(builder, item, &mut pairs);
    from_files(builder, place, item, &mut pairs);
    for (at, pair) in pairs.iter().enumerate() {
        if pairs[..at].iter().any(|earlier| earlier.key == pair.key) {
            let message = format!("the key `{}` of `{}` is given twice", pair.key, text("name"));
            builder.report(RULE, pair.mark, message, "keep one of them");
        }
    }
    pairs.sort_by(|a, b| a.key.cmp(&b.key));
    let entry = |key: &str, value: Node| Entry { key: key.to_owned(), key_mark: value.mark, value };
    let mut metadata = Node::empty_map(item.mark);
    for key in ["name", "namespace"] {
        if let Some(value) = item.get(key).filter(|value| value.scalar().is_some_and(|text| !text.is_empty())) {
            metadata.put(key, Node::of_text(value.scalar().unwrap_or_default(), value.mark));
        }
    }
    let own = item.get("options");
    for key in ["labels", "annotations"] {
        let mut entries: Vec<Entry> = own.map_or(&[][..], |own| own.entries_at(&[key])).to_vec();
        let more = global.map_or(&[][..], |global| global.entries_at(&[key]));
        for entry in more {
            if !entries.iter().any(|known| known.key == entry.key) {
                entries.push(entry.clone());
            }
        }
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        if !entries.is_empty() {
            metadata.put(key, Node { kind: Kind::Map(entries.into()), ..Node::empty_map(item.mark) });
        }
    }
    let mut entries = vec![
        entry("apiVersion", Node::of_text("v1", item.mark)),
        entry("kind", Node::of_text(kind, item.mark)),
        entry("metadata", metadata),
    ];
    if kind == "Secret" {
        let secret_type = item.get("type").and_then(Node::scalar).filter(|of| !of.is_empty());
        let mark = item.get("type").map_or(item.mark, |of| of.mark);
        entries.push(entry("type", Node::of_text(secret_type.unwrap_or_else(|| "Opaque".to_owned()), mark)));
    }
    let mut data = Node::empty_map(item.mark);
    for pair in &pairs {
        let value = if kind == "Secret" { base64(pair.value.as_bytes()) } else { pair.value.clone() };
        data.put(&pair.key, Node::of_text(value, pair.mark));
    }
    if kind == "Secret" || !pairs.is_empty() {
        entries.push(entry("data", data));
    }
    let asked = |key: &str| {
        [own, global]
            .into_iter()
            .flatten()
            .any(|options| options.get(key).and_then(Node::scalar).as_deref() == Some("true"))
    };
    if asked("immutable") {
        entries.push(entry("immutable", Node { kind: Kind::Bool(true), ..Node::of_text("", item.mark) }));
    }
    let node = Node { kind: Kind::Map(entries.into()), mark: item.mark, end: item.end };
    let behavior = match text("behavior").as_str() {
        "create" => Behavior::Create,
        "replace" => Behavior::Replace,
        "merge" => Behavior::Merge,
        _ => Behavior::Unspecified,
    };
    let has_hash_suffix = !asked("disableNameSuffixHash");
    Some(Resource { has_hash_suffix, behavior, is_generated: true, ..Resource::new(index_of(item.mark), node) })
}

fn from_literals(builder: &mut Builder<'_>, item: &Node, pairs: &mut Vec<Pair>) {
    for literal in item.items_at(&["literals"]) {
        let text = literal.scalar().unwrap_or_default();
        match text.split_once('=').filter(|(key, _)| !key.is_empty()) {
            Some((key, value)) => {
                pairs.push(Pair { key: key.to_owned(), value: unquoted(value).to_owned(), mark: literal.mark });
            }
            None => {
                let message = format!("the literal `{text}` is not a key and a value");
                builder.report(RULE, literal.mark, message, "write key=value");
            }
        }
    }
}

/// Takes one pair of quotes away that stands around all of a value.
fn unquoted(value: &str) -> &str {
    let within = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

fn from_files(builder: &mut Builder<'_>, place: Place<'_>, item: &Node, pairs: &mut Vec<Pair>) {
    for file in item.items_at(&["files"]) {
        let source = file.scalar().unwrap_or_default();
        let (key, path) = match source.split_once('=') {
            None => (source.rsplit('/').next().unwrap_or_default(), source.as_str()),
            Some((key, path)) => (key, path),
        };
        if key.is_empty() || path.is_empty() || path.contains('=') {
            let message = format!("`{source}` is neither a file nor a key and a file");
            builder.report(RULE, file.mark, message, "write path, or key=path");
            continue;
        }
        if let Some(text) = text_of(builder, place, file, path) {
            pairs.push(Pair { key: key.to_owned(), value: text, mark: file.mark });
        }
    }
}

fn from_env_files(builder: &mut Builder<'_>, place: Place<'_>, item: &Node, pairs: &mut Vec<Pair>) {
    let files = item.items_at(&["envs"]).iter().chain(item.get("env").filter(|file| file.scalar().is_some()));
    for file in files {
        let Some(text) = text_of(builder, place, file, &file.scalar().unwrap_or_default()) else { continue };
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            pairs.push(Pair { key: key.to_owned(), value: value.to_owned(), mark: file.mark });
        }
    }
}

/// The text of a file of the tree. One that is no text is there, but what is generated from it is not known here.
fn text_of(builder: &mut Builder<'_>, place: Place<'_>, item: &Node, path: &str) -> Option<String> {
    let index = builder.file_at(RULE, place, item, path)?;
    match builder.files.text(index) {
        Ok(text) => Some(text.to_owned()),
        Err(Unreadable::NotText | Unreadable::Utf16 { .. } | Unreadable::TooLarge { .. }) => {
            let message = format!("`{path}` is not a text: what is generated from it is not checked");
            builder.declare(item.mark, message, "Flux builds it from the file");
            None
        }
        Err(error) => {
            let message = format!("`{path}` cannot be read: {error}");
            builder.report(RULE, item.mark, message, "make it readable");
            None
        }
    }
}

/// How many signs a line has.
const LINE: usize = 70;

/// Base64 in lines, as kustomize writes it. Source: `encodeBase64` of kyaml/yaml/datamap.go.
fn base64(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    if text.len() < LINE {
        return text;
    }
    let mut lines = String::with_capacity(text.len() + text.len() / LINE + 1);
    for (at, c) in text.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            lines.push('\n');
        }
        lines.push(c);
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Before, quotes at one end alone were taken away too.
    #[rstest]
    #[case("\"a b\"", "a b")]
    #[case("'a'", "a")]
    #[case("say \"yes\"", "say \"yes\"")]
    #[case("\"", "\"")]
    #[case("'a\"", "'a\"")]
    #[case("\"\"a\"\"", "\"a\"")]
    fn a_literal_loses_the_quotes_around_all_of_it(#[case] value: &str, #[case] expected: &str) {
        assert_eq!(unquoted(value), expected);
    }

    #[rstest]
    #[case("", "")]
    #[case("a", "YQ==")]
    #[case("ab", "YWI=")]
    #[case("abc", "YWJj")]
    fn data_of_a_secret_is_base64(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(base64(text.as_bytes()), expected);
    }

    #[test]
    fn long_data_is_in_lines() {
        let text = base64(&[b'a'; 60]);
        assert_eq!(text.lines().map(str::len).collect::<Vec<_>>(), [70, 10]);
        assert!(text.ends_with('\n'));
    }
}
