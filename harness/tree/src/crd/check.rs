//! Objects against their schema and its CEL rules.

use std::ops::Range;

use harness_plan::ObjectAddress;
use harness_yaml::schema::{Dialect, Place, Rule, Schema, Type, Violation, walk};
use harness_yaml::{Diagnostic, Entry, Kind, Node, suggest};

use super::catalogue::{self, Version};
use super::cel::{self, Outcome};
use super::{hints, metadata};
use crate::files::Files;
use crate::finding::{Finding, Severity};
use crate::object::Object;

const UNKNOWN_FIELD: &str =
    "the API server refuses the field (Flux applies server-side): the tree is reported as not ready";

/// The rule of a field that must be there.
const MISSING: &str = "schema-required";

/// What a variable of a Flux Kustomization begins with: its value is not known before Flux replaces it.
const VARIABLE: &str = "${";

/// Everything that the API server would refuse about the metadata of an object and, where its CRD is embedded, about the rest of it.
///
/// Each with the bytes of the value that it is about.
pub(crate) fn check(object: &Object<'_>) -> Vec<(Finding, Range<usize>)> {
    check_built(object, true)
}

/// The same for an object that kustomize has built or has not.
fn check_built(object: &Object<'_>, built: bool) -> Vec<(Finding, Range<usize>)> {
    let findings = structure(object, built);
    // The API server evaluates the rules only for an object whose structure is right.
    let Some(version) = version(object).filter(|_| findings.is_empty()) else { return findings };
    let mut rules = Rules { object, findings: Vec::new() };
    walk(&version.schema, &object.node, &mut rules);
    rules.findings
}

/// What the API server would refuse about an object that a tree does not hold: a manifest, or a merge patch of one (RFC 7386), which says
/// only what is changed. `file` is the one in which it stands.
pub fn check_manifest(file: &str, at: &ObjectAddress, manifest: &Node, is_patch: bool) -> Vec<Diagnostic> {
    let mut node = manifest.clone();
    for (key, value) in [("apiVersion", &at.api_version), ("kind", &at.kind)] {
        node.put(key, Node::of_text(value, manifest.mark));
    }
    let object = Object { file, node, files: Files::none() };
    let found = match is_patch {
        true => structure(&object, false).into_iter().filter(|(finding, _)| finding.rule != MISSING).collect(),
        false => check_built(&object, false),
    };
    let errors = found.into_iter().map(|(finding, _)| finding).filter(|finding| finding.severity == Severity::Error);
    // Its effect speaks of a tree.
    errors.map(|finding| Diagnostic::from(Finding { effect: String::new(), ..finding })).collect()
}

fn version(object: &Object<'_>) -> Option<&'static Version> {
    catalogue::served(object.group(), object.kind(), object.version())
}

fn structure(object: &Object<'_>, built: bool) -> Vec<(Finding, Range<usize>)> {
    let mut structure = Structure { object, built, of_metadata: true, findings: Vec::new() };
    walk(metadata::of_kind(object.group(), object.kind()), &object.node, &mut structure);
    for map in ["labels", "annotations"] {
        let is_key = if map == "labels" { metadata::is_label_key } else { metadata::is_annotation_key };
        for entry in object.node.entries_at(&["metadata", map]) {
            if !is_key(&entry.key) && !entry.key.contains(VARIABLE) {
                let message = format!("`{}` cannot be a key of `metadata.{map}`", entry.key);
                let fix = if metadata::is_annotation_key(&entry.key) {
                    "write the domain before the `/` in lower case"
                } else {
                    "write letters, digits, `-`, `_` and `.`, with or without a domain and a `/` before them"
                };
                let finding = object.refused("schema-value", entry.key_mark, message, fix);
                structure.findings.push((finding, entry.key_mark.offset..entry.value.end));
            }
        }
    }
    if let Some(version) = version(object) {
        structure.of_metadata = false;
        walk(&version.schema, &object.node, &mut structure);
    }
    structure.findings
}

/// The object or the field, in messages.
fn name(object: &Object<'_>, at: &Place<'_>) -> String {
    if at.is_root() { object.kind().to_owned() } else { format!("`{}`", at.path()) }
}

/// Whether a value is that of an annotation: kustomize makes texts of all of them. Source: `SetAnnotations` in kyaml/yaml/rnode.go of
/// sigs.k8s.io/kustomize/kyaml v0.21.1, by which `RemoveBuildAnnotations` writes them.
fn is_annotation(at: &Place<'_>) -> bool {
    at.keys().skip(1).eq(["annotations", "metadata"])
}

/// The structure of an object.
struct Structure<'o, 'a> {
    object: &'o Object<'a>,
    /// Whether kustomize has built it.
    built: bool,
    /// Whether this is about what every object has, and not about a CRD's own fields.
    of_metadata: bool,
    findings: Vec<(Finding, Range<usize>)>,
}

impl Structure<'_, '_> {
    /// The same value in the type that is wanted, where only its spelling is wrong.
    fn converted(node: &Node, schema: &Schema) -> Option<String> {
        match (&node.kind, schema.types()) {
            (Kind::Text(text), [Type::Integer]) => text.parse::<i64>().ok().map(|value| value.to_string()),
            (Kind::Text(text), [Type::Boolean]) => text.parse::<bool>().ok().map(|value| value.to_string()),
            _ => None,
        }
    }

    fn unknown(&mut self, at: &Place<'_>, entry: &Entry, known: &[&str]) {
        let (map, key) = (at.node, entry.key.as_str());
        let hint = || suggest::hint(key, known.iter().copied());
        let fix = hints::instead(self.object.kind(), key).map_or_else(hint, str::to_owned);
        let mut edits = hints::edits(self.object, map, entry, &at.path());
        let right = known.iter().find(|known| known.eq_ignore_ascii_case(key) && map.get(known).is_none());
        if let Some(right) = right.filter(|_| edits.is_empty()) {
            edits = self.object.renaming(map, entry, right);
        }
        let message = format!("there is no field `{key}` in {}", name(self.object, at));
        let finding = self.object.error("unknown-field", entry.key_mark, message).refused(UNKNOWN_FIELD).fix(fix);
        self.findings.push((finding.edits(edits), entry.key_mark.offset..entry.value.end));
    }
}

impl Dialect for Structure<'_, '_> {
    /// The API server puts the default in the place of a null, and refuses a null where there is no default. Metadata is read into types of
    /// Go, for which a null is the zero value. Source: apiextensions-apiserver `pkg/apiserver/schema/defaulting/algorithm.go`.
    fn null_is_absent(&self, schema: &Schema) -> bool {
        self.of_metadata || schema.default.is_some() || schema.nullable || schema.types().is_empty()
    }

    /// The API server checks metadata by rules of its own, and status is not what a tree says.
    fn skips(&self, map: &Place<'_>, entry: &Entry) -> bool {
        !self.of_metadata && map.is_root() && ["metadata", "status"].contains(&entry.key.as_str())
    }

    fn report(&mut self, at: &Place<'_>, violation: Violation<'_>) {
        let (object, node) = (self.object, at.node);
        if self.of_metadata && node.text().is_some_and(|text| text.contains(VARIABLE)) {
            return;
        }
        if self.built && self.of_metadata && node.scalar().is_some() && is_annotation(at) {
            return;
        }
        let mut message = violation.message(&format!("`{}`", at.path()), node);
        let (mut mark, mut fix, mut edits) = (at.mark(), violation.hint(node), Vec::new());
        let rule = match &violation {
            Violation::UnknownKey { entry, known, .. } => return self.unknown(at, entry, known),
            Violation::Type(schema) => {
                if schema.types() == [Type::String] && matches!(node.kind, Kind::Number(..) | Kind::Bool(_)) {
                    let text = node.scalar().unwrap_or_default();
                    match schema.pattern.as_ref().filter(|pattern| !pattern.matches(&text)) {
                        // As a text it would be as wrong: `expireAfter: 24` lacks its unit.
                        Some(pattern) => fix = Violation::Pattern(&pattern.text, schema).hint(node),
                        None => (fix, edits) = object.as_text(node),
                    }
                } else if let Some(text) = Self::converted(node, schema) {
                    fix = format!("write `{text}`");
                    edits = object.replacing_raw(node, &text);
                }
                "schema-type"
            }
            Violation::NotListed(known) => {
                // Another case is a slip of the pen; a different word may be a different meaning.
                let text = node.scalar().unwrap_or_default();
                let same = known.iter().find(|value| value.eq_ignore_ascii_case(&text));
                edits = same.map(|value| object.replacing(node, value)).unwrap_or_default();
                "schema-enum"
            }
            Violation::MissingKey { key, .. } => {
                let path = if at.is_root() { (*key).to_owned() } else { format!("{}.{key}", at.path()) };
                message = format!("`{path}` is missing");
                MISSING
            }
            Violation::Duplicate { item, .. } => {
                mark = item.mark;
                "schema-value"
            }
            Violation::Null => "schema-type",
            _ => "schema-value",
        };
        if let Some(as_text) = object.time_as_text(node) {
            (fix, edits) = as_text;
        }
        let finding = object.refused(rule, mark, message, fix).edits(edits);
        self.findings.push((finding, mark.offset..mark.offset + mark.length));
    }
}

/// The CEL rules of an object whose structure is right.
struct Rules<'o, 'a> {
    object: &'o Object<'a>,
    findings: Vec<(Finding, Range<usize>)>,
}

impl Rules<'_, '_> {
    fn add(&mut self, rule: &Rule, outcome: Outcome, at: &Place<'_>) {
        let (object, node) = (self.object, at.node);
        let mark = if rule.field_path.is_empty() { at.mark() } else { super::at_field(node, &rule.field_path) };
        let what = name(object, at);
        let finding = match outcome {
            Outcome::Holds => return,
            Outcome::Broken(message) => {
                let fix = format!("make this true: {}", rule.rule);
                object.refused("schema-rule", mark, format!("{what}: {message}"), fix)
            }
            Outcome::Unknown(reason) => {
                let message = format!("{what}: the rule `{}` is not checked without --server: {reason}", rule.rule);
                object.note("schema-rule-unchecked", mark, message)
            }
        };
        self.findings.push((finding, node.mark.offset..node.end));
    }
}

impl Dialect for Rules<'_, '_> {
    fn null_is_absent(&self, _: &Schema) -> bool {
        true
    }

    fn visit(&mut self, at: &Place<'_>, schema: &Schema) -> bool {
        let mut rules = schema.rules.iter().filter(|rule| !cel::is_transition(rule)).peekable();
        if rules.peek().is_some() {
            let value = cel::value(at.node, schema);
            rules.for_each(|rule| self.add(rule, cel::evaluate(rule, &value), at));
        }
        false
    }

    fn report(&mut self, _: &Place<'_>, _: Violation<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::all;
    use harness_yaml::schema::Additional;
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
        let node = harness_yaml::documents_of(text, 0).unwrap().remove(0);
        let object = Object { file: "x.yaml", node, files: Files::none() };
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

    #[rstest]
    // Before, an error: kustomize makes texts of the values of annotations.
    #[case("annotations: {a: 5, b: true, c: null, d: 0755}", &[])]
    #[case("annotations: {a: [5]}", &["3:26 schema-type `metadata.annotations.a` is a list"])]
    #[case("labels: {a: 2026-01-01}", &["3:24 schema-value `metadata.labels.a` cannot be `2026-01-01T00:00:00Z`"])]
    #[case("labels: null", &[])]
    #[case("labels: {\"a b\": x, c: true}", &["3:34 schema-type `metadata.labels.c`", "3:21 schema-value `a b` cannot be a key of `metadata.labels`"])]
    #[case("labels: {a: \"not valid!\"}", &["3:24 schema-value `metadata.labels.a` cannot be `not valid!`"])]
    #[case("annotation: {a: b}", &["3:12 unknown-field there is no field `annotation` in `metadata`"])]
    #[case("labels: {a: \"${cluster name}\", \"${key}\": b}, creationTimestamp: null", &[])]
    #[case("labels: {a: \"\"}, annotations: {example.com/a: \"any text, however long\"}", &[])]
    fn metadata_of_every_kind(#[case] metadata: &str, #[case] expected: &[&str]) {
        let found = found(&format!("apiVersion: example.com/v1\nkind: Shop\nmetadata: {{{metadata}}}\n"));
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found} is not {expected}");
        }
    }

    const POOL: &str = "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: a}\nspec: {template: {spec: {nodeClassRef: {group: karpenter.azure.com, kind: AKSNodeClass, name: a}, requirements: []";

    /// The answers of the pinned API server to a server-side apply. Before, a null without a default was taken for a field that is not there.
    #[rstest]
    #[case(", expireAfter: null}}}", &[])]
    #[case("}}, disruption: null}", &[])]
    #[case("}}, disruption: {consolidateAfter: 0s, budgets: null, consolidationPolicy: null}}", &[])]
    #[case("}}, disruption: {consolidateAfter: 0s, budgets: [{nodes: null}]}}", &[])]
    #[case("}}, limits: null}", &["schema-type `spec.limits` has no value"])]
    #[case("}}, weight: null}", &["schema-type `spec.weight` has no value"])]
    #[case("}}, disruption: {consolidateAfter: null}}", &["schema-type `spec.disruption.consolidateAfter` has no value"])]
    #[case(", terminationGracePeriod: null}}}", &["schema-type `spec.template.spec.terminationGracePeriod` has no value"])]
    #[case(", taints: [null]}}}", &["schema-type `spec.template.spec.taints[0]` has no value"])]
    #[case("}, metadata: {labels: null}}}", &["schema-type `spec.template.metadata.labels` has no value"])]
    #[case("}, metadata: {labels: {a: null}}}}", &["schema-type `spec.template.metadata.labels.a` has no value"])]
    fn a_null_is_the_default_or_refused(#[case] rest: &str, #[case] expected: &[&str]) {
        let found = found(&format!("{POOL}{rest}\n"));
        let found: Vec<&str> = found.iter().filter_map(|found| Some(found.split_once(' ')?.1)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_config_map_holds_texts() {
        let found = found("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {replicas: 5, name: five}\n");
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with("4:18 schema-type `data.replicas`"), "{found:#?}");
    }

    #[test]
    fn a_patch_need_not_say_what_must_be_there() {
        let at = |kind: &str| ObjectAddress {
            api_version: "kustomize.toolkit.fluxcd.io/v1".to_owned(),
            kind: kind.to_owned(),
            namespace: Some("flux-system".to_owned()),
            name: "node-config".to_owned(),
        };
        let messages = |text: &str, is_patch: bool| -> Vec<String> {
            let node = harness_yaml::documents(text).unwrap().remove(0);
            let found = check_manifest("x.yaml", &at("Kustomization"), &node, is_patch);
            found.into_iter().map(|found| format!("{}:{} {}", found.line, found.column, found.message)).collect()
        };
        let patch = "{spec: {interval: 5min, suspended: true}}";
        let expected = ["1:19 `spec.interval` cannot be `5min`", "1:25 there is no field `suspended` in `spec`"];
        assert_eq!(messages(patch, true), expected);
        assert!(messages("{spec: {interval: 5m}}", true).is_empty());
        assert!(!messages("{spec: {interval: 5m}}", false).is_empty());
        // No kustomize is between a manifest of a scenario and the API server.
        assert!(!messages("{metadata: {annotations: {a: 5}}}", true).is_empty());
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
