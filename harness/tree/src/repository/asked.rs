//! The part of a repository that was asked about.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::applied::{Applied, Cluster, Repository, What, applied};
use super::apply::kustomizations;
use super::build::{Builder, Outline, used_by_others};
use super::roots::Start;
use crate::files::Files;
use crate::kustomize::{self, Build, Built};
use harness_yaml::Node;

/// Keeps the clusters that have to do with a folder, and marks in them what is asked about: what is applied of just this folder, or of
/// folders below it, or by Kustomizations in it, and everything that these apply in turn.
pub(super) fn mark(repository: &mut Repository, files: &Files, folder: &str) {
    let exact = !folder.is_empty() && repository.applied().any(|applied| applied.folder() == Some(folder));
    for cluster in &mut repository.clusters {
        let mut children = BTreeSet::new();
        for applied in &mut cluster.applied {
            let id = applied.by.as_ref().map(|by| by.id());
            let inside = |file: usize| kustomize::is_within(files.path(file), folder);
            let named = match applied.folder() {
                Some(applied) if exact => applied == folder,
                Some(applied) => kustomize::is_within(applied, folder),
                None => false,
            };
            let here = !exact
                && match &applied.by {
                    Some(by) => inside(by.built.file),
                    None => applied.build.resources.iter().any(|file| inside(*file)),
                };
            applied.asked = named || here || id.is_some_and(|id| children.contains(&id));
            if applied.asked {
                children.extend(kustomizations(&applied.build.objects).map(|child| child.id()));
            }
        }
    }
    repository.clusters.retain(|cluster| cluster.applied.iter().any(|applied| applied.asked));
}

/// Whether a Kustomization applies a part of what was asked about.
pub(super) fn applies_something(repository: &Repository) -> bool {
    repository.applied().any(|applied| applied.asked && applied.by.is_some() && applied.folder().is_some())
}

/// What a folder holds, where no Kustomization applies any of it: each kustomization that no other one uses is a cluster of its own, and
/// so are the objects that no kustomization uses.
pub(super) fn as_they_stand(builder: &mut Builder<'_, '_>, folder: &str, known: &[Cluster]) -> Vec<Cluster> {
    let files = builder.files;
    let all: Vec<&str> = kustomize::kustomizations_below(files, folder).map(|(_, path)| path).collect();
    // Nobody keeps what is in force in a hidden folder, or hides it from Flux, unless that is all there is.
    let is_hidden = |path: &str| kustomize::is_hidden(&path[folder.len()..]) || kustomize::is_ignored(files, path);
    let mut folders: BTreeSet<&str> =
        all.iter().filter(|path| !is_hidden(path)).map(|path| kustomize::folder_of(path)).collect();
    if folders.is_empty() {
        folders.extend(all.iter().map(|path| kustomize::folder_of(path)));
    }
    if folders.is_empty() {
        // Flux takes every manifest.
        return vec![builder.cluster(&[Start::Folder(folder.to_owned())], &[])];
    }
    let builds: Vec<(&str, Rc<Outline>)> =
        folders.into_iter().map(|folder| (folder, builder.outline_of_root(folder))).collect();
    // One that another one uses is checked as a part of that.
    let used = used_by_others(&builds);
    let is_known = |folder: &str| applied(known).any(|applied| applied.folder() == Some(folder));
    let roots: Vec<&str> =
        builds.iter().map(|(folder, _)| *folder).filter(|folder| !used.contains(folder) && !is_known(folder)).collect();
    let read: BTreeSet<usize> = builds
        .iter()
        .flat_map(|(_, build)| build.resources.iter().chain(&build.used).copied())
        .chain(applied(known).flat_map(|it| it.build.resources.iter().copied()))
        .collect();
    roots.iter().for_each(|root| builder.begin(root, None));
    let mut clusters: Vec<Cluster> =
        roots.into_iter().map(|root| builder.cluster(&[Start::Folder(root.to_owned())], &[])).collect();
    clusters.extend(loose(files, folder, &read));
    clusters
}

/// Objects that no kustomization uses. They may be meant for one cluster or for several.
fn loose(files: &Files, folder: &str, read: &BTreeSet<usize>) -> Option<Cluster> {
    let charts: Vec<&str> = files.paths().filter_map(|path| path.strip_suffix("Chart.yaml")).collect();
    let mut build = Build::default();
    for index in files.below(folder).filter(|index| !read.contains(index)) {
        let path = files.path(index);
        // The templates of a chart are not YAML until Helm has rendered them.
        let in_chart = charts.iter().any(|chart| path.starts_with(chart));
        // A patch is not an object, and the kustomizations that use it may be in another repository.
        let is_patch = path.rsplit('/').next().is_some_and(|name| name.contains("patch"));
        if in_chart
            || is_patch
            || kustomize::is_kustomization(path)
            || !kustomize::is_yaml(path)
            || kustomize::is_ignored(files, path)
            || kustomize::is_hidden(&path[folder.len()..])
        {
            continue;
        }
        let Ok(documents) = files.documents(index) else { continue };
        let objects = documents.iter().flat_map(kustomize::listed).filter(|node| is_object(node));
        build.objects.extend(objects.map(|node| Built { file: index, node: node.clone() }));
        build.resources.push(index);
    }
    let applied = Applied { by: None, what: What::Files, build: Rc::new(build), asked: true };
    (!applied.build.objects.is_empty()).then(|| Cluster {
        applied: vec![applied],
        complete: false,
        bootstrapped: false,
    })
}

/// Whether there are Applications of Argo CD, or what makes them.
pub(super) fn has_applications(files: &Files) -> bool {
    let is_one = |node: &Node| {
        let version = node.get("apiVersion").and_then(Node::text).unwrap_or_default();
        version.starts_with("argoproj.io/") && ["Application", "ApplicationSet"].contains(&kustomize::kind(node))
    };
    let named = files.paths().enumerate().filter(|(index, path)| {
        kustomize::is_yaml(path) && files.text(*index).is_ok_and(|text| text.contains("argoproj.io/"))
    });
    let mut documents = named.filter_map(|(index, _)| files.documents(index).ok()).flatten();
    documents.any(is_one)
}

/// Anything else is the configuration of some other tool.
fn is_object(node: &Node) -> bool {
    let there = |path: &[&str]| node.at(path).and_then(Node::text).is_some();
    there(&["apiVersion"]) && there(&["kind"]) && there(&["metadata", "name"])
}
