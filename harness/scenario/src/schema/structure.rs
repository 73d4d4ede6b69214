//! The check of a file's structure: unknown and missing keys, wrong types, unreadable values. Everything that is wrong is found
//! at once, which a deserializer cannot do.

use harness_plan::FieldPath;
use harness_units::ScalarType;
use harness_yaml::schema::{Dialect, Place, Schema, Type, Violation, walk};
use harness_yaml::{Diagnostic, Kind, Mark, Node};
use serde_json::Value;

use super::generate::STRUCTURE;

/// Keys of earlier versions of the format, and those that took their place. An entry stays as long as files with the old key may exist.
const RENAMED: [(&str, &str); 6] = [
    ("at-the-end", "atEnd"),
    ("atOnce", "maxConcurrentDisruptions"),
    ("because", "reason"),
    ("kept", "retained"),
    ("says", "messageContains"),
    ("undisturbed", "uninterrupted"),
];

/// What stands beside the kind of a fault, and is easily written into it or into its selector.
const BESIDE_A_FAULT: [&str; 6] = ["atLeast", "count", "for", "id", "nth", "workload"];

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
    let mut format = ScenarioFormat { file, diagnostics: Vec::new(), uses: Vec::new() };
    walk(&STRUCTURE, document, &mut format);
    (format.diagnostics, format.uses)
}

/// What scenario files add to JSON Schema: values with units, and parameters in their place.
struct ScenarioFormat<'a> {
    file: &'a str,
    diagnostics: Vec<Diagnostic>,
    uses: Vec<Use>,
}

impl ScenarioFormat<'_> {
    fn add(&mut self, mark: Mark, message: String, hint: String) {
        self.diagnostics.push(Diagnostic::new(self.file, mark, message).with_hint(hint));
    }

    fn scalar(&mut self, kind: ScalarType, at: &Place<'_>) {
        let (node, what) = (at.node, at.name(DOCUMENT));
        let hint = || format!("write {}", kind.example());
        let Some(text) = node.scalar().filter(|_| !matches!(node.kind, Kind::Bool(_))) else {
            return self.add(node.mark, format!("{what} is {}, where a {kind} is expected", node.describe()), hint());
        };
        if let Some(parameter) = reference(&text) {
            self.uses.push(Use { parameter: parameter.to_owned(), kind, mark: node.mark });
        } else if let Err(message) = kind.check(&text) {
            self.add(node.mark, format!("{what}: {message}"), hint());
        }
    }
}

const FIELD_PATH_HINT: &str = "write `spec.replicas`, `metadata.annotations[example.com/owner]`, `status.conditions[type=Ready].status` or `exists`";

/// The document, in messages.
const DOCUMENT: &str = "the file";

impl Dialect for ScenarioFormat<'_> {
    fn null_is_absent(&self, _: &Schema) -> bool {
        false
    }

    fn visit(&mut self, at: &Place<'_>, schema: &Schema) -> bool {
        if let (Some(FieldPath::TYPE), Kind::Text(text)) = (schema.scalar_type.as_deref(), &at.node.kind) {
            if let Err(why) = text.parse::<FieldPath>() {
                self.add(at.node.mark, format!("{}: {why}", at.name(DOCUMENT)), FIELD_PATH_HINT.to_owned());
            }
            return true;
        }
        let kind = schema.scalar_type.as_deref().and_then(|name| name.parse().ok());
        kind.is_some_and(|kind| {
            self.scalar(kind, at);
            true
        })
    }

    /// Blanks say nothing.
    fn length(&self, text: &str) -> usize {
        text.trim().chars().count()
    }

    fn report(&mut self, at: &Place<'_>, violation: Violation<'_>) {
        let node = at.node;
        let mark = match &violation {
            // Nothing has no place of its own.
            Violation::Null => at.entry().map_or(node.mark, |entry| entry.key_mark),
            Violation::UnknownKey { entry, .. } | Violation::VariantWithValue(entry) => entry.key_mark,
            Violation::SecondVariant { second, .. } => second.key_mark,
            Violation::Duplicate { item, .. } => item.mark,
            _ => node.mark,
        };
        let hint = match &violation {
            Violation::Type(schema) => type_hint(schema),
            Violation::UnknownKey { entry, known, schema } => unknown_key(&entry.key, known, schema, &violation, at),
            Violation::MissingKey { key, schema } => schema.map_or_else(|| violation.hint(node), |of| missing(key, of)),
            Violation::Length(0, schema) | Violation::Pattern(_, schema) => describe(schema),
            Violation::Count { count: 0, .. } => "name at least one".to_owned(),
            Violation::VariantWithoutValue(schema) => value_of_variant(schema, violation.hint(node)),
            _ => violation.hint(node),
        };
        // What a name may be is a rule of its own, which says it better than a pattern does.
        let is_name = at.entry().is_some_and(|entry| entry.key == "name");
        if !(is_name && matches!(violation, Violation::Pattern(..))) {
            self.add(mark, violation.message(&at.name(DOCUMENT), node), hint);
        }
    }
}

fn type_hint(schema: &Schema) -> String {
    let hint = match schema.types() {
        [Type::Object] if schema.properties.is_empty() => "write `key: value`",
        [Type::Object] => return format!("its keys are {}", schema.keys().join(", ")),
        [Type::Array] => "write `[a, b]`, or each item on a line of its own after `- `",
        [Type::String] => "put it in quotes when it looks like something else",
        [_] => return format!("write {}", schema.describe_types()),
        _ => "write a single value",
    };
    hint.to_owned()
}

/// What to do about a key that is none of those known.
fn unknown_key(key: &str, known: &[&str], schema: &Schema, violation: &Violation<'_>, at: &Place<'_>) -> String {
    let selector = schema.properties.get("only").map(|only| STRUCTURE.resolve(only));
    if selector.is_some_and(|selector| selector.properties.contains_key(key)) {
        return format!("write `only: {{{key}: ...}}`");
    }
    if BESIDE_A_FAULT.contains(&key) && ["share", "vms"].iter().any(|of_fault| known.contains(of_fault)) {
        let fault = at.keys().find(|key| *key != "only").unwrap_or_default();
        return format!("write it beside the fault: `{{{fault}: {{...}}, {key}: ...}}`");
    }
    match RENAMED.iter().find(|(old, new)| *old == key && known.contains(new)) {
        Some((_, new)) => format!("it is called `{new}` now"),
        None => violation.hint(at.node),
    }
}

/// What to write for a key that must be there: the value where there is only one, else what the schema says of it.
fn missing(key: &str, schema: &Schema) -> String {
    let resolved = STRUCTURE.resolve(schema);
    let alternatives = if resolved.one_of.is_empty() { std::slice::from_ref(resolved) } else { &resolved.one_of };
    let values: Vec<_> = alternatives.iter().flat_map(|one| one.constant.iter().chain(&one.values)).collect();
    match (alternatives, values.as_slice()) {
        ([_], [Value::String(only)]) => format!("write `{key}: {only}`"),
        _ => describe(schema),
    }
}

/// What to write for a variant that stands without the value that it needs.
fn value_of_variant(schema: &Schema, hint: String) -> String {
    match schema.description {
        None if !schema.properties.is_empty() => {
            let keys = schema.keys().join(", ");
            if schema.required.is_empty() {
                format!("{}; the keys of its value are {keys}", hint.replace(": ...", ": {}"))
            } else {
                format!("{hint}; the keys of its value are {keys}")
            }
        }
        _ => format!("{hint}; {}", describe(schema)),
    }
}

/// What the schema says of a value.
fn describe(schema: &Schema) -> String {
    let description = schema.description.as_deref().unwrap_or("it is required");
    description.lines().next().unwrap_or_default().to_owned()
}
