//! From a repository's Kustomizations to what each of them applies.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::clusters::{Cluster, Placed, grouped};
use super::kustomization::{FluxKustomization, KustomizationId};
use super::roots::{Start, candidates, starts};
use super::sources::{Origin, Sources};
use super::values::Values;
use crate::files::Files;
use crate::kustomize::{self, Build, Built, flux_build, is_flux_kustomization};
use harness_yaml::Node;

/// What Flux applies of a repository.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    /// One entry for each cluster that the repository configures.
    pub(crate) clusters: Vec<Cluster>,
    /// Whether its Kustomizations say what is applied of the folder that was asked about. Without any that do, each kustomization below it
    /// that no other one uses is taken as applied.
    pub(crate) by_flux: bool,
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
    /// A folder of the repository. `top` is where the repository is taken to begin, which is not its top for a tree that is kept in one
    /// repository and pushed to another.
    Folder { folder: String, top: String },
    /// Objects of files that no kustomization names.
    Files,
    /// A folder that is not there.
    Missing,
    /// Something of another source.
    Elsewhere { source: String },
}

impl Applied {
    /// The folder of the repository that was built; `None` where there was none.
    pub(crate) fn folder(&self) -> Option<&str> {
        match &self.what {
            What::Folder { folder, .. } => Some(folder),
            _ => None,
        }
    }
}

/// Finds what Flux applies of a repository, as far as that concerns a folder of it; the empty text is all of it.
pub(crate) fn read(files: &Files, folder: &str) -> Repository {
    let mut builder = Builder { files, plain: HashMap::new(), flux: HashMap::new() };
    let candidates = candidates(files);
    let starts = starts(&mut builder, &candidates);
    let placed = starts.into_iter().map(|start| builder.placed(start, &candidates)).collect();
    let clusters = grouped(placed).into_iter().map(|starts| builder.cluster(&starts, &candidates)).collect();
    let mut repository = Repository { clusters, by_flux: true };
    repository.ask(files, folder);
    if !repository.applies_something() {
        repository.by_flux = false;
        repository.clusters.extend(builder.as_they_stand(folder, &repository.clusters));
    }
    repository
}

/// Builds each folder once.
pub(super) struct Builder<'f> {
    pub(super) files: &'f Files,
    plain: HashMap<String, Rc<Build>>,
    /// By folder, and by the Kustomization as its parents and values have made it.
    flux: HashMap<(String, String), Rc<Build>>,
}

/// More Kustomizations than this, each applied by the one before it, are a mistake.
const DEPTH_MAX: usize = 50;

impl Builder<'_> {
    /// The files that a Kustomization applies as it stands, by their indices.
    pub(super) fn reads(&mut self, kustomization: &FluxKustomization) -> BTreeSet<usize> {
        match self.folder(kustomization) {
            Some((folder, _)) => self.plain(&folder).resources.iter().copied().collect(),
            None => BTreeSet::new(),
        }
    }

    pub(super) fn plain(&mut self, folder: &str) -> Rc<Build> {
        if let Some(known) = self.plain.get(folder) {
            return known.clone();
        }
        let build = Rc::new(flux_build(self.files, folder, None));
        self.plain.insert(folder.to_owned(), build.clone());
        build
    }

    fn flux(&mut self, folder: &str, kustomization: &FluxKustomization) -> Rc<Build> {
        let Some(spec) = kustomization.spec() else { return self.plain(folder) };
        // Two with the same content at different places have different places in what they build.
        let key = (folder.to_owned(), format!("{:?} {}", kustomization.place(), spec.to_json()));
        if let Some(known) = self.flux.get(&key) {
            return known.clone();
        }
        let build = Rc::new(flux_build(self.files, folder, Some(spec)));
        self.flux.insert(key, build.clone());
        build
    }

    /// The folder that a Kustomization points at, and where the repository begins for it: at the top, or further down for a tree that is
    /// pushed to a repository of its own.
    fn folder(&self, kustomization: &FluxKustomization) -> Option<(String, String)> {
        let path = kustomize::join("", kustomization.path())?;
        let home = kustomize::folder_of(self.files.path(kustomization.built.file));
        let deeper = home.match_indices('/').map(|(at, _)| &home[..at]).chain([home]);
        // The top of the repository is there in any case.
        let tops = std::iter::once("").chain(deeper.filter(|_| !path.is_empty()));
        tops.map(|top| (kustomize::join(top, &path).unwrap_or_default(), top.to_owned()))
            .find(|(folder, _)| self.files.has_folder(folder))
    }

    /// For each of some files, the folders outermost in use that read it: those that no other folder uses, and none that is read by
    /// `taken`.
    pub(super) fn folders_that_read(
        &mut self,
        wanted: &[usize],
        taken: &BTreeSet<usize>,
    ) -> BTreeMap<usize, Vec<String>> {
        let files = self.files;
        let folders: Vec<&str> =
            files.paths().filter(|path| kustomize::is_kustomization(path)).map(kustomize::folder_of).collect();
        let builds: Vec<(&str, Rc<Build>)> = folders.into_iter().map(|folder| (folder, self.plain(folder))).collect();
        let is_used = |folder: &str| {
            let uses = |build: &Build| build.kustomizations.iter().any(|path| kustomize::folder_of(path) == folder);
            builds.iter().any(|(other, build)| *other != folder && uses(build))
        };
        let mut found: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (folder, build) in &builds {
            let read: Vec<usize> = wanted.iter().copied().filter(|file| build.resources.contains(file)).collect();
            let applied = build.resources.iter().all(|file| taken.contains(file));
            if read.is_empty() || applied || is_used(folder) {
                continue;
            }
            for file in read {
                let folders = found.entry(file).or_default();
                if !folders.iter().any(|known| known == folder) {
                    folders.push((*folder).to_owned());
                }
            }
        }
        found
    }

    fn placed(&mut self, start: Start, candidates: &[FluxKustomization]) -> Placed<Start> {
        let of_file = |file: usize| kustomize::folder_of(self.files.path(file)).to_owned();
        let folder = match &start {
            Start::Kustomization(it) => of_file(it.built.file),
            Start::Folder(folder) => folder.clone(),
            Start::File(file) => of_file(*file),
        };
        let ids = self.kustomizations(&start, candidates).iter().map(FluxKustomization::id).collect();
        Placed { folder, ids, what: start }
    }

    /// The Kustomizations that a start brings, in the order of the text.
    fn kustomizations(&mut self, start: &Start, candidates: &[FluxKustomization]) -> Vec<FluxKustomization> {
        match start {
            Start::Kustomization(kustomization) => vec![kustomization.as_ref().clone()],
            Start::Folder(folder) => kustomizations(&self.plain(folder).objects).collect(),
            Start::File(file) => candidates.iter().filter(|it| it.built.file == *file).cloned().collect(),
        }
    }

    /// Everything that a cluster gets. What its objects say of sources and values can only be known once they are built, so that it is
    /// built again with what was learnt, as Flux does from one reconciliation to the next.
    pub(super) fn cluster(&mut self, starts: &[Start], candidates: &[FluxKustomization]) -> Cluster {
        const ROUNDS: usize = 3;
        let roots = starts.iter().flat_map(|start| self.kustomizations(start, candidates)).collect::<Vec<_>>();
        let mut known = (Sources::of(&roots), Values::default());
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
            known = (Sources::of(roots), Values::default());
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
        let mut cluster = Cluster { applied: Vec::new(), complete: true };
        let mut open: Vec<(FluxKustomization, usize)> = Vec::new();
        for start in starts.iter().rev() {
            open.extend(self.kustomizations(start, candidates).into_iter().rev().map(|it| (it, 0)));
            match start {
                Start::Kustomization(_) => {}
                Start::Folder(folder) => {
                    let build = self.plain(folder);
                    let what = What::Folder { folder: folder.clone(), top: String::new() };
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
        let mut seen: BTreeSet<KustomizationId> = BTreeSet::new();
        while let Some((kustomization, depth)) = open.pop() {
            if depth > DEPTH_MAX || !seen.insert(kustomization.id()) {
                continue;
            }
            let applied = self.applied(kustomization, sources, values);
            cluster.complete &= matches!(applied.what, What::Folder { .. }) && !applied.build.is_partial();
            let children: Vec<FluxKustomization> = kustomizations(&applied.build.objects).collect();
            open.extend(children.into_iter().rev().map(|child| (child, depth + 1)));
            cluster.applied.push(applied);
        }
        cluster
    }

    /// What a Kustomization applies. One that applies itself is taken as it has made itself.
    fn applied(&mut self, kustomization: FluxKustomization, sources: &Sources, values: &Values) -> Applied {
        let nothing =
            |by: FluxKustomization, what: What| Applied { by: Some(by), what, build: Rc::default(), asked: true };
        let folder = self.folder(&kustomization);
        let is_there = folder.as_ref().is_some_and(|(folder, _)| !folder.is_empty());
        if let Origin::Elsewhere { source } = sources.origin(&kustomization, is_there) {
            return nothing(kustomization, What::Elsewhere { source });
        }
        let Some((folder, top)) = folder else { return nothing(kustomization, What::Missing) };
        let mut by = values.filled(&kustomization);
        let mut build = self.flux(&folder, &by);
        let itself = kustomizations(&build.objects).find(|child| child.id() == by.id());
        if let Some(itself) = itself.map(|itself| values.filled(&itself)) {
            if itself.spec().map(Node::to_json) != by.spec().map(Node::to_json) {
                build = self.flux(&folder, &itself);
            }
            by = itself;
        }
        Applied { by: Some(by), what: What::Folder { folder, top }, build, asked: true }
    }
}

pub(super) fn kustomizations(objects: &[Built]) -> impl Iterator<Item = FluxKustomization> + use<'_> {
    objects.iter().filter(|built| is_flux_kustomization(&built.node)).map(|built| built.clone().into())
}
