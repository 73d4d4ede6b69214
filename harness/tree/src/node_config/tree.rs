//! The tree as a whole.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{layers, rules};
use crate::builtin::aks_defaults;
use crate::files::Files;
use crate::finding::{Finding, Severity};
use crate::kustomize::{self, Built, LayerBuild};
use crate::object::Object;
use crate::pool::NodePool;
use crate::source_file::SourceFile;
use harness_plan::{Layer, LayerKind, ObjectAddress};
use harness_yaml::Node;

/// A tree that can work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeConfigTree {
    /// How the caller named it: `node-config` for the one that comes with the harness, else its path.
    pub source: String,
    /// SHA-256 over the paths and contents that were handed over, hexadecimal.
    pub sha256: String,
    /// The files, as they were handed over.
    pub files: Vec<SourceFile>,
    /// The NodePools, by name.
    pub pools: Vec<NodePool>,
    /// Every object that Flux applies of it, those of the layers included.
    pub objects: Vec<ObjectAddress>,
    /// Whether more may come of it than these objects: charts, folders of other repositories, values that only the cluster has.
    pub open_ended: bool,
    /// The Flux Kustomizations of the tree that apply other folders of it, each after those that it depends on.
    pub layers: Vec<Layer>,
    /// The kinds of these and of what they apply; empty where there are none.
    pub layer_kinds: Vec<LayerKind>,
    /// Warnings and notes.
    pub findings: Vec<Finding>,
    /// The objects that AKS makes itself and that are on the cluster beside the tree's; see [`NodeConfigTree::missing_aks_defaults`].
    pub aks_defaults: Vec<Value>,
}

impl NodeConfigTree {
    /// The pools and the class that AKS makes itself, without those whose names the tree has.
    pub fn missing_aks_defaults(&self) -> Vec<Value> {
        let defaults = Files::from(aks_defaults());
        let nodes = (0..defaults.len()).flat_map(|index| defaults.documents(index).unwrap_or_default());
        let is_missing = |node: &&Node| {
            let default = address(node);
            !self.objects_of(&default.kind).any(|name| name == default.name)
        };
        nodes.filter(is_missing).map(Node::to_json).collect()
    }

    /// The names of its objects of a kind.
    pub fn objects_of(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.objects.iter().filter(move |object| object.kind == kind).map(|object| object.name.as_str())
    }
}

/// Reads a node configuration tree, as kustomize would. `source` is `node-config` for the tree that comes with the harness, else how the user
/// named it. Warnings and notes are in [`NodeConfigTree::findings`].
///
/// # Errors
/// Every finding, warnings and notes included, when at least one is an error.
pub fn read_tree(source: &str, files: &[SourceFile]) -> Result<NodeConfigTree, Vec<Finding>> {
    let tree = examine(source, files).tree;
    if tree.findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(tree.findings);
    }
    Ok(tree)
}

/// What a tree holds, whatever is wrong with it.
#[derive(Clone, Debug)]
pub struct TreeReading {
    /// Its contents as far as they could be read, and every finding.
    pub tree: NodeConfigTree,
    /// Whether Flux can build it and the API server takes its objects; what they come to is another matter.
    pub accepted: bool,
}

/// Reads a node configuration tree as [`read_tree`] does, also one that cannot work: a commit of a scenario may be wrong on purpose.
pub fn examine(source: &str, files: &[SourceFile]) -> TreeReading {
    let files_by_path = Files::from(files);
    let build = kustomize::build(&files_by_path, "");
    let layer_builds = kustomize::layers(&files_by_path, &build);
    let (layers, layer_kinds) = layers::of(&files_by_path, &layer_builds);
    let addresses = build.objects.iter().chain(layer_builds.iter().flat_map(LayerBuild::objects));
    let addresses: Vec<ObjectAddress> = addresses.map(|built| address(&built.node)).collect();
    let open_ended = layers::is_open_ended(&build, &layer_builds);
    let mut findings = build.findings;
    let found = objects_of(&files_by_path, build.objects);
    // What could not be read may hold the pool or class that a rule would miss.
    let readable = !findings.iter().any(|finding| finding.severity == Severity::Error);
    findings.extend(rules::check_each(&found, !readable, true));
    let aks_defaults = Files::from(aks_defaults());
    findings.extend(rules::check_together(&with_defaults(&found, &aks_defaults), readable, true));
    if readable {
        findings.extend(rules::some_pool(&found));
    }
    findings.sort_by(|a, b| (&a.file, a.line, a.column, a.rule).cmp(&(&b.file, b.line, b.column, b.rule)));
    findings.dedup();
    let accepted = readable && !findings.iter().any(|finding| finding.refused && finding.severity == Severity::Error);
    let tree = NodeConfigTree {
        source: source.to_owned(),
        sha256: sha256(files),
        pools: pools_of(&found),
        files: files.to_vec(),
        objects: addresses,
        open_ended,
        layers,
        layer_kinds,
        findings,
        aks_defaults: Vec::new(),
    };
    TreeReading { tree, accepted }
}

/// Where the API server has an object.
fn address(node: &Node) -> ObjectAddress {
    let text = |path: &[&str]| node.at(path).and_then(Node::scalar);
    ObjectAddress {
        api_version: text(&["apiVersion"]).unwrap_or_default(),
        kind: text(&["kind"]).unwrap_or_default(),
        namespace: text(&["metadata", "namespace"]),
        name: text(&["metadata", "name"]).unwrap_or_default(),
    }
}

/// The same tree has the same digest in whatever order its files were read.
fn sha256(files: &[SourceFile]) -> String {
    let mut files: Vec<&SourceFile> = files.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut hash = Sha256::new();
    for file in files {
        for part in [&file.path, &file.text] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    format!("{:x}", hash.finalize())
}

/// What a build made, as objects that know their files.
pub(crate) fn objects_of(files: &Files, built: Vec<Built>) -> Vec<Object<'_>> {
    built.into_iter().map(|built| Object { file: files.path(built.file), node: built.node, files }).collect()
}

/// The NodePools among objects in which the rules found no error, by name.
pub(crate) fn pools_of(found: &[Object<'_>]) -> Vec<NodePool> {
    let mut pools: Vec<NodePool> = found.iter().filter(|object| object.is_node_pool()).map(NodePool::of).collect();
    pools.sort_by(|a, b| a.name.cmp(&b.name));
    for pool in &mut pools {
        let class = found.iter().find(|object| object.is_node_class() && object.name() == pool.node_class);
        pool.max_pods = class.and_then(|class| class.node.at(&["spec", "maxPods"])?.whole());
    }
    pools
}

/// The objects of a cluster together with those that AKS makes where none of them has the name.
pub(crate) fn with_defaults<'o>(objects: &[Object<'o>], defaults: &'o Files) -> Vec<Object<'o>> {
    let is_there = |default: &Object<'_>| {
        objects.iter().any(|object| {
            (object.group(), object.kind(), object.name()) == (default.group(), default.kind(), default.name())
        })
    };
    let nodes = (0..defaults.len()).flat_map(|index| {
        let nodes = defaults.documents(index).unwrap_or_default();
        nodes.iter().map(move |node| Object { file: defaults.path(index), node: node.clone(), files: defaults })
    });
    objects.iter().cloned().chain(nodes.filter(|default| !is_there(default))).collect()
}
