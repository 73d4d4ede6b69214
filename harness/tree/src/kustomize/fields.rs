//! The fields of a kustomization: each has a name and a shape, and kustomize refuses what it does not know.
//!
//! Source: `Unmarshal` and `EnforceFields` of api/types/kustomization.go. kustomize-controller reads the outermost kustomization by itself and
//! writes it again, without what it does not know and with texts for numbers: fluxcd/pkg/kustomize/kustomize_generator.go.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::builder::{Builder, By};
use harness_yaml::{Entry, Kind, Node, suggest};

const RULE: &str = "kustomization-fields";
/// The types as text; the text says how.
const TYPES: &str = include_str!("data/kustomization.txt");
const TOP: &str = "Kustomization";
/// Which `apiVersion` goes with which kind.
const VERSIONS: [(&str, &str); 2] =
    [(TOP, "kustomize.config.k8s.io/v1beta1"), ("Component", "kustomize.config.k8s.io/v1alpha1")];

type Fields = Vec<(&'static str, &'static str)>;

fn types() -> &'static HashMap<&'static str, Fields> {
    static TYPES_BY_NAME: OnceLock<HashMap<&str, Fields>> = OnceLock::new();
    TYPES_BY_NAME.get_or_init(|| {
        let mut types = HashMap::new();
        for line in TYPES.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let Some(name) = words.next() else { continue };
            types.insert(name, words.filter_map(|word| word.split_once(':')).collect());
        }
        types
    })
}

/// The kustomization with each key as kustomize spells it: it takes any capitals. What is wrong with it is reported.
pub(super) fn read(builder: &mut Builder<'_>, document: &Node) -> Node {
    let is_written_again = builder.by == By::Flux && builder.open.len() == 1;
    let mut reader = Reader { builder, is_written_again };
    let read = reader.value(document, TOP, "").unwrap_or_else(|| Node::empty_map(document.mark));
    kind_and_version(builder, document, &read);
    read
}

fn kind_and_version(builder: &mut Builder<'_>, document: &Node, read: &Node) {
    let text = |key: &str| read.get(key).and_then(Node::scalar).filter(|text| !text.is_empty());
    let kind = text("kind").unwrap_or_else(|| TOP.to_owned());
    let place = |key: &str| read.get(key).map_or(document.mark, |node| node.mark);
    let Some((_, version)) = VERSIONS.iter().find(|(known, _)| *known == kind) else {
        let message = format!("the `kind` of a kustomization is not `{kind}`");
        return builder.report(RULE, place("kind"), message, "write Kustomization, or Component");
    };
    if let Some(other) = text("apiVersion").filter(|other| other != version) {
        let message = format!("the `apiVersion` of a {kind} of kustomize is not `{other}`");
        builder.report(RULE, place("apiVersion"), message, &format!("write {version}"));
    }
    let says_something =
        |entry: &Entry| !["apiVersion", "kind"].contains(&entry.key.as_str()) && !is_nothing(&entry.value);
    let is_written_again = builder.by == By::Flux && builder.open.len() == 1;
    if !is_written_again && !read.entries().iter().any(says_something) {
        builder.report(RULE, document.mark, "the kustomization says nothing", "name its `resources`, or remove it");
    }
}

/// Whether a value is one that Go takes for a field that is not there.
fn is_nothing(node: &Node) -> bool {
    match &node.kind {
        Kind::Null => true,
        Kind::Text(text) => text.is_empty(),
        _ => false,
    }
}

struct Reader<'b, 'a> {
    builder: &'b mut Builder<'a>,
    /// Whether kustomize-controller writes the kustomization again.
    is_written_again: bool,
}

impl Reader<'_, '_> {
    /// A value of a shape; `None` where it is nothing or something else.
    fn value(&mut self, node: &Node, shape: &str, path: &str) -> Option<Node> {
        if node.kind == Kind::Null {
            return None;
        }
        if let Some(of) = shape.strip_prefix("[]") {
            let Kind::List(items) = &node.kind else { return self.wrong(node, "a list", path) };
            let items = items.iter().filter_map(|item| self.value(item, of, path)).collect();
            return Some(Node { kind: Kind::List(items), ..node.clone() });
        }
        if let Some(of) = shape.strip_prefix("{}") {
            let Kind::Map(entries) = &node.kind else { return self.wrong(node, "a map", path) };
            let entries = entries.iter().filter_map(|entry| {
                let value = self.value(&entry.value, of, &format!("{path}.{}", entry.key))?;
                Some(Entry { value, ..entry.clone() })
            });
            return Some(Node { kind: Kind::Map(entries.collect()), ..node.clone() });
        }
        match shape {
            "any" => Some(node.clone()),
            "string" => match &node.kind {
                Kind::Text(_) => Some(node.clone()),
                Kind::Number(value, text) if self.is_written_again => {
                    let is_whole = text.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit());
                    let text = if is_whole { text.clone() } else { value.to_string() };
                    Some(Node { kind: Kind::Text(text), ..node.clone() })
                }
                Kind::Bool(value) if self.is_written_again => {
                    Some(Node { kind: Kind::Text(value.to_string()), ..node.clone() })
                }
                _ => self.wrong(node, "a text", path),
            },
            "bool" => match node.kind {
                Kind::Bool(_) => Some(node.clone()),
                _ => self.wrong(node, "a boolean", path),
            },
            "int" => match node.number() {
                Some(number) if number.fract() == 0.0 => Some(node.clone()),
                _ => self.wrong(node, "a whole number", path),
            },
            shape => self.fields(node, shape, path),
        }
    }

    fn fields(&mut self, node: &Node, shape: &str, path: &str) -> Option<Node> {
        let Kind::Map(entries) = &node.kind else { return self.wrong(node, "a map", path) };
        let known = types().get(shape)?;
        let mut read = Vec::with_capacity(entries.len());
        for entry in entries.iter() {
            let exact = known.iter().find(|(name, _)| *name == entry.key);
            let Some((name, of)) =
                exact.or_else(|| known.iter().find(|(name, _)| name.eq_ignore_ascii_case(&entry.key)))
            else {
                self.unknown(entry, known, path);
                continue;
            };
            let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
            if let Some(value) = self.value(&entry.value, of, &path) {
                read.push(Entry { key: (*name).to_owned(), key_mark: entry.key_mark, value });
            }
        }
        Some(Node { kind: Kind::Map(read.into()), ..node.clone() })
    }

    fn unknown(&mut self, entry: &Entry, known: &Fields, path: &str) {
        let fix = suggest::hint(&entry.key, known.iter().map(|(name, _)| *name));
        let of = if path.is_empty() { "a kustomization".to_owned() } else { format!("`{path}`") };
        let message = format!("{of} has no field `{}`", entry.key);
        if self.is_written_again {
            let effect =
                "Flux drops the field without an error, so that it has no effect; in a base, kustomize refuses it";
            self.builder.warn(RULE, entry.key_mark, message, effect, &fix);
        } else {
            self.builder.report(RULE, entry.key_mark, message, &fix);
        }
    }

    fn wrong(&mut self, node: &Node, expected: &str, path: &str) -> Option<Node> {
        let message = if path.is_empty() {
            format!("a kustomization is {expected}, not {}", node.describe())
        } else {
            format!("`{path}` is {}, where {expected} is expected", node.describe())
        };
        let fix = if expected == "a text" && node.scalar().is_some() { "put it in quotes" } else { "correct it" };
        self.builder.report(RULE, node.mark, message, fix);
        None
    }
}
