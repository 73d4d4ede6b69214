//! What kustomize-controller does with the objects of a build: variables, then common labels and annotations.
//!
//! Source: fluxcd/pkg/kustomize v1.35.6, `kustomize_varsub.go`, and `kustomization_controller.go` of kustomize-controller v1.9.5.

use std::collections::BTreeMap;

use super::builder::{Builder, Built};
use super::envsubst::{self, Problem, Value};
use crate::finding::{Finding, Severity};
use harness_yaml::{self as yaml, Kind, Mark, Node, plain_scalar};

const RULE: &str = "flux-substitution";
/// The label or annotation by which an object keeps its texts.
const SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";
const DISABLED: &str = "disabled";

/// Changes the objects as the `spec` of a Flux Kustomization says.
pub(super) fn after_build(builder: &mut Builder<'_>, spec: &Node, objects: &mut [Built]) {
    if let Some(post_build) = spec.get("postBuild").filter(|post_build| post_build.kind != Kind::Null) {
        substitute_all(builder, post_build, objects);
    }
    for key in ["labels", "annotations"] {
        let Some(pairs) = spec.at(&["commonMetadata", key]) else { continue };
        for built in objects.iter_mut() {
            if let Some(map) = built.node.map_at(&["metadata", key], pairs.mark) {
                pairs.entries().iter().for_each(|pair| map.put(&pair.key, pair.value.clone()));
            }
        }
    }
}

fn substitute_all(builder: &mut Builder<'_>, post_build: &Node, objects: &mut [Built]) {
    let pairs = post_build.entries_at(&["substitute"]);
    let mut values = BTreeMap::new();
    for pair in pairs {
        if !is_name(&pair.key) {
            let message = format!("`{}` cannot be the name of a variable", pair.key);
            problem(builder, pair.key_mark, message, "use letters, digits and `_`, and no digit first");
        }
        if let Some(value) = pair.value.scalar().filter(|value| !is_unset(value)) {
            values.insert(pair.key.as_str(), value.replace('\n', ""));
        }
    }
    let from = post_build.entry("substituteFrom").filter(|from| !from.value.items().is_empty());
    // Without a value Flux does not look at the objects.
    let others = from.is_some() || values.len() < pairs.len();
    if values.is_empty() && !others {
        return;
    }
    let substitution = Substitution { values: &values, others };
    for built in objects.iter_mut().filter(|built| !is_disabled(&built.node)) {
        let mut problems = Vec::new();
        substitution.node(&mut built.node, &mut problems);
        for (mark, found) in problems {
            let fix = match &found {
                Problem::Unset(name) => {
                    format!("set it in `postBuild.substitute`, or write `${{{name}:=default}}`")
                }
                Problem::Syntax(_) => format!(
                    "write `$${{` for a text that is `${{`, or give the object the annotation {SUBSTITUTE}: {DISABLED}"
                ),
            };
            problem(builder, mark, found.to_string(), &fix);
        }
    }
}

fn problem(builder: &mut Builder<'_>, mark: Mark, message: String, fix: &str) {
    let finding = Finding::new(Severity::Error, RULE, builder.path_of(mark), mark, message)
        .effect("kustomize-controller 1.9 refuses to build: Flux applies nothing of the tree")
        .fix(fix);
    builder.build.findings.push(finding);
}

/// Whether the value of a variable has variables itself, which somebody outside of the tree fills in.
pub(crate) fn is_unset(value: &str) -> bool {
    value.contains("${")
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_disabled(node: &Node) -> bool {
    let says = |field: &str| node.at(&["metadata", field, SUBSTITUTE]).and_then(Node::text) == Some(DISABLED);
    says("labels") || says("annotations")
}

struct Substitution<'v> {
    values: &'v BTreeMap<&'v str, String>,
    /// Whether there are values that are not known here.
    others: bool,
}

impl Substitution<'_> {
    fn node(&self, node: &mut Node, problems: &mut Vec<(Mark, Problem)>) {
        match &mut node.kind {
            Kind::Text(text) if text.contains('$') => match self.text(text) {
                Ok(new) if new != *text => match read_again(text, new) {
                    Ok(kind) => node.kind = kind,
                    Err(problem) => problems.push((node.mark, problem)),
                },
                Ok(_) => {}
                Err(problem) => problems.push((node.mark, problem)),
            },
            Kind::List(items) => items.iter_mut().for_each(|item| self.node(item, problems)),
            Kind::Map(entries) => {
                for entry in entries.iter_mut() {
                    if entry.key.contains('$') {
                        match self.text(&entry.key) {
                            Ok(new) => entry.key = unquoted(new),
                            Err(problem) => problems.push((entry.key_mark, problem)),
                        }
                    }
                    self.node(&mut entry.value, problems);
                }
            }
            _ => {}
        }
    }

    /// The text with its values. A variable whose value only the cluster has stays as it is.
    fn text(&self, text: &str) -> Result<String, Problem> {
        let value = |name: &str| self.values.get(name).map_or(Value::Unset, |value| Value::Known(value));
        if self.others { envsubst::evaluate_known(text, &value) } else { envsubst::evaluate(text, &value) }
    }
}

/// Flux substitutes in the text of the manifest and reads it again: what stood there without quotes can become a number, and quotes in a
/// value make a text of it.
fn read_again(old: &str, new: String) -> Result<Kind, Problem> {
    if !is_plain(old) {
        return Ok(Kind::Text(new));
    }
    let starts_otherwise = new.starts_with(['"', '\'', '[', '{', '&', '*', '!', '|', '>', '%', '@', '`']);
    if !starts_otherwise && !new.contains(" #") && !new.contains(": ") {
        return Ok(plain_scalar(new.trim()));
    }
    let read = yaml::documents_of(&format!("value: {new}\n"), 0).ok().and_then(|mut read| read.pop());
    let value = read.and_then(|read| Some(read.get("value")?.kind.clone()));
    value.ok_or(Problem::Syntax("with its values this is not YAML any more: quote the text, or the value"))
}

/// A key in quotes is the text within them.
fn unquoted(key: String) -> String {
    let within = |quote: char| key.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).map(str::to_owned);
    within('"').or_else(|| within('\'')).unwrap_or(key)
}

/// Whether kustomize prints a text without quotes. Source: `yaml_emitter_analyze_scalar` of go-yaml, by which sigs.k8s.io/yaml writes.
fn is_plain(text: &str) -> bool {
    let first = text.chars().next().unwrap_or(' ');
    let starts_plainly = match first {
        '-' | '?' | ':' => text.chars().nth(1).is_some_and(|second| !second.is_whitespace()),
        other => !"#,[]{}&*!|>'\"%@` ".contains(other),
    };
    starts_plainly
        && !text.contains('\n')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.chars().any(char::is_control)
        && matches!(plain_scalar(text), Kind::Text(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Files;
    use rstest::rstest;

    fn built(object: &str, spec: &str) -> (Node, Vec<Finding>) {
        let node = |text: &str| harness_yaml::documents_of(text, 0).unwrap().remove(0);
        let files = Files::default();
        let mut builder = Builder::new(&files);
        let mut objects = [Built { file: 0, node: node(object) }];
        after_build(&mut builder, &node(spec), &mut objects);
        let [object] = objects;
        (object.node, builder.build.findings)
    }

    const SPEC: &str = "{postBuild: {substitute: {n: '123', q: '\"123\"', t: PROD, yes: 'yes', word: two words}}}";

    #[rstest]
    // A number becomes one, as the text of the manifest is read again.
    #[case("{v: '${n}'}", r#"{"v":123}"#)]
    // The documented way to keep it a text. Before, the quotes were a part of the text.
    #[case("{v: '${q}'}", r#"{"v":"123"}"#)]
    #[case("{v: 'x: ${n}'}", r#"{"v":"x: 123"}"#)]
    #[case("{v: '${yes}'}", r#"{"v":true}"#)]
    #[case("{v: 'a ${word}'}", r#"{"v":"a two words"}"#)]
    #[case("{v: 'pool-${t,,}'}", r#"{"v":"pool-prod"}"#)]
    // Before, keys stayed as they were.
    #[case("{\"team.example.com/${t,,}\": x}", r#"{"team.example.com/prod":"x"}"#)]
    #[case("{v: '$${n}'}", r#"{"v":"${n}"}"#)]
    #[case(
        "{metadata: {annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}, v: '${none}'}",
        r#"{"metadata":{"annotations":{"kustomize.toolkit.fluxcd.io/substitute":"disabled"}},"v":"${none}"}"#
    )]
    fn values_are_put_into_the_text_of_an_object(#[case] object: &str, #[case] expected: &str) {
        let (node, findings) = built(object, SPEC);
        assert_eq!(findings, []);
        assert_eq!(node.to_json().to_string(), expected);
    }

    #[rstest]
    #[case("{v: '${none}'}", SPEC, "`${none}` has no value and no default")]
    #[case("{v: '${a[@]}'}", SPEC, "missing")]
    #[case("{v: x}", "{postBuild: {substitute: {1a: x}}}", "cannot be the name")]
    #[case("{v: '${a}'}", "{postBuild: {substitute: {a: 'b: c'}}}", "not YAML any more")]
    fn what_flux_refuses_is_an_error(#[case] object: &str, #[case] spec: &str, #[case] part: &str) {
        let (_, findings) = built(object, spec);
        assert!(findings[0].severity == Severity::Error && findings[0].message.contains(part), "{}", findings[0]);
    }

    #[test]
    fn without_values_nothing_is_replaced() {
        let (node, findings) = built("{v: '$${n} ${none}'}", "{postBuild: {}}");
        assert_eq!((node.get("v").and_then(Node::text), findings.len()), (Some("$${n} ${none}"), 0));
    }

    #[test]
    fn what_the_cluster_may_have_is_left() {
        // Before, nothing of such a text was replaced.
        let spec = "{postBuild: {substitute: {a: x}, substituteFrom: [{kind: ConfigMap, name: a}]}}";
        let (node, _) = built("{v: '${a} ${none:-${other}} ${a}'}", spec);
        assert_eq!(node.get("v").and_then(Node::text), Some("x ${none:-${other}} x"));
        let (node, findings) = built("{v: '${none}'}", "{postBuild: {substituteFrom: [{kind: ConfigMap, name: a}]}}");
        assert_eq!(node.get("v").and_then(Node::text), Some("${none}"));
        assert_eq!(findings, []);
    }

    #[test]
    fn common_metadata_comes_last() {
        let spec = "{postBuild: {substitute: {n: '1'}}, commonMetadata: {labels: {a: '${n}'}}}";
        let (node, _) = built("{metadata: {}}", spec);
        assert_eq!(node.at(&["metadata", "labels", "a"]).and_then(Node::text), Some("${n}"));
    }
}
