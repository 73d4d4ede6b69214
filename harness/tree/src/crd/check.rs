//! Objects against their schema and its CEL rules.

use std::ops::Range;

use serde_json::Value as Json;

use super::catalogue;
use super::cel::{self, Outcome};
use super::hints;
use super::schema::{Rule, Schema};
use crate::finding::{Edit, Finding};
use crate::object::Object;
use harness_yaml::suggest;
use harness_yaml::{Entry, Kind, Mark, Node};

const REFUSED: &str = "the API server refuses the object: Flux applies nothing of the tree and reports it as not ready";
const UNKNOWN_FIELD: &str =
    "the API server refuses the field (Flux applies server-side): the tree is reported as not ready";

/// Everything that the API server would refuse about an object of an embedded CRD; nothing for other objects.
///
/// Each with the bytes of the value that it is about.
pub(crate) fn check(object: &Object<'_>) -> Vec<(Finding, Range<usize>)> {
    let Some(version) = catalogue::served(object.group(), object.kind(), object.version()) else {
        return Vec::new();
    };
    let mut check = Check { object, findings: Vec::new() };
    for entry in object.node.entries() {
        match version.schema.properties.get(&entry.key) {
            // The server checks metadata by rules of its own, and status is not what a tree says.
            _ if entry.key == "metadata" || entry.key == "status" => {}
            Some(schema) => check.value(&entry.value, schema, &entry.key, place_of(entry)),
            None => check.unknown(&object.node, entry, &version.schema, ""),
        }
    }
    check.required(&object.node, &version.schema, "", object.node.mark);
    // The API server evaluates the rules only for an object whose structure is right.
    if check.findings.is_empty() {
        check.rules(&object.node, &version.schema, "", object.node.mark);
    }
    check.findings
}

struct Check<'o, 'a> {
    object: &'o Object<'a>,
    findings: Vec<(Finding, Range<usize>)>,
}

impl Check<'_, '_> {
    fn report(&mut self, rule: &'static str, mark: Mark, message: String, fix: String, edits: Vec<Edit>) {
        let finding = self.object.error(rule, mark, message).effect(REFUSED).fix(fix).edits(edits);
        self.findings.push((finding, mark.offset..mark.offset + mark.length));
    }

    fn value(&mut self, node: &Node, schema: &Schema, path: &str, mark: Mark) {
        if node.kind == Kind::Null {
            // The server prunes a null where the schema does not allow one and reads it as absent.
            return;
        }
        if !self.kind(node, schema, path, mark) {
            return;
        }
        self.listed(node, schema, path);
        match &node.kind {
            Kind::Map(_) => self.map(node, schema, path, mark),
            Kind::List(_) => self.list(node, schema, path, mark),
            _ => self.scalar(node, schema, path),
        }
    }

    /// Whether the value is of the schema's type; says so where it is not.
    fn kind(&mut self, node: &Node, schema: &Schema, path: &str, mark: Mark) -> bool {
        let whole = matches!(&node.kind, Kind::Number(value, _) if value.fract() == 0.0);
        let right = match schema.kind.as_str() {
            _ if schema.int_or_string => whole || matches!(node.kind, Kind::Text(_)),
            "string" => matches!(node.kind, Kind::Text(_)),
            "integer" => whole,
            "number" => matches!(node.kind, Kind::Number(..)),
            "boolean" => matches!(node.kind, Kind::Bool(_)),
            "array" => matches!(node.kind, Kind::List(_)),
            "object" => matches!(node.kind, Kind::Map(_)),
            _ => true,
        };
        if right {
            return true;
        }
        let wanted = match schema.kind.as_str() {
            "string" => "a text",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "true or false",
            "array" => "a list",
            "object" => "a map",
            _ => "a whole number or a text",
        };
        let (fix, edits) = self.converted(node, &schema.kind).map_or_else(
            || (format!("write {wanted}"), Vec::new()),
            |text| (format!("write `{text}`"), self.object.replacing_raw(node, &text)),
        );
        let message = format!("`{path}` is {}, where {wanted} is expected", node.describe());
        self.report("schema-type", mark, message, fix, edits);
        false
    }

    /// The same value in the type that is wanted, where only its spelling is wrong.
    fn converted(&self, node: &Node, wanted: &str) -> Option<String> {
        match (&node.kind, wanted) {
            (Kind::Number(_, text), "string") => Some(format!("\"{text}\"")),
            (Kind::Bool(value), "string") => Some(format!("\"{value}\"")),
            (Kind::Text(text), "integer") => text.parse::<i64>().ok().map(|value| value.to_string()),
            (Kind::Text(text), "boolean") => text.parse::<bool>().ok().map(|value| value.to_string()),
            _ => None,
        }
    }

    fn listed(&mut self, node: &Node, schema: &Schema, path: &str) {
        let Some(text) = node.scalar() else { return };
        let known: Vec<String> = schema.one_of_values.iter().map(plain).collect();
        if known.is_empty() || known.contains(&text) {
            return;
        }
        let fix = suggest::hint(&text, known.iter().map(String::as_str));
        // Another case is a slip of the pen; a different word may be a different meaning.
        let same = known.iter().find(|value| value.eq_ignore_ascii_case(&text));
        let edits = same.map(|value| self.object.replacing(node, value)).unwrap_or_default();
        self.report("schema-enum", node.mark, format!("`{path}` cannot be `{text}`"), fix, edits);
    }

    fn scalar(&mut self, node: &Node, schema: &Schema, path: &str) {
        const RULE: &str = "schema-value";
        if let Kind::Number(value, text) = &node.kind {
            let range = (schema.minimum.unwrap_or(f64::MIN), schema.maximum.unwrap_or(f64::MAX));
            if !(range.0..=range.1).contains(value) {
                let fix = match (schema.minimum, schema.maximum) {
                    (Some(low), Some(high)) => format!("write a number from {low} to {high}"),
                    (Some(low), None) => format!("write a number from {low}"),
                    (_, high) => format!("write a number up to {}", high.unwrap_or(f64::MAX)),
                };
                self.report(RULE, node.mark, format!("`{path}` is {text}"), fix, Vec::new());
            }
        }
        let Kind::Text(text) = &node.kind else {
            // The pattern of a quantity is applied to its text.
            if let Some(text) = node.scalar().filter(|_| schema.int_or_string) {
                self.pattern(node, &text, schema, path);
            }
            return;
        };
        let length = text.chars().count();
        if schema.min_length.is_some_and(|min| length < min) || schema.max_length.is_some_and(|max| length > max) {
            let (min, max) = (schema.min_length.unwrap_or(0), schema.max_length);
            let fix = max.map_or_else(
                || format!("write at least {min} character(s)"),
                |max| format!("write {min} to {max} characters"),
            );
            self.report(RULE, node.mark, format!("`{path}` has {length} characters"), fix, Vec::new());
        }
        self.pattern(node, text, schema, path);
        if schema.format.as_deref() == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
            let fix = "write it like 2026-01-31T12:00:00Z".to_owned();
            self.report(RULE, node.mark, format!("`{path}` is `{text}`, which is no time"), fix, Vec::new());
        }
    }

    fn pattern(&mut self, node: &Node, text: &str, schema: &Schema, path: &str) {
        let Some(pattern) = &schema.pattern else { return };
        if !pattern.matches(text) {
            let message = format!("`{path}` cannot be `{text}`");
            self.report("schema-value", node.mark, message, format!("write what matches {}", pattern.text), Vec::new());
        }
    }

    fn map(&mut self, node: &Node, schema: &Schema, path: &str, mark: Mark) {
        for entry in node.entries() {
            let below = format!("{path}.{}", entry.key);
            if let Some(inner) = schema.field(&entry.key) {
                self.value(&entry.value, inner, &below, place_of(entry));
            } else if !schema.takes_any_field() {
                self.unknown(node, entry, schema, path);
            }
        }
        self.required(node, schema, path, mark);
        self.count(node.entries().len(), (schema.min_properties, schema.max_properties), path, mark);
    }

    fn list(&mut self, node: &Node, schema: &Schema, path: &str, mark: Mark) {
        let items = node.items();
        self.count(items.len(), (schema.min_items, schema.max_items), path, mark);
        if let Some(inner) = schema.items.as_deref() {
            for (index, item) in items.iter().enumerate() {
                self.value(item, inner, &format!("{path}[{index}]"), item.mark);
            }
        }
        let identity = |item: &Node| match schema.list_type.as_deref() {
            Some("set") => item.scalar(),
            Some("map") => {
                let keys = schema.list_map_keys.iter();
                Some(
                    keys.map(|key| item.get(key).and_then(Node::scalar).unwrap_or_default())
                        .collect::<Vec<_>>()
                        .join("/"),
                )
            }
            _ => None,
        };
        for (index, item) in items.iter().enumerate() {
            let same =
                identity(item).filter(|id| items[..index].iter().any(|earlier| identity(earlier).as_ref() == Some(id)));
            if let Some(id) = same {
                let message = format!("`{path}` has `{id}` twice");
                self.report("schema-value", item.mark, message, "keep one of them".to_owned(), Vec::new());
            }
        }
    }

    fn count(&mut self, count: usize, (min, max): (Option<usize>, Option<usize>), path: &str, mark: Mark) {
        if let Some(min) = min.filter(|min| count < *min) {
            let message = format!("`{path}` has {count} entries, fewer than {min}");
            self.report("schema-value", mark, message, format!("write at least {min}"), Vec::new());
        }
        if let Some(max) = max.filter(|max| count > *max) {
            let message = format!("`{path}` has {count} entries, more than {max}");
            self.report("schema-value", mark, message, "remove some".to_owned(), Vec::new());
        }
    }

    fn required(&mut self, node: &Node, schema: &Schema, path: &str, mark: Mark) {
        for name in &schema.required {
            let there = node.get(name).is_some_and(|value| value.kind != Kind::Null);
            let defaulted = schema.properties.get(name).is_some_and(|inner| inner.default.is_some());
            if there || defaulted {
                continue;
            }
            let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.report("schema-required", mark, format!("`{full}` is missing"), format!("add `{name}`"), Vec::new());
        }
    }

    fn unknown(&mut self, map: &Node, entry: &Entry, schema: &Schema, path: &str) {
        let kind = self.object.kind();
        let key = entry.key.as_str();
        let place = if path.is_empty() { kind.to_owned() } else { format!("`{path}`") };
        let known = schema.properties.keys().map(String::as_str);
        let fix = hints::instead(kind, key).map_or_else(|| suggest::hint(key, known.clone()), str::to_owned);
        let mut edits = hints::edits(self.object, map, entry, path);
        if edits.is_empty()
            && let Some(right) = known.clone().find(|known| known.eq_ignore_ascii_case(key) && map.get(known).is_none())
        {
            edits = self.object.renaming(map, entry, right);
        }
        let message = format!("there is no field `{key}` in {place}");
        let finding = self.object.error("unknown-field", entry.key_mark, message).effect(UNKNOWN_FIELD).fix(fix);
        self.findings.push((finding.edits(edits), entry.key_mark.offset..entry.value.end));
    }

    /// The CEL rules of a value and of everything in it.
    fn rules(&mut self, node: &Node, schema: &Schema, path: &str, mark: Mark) {
        if node.kind == Kind::Null {
            return;
        }
        if !schema.rules.is_empty() {
            let value = cel::value(node, schema);
            for rule in schema.rules.iter().filter(|rule| !cel::is_transition(rule)) {
                self.rule(rule, &cel::evaluate(rule, &value), node, path, mark);
            }
        }
        for entry in node.entries() {
            if let Some(inner) = schema.field(&entry.key) {
                let below = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                self.rules(&entry.value, inner, &below, place_of(entry));
            }
        }
        if let Some(inner) = schema.items.as_deref() {
            for (index, item) in node.items().iter().enumerate() {
                self.rules(item, inner, &format!("{path}[{index}]"), item.mark);
            }
        }
    }

    fn rule(&mut self, rule: &Rule, outcome: &Outcome, node: &Node, path: &str, mark: Mark) {
        let mark = if rule.field_path.is_empty() { mark } else { super::at_field(node, &rule.field_path) };
        let place = if path.is_empty() { self.object.kind().to_owned() } else { format!("`{path}`") };
        match outcome {
            Outcome::Holds => {}
            Outcome::Broken(message) => {
                let finding = self.object.error("schema-rule", mark, format!("{place}: {message}"));
                let finding = finding.effect(REFUSED).fix(format!("make this true: {}", rule.rule));
                self.findings.push((finding, node.mark.offset..node.end));
            }
            Outcome::Unknown(reason) => {
                let message = format!("{place}: the rule `{}` is not checked without --server: {reason}", rule.rule);
                let note = self.object.note("schema-rule-unchecked", mark, message);
                self.findings.push((note, node.mark.offset..node.end));
            }
        }
    }
}

/// The value where it is a scalar, else the key: a whole map is no place that one can look at.
fn place_of(entry: &Entry) -> Mark {
    if entry.value.scalar().is_some() { entry.value.mark } else { entry.key_mark }
}

/// A value of an `enum` as it is written.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::all;
    use crate::crd::schema::Additional;
    use rstest::rstest;

    fn patterns<'s>(schema: &'s Schema, into: &mut Vec<&'s str>) {
        into.extend(schema.pattern.as_ref().map(|pattern| pattern.text.as_str()));
        schema.properties.values().for_each(|inner| patterns(inner, into));
        schema.items.iter().for_each(|inner| patterns(inner, into));
        if let Some(Additional::Schema(inner)) = &schema.additional_properties {
            patterns(inner, into);
        }
    }

    #[test]
    fn every_pattern_of_the_embedded_crds_is_understood() {
        let mut found = Vec::new();
        for version in all().iter().flat_map(|crd| &crd.versions) {
            patterns(&version.schema, &mut found);
        }
        assert!(found.len() > 50, "{} patterns", found.len());
        for pattern in found {
            regex::Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        }
    }

    fn found(text: &str) -> Vec<String> {
        let node = harness_yaml::documents(text).unwrap().remove(0);
        let object = Object { file: "x.yaml", node, files: &[] };
        check(&object)
            .iter()
            .map(|(finding, _)| format!("{}:{} {} {}", finding.line, finding.column, finding.rule, finding.message))
            .collect()
    }

    const KUSTOMIZATION: &str =
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\nspec:\n";

    #[rstest]
    #[case("  interval: 10m\n  prune: true\n  sourceRef: {kind: GitRepository, name: a}\n", &[])]
    #[case("  interval: 10m\n  prune: true\n", &["4:1 schema-required `spec.sourceRef` is missing"])]
    #[case("  interval: 10x\n  prune: true\n  sourceRef: {kind: GitRepository, name: a}\n", &["5:13 schema-value `spec.interval` cannot be `10x`"])]
    #[case("  interval: 10m\n  prune: \"true\"\n  sourceRef: {kind: Git, name: a}\n", &["6:10 schema-type", "7:21 schema-enum"])]
    #[case("  interval: 10m\n  prune: true\n  healthcheck: []\n  sourceRef: {kind: GitRepository, name: a}\n", &["7:3 unknown-field there is no field `healthcheck`"])]
    #[case("  interval: 10m\n  prune: true\n  kubeConfig: {}\n  sourceRef: {kind: GitRepository, name: a}\n", &["7:3 schema-rule `spec.kubeConfig`: exactly one of"])]
    fn structure_and_rules(#[case] spec: &str, #[case] expected: &[&str]) {
        let found = found(&format!("{KUSTOMIZATION}{spec}"));
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found} is not {expected}");
        }
    }

    #[test]
    fn rules_see_the_defaults() {
        // `provider` has the default generic, which takes no `sts` of another provider.
        let text = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: Bucket\nmetadata: {name: a}\nspec: {bucketName: a, endpoint: b, interval: 1m, sts: {provider: aws, endpoint: \"https://a\"}}\n";
        let found = found(text);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains("schema-rule") && found[0].contains("generic"), "{found:#?}");
    }
}
