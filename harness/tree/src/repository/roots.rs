//! The Kustomizations of a repository, and which of them nothing in it applies.

use std::collections::BTreeSet;

use super::build::{Builder, Readers};
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
        let names_flux = |text: &&str| text.contains(kustomize::FLUX_GROUP) || text.contains(kustomize::OPERATOR_GROUP);
        if !kustomize::is_yaml(path) || kustomize::is_kustomization(path) {
            continue;
        }
        let named = files.decoded(index).ok().filter(names_flux).filter(|_| !kustomize::is_ignored(files, path));
        let Some(documents) = named.and(files.documents(index).ok()) else { continue };
        for node in documents.iter().flat_map(kustomize::listed) {
            if let Some(node) = of_an_instance(node) {
                found.push(FluxKustomization {
                    built: Built { file: index, node },
                    of_an_instance: true,
                    of_variables: false,
                });
            } else if is_flux_kustomization(node) && node.at(&["metadata", "name"]).and_then(Node::text).is_some() {
                found.push(Built { file: index, node: node.clone() }.into());
            }
        }
    }
    found
}

/// The Kustomization that flux-operator makes of a FluxInstance with `spec.sync`. Source: internal/builder of
/// controlplaneio-fluxcd/flux-operator: it is called as the namespace, unless `sync.name` says otherwise.
fn of_an_instance(node: &Node) -> Option<Node> {
    let is_instance = node.get("apiVersion").and_then(Node::text)?.starts_with(kustomize::OPERATOR_GROUP)
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
pub(super) fn starts(builder: &mut Builder<'_, '_>, candidates: &[FluxKustomization]) -> Vec<Start> {
    let reads: Vec<BTreeSet<usize>> = candidates.iter().map(|candidate| builder.reads(candidate)).collect();
    let applies = Applies::of(candidates, &reads);
    let is_hidden = |index: usize| kustomize::is_hidden(builder.files.path(candidates[index].built.file));
    let patches = Patches::of(builder.files, candidates);
    let is_whole = |index: &usize| {
        let candidate = &candidates[*index];
        candidate.of_an_instance || patches.is_whole(candidate)
    };
    let all = || (0..candidates.len()).filter(is_whole);
    let is_root = |index: &usize| applies.applies(*index, *index) || candidates[*index].of_an_instance;
    // Nobody keeps what is in force in a hidden folder.
    let starts = applies.first_of(&all().filter(|index| is_root(index) && !is_hidden(*index)).collect::<Vec<_>>());
    let applied = applies.reached(&starts);
    let folders: BTreeSet<String> =
        applied.iter().filter_map(|index| builder.folder_of_its_own(&candidates[*index])).collect();
    // In a folder of which other files are applied it was left out on purpose.
    let is_left_out = |index: usize| {
        let path = builder.files.path(candidates[index].built.file);
        folders.iter().any(|folder| !folder.is_empty() && kustomize::is_within(path, folder))
    };
    // Another way to begin with what is applied already, such as one for a test on somebody's own machine, is no cluster more.
    let is_another_way =
        |index: usize| !applies.0[index].is_empty() && applies.0[index].iter().all(|other| applied.contains(other));
    let is_outside = |index: &usize| {
        let index = *index;
        !applied.contains(&index) && !is_hidden(index) && !is_left_out(index) && !is_another_way(index)
    };
    let rest: BTreeSet<usize> = all().filter(is_outside).collect();
    let outside: Vec<usize> = applies.roots_among(&rest);
    let wanted: BTreeSet<usize> = outside.iter().map(|root| candidates[*root].built.file).collect();
    let readers = if wanted.is_empty() { Readers::default() } else { builder.readers(&wanted, &reads) };
    let (mut folders, mut files) = (BTreeSet::new(), BTreeSet::new());
    let roots = starts.iter().chain(&outside).map(|root| &candidates[*root]);
    let by_values =
        roots.flat_map(|root| by_values(builder.files, root.path()).into_iter().map(|it| root.at_folder(&it)));
    let whole = starts.iter().map(|start| candidates[*start].clone());
    let mut found: Vec<Start> = whole.chain(by_values).map(|it| Start::Kustomization(Box::new(it))).collect();
    for root in outside {
        let file = candidates[root].built.file;
        if let Some(names) = readers.folders.get(&file) {
            folders.extend(names.iter().cloned());
        } else {
            files.insert(file);
        }
    }
    found.extend(folders.into_iter().map(Start::Folder));
    found.extend(files.into_iter().map(Start::File));
    found
}

/// The folders that a path with variables can stand for: `clusters/${ENVIRONMENT}/${CLUSTER}` is one of each cluster.
fn by_values(files: &Files, path: &str) -> Vec<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if !parts.iter().any(|part| part.contains("${")) {
        return Vec::new();
    }
    let is_one = |folder: &&str| {
        let names: Vec<&str> = folder.split('/').collect();
        names.len() == parts.len() && names.iter().zip(&parts).all(|(name, part)| part.contains("${") || name == part)
    };
    // Flux makes a kustomization for a folder that has none. One that only holds folders is on the way to what other Kustomizations apply.
    let manifests = files.paths().filter(|path| kustomize::is_yaml(path) && !kustomize::is_hidden(path));
    let folders: BTreeSet<&str> = manifests.map(kustomize::folder_of).filter(is_one).collect();
    folders.into_iter().map(str::to_owned).collect()
}

/// What the patches of a tree say of its Kustomizations.
struct Patches {
    /// The files that kustomizations name as patches and not as resources.
    files: BTreeSet<usize>,
    /// Whether some are for Kustomizations, whatever these are called: what misses a field then has it from them.
    complete_kustomizations: bool,
}

impl Patches {
    fn of(files: &Files, candidates: &[FluxKustomization]) -> Self {
        let (mut patches, mut resources, mut targets) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for (index, path) in kustomize::kustomizations_below(files, "") {
            let Some(document) = files.documents(index).ok().and_then(<[Node]>::first) else { continue };
            let file = |node: &Node| files.find(&kustomize::join(kustomize::folder_of(path), node.text()?)?);
            resources.extend(document.items_at(&["resources"]).iter().filter_map(file));
            patches.extend(document.items_at(&["patchesStrategicMerge"]).iter().filter_map(file));
            let of_path = document.items_at(&["patches"]).iter().filter_map(|item| item.get("path"));
            patches.extend(of_path.filter_map(file));
            targets.extend(document.items_at(&["patches"]));
        }
        targets.extend(candidates.iter().flat_map(|it| it.built.node.items_at(&["spec", "patches"])));
        let is_for_all = |patch: &&Node| {
            let text = |key: &str| patch.at(&["target", key]).and_then(Node::text);
            text("kind") == Some("Kustomization") && text("name").is_none()
        };
        Self {
            files: patches.difference(&resources).copied().collect(),
            complete_kustomizations: targets.iter().any(is_for_all),
        }
    }

    /// Whether a Kustomization is complete as it is written: neither a patch, nor an object whose parent adds to it.
    fn is_whole(&self, candidate: &FluxKustomization) -> bool {
        let is_complete =
            || ["interval", "prune"].iter().all(|key| candidate.spec().is_some_and(|spec| spec.get(key).is_some()));
        // Where the name has a variable, the parent gives it the name.
        let is_named = !candidate.id().name.contains("${");
        is_named
            && candidate.source().is_some()
            && !self.files.contains(&candidate.built.file)
            && (is_complete() || !self.complete_kustomizations)
    }
}

/// Which Kustomization applies which other ones, by their indices.
struct Applies(Vec<BTreeSet<usize>>);

impl Applies {
    fn of(candidates: &[FluxKustomization], reads: &[BTreeSet<usize>]) -> Self {
        let of_file = |file: &usize| {
            let file = *file;
            candidates.iter().enumerate().filter(move |(_, it)| it.built.file == file).map(|(index, _)| index)
        };
        let with_candidates: BTreeSet<usize> = candidates.iter().map(|it| it.built.file).collect();
        Self(reads.iter().map(|files| files.intersection(&with_candidates).flat_map(of_file).collect()).collect())
    }

    fn applies(&self, one: usize, other: usize) -> bool {
        self.0[one].contains(&other)
    }

    /// Of some that apply themselves, those that no other one of them applies; of those that apply each other, the one that applies most.
    fn first_of(&self, some: &[usize]) -> Vec<usize> {
        let reached: Vec<BTreeSet<usize>> = some.iter().map(|index| self.reached(&[*index])).collect();
        let rank = |position: usize| (self.0[some[position]].len(), std::cmp::Reverse(position));
        let is_behind = |one: usize, other: usize| {
            let mutual = reached[one].contains(&some[other]);
            one != other && reached[other].contains(&some[one]) && (!mutual || rank(other) > rank(one))
        };
        let positions = 0..some.len();
        let first = positions.clone().filter(|one| !positions.clone().any(|other| is_behind(*one, other)));
        first.map(|position| some[position]).collect()
    }

    /// Everything that some of them apply, directly or through others, and they themselves.
    fn reached(&self, from: &[usize]) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut open = from.to_vec();
        while let Some(index) = open.pop() {
            if reached.insert(index) {
                open.extend(&self.0[index]);
            }
        }
        reached
    }

    /// Of some, those that no other one of them applies; of those that apply each other in a circle, the one that applies most.
    fn roots_among(&self, some: &BTreeSet<usize>) -> Vec<usize> {
        let applied: BTreeSet<usize> =
            some.iter().flat_map(|index| self.0[*index].iter().filter(move |other| *other != index)).copied().collect();
        let mut roots: Vec<usize> = some.difference(&applied).copied().collect();
        loop {
            let reached = self.reached(&roots);
            let left = some.iter().rev().filter(|index| !reached.contains(index));
            let Some(next) = left.max_by_key(|index| self.0[**index].len()) else { return roots };
            roots.push(*next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    // One applies two others, and itself.
    #[case([vec![0, 1, 2], vec![], vec![]], &[0])]
    #[case([vec![], vec![0], vec![]], &[1, 2])]
    // Before, whatever came first in the order of the files was taken for a root of such a circle.
    #[case([vec![], vec![2], vec![0, 1]], &[2])]
    fn roots_are_what_nothing_else_applies(#[case] applies: [Vec<usize>; 3], #[case] expected: &[usize]) {
        let applies = Applies(applies.into_iter().map(|others| others.into_iter().collect()).collect());
        assert_eq!(applies.roots_among(&(0..applies.0.len()).collect()), expected);
    }
}
