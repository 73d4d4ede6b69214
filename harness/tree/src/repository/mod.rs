//! What Flux applies of a repository: its Kustomizations, the folders that they point at, and what it makes of each.
//!
//! A repository can configure several clusters. A Kustomization is a part of the cluster whose root applies it, directly or through others;
//! a root is one that nothing in the repository applies, such as that of `flux bootstrap`. What no Kustomization applies is not looked at,
//! unless the repository has none: then each kustomization that no other one uses is taken as applied.

mod applied;
mod apply;
mod artifacts;
mod asked;
mod build;
mod clusters;
mod kustomization;
mod read;
mod roots;
mod sources;
mod values;

pub(crate) use applied::{Applied, Cluster, Folder, Repository, What};
pub(crate) use apply::kustomizations;
pub(crate) use kustomization::{FluxKustomization, KustomizationId};
pub(crate) use read::read;
