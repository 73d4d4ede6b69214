//! Objects that are not as the cluster gets them, since something that would change them could not be built.

use std::collections::BTreeSet;

use crate::files::Files;
use crate::finding::Finding;
use crate::object::Object;
use crate::repository::{Applied, Cluster, KustomizationId, What, kustomizations};

/// The Kustomizations of a cluster that are not as their parents make them: a patch of a parent whose build is refused, or has a part that is not in
/// the tree, may complete them. What they apply may be completed by patches that they are given in turn.
pub(super) fn kustomizations_of(cluster: &Cluster) -> BTreeSet<KustomizationId> {
    let mut found = BTreeSet::new();
    for applied in &cluster.applied {
        let is_incomplete = applied.by.as_ref().is_some_and(|by| found.contains(&by.id()));
        if is_incomplete || applied.build.is_partial() {
            found.extend(kustomizations(&applied.build.objects).map(|child| child.id()));
        }
    }
    found
}

/// Whether patches that are not known may change the objects of a build. A file that nothing in the tree applies may be applied by a Kustomization
/// whose source is elsewhere.
pub(super) fn is_changed_further(cluster: &Cluster, applied: &Applied, incomplete: &BTreeSet<KustomizationId>) -> bool {
    let is_elsewhere = |other: &Applied| matches!(other.what, What::Elsewhere { .. });
    applied.build.is_partial()
        || (applied.what == What::Files && cluster.applied.iter().any(is_elsewhere))
        || applied.by.as_ref().is_some_and(|by| incomplete.contains(&by.id()))
}

/// Whether a finding says that an object of Flux lacks a field. People leave to a patch what all of their Kustomizations and HelmReleases share.
pub(super) fn is_about_a_patched_field(files: &Files, objects: &[Object<'_>], finding: &Finding) -> bool {
    let is_of_flux = |object: &Object<'_>| object.group().ends_with(".toolkit.fluxcd.io");
    let holds = |object: &Object<'_>| {
        files.find(&finding.file).is_some_and(|file| file == crate::files::index_of(object.node.mark))
            && (object.node.mark.offset..=object.node.end).contains(&finding.offset)
    };
    finding.rule == "schema-required" && objects.iter().any(|object| is_of_flux(object) && holds(object))
}
