//! What a Flux Kustomization adds to the folder that it points at.
//!
//! Source: fluxcd/pkg/kustomize (generator and substitution), as kustomize-controller v1.9.5 uses it.

use super::builder::{Build, Builder, Built, By, Place};
use super::{is_kustomization, kind, kustomization_in};
use crate::files::Files;
use crate::finding::{Finding, Severity};
use harness_yaml::{Kind, Node};

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
    version.starts_with("kustomize.toolkit.fluxcd.io/") && kind(node) == "Kustomization"
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
    let objects = builder.applied(&folder, spec);
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

/// The outermost kustomization as kustomize-controller writes it again, with what the `spec` of a Kustomization adds.
/// Source: `GenerateManifest` of fluxcd/pkg/kustomize v1.35.6, `kustomize_generator.go`.
pub(super) fn overlaid(builder: &mut Builder<'_>, place: Place<'_>, mut document: Node, spec: Option<&Node>) -> Node {
    if builder.open.len() == 1 && builder.by == By::Flux && document.items_at(&["resources"]).is_empty() {
        // Flux writes something into a kustomization that says nothing, and so into others without resources.
        let origins = Node::of_text("originAnnotations", document.mark);
        document.put("buildMetadata", Node { kind: Kind::List(vec![origins]), ..Node::empty_map(document.mark) });
    }
    let Some(spec) = spec else { return document };
    for (own, into) in [("targetNamespace", "namespace"), ("namePrefix", "namePrefix"), ("nameSuffix", "nameSuffix")] {
        if let Some(value) = spec.get(own).filter(|value| value.text().is_some()) {
            document.put(into, value.clone());
        }
    }
    let ignores = spec.get("ignoreMissingComponents").and_then(Node::scalar).as_deref() == Some("true");
    let is_missing = |component: &Node| {
        let path = super::join(place.folder, component.text().unwrap_or_default());
        path.is_none_or(|path| !builder.files.has_folder(&path))
    };
    if let Some(metadata) = spec.get("buildMetadata").filter(|metadata| !metadata.items().is_empty()) {
        document.put("buildMetadata", metadata.clone());
    }
    let components = spec.items_at(&["components"]).iter().filter(|component| !(ignores && is_missing(component)));
    append(&mut document, "components", components.cloned().collect());
    for key in ["patches", "patchesStrategicMerge", "patchesJson6902"] {
        append(&mut document, key, spec.items_at(&[key]).to_vec());
    }
    for image in spec.items_at(&["images"]) {
        change_image(&mut document, image);
    }
    document
}

fn append(document: &mut Node, key: &str, more: Vec<Node>) {
    let Some(first) = more.first() else { return };
    if document.get(key).is_none() {
        document.put(key, Node { kind: Kind::List(Vec::new()), ..Node::empty_map(first.mark) });
    }
    if let Some(items) = document.get_mut(key).and_then(Node::items_mut) {
        items.extend(more);
    }
}

/// An image of the `spec` changes the item of its name. A tag and a digest go together: either one takes the place of both.
fn change_image(document: &mut Node, image: &Node) {
    let name = |node: &Node| node.get("name").and_then(Node::scalar);
    let known = document.get_mut("images").and_then(Node::items_mut);
    let Some(known) = known.and_then(|items| items.iter_mut().find(|item| name(item) == name(image))) else {
        return append(document, "images", vec![image.clone()]);
    };
    if let Some(new_name) = image.get("newName") {
        known.put("newName", new_name.clone());
    }
    if image.get("newTag").is_none() && image.get("digest").is_none() {
        return;
    }
    for key in ["newTag", "digest"] {
        let nothing = Node::of_text("", image.mark);
        known.put(key, image.get(key).cloned().unwrap_or(nothing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_file::SourceFile;
    use rstest::rstest;

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
