//! What is applied, and to which cluster.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::kustomization::FluxKustomization;
use crate::kustomize::Build;

/// What Flux applies of a repository.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    /// One entry for each cluster that the repository configures.
    pub(crate) clusters: Vec<Cluster>,
    /// Whether its Kustomizations say what is applied of the folder that was asked about. Without any that do, each kustomization below it
    /// that no other one uses is taken as applied.
    pub(crate) by_flux: bool,
    /// Whether it is not `by_flux`, and Applications of Argo CD are among its files.
    pub(crate) for_argo_cd: bool,
    /// The names of all Kustomizations in its files, applied or not.
    pub(crate) kustomizations: BTreeSet<String>,
}

impl Repository {
    /// Everything that is applied, of every cluster.
    pub(crate) fn applied(&self) -> impl Iterator<Item = &Applied> {
        applied(&self.clusters)
    }
}

/// Everything that some clusters get.
pub(super) fn applied(clusters: &[Cluster]) -> impl Iterator<Item = &Applied> {
    clusters.iter().flat_map(|cluster| &cluster.applied)
}

/// A folder or file as it is applied.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    /// The Kustomization that applies it; `None` where nothing in the repository says who does.
    pub(crate) by: Option<FluxKustomization>,
    /// What it applies.
    pub(crate) what: What,
    /// The objects, and what was found on the way.
    pub(crate) build: Rc<Build>,
    /// Whether it is a part of what was asked about; else it is there for the others to refer to.
    pub(crate) asked: bool,
}

/// What a Kustomization applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A folder of the repository.
    Folder(Folder),
    /// Objects of files that no kustomization names.
    Files,
    /// A folder that is not there.
    Missing,
    /// Something of another source.
    Elsewhere { source: String },
}

/// A folder of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    pub(crate) path: String,
    /// Where the repository is taken to begin: not at its top for a tree that is kept in one repository and pushed to another.
    pub(crate) top: String,
}

impl Folder {
    /// Whether it is at a path from the top of the repository.
    pub(crate) fn is_from_top(&self) -> bool {
        self.top.is_empty()
    }
}

impl Applied {
    /// The folder of the repository that was built; `None` where there was none.
    pub(crate) fn folder(&self) -> Option<&str> {
        match &self.what {
            What::Folder(folder) => Some(&folder.path),
            _ => None,
        }
    }

    /// Whether what it applies is known, and not only where a tree would begin that is pushed to a repository of its own.
    pub(crate) fn is_certain(&self) -> bool {
        !matches!(&self.what, What::Folder(folder) if !folder.is_from_top())
    }
}

/// What one cluster gets of a repository.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    /// Each folder and file as it is applied, parents before their children.
    pub(crate) applied: Vec<Applied>,
    /// Whether everything that is applied could be built from the repository: nothing comes from another source.
    pub(crate) complete: bool,
    /// Whether it begins with a Kustomization that applies itself, so that nothing else is applied.
    pub(crate) bootstrapped: bool,
}
