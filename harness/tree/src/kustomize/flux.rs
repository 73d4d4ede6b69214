//! What a Flux Kustomization adds to the folder that it points at.
//!
//! Source: fluxcd/pkg/kustomize (generator and substitution), as kustomize-controller v1.9.5 uses it.

use std::collections::BTreeMap;

use super::builder::{Build, Builder, Built};
use super::{patch, transform};
use crate::files::Files;
use crate::finding::{Finding, Severity};
use harness_yaml::{Kind, Node, plain_scalar};

/// The API group of Flux's Kustomizations.
pub(crate) const FLUX_GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// Whether an object is a Kustomization of Flux, of whatever version.
pub(crate) fn is_flux_kustomization(node: &Node) -> bool {
    let version = node.get("apiVersion").and_then(Node::text).unwrap_or_default();
    version.split('/').next() == Some(FLUX_GROUP) && transform::kind(node) == "Kustomization"
}

/// Builds a folder as Flux would: for a Kustomization with this `spec`, or as it is.
pub(crate) fn flux_build(files: &Files, folder: &str, spec: Option<&Node>) -> Build {
    let mut builder = Builder::new(files);
    let mut objects = builder.root(folder);
    if let Some(spec) = spec {
        overlay(&mut builder, folder, spec, &mut objects);
    }
    builder.finish(objects)
}

fn overlay(builder: &mut Builder<'_>, folder: &str, spec: &Node, objects: &mut Vec<Built>) {
    let list = |key: &str| spec.items_at(&[key]);
    let text = |key: &str| spec.get(key).and_then(Node::text).unwrap_or_default();
    for component in list("components") {
        let path = builder.path_of(component.mark);
        builder.component(path, folder, component, objects);
    }
    for item in list("patches") {
        let path = builder.path_of(item.mark).to_owned();
        patch::one(builder, &path, folder, item, objects);
    }
    if let Some(namespace) = spec.get("targetNamespace").filter(|node| node.text().is_some()) {
        transform::namespace(objects, namespace);
    }
    transform::names(objects, text("namePrefix"), text("nameSuffix"));
    if let Some(pairs) = spec.at(&["commonMetadata", "labels"]) {
        transform::labels(objects, pairs, false, false);
    }
    if let Some(pairs) = spec.at(&["commonMetadata", "annotations"]) {
        for built in objects.iter_mut() {
            if let Some(map) = built.node.map_at(&["metadata", "annotations"], pairs.mark) {
                for pair in pairs.entries() {
                    map.put(&pair.key, pair.value.clone());
                }
            }
        }
    }
    transform::images(objects, list("images"));
    if let Some(post_build) = spec.get("postBuild") {
        substitute_all(builder, post_build, objects);
    }
}

fn substitute_all(builder: &mut Builder<'_>, post_build: &Node, objects: &mut [Built]) {
    let pairs = post_build.entries_at(&["substitute"]);
    let values: BTreeMap<&str, String> =
        pairs.iter().filter_map(|pair| Some((pair.key.as_str(), pair.value.scalar()?))).collect();
    let from = post_build.entry("substituteFrom");
    if let Some(entry) = from {
        let message = "the values of `substituteFrom` are in the cluster: what they make of the objects is not checked";
        let finding =
            Finding::new(Severity::Note, "flux-substitution", builder.path_of(entry.key_mark), entry.key_mark, message)
                .effect("Flux puts them in before it applies the objects");
        builder.build.findings.push(finding);
    }
    let mut unknown = Vec::new();
    for built in objects.iter_mut() {
        let disabled = ["labels", "annotations"].iter().any(|field| {
            let asked = built.node.at(&["metadata", field, "kustomize.toolkit.fluxcd.io/substitute"]);
            asked.and_then(Node::text) == Some("disabled")
        });
        if !disabled {
            substitute(&mut built.node, &values, &mut unknown);
        }
    }
    for (name, mark) in unknown.into_iter().filter(|_| from.is_none()) {
        let message = format!("`${{{name}}}` has no value and no default");
        let finding = Finding::new(Severity::Error, "flux-substitution", builder.path_of(mark), mark, message)
            .effect("kustomize-controller 1.9 refuses to build: Flux applies nothing of the tree")
            .fix(format!("set it in `postBuild.substitute`, or write `${{{name}:=default}}`"));
        builder.build.findings.push(finding);
    }
}

fn substitute(node: &mut Node, values: &BTreeMap<&str, String>, unknown: &mut Vec<(String, harness_yaml::Mark)>) {
    match &mut node.kind {
        Kind::Text(text) if text.contains("${") => {
            let (new, missing) = expanded(text, values);
            unknown.extend(missing.into_iter().map(|name| (name, node.mark)));
            // Flux substitutes in the text of the manifest, so that a value can become a number.
            if new != *text {
                node.kind = plain_scalar(&new);
            }
        }
        Kind::List(items) => items.iter_mut().for_each(|item| substitute(item, values, unknown)),
        Kind::Map(entries) => entries.iter_mut().for_each(|entry| substitute(&mut entry.value, values, unknown)),
        _ => {}
    }
}

/// The text with its variables replaced, and the names of those without a value. `$$` stands for `$`.
fn expanded(text: &str, values: &BTreeMap<&str, String>) -> (String, Vec<String>) {
    let (mut out, mut missing, mut rest) = (String::new(), Vec::new(), text);
    while let Some(at) = rest.find("${") {
        let escaped = rest[..at].ends_with('$');
        let Some(end) = rest[at..].find('}') else { break };
        let inner = &rest[at + 2..at + end];
        let name_end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
        let (name, modifier) = inner.split_at(name_end);
        let value = values
            .get(name)
            .cloned()
            .or_else(|| [":=", ":-", "="].iter().find_map(|sign| modifier.strip_prefix(sign)).map(str::to_owned));
        out.push_str(if escaped { &rest[..at - 1] } else { &rest[..at] });
        match value {
            Some(value) if !escaped => out.push_str(&value),
            _ => {
                out.push_str(&rest[at..=at + end]);
                if !escaped {
                    missing.push(name.to_owned());
                }
            }
        }
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    (out, missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("${a}-x", "1-x", 0)]
    #[case("${b:=two}", "two", 0)]
    #[case("${b}", "${b}", 1)]
    #[case("$${b}", "${b}", 0)]
    #[case("no", "no", 0)]
    fn variables_are_replaced(#[case] text: &str, #[case] expected: &str, #[case] missing: usize) {
        let values = BTreeMap::from([("a", "1".to_owned())]);
        let (new, unknown) = expanded(text, &values);
        assert_eq!((new.as_str(), unknown.len()), (expected, missing));
    }
}
