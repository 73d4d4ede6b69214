//! The tree as a whole.

use sha2::{Digest, Sha256};

use super::{layers, rules};
use crate::finding::{Finding, Severity};
use crate::kustomize::{self, Built};
use crate::object::Object;
use crate::pool::NodePool;
use crate::source_file::SourceFile;
use harness_plan::{Layer, LayerKind};

/// A tree that can work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeConfigTree {
    /// How the caller named it: `node-config` for the one that comes with the harness, else its path.
    pub source: String,
    /// SHA-256 over the paths and contents that were handed over, hexadecimal.
    pub sha256: String,
    /// The NodePools, by name.
    pub pools: Vec<NodePool>,
    /// The Flux Kustomizations of the tree that apply other folders of it, each after those that it depends on.
    pub layers: Vec<Layer>,
    /// The kinds of these and of what they apply; empty where there are none.
    pub layer_kinds: Vec<LayerKind>,
    /// Warnings and notes.
    pub findings: Vec<Finding>,
}

/// Reads a node configuration tree, as kustomize would. `source` is `node-config` for the tree that comes with the harness, else how the user
/// named it. Warnings and notes are in [`NodeConfigTree::findings`].
///
/// # Errors
/// Every finding, warnings and notes included, when at least one is an error.
pub fn read_tree(source: &str, files: &[SourceFile]) -> Result<NodeConfigTree, Vec<Finding>> {
    let build = kustomize::build(files, "");
    let (layers, layer_kinds) = layers::of(files, &build);
    let mut findings = build.findings;
    let found = objects_of(files, build.objects);
    // What could not be read may hold the pool or class that a rule would miss.
    let readable = !findings.iter().any(|finding| finding.severity == Severity::Error);
    findings.extend(rules::check(&found, readable));
    if readable {
        findings.extend(rules::some_pool(&found));
    }
    findings.sort_by(|a, b| (&a.file, a.line, a.column, a.rule).cmp(&(&b.file, b.line, b.column, b.rule)));
    findings.dedup();
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(findings);
    }
    Ok(NodeConfigTree {
        source: source.to_owned(),
        sha256: sha256(files),
        pools: pools_of(&found),
        layers,
        layer_kinds,
        findings,
    })
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
pub(crate) fn objects_of(files: &[SourceFile], built: Vec<Built>) -> Vec<Object<'_>> {
    let file = |index: usize| files.get(index).map_or("", |file| file.path.as_str());
    built.into_iter().map(|built| Object { file: file(built.file), node: built.node, files }).collect()
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
