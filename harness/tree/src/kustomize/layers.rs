//! The layers of a tree: Flux Kustomizations that stand in it and apply other folders of the same repository.

use super::build::{build, build_for};
use super::builder::{Build, Built};
use super::flux::is_flux_kustomization;
use super::join;
use crate::files::Files;
use harness_yaml::Node;

/// The GitRepository of the tree, where a run pushes it.
const SOURCE: &str = "node-config";
/// The namespace of Flux's objects.
const NAMESPACE: &str = "flux-system";

/// Layers of layers, and so on. No tree that works has more: each must become ready before the next is even seen.
const LAYERS_MAX: usize = 200;

/// A Flux Kustomization of the tree, and what it applies.
pub(crate) struct LayerBuild {
    pub(crate) object: Built,
    /// What it applies; `None` where the tree has no such folder.
    pub(crate) build: Option<Build>,
}

impl LayerBuild {
    /// The objects that it applies.
    pub(crate) fn objects(&self) -> &[Built] {
        self.build.as_ref().map_or(&[], |build| &build.objects)
    }
}

/// The layers of what the tree's top builds, those of layers included. Paths are those of the repository, whose top is the tree's.
pub(crate) fn layers(files: &Files, root: &Build) -> Vec<LayerBuild> {
    let mut open: Vec<Built> = root.objects.iter().filter(|built| is_layer(&built.node)).cloned().collect();
    open.reverse();
    let mut seen: Vec<(usize, usize)> = Vec::new();
    let mut found = Vec::new();
    while let Some(object) = open.pop() {
        let place = (object.file, object.node.mark.offset);
        if seen.contains(&place) || found.len() >= LAYERS_MAX {
            continue;
        }
        seen.push(place);
        let path = object.node.at(&["spec", "path"]).and_then(Node::text).unwrap_or_default();
        let folder = join("", path).filter(|folder| files.has_folder(folder));
        let build = folder.map(|folder| build_for(files, &folder, object.node.get("spec")));
        let objects = build.iter().flat_map(|build| &build.objects);
        open.extend(objects.filter(|built| is_layer(&built.node)).cloned());
        found.push(LayerBuild { object, build });
    }
    found
}

/// Whether an object is a Flux Kustomization that applies a part of the repository that it is from.
fn is_layer(node: &Node) -> bool {
    let text = |path: &[&str]| node.at(path).and_then(Node::text);
    is_flux_kustomization(node)
        && text(&["metadata", "namespace"]) == Some(NAMESPACE)
        && text(&["spec", "sourceRef", "kind"]) == Some("GitRepository")
        && text(&["spec", "sourceRef", "name"]) == Some(SOURCE)
        && text(&["spec", "sourceRef", "namespace"]).is_none_or(|namespace| namespace == NAMESPACE)
}

/// The files whose objects are applied, by the top or by a layer.
pub(crate) fn built_files(files: &Files) -> Vec<usize> {
    let build = build(files, "");
    let layers = layers(files, &build);
    let mut all = build.resources;
    for index in layers.iter().filter_map(|layer| layer.build.as_ref()).flat_map(|build| &build.resources) {
        if !all.contains(index) {
            all.push(*index);
        }
    }
    all
}
