//! From what a cluster begins with to everything that it gets.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::applied::{Applied, Cluster, Folder, What};
use super::build::Builder;
use super::kustomization::{FluxKustomization, KustomizationId};
use super::roots::Start;
use super::sources::{Origin, Sources};
use super::values::Values;
use crate::kustomize::{self, Build, Built, is_flux_kustomization};
use harness_yaml::Node;

/// More Kustomizations than this, each applied by the one before it, are a mistake.
const DEPTH_MAX: usize = 50;

impl Builder<'_, '_> {
    /// The Kustomizations that a start brings, in the order of the text.
    pub(super) fn kustomizations(&mut self, start: &Start, candidates: &[FluxKustomization]) -> Vec<FluxKustomization> {
        match start {
            Start::Kustomization(kustomization) => vec![kustomization.as_ref().clone()],
            Start::Folder(folder) => kustomizations(&self.flux(folder, None).objects).collect(),
            Start::File(file) => candidates.iter().filter(|it| it.built.file == *file).cloned().collect(),
        }
    }

    /// Lets upstream begin with several clusters, which are built one after the other.
    pub(super) fn begin_clusters(&mut self, clusters: &[Vec<Start>], candidates: &[FluxKustomization]) {
        for starts in clusters {
            let (roots, (sources, values)) = self.known_at_first(starts, candidates);
            self.begin_all(&roots, &sources, &values);
        }
    }

    fn known_at_first(
        &mut self,
        starts: &[Start],
        candidates: &[FluxKustomization],
    ) -> (Vec<FluxKustomization>, (Sources, Values)) {
        let roots = starts.iter().flat_map(|start| self.kustomizations(start, candidates)).collect::<Vec<_>>();
        let sources = Sources::of(&roots, |it| self.folder(it));
        (roots, (sources, Values::default()))
    }

    /// Everything that a cluster gets. What its objects say of sources and values can only be known once they are built, so that it is
    /// built again with what was learnt, as Flux does from one reconciliation to the next.
    pub(super) fn cluster(&mut self, starts: &[Start], candidates: &[FluxKustomization]) -> Cluster {
        const ROUNDS: usize = 3;
        let (_, mut known) = self.known_at_first(starts, candidates);
        let mut cluster = Cluster::default();
        for _ in 0..ROUNDS {
            let next = self.round(starts, candidates, &known);
            let same = next.applied.len() == cluster.applied.len()
                && next
                    .applied
                    .iter()
                    .zip(&cluster.applied)
                    .all(|(a, b)| a.what == b.what && Rc::ptr_eq(&a.build, &b.build));
            cluster = next;
            if same {
                break;
            }
            let roots = cluster.applied.iter().filter_map(|applied| applied.by.as_ref());
            known = (Sources::of(roots, |it| self.folder(it)), Values::default());
            for applied in &cluster.applied {
                known.0.note(&applied.build.objects);
                known.1.note(&applied.build.objects);
            }
        }
        cluster
    }

    fn round(
        &mut self,
        starts: &[Start],
        candidates: &[FluxKustomization],
        (sources, values): &(Sources, Values),
    ) -> Cluster {
        // What else applies it has the values of its path, and may apply more.
        let of_variables = |start: &Start| matches!(start, Start::Kustomization(it) if it.of_variables);
        let complete = !starts.iter().any(of_variables);
        let bootstrapped = complete && starts.iter().all(|start| matches!(start, Start::Kustomization(_)));
        let mut cluster = Cluster { applied: Vec::new(), complete, bootstrapped };
        let mut open: Vec<(FluxKustomization, usize)> = Vec::new();
        for start in starts.iter().rev() {
            open.extend(self.kustomizations(start, candidates).into_iter().rev().map(|it| (it, 0)));
            match start {
                Start::Kustomization(_) => {}
                Start::Folder(folder) => {
                    let build = self.flux(folder, None);
                    let what = What::Folder(Folder { path: folder.clone(), top: String::new() });
                    cluster.applied.push(Applied { by: None, what, build, asked: true });
                }
                Start::File(file) => {
                    let documents = self.files.documents(*file).unwrap_or_default();
                    let objects = documents.iter().flat_map(kustomize::listed);
                    let objects = objects.map(|node| Built { file: *file, node: node.clone() }).collect();
                    let build = Rc::new(Build { objects, resources: vec![*file], ..Build::default() });
                    cluster.applied.push(Applied { by: None, what: What::Files, build, asked: true });
                }
            }
        }
        self.begin_all(open.iter().rev().map(|(kustomization, _)| kustomization), sources, values);
        let mut seen: BTreeSet<KustomizationId> = BTreeSet::new();
        while let Some((kustomization, depth)) = open.pop() {
            if depth > DEPTH_MAX || !seen.insert(kustomization.id()) {
                continue;
            }
            let applied = self.applied(kustomization, sources, values);
            let makes_more = applied.build.objects.iter().any(|built| kustomize::is_resource_set(&built.node));
            cluster.complete &= matches!(applied.what, What::Folder(_)) && !applied.build.is_partial() && !makes_more;
            let children: Vec<FluxKustomization> = kustomizations(&applied.build.objects).collect();
            self.begin_all(children.iter().filter(|child| !seen.contains(&child.id())), sources, values);
            open.extend(children.into_iter().rev().map(|child| (child, depth + 1)));
            cluster.applied.push(applied);
        }
        cluster
    }

    /// Lets upstream begin with what will be asked for one after the other.
    fn begin_all<'k>(
        &mut self,
        kustomizations: impl IntoIterator<Item = &'k FluxKustomization>,
        sources: &Sources,
        values: &Values,
    ) {
        for kustomization in kustomizations {
            if let What::Folder(folder) = self.what(kustomization, sources) {
                self.begin(&folder.path, Some(&values.filled(kustomization)));
            }
        }
    }

    /// What a Kustomization points at.
    fn what(&self, kustomization: &FluxKustomization, sources: &Sources) -> What {
        let folder = self.folder(kustomization);
        // A folder that is only there if the repository begins further down says nothing of where it is from.
        let is_there = folder.as_ref().is_some_and(|folder| !folder.path.is_empty() && folder.is_from_top());
        let is_made_here = kustomization.source().is_some_and(|it| it.kind == "ExternalArtifact") && folder.is_some();
        let origin = if is_made_here { Origin::Here } else { sources.origin(kustomization, is_there) };
        match (origin, folder) {
            (Origin::Elsewhere { source }, _) => What::Elsewhere { source },
            (_, None) => What::Missing,
            (_, Some(folder)) => What::Folder(folder),
        }
    }

    /// What a Kustomization applies. One that applies itself is taken as it has made itself.
    fn applied(&mut self, kustomization: FluxKustomization, sources: &Sources, values: &Values) -> Applied {
        let what = self.what(&kustomization, sources);
        let What::Folder(Folder { path: folder, .. }) = &what else {
            return Applied { by: Some(kustomization), what, build: Rc::default(), asked: true };
        };
        let mut by = values.filled(&kustomization);
        let mut build = self.flux(folder, Some(&by));
        let itself = kustomizations(&build.objects).find(|child| child.id() == by.id());
        if let Some(itself) = itself.map(|itself| values.filled(&itself)) {
            let itself = FluxKustomization { of_variables: by.of_variables, ..itself };
            if itself.spec().map(Node::to_json) != by.spec().map(Node::to_json) {
                build = self.flux(folder, Some(&itself));
            }
            by = itself;
        }
        Applied { by: Some(by), what, build, asked: true }
    }
}

/// The Flux Kustomizations among objects.
pub(crate) fn kustomizations(objects: &[Built]) -> impl Iterator<Item = FluxKustomization> + use<'_> {
    objects.iter().filter(|built| is_flux_kustomization(&built.node)).map(|built| built.clone().into())
}
