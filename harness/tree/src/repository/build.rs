//! The builds of a repository's folders, each made once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::applied::Folder;
use super::artifacts::Artifacts;
use super::kustomization::{FluxKustomization, SourceRef};
use super::sources::Sources;
use crate::files::Files;
use crate::kustomize::{self, Build, build_for};
use crate::upstream::{FluxBuildAnswer, FluxBuildRequest, Upstream, lacks_some, reconciled};
use serde_json::Value;

/// Builds each folder once.
pub(super) struct Builder<'f, 'u> {
    pub(super) files: &'f Files,
    artifacts: Artifacts,
    /// The source that most Kustomizations name.
    usual: Option<SourceRef>,
    plain: HashMap<String, Rc<Build>>,
    outlines: HashMap<String, Rc<Outline>>,
    /// The folders that are built as a part of another one, as far as that is known.
    used: BTreeSet<String>,
    /// By folder, and by the Kustomization as its parents and values have made it.
    flux: HashMap<(String, String), Rc<Build>>,
    upstream: Option<&'u mut dyn Upstream>,
}

/// What a folder builds, without the objects: a repository has hundreds of bases whose objects are only those of overlays.
pub(super) struct Outline {
    /// The files that hold its objects.
    pub(super) resources: Vec<usize>,
    /// The files that patches and generators use.
    pub(super) used: BTreeSet<usize>,
    /// The folders of the kustomizations that were read, its own among them.
    folders: BTreeSet<String>,
}

impl Outline {
    fn of(build: &Build) -> Self {
        let folders = build.kustomizations.iter().map(|path| kustomize::folder_of(path).to_owned()).collect();
        Self { resources: build.resources.clone(), used: build.used.clone(), folders }
    }
}

/// Which folders read files that no Kustomization applies.
#[derive(Default)]
pub(super) struct Readers {
    /// By file: the folders that have it among their resources and that no other folder uses.
    pub(super) folders: BTreeMap<usize, Vec<String>>,
}

impl<'f, 'u> Builder<'f, 'u> {
    pub(super) fn new(
        files: &'f Files,
        candidates: &[FluxKustomization],
        upstream: Option<&'u mut dyn Upstream>,
    ) -> Self {
        Self {
            files,
            artifacts: Artifacts::of(files),
            usual: Sources::of(candidates, |it| {
                placed(files, &kustomize::kept_within(it.path()), home(files, it), true)
            })
            .own,
            plain: HashMap::new(),
            outlines: HashMap::new(),
            used: BTreeSet::new(),
            flux: HashMap::new(),
            upstream,
        }
    }

    /// The files that a Kustomization applies as it stands, by their indices.
    pub(super) fn reads(&mut self, kustomization: &FluxKustomization) -> BTreeSet<usize> {
        let Some(folder) = self.folder_of_its_own(kustomization) else { return BTreeSet::new() };
        let components = kustomization.spec().map_or(&[][..], |spec| spec.items_at(&["components"]));
        let components = components.iter().filter_map(|it| kustomize::join(&folder, it.text()?));
        let folders: Vec<String> = components.chain([folder.clone()]).collect();
        folders.iter().flat_map(|folder| self.outline(folder).resources.clone()).collect()
    }

    /// The folder that a Kustomization applies, as far as it alone tells: the top of any other source is not that of the repository.
    pub(super) fn folder_of_its_own(&self, kustomization: &FluxKustomization) -> Option<String> {
        let is_usual = kustomization.source().is_some_and(|source| self.usual.as_ref() == Some(&source));
        self.folder(kustomization).map(|folder| folder.path).filter(|folder| is_usual || !folder.is_empty())
    }

    /// What a folder as it is builds, of which the objects are not kept: Flux applies them as Kustomizations change them.
    pub(super) fn outline(&mut self, folder: &str) -> Rc<Outline> {
        if let Some(known) = self.outlines.get(folder) {
            return known.clone();
        }
        let outline = match self.plain.get(folder) {
            Some(build) => Outline::of(build),
            None => Outline::of(&build_for(self.files, folder, None)),
        };
        let outline = Rc::new(outline);
        self.outlines.insert(folder.to_owned(), outline.clone());
        outline
    }

    /// The same for a folder that may be applied as it is: its objects are kept, unless they are a part of what another folder builds.
    pub(super) fn outline_of_root(&mut self, folder: &str) -> Rc<Outline> {
        self.plain(folder);
        let outline = self.outline(folder);
        for used in outline.folders.iter().filter(|used| *used != folder) {
            self.plain.remove(used);
            self.used.insert(used.clone());
        }
        if self.used.contains(folder) {
            self.plain.remove(folder);
        }
        outline
    }

    fn plain(&mut self, folder: &str) -> Rc<Build> {
        if let Some(known) = self.plain.get(folder) {
            return known.clone();
        }
        let build = Rc::new(build_for(self.files, folder, None));
        self.plain.insert(folder.to_owned(), build.clone());
        build
    }

    /// Says that a folder will most likely be built, so that upstream may begin.
    pub(super) fn begin(&mut self, folder: &str, kustomization: Option<&FluxKustomization>) {
        let Some(upstream) = self.upstream.as_deref_mut() else { return };
        let (key, request) = wanted(folder, kustomization);
        if !self.flux.contains_key(&key) {
            upstream.begin(&request);
        }
    }

    /// A folder as a Kustomization applies it, or as it is.
    pub(super) fn flux(&mut self, folder: &str, kustomization: Option<&FluxKustomization>) -> Rc<Build> {
        let (key, request) = wanted(folder, kustomization);
        if let Some(known) = self.flux.get(&key) {
            return known.clone();
        }
        let ours = match kustomization.and_then(FluxKustomization::spec) {
            Some(spec) => Rc::new(build_for(self.files, folder, Some(spec))),
            None => self.plain(folder),
        };
        // Flux never sees what `.sourceignore` leaves out, and somebody else applies it if anybody does.
        let is_seen =
            kustomization.is_some() || !ours.kustomizations.iter().any(|path| kustomize::is_ignored(self.files, path));
        let upstream = self.upstream.as_deref_mut().filter(|_| is_seen);
        let answer = upstream.and_then(|upstream| ask(upstream, request, &ours));
        let build = match answer {
            Some(answer) => Rc::new(reconciled(self.files, folder, Build::clone(&ours), &answer)),
            None => ours,
        };
        self.flux.insert(key, build.clone());
        build
    }

    /// The folder that a Kustomization points at.
    pub(super) fn folder(&self, kustomization: &FluxKustomization) -> Option<Folder> {
        let path = kustomize::kept_within(kustomization.path());
        let home = home(self.files, kustomization);
        let source = kustomization.source();
        if let Some(artifact) = source.as_ref().filter(|source| source.kind == "ExternalArtifact") {
            return placed(self.files, &self.artifacts.folder(&artifact.name, &path, home)?, home, true);
        }
        // An artifact of a registry may have any folder.
        let may_be_here = source.is_none_or(|it| it.kind == "GitRepository" || self.usual.as_ref() == Some(&it));
        placed(self.files, &path, home, may_be_here)
    }

    /// Which folders read some files. A folder whose files are all read by a Kustomization is applied, and starts nothing.
    pub(super) fn readers(&mut self, wanted: &BTreeSet<usize>, taken: &[BTreeSet<usize>]) -> Readers {
        let files = self.files;
        // Nobody keeps what is in force in a hidden folder.
        let all = kustomize::kustomizations_below(files, "").filter(|(_, path)| !kustomize::is_hidden(path));
        let folders = all.map(|(_, path)| kustomize::folder_of(path));
        let builds: Vec<(&str, Rc<Outline>)> = folders.map(|folder| (folder, self.outline(folder))).collect();
        let used = used_by_others(&builds);
        let taken: BTreeSet<usize> = taken.iter().flatten().copied().collect();
        let mut readers = Readers::default();
        for (folder, build) in &builds {
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
}

/// The folder of the file that a Kustomization is in.
fn home<'f>(files: &'f Files, kustomization: &FluxKustomization) -> &'f str {
    kustomize::folder_of(files.path(kustomization.built.file))
}

/// The folder at a path from the top of the repository or, for what is kept at `home`, from a folder above that.
fn placed(files: &Files, path: &str, home: &str, or_deeper: bool) -> Option<Folder> {
    let deeper = home.match_indices('/').map(|(at, _)| &home[..at]).chain([home]);
    // The top of any repository is there.
    let tops = std::iter::once("").chain(deeper.filter(|_| or_deeper && !path.is_empty()));
    tops.map(|top| Folder { path: kustomize::join(top, path).unwrap_or_default(), top: top.to_owned() })
        .find(|folder| files.has_folder(&folder.path))
}

/// A build by what it is of, and the request for it.
fn wanted(folder: &str, kustomization: Option<&FluxKustomization>) -> ((String, String), FluxBuildRequest) {
    let object = kustomization.map(FluxKustomization::to_json);
    // Two with the same content at different places have different places in what they build.
    let place = kustomization.map(FluxKustomization::place);
    let key = (folder.to_owned(), format!("{place:?} {}", object.as_ref().map(Value::to_string).unwrap_or_default()));
    let request = FluxBuildRequest {
        path: folder.to_owned(),
        kustomization: object,
        unknown_variables: kustomization.is_some_and(FluxKustomization::has_unknown_values),
        // Where the objects are from costs upstream a second build.
        skip_origins: true,
        ..FluxBuildRequest::default()
    };
    (key, request)
}

/// Asks upstream for a build, and again with where the objects are from, which is needed only for those that our engine lacks.
fn ask(upstream: &mut dyn Upstream, request: FluxBuildRequest, ours: &Build) -> Option<FluxBuildAnswer> {
    let answer = upstream.build(&request)?;
    if !lacks_some(ours, &answer) {
        return Some(answer);
    }
    upstream.build(&FluxBuildRequest { skip_origins: false, ..request }).or(Some(answer))
}

/// The folders that are built as a part of another one. Of two that use each other neither is.
pub(super) fn used_by_others<'b>(builds: &'b [(&str, Rc<Outline>)]) -> BTreeSet<&'b str> {
    let uses: BTreeMap<&str, &BTreeSet<String>> = builds.iter().map(|(folder, it)| (*folder, &it.folders)).collect();
    let is_mutual = |a: &str, b: &str| uses.get(b).is_some_and(|used| used.contains(a));
    let pairs = uses.iter().flat_map(|(folder, used)| used.iter().map(move |used| (*folder, used.as_str())));
    pairs.filter(|(folder, used)| folder != used && !is_mutual(folder, used)).map(|(_, used)| used).collect()
}
