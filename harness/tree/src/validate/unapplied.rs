//! What lies in a repository and is applied by nothing.

use std::collections::BTreeSet;

use crate::files::Files;
use crate::finding::{Finding, Severity};
use crate::kustomize;
use crate::object::Object;
use crate::repository::Repository;
use harness_yaml::Mark;

/// More folders than this are counted rather than named.
const NAMED_MAX: usize = 5;

/// What is not judged, where Kustomizations say what is applied: one note for all folders, and one finding for each file with a NodePool or an
/// AKSNodeClass that is likely to be forgotten.
pub(super) fn notes(files: &Files, folder: &str, repository: &Repository) -> Vec<Finding> {
    let applied: BTreeSet<usize> = repository.applied().flat_map(|applied| applied.build.reads(files)).collect();
    let folders: BTreeSet<&str> = repository.applied().filter_map(|applied| applied.folder()).collect();
    let mut findings = Vec::new();
    if repository.by_flux {
        let is_open = |index: &usize| kustomize::is_kustomization(files.path(*index)) && !applied.contains(index);
        let left: Vec<usize> = files.below(folder).filter(is_open).collect();
        if let Some(first) = left.first() {
            let named = left.iter().take(NAMED_MAX).map(|index| {
                let folder = kustomize::folder_of(files.path(*index));
                format!("`{}`", if folder.is_empty() { "." } else { folder })
            });
            let more = left.len().saturating_sub(NAMED_MAX);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let message = format!("no Kustomization of Flux applies {}{more}", named.collect::<Vec<_>>().join(", "));
            let note = Finding::new(Severity::Note, "not-applied", files.path(*first), Mark::START, message).effect(
                "what no Kustomization applies is not checked; to check a folder anyway, pass it to `harness validate`",
            );
            findings.push(note);
        }
    }
    for index in files.below(folder).filter(|index| !applied.contains(index)) {
        if kustomize::is_ignored(files, files.path(index)) {
            continue;
        }
        findings.extend(forgotten(files, index, &folders, repository.by_flux));
    }
    findings
}

/// A pool or class in a file that no kustomization names, in a folder of which other files are applied.
fn forgotten(files: &Files, index: usize, folders: &BTreeSet<&str>, by_flux: bool) -> Option<Finding> {
    let path = files.path(index);
    let names_it = |text: &&str| text.contains("karpenter.sh/") || text.contains("karpenter.azure.com/");
    if !kustomize::is_yaml(path) || files.decoded(index).ok().filter(names_it).is_none() {
        return None;
    }
    let nodes = files.documents(index).ok()?.iter().flat_map(kustomize::listed);
    let mut objects = nodes.map(|node| Object { file: path, node: node.clone(), files });
    let object = objects.find(|object| object.is_node_pool() || object.is_node_class())?;
    let mut home = kustomize::folder_of(path);
    // Where the folder, or one above it, is applied, the file was likely meant to be.
    let is_beside = loop {
        if folders.contains(home) || kustomize::kustomization_in(files, home).is_some() {
            break folders.contains(home);
        }
        if home.is_empty() {
            break false;
        }
        home = kustomize::folder_of(home);
    };
    let what = format!("nothing applies the {} `{}`", object.kind(), object.name());
    let (mark, effect) = (object.node.mark, "it is not in the cluster and is not checked");
    if is_beside {
        let fix = "name the file in the `resources` of the kustomization beside it, or remove it";
        return Some(object.warning("not-applied", mark, what).effect(effect).fix(fix));
    }
    by_flux.then(|| object.note("not-applied", mark, what).effect(effect))
}
