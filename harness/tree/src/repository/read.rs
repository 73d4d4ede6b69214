//! A repository as a whole.

use std::collections::BTreeSet;

use super::applied::Repository;
use super::asked;
use super::build::Builder;
use super::clusters::{Placed, grouped};
use super::kustomization::{FluxKustomization, KustomizationId};
use super::roots::{Start, candidates, starts};
use crate::files::Files;
use crate::kustomize;
use crate::upstream::Upstream;

/// Finds what Flux applies of a repository, as far as that concerns a folder of it; the empty text is all of it.
pub(crate) fn read(files: &Files, folder: &str, upstream: Option<&mut dyn Upstream>) -> Repository {
    let candidates = candidates(files);
    let mut builder = Builder::new(files, &candidates, upstream);
    let starts = starts(&mut builder, &candidates);
    for start in &starts {
        if let Start::Folder(folder) = start {
            builder.begin(folder, None);
        }
    }
    let placed = starts.into_iter().map(|start| placed(&mut builder, start, &candidates)).collect();
    let clusters = grouped(placed);
    builder.begin_clusters(&clusters, &candidates);
    let clusters = clusters.iter().map(|starts| builder.cluster(starts, &candidates)).collect();
    let mut repository = Repository {
        clusters,
        by_flux: true,
        for_argo_cd: false,
        kustomizations: candidates.iter().map(|it| it.id().name).collect(),
    };
    asked::mark(&mut repository, files, folder);
    if !asked::applies_something(&repository) {
        repository.by_flux = false;
        repository.for_argo_cd = asked::has_applications(files);
        repository.clusters.extend(asked::as_they_stand(&mut builder, folder, &repository.clusters));
    }
    repository
}

fn placed(builder: &mut Builder<'_, '_>, start: Start, candidates: &[FluxKustomization]) -> Placed<Start> {
    let of_file = |file: usize| kustomize::folder_of(builder.files.path(file)).to_owned();
    let folder = match &start {
        Start::Kustomization(it) => of_file(it.built.file),
        Start::Folder(folder) => folder.clone(),
        Start::File(file) => of_file(*file),
    };
    let mut ids: BTreeSet<KustomizationId> =
        builder.kustomizations(&start, candidates).iter().map(FluxKustomization::id).collect();
    if let Start::Kustomization(_) = start {
        // A cluster is bootstrapped once.
        ids.insert(KustomizationId { namespace: String::new(), name: String::new() });
    }
    Placed { folder, ids, what: start }
}
