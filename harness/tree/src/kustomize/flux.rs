//! What a Flux Kustomization adds to the folder that it points at.
//!
//! Source: fluxcd/pkg/kustomize (generator and substitution), as kustomize-controller v1.9.5 uses it.

use std::collections::BTreeMap;

use super::builder::{Build, Builder, Built};
use super::{is_kustomization, kustomization_in, patch, transform};
use crate::files::Files;
use crate::finding::{Finding, Severity};
use harness_yaml::{Kind, Node, plain_scalar};

/// The build of a Flux Kustomization.
#[derive(Debug)]
pub(crate) struct FluxBuild {
    /// The folder, relative to the tree; `None` where the tree has no such folder.
    pub(crate) folder: Option<String>,
    pub(crate) build: Build,
}

/// Whether an object is a Kustomization of Flux, of whatever version.
pub(crate) fn is_flux_kustomization(node: &Node) -> bool {
    let version = node.get("apiVersion").and_then(Node::text).unwrap_or_default();
    version.starts_with("kustomize.toolkit.fluxcd.io/") && transform::kind(node) == "Kustomization"
}

/// Builds what a Flux Kustomization points at. `prefix` is the tree's own path in its repository, empty where the tree is all of it.
pub(crate) fn flux_build(files: &Files, object: &Built, prefix: &str) -> FluxBuild {
    let mut builder = Builder::new(files);
    let spec = object.node.get("spec");
    let path = spec.and_then(|spec| spec.get("path"));
    let mark = path.map_or(object.node.mark, |path| path.mark);
    let text = path.and_then(Node::text).unwrap_or_default();
    let asked = super::join("", text);
    let folder = asked.as_deref().and_then(|path| within(path, prefix)).filter(|folder| files.has_folder(folder));
    let folder = folder.or_else(|| {
        let (top, folder) = elsewhere(files, asked.as_deref()?, prefix)?;
        let message = format!("`{text}` is taken for `{folder}` of this tree, as if the repository began at `{top}`");
        let note = Finding::new(Severity::Note, "flux-path", builder.path_of(mark), mark, message)
            .effect("that is so where the tree is pushed to a repository of its own");
        builder.build.findings.push(note);
        Some(folder)
    });
    let Some(folder) = folder else {
        let message =
            format!("there is no folder `{text}` in this tree: what the Kustomization applies is not checked");
        builder.build.findings.push(
            Finding::new(Severity::Warning, "flux-path", builder.path_of(mark), mark, message)
                .effect("if its source is this repository, it stays not ready: kustomization path not found")
                .fix(
                    "correct `spec.path`, which is relative to the top of the repository, or validate that repository",
                ),
        );
        return FluxBuild { folder: None, build: builder.finish(Vec::new()) };
    };
    if folder.is_empty() && kustomization_in(files, "").is_none() && files.paths().any(is_kustomization) {
        // A tree of several parts is hardly meant to be applied as a whole: more likely the source is another repository.
        let message = "the path is the top of the repository, which has no kustomization.yaml: what the Kustomization applies is not checked";
        let finding = Finding::new(Severity::Note, "flux-path", builder.path_of(mark), mark, message)
            .effect("if its source is this repository, Flux applies every YAML file in it");
        builder.build.findings.push(finding);
        return FluxBuild { folder: None, build: builder.finish(Vec::new()) };
    }
    let mut objects = builder.root(&folder);
    if let Some(spec) = spec {
        overlay(&mut builder, &folder, spec, &mut objects);
    }
    FluxBuild { folder: Some(folder), build: builder.finish(objects) }
}

/// A path of the repository as one of the tree.
fn within(path: &str, prefix: &str) -> Option<String> {
    if prefix.is_empty() {
        return Some(path.to_owned());
    }
    let rest = path.strip_prefix(prefix)?;
    if rest.is_empty() { Some(String::new()) } else { rest.strip_prefix('/').map(str::to_owned) }
}

/// The folder that a path means where the repository starts further down, and where that would be. A tree that is kept in one repository and
/// pushed to another is found so; the last part of its path must still be named.
fn elsewhere(files: &Files, path: &str, prefix: &str) -> Option<(String, String)> {
    let tops = prefix.match_indices('/').map(|(at, _)| (&prefix[..at], &prefix[at + 1..]));
    let mut found = tops.filter_map(|(top, rest)| Some((top.to_owned(), within(path, rest)?)));
    found.find(|(_, folder)| files.has_folder(folder))
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
    use crate::source_file::SourceFile;
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

    #[rstest]
    #[case("gitops/apps", Some(("fixtures", "apps")))]
    #[case("apps", None)]
    #[case("gitops/other", None)]
    fn a_tree_that_is_pushed_elsewhere_is_found(#[case] path: &str, #[case] expected: Option<(&str, &str)>) {
        let files = Files::from(vec![SourceFile::new("apps/a.yaml", "")]);
        let found = elsewhere(&files, path, "fixtures/gitops");
        assert_eq!(found.as_ref().map(|(top, folder)| (top.as_str(), folder.as_str())), expected);
    }

    #[rstest]
    #[case("clusters/production/x", "clusters/production", Some("x"))]
    #[case("clusters/production", "clusters/production", Some(""))]
    #[case("apps", "clusters", None)]
    #[case("apps", "", Some("apps"))]
    fn paths_are_those_of_the_repository(#[case] path: &str, #[case] prefix: &str, #[case] expected: Option<&str>) {
        assert_eq!(within(path, prefix).as_deref(), expected);
    }
}
