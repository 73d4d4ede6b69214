//! From a repository's Kustomizations to what each of them applies.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::artifacts::Artifacts;
use super::clusters::{Cluster, Placed, grouped};
use super::kustomization::{FluxKustomization, KustomizationId, SourceRef};
use super::roots::{Readers, Start, candidates, starts};
use super::sources::{Origin, Sources};
use super::values::Values;
use crate::files::Files;
use crate::kustomize::{self, Build, Built, build_for, is_flux_kustomization};
use crate::upstream::{FluxBuildAnswer, FluxBuildRequest, Upstream, lacks_some, reconciled};
use harness_yaml::Node;
use serde_json::Value;

/// What Flux applies of a repository.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    /// One entry for each cluster that the repository configures.
    pub(crate) clusters: Vec<Cluster>,
    /// Whether its Kustomizations say what is applied of the folder that was asked about. Without any that do, each kustomization below it
    /// that no other one uses is taken as applied.
    pub(crate) by_flux: bool,
    /// The names of all Kustomizations in its files, applied or not.
    pub(crate) kustomizations: BTreeSet<String>,
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
pub(crate) fn read(files: &Files, folder: &str, upstream: Option<&mut dyn Upstream>) -> Repository {
    let candidates = candidates(files);
    let mut builder = Builder {
        files,
        artifacts: Artifacts::of(files),
        usual: Sources::of(&candidates).own,
        plain: HashMap::new(),
        flux: HashMap::new(),
        upstream,
    };
    let starts = starts(&mut builder, &candidates);
    let placed = starts.into_iter().map(|start| builder.placed(start, &candidates)).collect();
    let clusters = grouped(placed).into_iter().map(|starts| builder.cluster(&starts, &candidates)).collect();
    let mut repository =
        Repository { clusters, by_flux: true, kustomizations: candidates.iter().map(|it| it.id().name).collect() };
    repository.ask(files, folder);
    if !repository.applies_something() {
        repository.by_flux = false;
        repository.clusters.extend(builder.as_they_stand(folder, &repository.clusters));
    }
    repository
}

/// Builds each folder once.
pub(super) struct Builder<'f, 'u> {
    pub(super) files: &'f Files,
    artifacts: Artifacts,
    /// The source that most Kustomizations name.
    usual: Option<SourceRef>,
    plain: HashMap<String, Rc<Build>>,
    /// By folder, and by the Kustomization as its parents and values have made it.
    flux: HashMap<(String, String), Rc<Build>>,
    upstream: Option<&'u mut dyn Upstream>,
}

/// More Kustomizations than this, each applied by the one before it, are a mistake.
const DEPTH_MAX: usize = 50;

impl Builder<'_, '_> {
    /// The files that a Kustomization applies as it stands, by their indices.
    pub(super) fn reads(&mut self, kustomization: &FluxKustomization) -> BTreeSet<usize> {
        match self.folder_of_its_own(kustomization) {
            Some(folder) => self.plain(&folder).resources.iter().copied().collect(),
            None => BTreeSet::new(),
        }
    }

    /// The folder that a Kustomization applies, as far as it alone tells: the top of any other source is not that of the repository.
    pub(super) fn folder_of_its_own(&self, kustomization: &FluxKustomization) -> Option<String> {
        let is_usual = kustomization.source().is_none_or(|source| self.usual.as_ref() == Some(&source));
        self.folder(kustomization).map(|(folder, _)| folder).filter(|folder| is_usual || !folder.is_empty())
    }

    pub(super) fn plain(&mut self, folder: &str) -> Rc<Build> {
        if let Some(known) = self.plain.get(folder) {
            return known.clone();
        }
        let build = Rc::new(build_for(self.files, folder, None));
        self.plain.insert(folder.to_owned(), build.clone());
        build
    }

    /// A folder as a Kustomization applies it, or as it is.
    fn flux(&mut self, folder: &str, kustomization: Option<&FluxKustomization>) -> Rc<Build> {
        let object = kustomization.map(|it| it.built.node.to_json());
        // Two with the same content at different places have different places in what they build.
        let place = kustomization.map(FluxKustomization::place);
        let key =
            (folder.to_owned(), format!("{place:?} {}", object.as_ref().map(Value::to_string).unwrap_or_default()));
        if let Some(known) = self.flux.get(&key) {
            return known.clone();
        }
        let ours = match kustomization.and_then(FluxKustomization::spec) {
            Some(spec) => Rc::new(build_for(self.files, folder, Some(spec))),
            None => self.plain(folder),
        };
        let request = FluxBuildRequest {
            path: folder.to_owned(),
            kustomization: object,
            unknown_variables: kustomization.is_some_and(FluxKustomization::has_unknown_values),
            ..FluxBuildRequest::default()
        };
        let answer = self.upstream.as_deref_mut().and_then(|upstream| ask(upstream, request, &ours));
        let build = match answer {
            Some(answer) => Rc::new(reconciled(self.files, folder, Build::clone(&ours), &answer)),
            None => ours,
        };
        self.flux.insert(key, build.clone());
        build
    }

    /// The folder that a Kustomization points at, and where the repository begins for it: at the top, or further down for a tree that is
    /// pushed to a repository of its own.
    fn folder(&self, kustomization: &FluxKustomization) -> Option<(String, String)> {
        let path = kustomize::join("", kustomization.path())?;
        let home = kustomize::folder_of(self.files.path(kustomization.built.file));
        let source = kustomization.source();
        if let Some(artifact) = source.as_ref().filter(|source| source.kind == "ExternalArtifact") {
            let folder = self.artifacts.folder(&artifact.name, &path, home)?;
            return self.files.has_folder(&folder).then_some((folder, String::new()));
        }
        let is_git = source.is_none_or(|source| source.kind == "GitRepository");
        let deeper = home.match_indices('/').map(|(at, _)| &home[..at]).chain([home]);
        // The top of any repository is there, and an artifact of a registry may have any folder.
        let tops = std::iter::once("").chain(deeper.filter(|_| is_git && !path.is_empty()));
        tops.map(|top| (kustomize::join(top, &path).unwrap_or_default(), top.to_owned()))
            .find(|(folder, _)| self.files.has_folder(folder))
    }

    /// Which folders read some files. A folder whose files are all read by a Kustomization is applied, and starts nothing.
    pub(super) fn readers(&mut self, wanted: &BTreeSet<usize>, taken: &[BTreeSet<usize>]) -> Readers {
        let files = self.files;
        let folders = files.paths().filter(|path| kustomize::is_kustomization(path)).map(kustomize::folder_of);
        let builds: Vec<(&str, Rc<Build>)> = folders.map(|folder| (folder, self.plain(folder))).collect();
        let used = used_by_others(&builds);
        let taken: BTreeSet<usize> = taken.iter().flatten().copied().collect();
        let mut readers = Readers::default();
        for (folder, build) in &builds {
            readers.patches.extend(build.used.intersection(wanted));
            let is_applied = build.resources.iter().all(|file| taken.contains(file));
            if is_applied || used.contains(folder) {
                continue;
            }
            for file in build.resources.iter().filter(|file| wanted.contains(file)) {
                let folders = readers.folders.entry(*file).or_default();
                if !folders.iter().any(|known| known == folder) {
                    folders.push((*folder).to_owned());
                }
            }
        }
        readers
    }

    fn placed(&mut self, start: Start, candidates: &[FluxKustomization]) -> Placed<Start> {
        let of_file = |file: usize| kustomize::folder_of(self.files.path(file)).to_owned();
        let folder = match &start {
            Start::Kustomization(it) => of_file(it.built.file),
            Start::Folder(folder) => folder.clone(),
            Start::File(file) => of_file(*file),
        };
        let mut ids: BTreeSet<KustomizationId> =
            self.kustomizations(&start, candidates).iter().map(FluxKustomization::id).collect();
        if let Start::Kustomization(_) = start {
            // A cluster is bootstrapped once.
            ids.insert(KustomizationId { namespace: String::new(), name: String::new() });
        }
        Placed { folder, ids, what: start }
    }

    /// The Kustomizations that a start brings, in the order of the text.
    fn kustomizations(&mut self, start: &Start, candidates: &[FluxKustomization]) -> Vec<FluxKustomization> {
        match start {
            Start::Kustomization(kustomization) => vec![kustomization.as_ref().clone()],
            Start::Folder(folder) => kustomizations(&self.flux(folder, None).objects).collect(),
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
        let bootstrapped = starts.iter().all(|start| matches!(start, Start::Kustomization(_)));
        let mut cluster = Cluster { applied: Vec::new(), complete: true, bootstrapped };
        let mut open: Vec<(FluxKustomization, usize)> = Vec::new();
        for start in starts.iter().rev() {
            open.extend(self.kustomizations(start, candidates).into_iter().rev().map(|it| (it, 0)));
            match start {
                Start::Kustomization(_) => {}
                Start::Folder(folder) => {
                    let build = self.flux(folder, None);
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
        let is_made_here = kustomization.source().is_some_and(|it| it.kind == "ExternalArtifact") && folder.is_some();
        let origin = if is_made_here { Origin::Here } else { sources.origin(&kustomization, is_there) };
        if let Origin::Elsewhere { source } = origin {
            return nothing(kustomization, What::Elsewhere { source });
        }
        let Some((folder, top)) = folder else { return nothing(kustomization, What::Missing) };
        let mut by = values.filled(&kustomization);
        let mut build = self.flux(&folder, Some(&by));
        let itself = kustomizations(&build.objects).find(|child| child.id() == by.id());
        if let Some(itself) = itself.map(|itself| values.filled(&itself)) {
            if itself.spec().map(Node::to_json) != by.spec().map(Node::to_json) {
                build = self.flux(&folder, Some(&itself));
            }
            by = itself;
        }
        Applied { by: Some(by), what: What::Folder { folder, top }, build, asked: true }
    }
}

/// Asks upstream for a build. Where the objects are from costs it a second build, and is needed only for those that our engine lacks.
fn ask(upstream: &mut dyn Upstream, request: FluxBuildRequest, ours: &Build) -> Option<FluxBuildAnswer> {
    let request = FluxBuildRequest { skip_origins: true, ..request };
    let answer = upstream.build(&request)?;
    if !lacks_some(ours, &answer) {
        return Some(answer);
    }
    upstream.build(&FluxBuildRequest { skip_origins: false, ..request }).or(Some(answer))
}

/// The folders that are built as a part of another one. Of two that use each other neither is.
pub(super) fn used_by_others<'b>(builds: &'b [(&str, Rc<Build>)]) -> BTreeSet<&'b str> {
    let uses: BTreeMap<&str, BTreeSet<&str>> = builds
        .iter()
        .map(|(folder, build)| (*folder, build.kustomizations.iter().map(|path| kustomize::folder_of(path)).collect()))
        .collect();
    let is_mutual = |a: &str, b: &str| uses.get(b).is_some_and(|used| used.contains(a));
    let pairs = uses.iter().flat_map(|(folder, used)| used.iter().map(move |used| (*folder, *used)));
    pairs.filter(|(folder, used)| folder != used && !is_mutual(folder, used)).map(|(_, used)| used).collect()
}

pub(super) fn kustomizations(objects: &[Built]) -> impl Iterator<Item = FluxKustomization> + use<'_> {
    objects.iter().filter(|built| is_flux_kustomization(&built.node)).map(|built| built.clone().into())
}
