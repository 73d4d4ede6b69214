//! The Kustomizations of a repository, and which of them nothing in it applies.

use std::collections::{BTreeMap, BTreeSet};

use super::apply::Builder;
use super::kustomization::FluxKustomization;
use crate::files::Files;
use crate::kustomize::{self, Built, is_flux_kustomization};
use harness_yaml::Node;

/// Something by which a cluster begins to be configured.
#[derive(Clone, Debug)]
pub(super) enum Start {
    /// A Kustomization that applies its own object, as that of `flux bootstrap` does, or that an operator makes.
    Kustomization(Box<FluxKustomization>),
    /// A folder with a kustomization, which somebody outside of the repository applies.
    Folder(String),
    /// A file, likewise.
    File(usize),
}

/// The Kustomizations in the files that Flux could see, in the order of the files. A file that is no YAML is somebody else's: a template of
/// a chart, or one that nothing applies.
pub(super) fn candidates(files: &Files) -> Vec<FluxKustomization> {
    let mut found = Vec::new();
    for (index, path) in files.paths().enumerate() {
        let names_flux = |text: &&str| text.contains(kustomize::FLUX_GROUP) || text.contains(OPERATOR_GROUP);
        if !kustomize::is_yaml(path) || kustomize::is_kustomization(path) {
            continue;
        }
        let Some(documents) = files.text(index).ok().filter(names_flux).and(files.documents(index).ok()) else {
            continue;
        };
        for node in documents.iter().flat_map(kustomize::listed) {
            if let Some(node) = of_an_instance(node) {
                found.push(FluxKustomization { built: Built { file: index, node }, of_an_instance: true });
            } else if is_flux_kustomization(node) && node.at(&["metadata", "name"]).and_then(Node::text).is_some() {
                found.push(Built { file: index, node: node.clone() }.into());
            }
        }
    }
    found
}

/// The API group of flux-operator.
const OPERATOR_GROUP: &str = "fluxcd.controlplane.io";

/// The Kustomization that flux-operator makes of a FluxInstance with `spec.sync`. Source: internal/builder of
/// controlplaneio-fluxcd/flux-operator: it is called as the namespace, unless `sync.name` says otherwise.
fn of_an_instance(node: &Node) -> Option<Node> {
    let is_instance = node.get("apiVersion").and_then(Node::text)?.starts_with(OPERATOR_GROUP)
        && kustomize::kind(node) == "FluxInstance";
    let sync = node.at(&["spec", "sync"]).filter(|_| is_instance)?;
    let namespace = node.at(&["metadata", "namespace"]).and_then(Node::text).unwrap_or("flux-system");
    let name = sync.get("name").and_then(Node::text).unwrap_or(namespace);
    let kind = sync.get("kind").and_then(Node::text).unwrap_or("GitRepository");
    let text = |text: &str| Node::of_text(text, sync.mark);
    let map = |entries: Vec<(&str, Node)>| {
        let mut map = Node::empty_map(sync.mark);
        entries.into_iter().for_each(|(key, value)| map.put(key, value));
        map
    };
    let path = sync.get("path").cloned().unwrap_or_else(|| text("./"));
    let source = map(vec![("kind", text(kind)), ("name", text(name))]);
    Some(map(vec![
        ("apiVersion", text("kustomize.toolkit.fluxcd.io/v1")),
        ("kind", text("Kustomization")),
        ("metadata", map(vec![("name", text(name)), ("namespace", text(namespace))])),
        ("spec", map(vec![("path", path), ("sourceRef", source)])),
    ]))
}

/// What the clusters of a repository begin with.
pub(super) fn starts(builder: &mut Builder<'_>, candidates: &[FluxKustomization]) -> Vec<Start> {
    let applies: Vec<BTreeSet<usize>> = candidates.iter().map(|candidate| builder.reads(candidate)).collect();
    let mut starts = Vec::new();
    let mut lifted: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let roots = roots(candidates, &applies);
    let outside: Vec<usize> = roots.iter().map(|root| candidates[*root].built.file).collect();
    let alone = |root: usize| !applies[root].contains(&candidates[root].built.file) && !candidates[root].of_an_instance;
    if roots.iter().any(|root| alone(*root)) {
        let taken: BTreeSet<usize> = applies.iter().flatten().copied().collect();
        lifted = builder.folders_that_read(&outside, &taken);
    }
    let mut folders = BTreeSet::new();
    let mut files = BTreeSet::new();
    for root in roots {
        let candidate = &candidates[root];
        if !alone(root) {
            starts.push(Start::Kustomization(Box::new(candidate.clone())));
        } else if let Some(found) = lifted.get(&candidate.built.file) {
            folders.extend(found.iter().cloned());
        } else {
            files.insert(candidate.built.file);
        }
    }
    starts.extend(folders.into_iter().map(Start::Folder));
    starts.extend(files.into_iter().map(Start::File));
    starts
}

/// Those that no other one applies; of those that apply each other in a circle, the first.
fn roots(candidates: &[FluxKustomization], applies: &[BTreeSet<usize>]) -> Vec<usize> {
    let all = 0..candidates.len();
    let applied_by_another = |index: usize| {
        all.clone().any(|other| other != index && applies[other].contains(&candidates[index].built.file))
    };
    let mut roots: Vec<usize> = all.clone().filter(|index| !applied_by_another(*index)).collect();
    let mut reached: BTreeSet<usize> = BTreeSet::new();
    let mut open = roots.clone();
    loop {
        while let Some(index) = open.pop() {
            if reached.insert(index) {
                open.extend(all.clone().filter(|other| applies[index].contains(&candidates[*other].built.file)));
            }
        }
        let Some(next) = all.clone().find(|index| !reached.contains(index)) else { return roots };
        roots.push(next);
        open.push(next);
    }
}
