//! The check of a file's structure: unknown and missing keys, wrong types, unreadable values. Everything that is wrong is found
//! at once, which a deserializer cannot do.

use std::borrow::Cow;

use serde_json::Value;

use super::generate::SCHEMA;
use harness_units::ScalarType;
use harness_units::TYPE_KEY;
use harness_yaml::BESIDE_KEY;
use harness_yaml::Diagnostic;
use harness_yaml::suggest;
use harness_yaml::{Entry, Kind, Mark, Node};

/// Keys of earlier versions of the format, and those that took their place. An entry stays as long as somebody may have a file with the old key.
const RENAMED: [(&str, &str); 6] = [
    ("at-the-end", "atEnd"),
    ("atOnce", "maxConcurrentDisruptions"),
    ("because", "reason"),
    ("kept", "retained"),
    ("says", "messageContains"),
    ("undisturbed", "uninterrupted"),
];

/// What to do about a key that is none of those known.
fn unknown_key(key: &str, known: &[&str]) -> String {
    let renamed = RENAMED.iter().find(|(old, new)| *old == key && known.contains(new));
    match renamed {
        Some((_, new)) => format!("it is called `{new}` now"),
        None => suggest::hint(key, known.iter().copied()),
    }
}

/// A place where a parameter is used, with the type that is expected there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Use {
    pub(crate) parameter: String,
    pub(crate) kind: ScalarType,
    pub(crate) mark: Mark,
}

/// The parameter that a text refers to.
fn reference(text: &str) -> Option<&str> {
    text.strip_prefix('$')
}

/// Checks a document. Returns what is wrong and where parameters are used.
pub(crate) fn check(file: &str, document: &Node) -> (Vec<Diagnostic>, Vec<Use>) {
    let mut walk = Walk { file, diagnostics: Vec::new(), uses: Vec::new() };
    walk.value(&SCHEMA, document, "the file");
    (walk.diagnostics, walk.uses)
}

struct Walk<'a> {
    file: &'a str,
    diagnostics: Vec<Diagnostic>,
    uses: Vec<Use>,
}

/// One way to write a value that has several.
enum Variant<'a> {
    Name(&'a str),
    Keyed(&'a str, &'a Value),
    List(&'a Value),
}

fn resolve(schema: &Value) -> &Value {
    match schema["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
        Some(pointer) => SCHEMA.pointer(pointer).map_or(schema, resolve),
        None => schema,
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn is_type(schema: &Value, name: &str) -> bool {
    schema["type"] == name || texts(&schema["type"]).any(|one| one == name)
}

impl Walk<'_> {
    fn report(&mut self, mark: Mark, message: String, hint: impl Into<String>) {
        self.diagnostics.push(Diagnostic::new(self.file, mark, message).with_hint(hint));
    }

    /// `what` names the value in messages: the key that it stands under.
    fn value(&mut self, schema: &Value, node: &Node, what: &str) {
        let schema = resolve(schema);
        if node.kind == Kind::Null {
            self.report(node.mark, format!("{what} has no value"), "give one, or leave the key out");
        } else if let Some(name) = schema[TYPE_KEY].as_str() {
            if let Ok(kind) = name.parse() {
                self.scalar(kind, node, what);
            }
        } else if schema["properties"].is_object() || is_type(schema, "object") {
            self.object(schema, node, what);
        } else if schema["oneOf"].is_array() || schema["enum"].is_array() || !schema["const"].is_null() {
            let rest = self.beside(&schema[BESIDE_KEY], node);
            self.variants(&variants(schema), rest.as_ref().unwrap_or(node), what);
        } else if is_type(schema, "array") {
            self.list(schema, node, what);
        } else {
            self.plain(schema, node, what);
        }
    }

    fn scalar(&mut self, kind: ScalarType, node: &Node, what: &str) {
        let Some(text) = node.scalar().filter(|_| !matches!(node.kind, Kind::Bool(_))) else {
            let message = format!("{what} is {}, where a {kind} is expected", node.describe());
            self.report(node.mark, message, format!("write {}", kind.example()));
            return;
        };
        if let Some(parameter) = reference(&text) {
            self.uses.push(Use { parameter: parameter.to_owned(), kind, mark: node.mark });
        } else if let Err(message) = kind.check(&text) {
            self.report(node.mark, format!("{what}: {message}"), format!("write {}", kind.example()));
        }
    }

    fn object(&mut self, schema: &Value, node: &Node, what: &str) {
        let Kind::Map(entries) = &node.kind else {
            let keys = keys(schema).join(", ");
            let hint = if keys.is_empty() { "write `key: value`".to_owned() } else { format!("its keys are {keys}") };
            self.report(node.mark, format!("{what} is {}, where a map is expected", node.describe()), hint);
            return;
        };
        for entry in entries {
            self.entry(schema, entry, what);
        }
        for required in texts(&schema["required"]) {
            if node.get(required).is_none() {
                let description = describe(&schema["properties"][required]);
                self.report(node.mark, format!("{what} lacks `{required}`"), description);
            }
        }
    }

    fn entry(&mut self, schema: &Value, entry: &Entry, what: &str) {
        let known = &schema["properties"][entry.key.as_str()];
        if !known.is_null() && entry.value.kind == Kind::Null {
            // Nothing has no place of its own.
            let message = format!("`{}` has no value", entry.key);
            self.report(entry.key_mark, message, "give one, or leave the key out");
        } else if !known.is_null() {
            self.value(known, &entry.value, &format!("`{}`", entry.key));
        } else if schema["additionalProperties"].is_object() {
            self.value(&schema["additionalProperties"], &entry.value, &format!("`{}`", entry.key));
        } else {
            let keys = keys(schema);
            let only = &resolve(&schema["properties"]["only"])["properties"][entry.key.as_str()];
            let hint = match keys.as_slice() {
                [] => "write {}".to_owned(),
                _ if only.is_object() => format!("write `only: {{{}: ...}}`", entry.key),
                _ => unknown_key(&entry.key, &keys),
            };
            self.report(entry.key_mark, format!("unknown key `{}` in {what}", entry.key), hint);
        }
    }

    /// Checks what may stand beside the key of a variant; the rest of the map, where something did.
    fn beside(&mut self, beside: &Value, node: &Node) -> Option<Node> {
        let Kind::Map(entries) = &node.kind else { return None };
        let (known, rest): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().partition(|entry| beside[entry.key.as_str()].is_object());
        for entry in &known {
            self.value(&beside[entry.key.as_str()], &entry.value, &format!("`{}`", entry.key));
        }
        let rest = rest.into_iter().cloned().collect();
        (!known.is_empty()).then(|| Node { kind: Kind::Map(rest), ..node.clone() })
    }

    fn variants(&mut self, variants: &[Variant<'_>], node: &Node, what: &str) {
        let names: Vec<&str> = variants.iter().filter_map(Variant::name).collect();
        match &node.kind {
            Kind::Text(text) => match variants.iter().find(|variant| variant.name() == Some(text.as_str())) {
                Some(Variant::Name(_)) => {}
                Some(Variant::Keyed(_, schema)) => {
                    let hint = format!("write `{text}: ...`; {}", describe(schema));
                    self.report(node.mark, format!("`{text}` needs a value"), hint);
                }
                _ => self.report(
                    node.mark,
                    format!("{what} cannot be `{text}`"),
                    suggest::hint(text, names.iter().copied()),
                ),
            },
            Kind::Map(entries) => match entries.as_slice() {
                [entry] => match variants.iter().find(|variant| variant.name() == Some(entry.key.as_str())) {
                    Some(Variant::Keyed(_, schema)) => {
                        self.value(schema, &entry.value, &format!("`{}`", entry.key));
                    }
                    Some(_) => self.report(
                        entry.key_mark,
                        format!("`{}` takes no value", entry.key),
                        format!("write `{}` alone", entry.key),
                    ),
                    None => self.report(
                        entry.key_mark,
                        format!("unknown key `{}` in {what}", entry.key),
                        unknown_key(&entry.key, &names),
                    ),
                },
                [] => self.report(
                    node.mark,
                    format!("{what} must have exactly one key"),
                    format!("it is one of {}", names.join(", ")),
                ),
                [first, second, ..] => {
                    // What they hold is checked all the same: parameters are used in it.
                    for entry in entries {
                        let only = Node { kind: Kind::Map(vec![entry.clone()]), ..node.clone() };
                        self.variants(variants, &only, what);
                    }
                    let message =
                        format!("{what} has `{}` beside `{}`: it must have exactly one key", second.key, first.key);
                    self.report(second.key_mark, message, "give each an item of its own");
                }
            },
            Kind::List(_) => match variants.iter().find_map(Variant::list) {
                Some(schema) => self.list(schema, node, what),
                None => self.report(
                    node.mark,
                    format!("{what} cannot be a list"),
                    format!("it is one of {}", names.join(", ")),
                ),
            },
            _ => self.report(
                node.mark,
                format!("{what} cannot be {}", node.describe()),
                format!("it is one of {}", names.join(", ")),
            ),
        }
    }

    fn list(&mut self, schema: &Value, node: &Node, what: &str) {
        let Kind::List(items) = &node.kind else {
            let message = format!("{what} is {}, where a list is expected", node.describe());
            self.report(node.mark, message, "write `[a, b]`, or each item on a line of its own after `- `");
            return;
        };
        if (items.len() as u64) < schema["minItems"].as_u64().unwrap_or(0) {
            self.report(node.mark, format!("{what} is empty"), "name at least one");
        }
        for (index, item) in items.iter().enumerate() {
            self.value(&schema["items"], item, &format!("item {} of {what}", index + 1));
        }
    }

    fn plain(&mut self, schema: &Value, node: &Node, what: &str) {
        let (holds, expected, hint) = match &node.kind {
            _ if is_type(schema, "string") && is_type(schema, "number") => {
                (matches!(node.kind, Kind::Text(_) | Kind::Number(..)), "a number or a text", "write a single value")
            }
            _ if is_type(schema, "string") => {
                (node.text().is_some(), "a text", "put it in quotes when it looks like something else")
            }
            _ if is_type(schema, "boolean") => {
                (matches!(node.kind, Kind::Bool(_)), "true or false", "write true or false")
            }
            _ if is_type(schema, "integer") => (node.whole().is_some(), "a whole number", "write a whole number"),
            _ => (true, "", ""),
        };
        if !holds {
            let message = format!("{what} is {}, where {expected} is expected", node.describe());
            self.report(node.mark, message, hint);
        }
        let short = node
            .text()
            .is_some_and(|text| (text.trim().chars().count() as u64) < schema["minLength"].as_u64().unwrap_or(0));
        if short {
            self.report(node.mark, format!("{what} is empty"), describe(schema));
        }
    }
}

fn variants(schema: &Value) -> Vec<Variant<'_>> {
    let mut found = Vec::new();
    let alternatives = schema["oneOf"].as_array().map_or_else(|| vec![schema], |list| list.iter().collect());
    for alternative in alternatives {
        let alternative = resolve(alternative);
        if alternative["oneOf"].is_array() {
            found.extend(variants(alternative));
            continue;
        }
        found.extend(alternative["const"].as_str().map(Variant::Name));
        found.extend(texts(&alternative["enum"]).map(Variant::Name));
        if is_type(alternative, "array") {
            found.push(Variant::List(alternative));
        }
        let keyed = alternative["properties"].as_object().into_iter().flatten();
        let keyed = keyed.filter(|(key, _)| schema[BESIDE_KEY][key.as_str()].is_null());
        found.extend(keyed.map(|(key, schema)| Variant::Keyed(key, schema)));
    }
    found
}

impl<'a> Variant<'a> {
    fn name(&self) -> Option<&'a str> {
        match self {
            Self::Name(name) | Self::Keyed(name, _) => Some(name),
            Self::List(_) => None,
        }
    }

    fn list(&self) -> Option<&'a Value> {
        match self {
            Self::List(schema) => Some(schema),
            _ => None,
        }
    }
}

fn keys(schema: &Value) -> Vec<&str> {
    schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

/// What the schema says of a value, else of its type.
fn describe(schema: &Value) -> String {
    let description = schema["description"].as_str().or_else(|| resolve(schema)["description"].as_str());
    let text: Cow<'_, str> = description.unwrap_or("it is required").into();
    text.split('\n').next().unwrap_or_default().to_owned()
}
