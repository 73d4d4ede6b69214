//! Layers beside the node configuration: a tree of them is put into the user's own, and what it brings is known.

use std::collections::BTreeSet;

use super::amend::{AmendError, add_resource};
use crate::files::Files;
use crate::kustomize::{self, Build, LayerBuild};
use crate::object::Object;
use crate::source_file::SourceFile;
use harness_plan::{Layer, LayerKind};
use harness_yaml::Node;

/// The folder of the repository in which the layers lie.
pub const LAYERS_FOLDER: &str = "gitops";

/// Why a tree of layers cannot be put beside a node configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayersError {
    /// The node configuration has something where the layers go.
    #[error(
        "the tree {tree} has {file}, and the scenario's layers are pushed in the folder {LAYERS_FOLDER}: move it, or run a scenario without `gitops.tree`"
    )]
    Taken {
        /// The node configuration.
        tree: String,
        /// Its file.
        file: String,
    },
    /// Flux would apply every file of the layers as a part of the node configuration.
    #[error(
        "the tree {tree} has no kustomization.yaml at its top, so that Flux would apply the layers twice: add one that names its resources"
    )]
    NoKustomization {
        /// The node configuration.
        tree: String,
    },
    /// The layers' own tree is not whole.
    #[error(
        "the layers {layers} have no kustomization in `{entry}`: name the folder that they begin in with `gitops.entry`"
    )]
    NoEntry {
        /// The tree of the layers.
        layers: String,
        /// The folder.
        entry: String,
    },
    /// The top's own kustomization makes something else of the layers.
    #[error(
        "the kustomization at the top of {tree} changes what it takes in: the layer `{layer}` of {layers} does not come out of it; name prefixes and namespaces belong into a folder of the node configuration"
    )]
    Changed {
        /// The node configuration.
        tree: String,
        /// The tree of the layers.
        layers: String,
        /// The layer's name.
        layer: String,
    },
    /// The node configuration has a layer of that name.
    #[error("both the tree {tree} and the layers {layers} have a Flux Kustomization `{layer}`: rename one of them")]
    Twice {
        /// The node configuration.
        tree: String,
        /// The tree of the layers.
        layers: String,
        /// The layer's name.
        layer: String,
    },
    /// The kustomization at the top cannot be changed.
    #[error(transparent)]
    Top(#[from] AmendError),
}

/// A tree of layers, named as people named it.
#[derive(Clone, Copy, Debug)]
pub struct LayersTree<'a> {
    /// Where it is from.
    pub source: &'a str,
    /// Its files, relative to its top.
    pub files: &'a [SourceFile],
    /// The folder that is taken in.
    pub entry: &'a str,
}

/// Puts layers beside a node configuration: their files in [`LAYERS_FOLDER`], and their entry into the resources of its kustomization.
///
/// # Errors
/// [`LayersError`] where the two do not go together.
pub fn with_layers(
    source: &str,
    files: &[SourceFile],
    layers: &LayersTree<'_>,
) -> Result<Vec<SourceFile>, LayersError> {
    let tree = || source.to_owned();
    let prefix = format!("{LAYERS_FOLDER}/");
    if let Some(taken) = files.iter().find(|file| file.path.starts_with(&prefix)) {
        return Err(LayersError::Taken { tree: tree(), file: taken.path.clone() });
    }
    let own = Files::from(files);
    if kustomize::kustomization_in(&own, "").is_none() {
        return Err(LayersError::NoKustomization { tree: tree() });
    }
    let entry = kustomize::join("", layers.entry).unwrap_or_default();
    if kustomize::kustomization_in(&Files::from(layers.files), &entry).is_none() {
        return Err(LayersError::NoEntry { layers: layers.source.to_owned(), entry: layers.entry.to_owned() });
    }
    let there = names(&own, "");
    let mut all = files.to_vec();
    all.extend(layers.files.iter().map(|file| SourceFile::new(format!("{prefix}{}", file.path), file.text.clone())));
    let entry = format!("{prefix}{entry}");
    let meant = names(&Files::from(all.as_slice()), entry.trim_end_matches('/'));
    let all = add_resource(all, entry.trim_end_matches('/'))?;
    let after = names(&Files::from(all.as_slice()), "");
    let (layers, name) = (|| layers.source.to_owned(), |name: &String| name.clone());
    if let Some(layer) = meant.iter().find(|layer| there.contains(*layer)) {
        return Err(LayersError::Twice { tree: tree(), layers: layers(), layer: name(layer) });
    }
    if let Some(layer) = meant.iter().find(|layer| !after.contains(*layer)) {
        return Err(LayersError::Changed { tree: tree(), layers: layers(), layer: name(layer) });
    }
    Ok(all)
}

fn names(files: &Files, folder: &str) -> Vec<String> {
    let builds = kustomize::layers(files, &kustomize::build(files, folder));
    builds.iter().map(|layer| name(layer).to_owned()).collect()
}

fn name(layer: &LayerBuild) -> &str {
    layer.object.node.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default()
}

/// The layers that a tree's top builds, each after those that it depends on, and the kinds of what they apply.
pub(super) fn of(files: &Files, builds: &[LayerBuild]) -> (Vec<Layer>, Vec<LayerKind>) {
    let mut layers: Vec<Layer> = builds
        .iter()
        .map(|layer| {
            let needs = layer.object.node.items_at(&["spec", "dependsOn"]);
            let depends_on = needs.iter().filter_map(|need| need.get("name")?.text().map(str::to_owned));
            Layer { name: name(layer).to_owned(), depends_on: depends_on.collect() }
        })
        .collect();
    let mut kinds = BTreeSet::new();
    if !builds.is_empty() {
        // What makes a layer is an object of the tree too.
        let layered = builds.iter().map(|layer| &layer.object);
        for built in layered.chain(builds.iter().flat_map(LayerBuild::objects)) {
            let object = Object { file: "", node: built.node.clone(), files };
            let api_version = object.node.get("apiVersion").and_then(Node::text).unwrap_or_default().to_owned();
            kinds.insert(LayerKind { api_version, kind: object.kind().to_owned() });
        }
    }
    in_order(&mut layers);
    (layers, kinds.into_iter().filter(|kind| !kind.kind.is_empty() && !kind.api_version.is_empty()).collect())
}

/// Whether Flux makes more of a tree than the objects that its top and its layers build: a chart has objects of its own, a Kustomization of
/// another repository or of a folder that is not there applies what is not known here, and so do values that only the cluster has.
pub(super) fn is_open_ended(root: &Build, layers: &[LayerBuild]) -> bool {
    let objects = || root.objects.iter().chain(layers.iter().flat_map(LayerBuild::objects));
    let is_chart = |node: &Node| node.get("kind").and_then(Node::text) == Some("HelmRelease");
    let takes_values = |node: &Node| node.at(&["spec", "postBuild", "substituteFrom"]).is_some();
    let flux = objects().filter(|built| kustomize::is_flux_kustomization(&built.node)).count();
    flux > layers.len()
        || layers.iter().any(|layer| layer.build.is_none() || takes_values(&layer.object.node))
        || objects().any(|built| is_chart(&built.node))
}

/// Each after those that it depends on. Layers that wait for each other stay as they are, at the end.
fn in_order(layers: &mut Vec<Layer>) {
    let mut open = std::mem::take(layers);
    while !open.is_empty() {
        let waits = |layer: &Layer, open: &[Layer]| {
            layer.depends_on.iter().any(|need| open.iter().any(|other| other.name == *need && other.name != layer.name))
        };
        let next = (0..open.len()).find(|index| !waits(&open[*index], &open)).unwrap_or(0);
        layers.push(open.remove(next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{builtin_gitops, builtin_node_config};
    use rstest::rstest;

    fn builtin() -> Vec<SourceFile> {
        builtin_gitops()
    }

    fn combined(files: &[SourceFile]) -> Result<Vec<SourceFile>, LayersError> {
        let layers = builtin();
        with_layers("mine", files, &LayersTree { source: "gitops", files: &layers, entry: "clusters/production" })
    }

    #[test]
    fn layers_come_after_those_that_they_depend_on() {
        let files = combined(&builtin_node_config()).unwrap();
        let tree = crate::read_tree("node-config", &files).unwrap();
        let names: Vec<&str> = tree.layers.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names, ["infrastructure", "apps", "monitoring"]);
        assert_eq!(tree.layers[2].depends_on, ["infrastructure", "apps"]);
        let has = |api_version: &str, kind: &str| {
            tree.layer_kinds.iter().any(|one| one.api_version == api_version && one.kind == kind)
        };
        assert!(has("autoscaling/v2", "HorizontalPodAutoscaler") && has("v1", "Namespace"));
        assert!(has("kustomize.toolkit.fluxcd.io/v1", "Kustomization"));
        assert_eq!(tree.pools.len(), 3, "the node configuration is what it was");
    }

    #[test]
    fn a_tree_without_layers_has_none() {
        let tree = crate::read_tree("node-config", &builtin_node_config()).unwrap();
        assert!(tree.layers.is_empty() && tree.layer_kinds.is_empty());
    }

    #[test]
    fn layers_that_wait_for_each_other_are_still_listed() {
        let layer = |name: &str, need: &str| Layer { name: name.to_owned(), depends_on: vec![need.to_owned()] };
        let mut layers = vec![layer("a", "b"), layer("b", "a"), layer("c", "nobody")];
        in_order(&mut layers);
        let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names, ["c", "a", "b"]);
    }

    #[rstest]
    #[case("gitops/mine.yaml", "kind: ConfigMap\n", "has gitops/mine.yaml")]
    #[case(
        "kustomization.yaml",
        "namePrefix: team-\nresources: [node-templates/app-nodes.yaml]\n",
        "does not come out of it"
    )]
    #[case(
        "kustomization.yaml",
        "resources: [node-templates/app-nodes.yaml, mine.yaml]\n",
        "both the tree mine and the layers gitops"
    )]
    #[case("kustomization.yaml", "", "has no kustomization.yaml at its top")]
    fn what_does_not_go_together_is_refused(#[case] path: &str, #[case] text: &str, #[case] why: &str) {
        let mut files = builtin_node_config();
        files.retain(|file| file.path != path);
        if !text.is_empty() {
            files.push(SourceFile::new(path, text));
        }
        let layers = builtin();
        let apps = layers.iter().find(|file| file.path == "clusters/production/apps.yaml").unwrap();
        files.push(SourceFile::new("mine.yaml", apps.text.clone()));
        let error = combined(&files).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
