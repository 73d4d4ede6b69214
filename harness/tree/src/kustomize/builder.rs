//! What builds are made with: the files, what has been found so far, and how it is reported.

use std::collections::BTreeSet;

use super::join;
use super::kinds::Schemas;
use super::source_ignore;
use crate::files::Files;
use crate::finding::{Finding, Severity};
use harness_yaml::suggest;
use harness_yaml::{Mark, Node, SyntaxError};

const EFFECT: &str = "kustomize cannot build the tree: Flux applies nothing of it";
/// The rule of what a build has and is not built here.
const UNCHECKED: &str = "kustomization-unchecked";
/// The rule of bases that are not in the tree.
const ELSEWHERE: &str = "kustomization-elsewhere";

/// One object as Flux would apply it.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    /// The file that it is from, by its index.
    pub(crate) file: usize,
    pub(crate) node: Node,
}

/// What a folder builds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Build {
    pub(crate) objects: Vec<Built>,
    /// The objects as kustomize prints them, in the same order; empty where our own engine has built them.
    pub(crate) printed: Vec<String>,
    pub(crate) findings: Vec<Finding>,
    /// The indices of the files that hold objects, in the order in which they were read.
    pub(crate) resources: Vec<usize>,
    /// The indices of the files that patches and generators use.
    pub(crate) used: BTreeSet<usize>,
    /// The kustomizations that were read.
    pub(crate) kustomizations: BTreeSet<String>,
    /// Whether the build has what is not built here, each with a note.
    pub(crate) declared: bool,
    /// Bases of other repositories, as they are named, each with a note.
    pub(crate) elsewhere: Vec<(String, Mark)>,
    /// Whether kustomize refuses an object for what the rules about objects say: that it is none, or that there are two of one id.
    pub(crate) refused: bool,
}

impl Build {
    /// Every file that was read for it, by its index.
    pub(crate) fn reads(&self, files: &Files) -> BTreeSet<usize> {
        let kustomizations = self.kustomizations.iter().filter_map(|path| files.find(path));
        self.resources.iter().copied().chain(self.used.iter().copied()).chain(kustomizations).collect()
    }

    /// Whether more, or something else, is applied than what could be built here.
    pub(crate) fn is_partial(&self) -> bool {
        let has_error = self.findings.iter().any(|finding| finding.severity == Severity::Error);
        self.declared || !self.elsewhere.is_empty() || has_error
    }
}

/// Where a kustomization stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    /// The folder that its paths are relative to.
    pub(super) folder: &'p str,
}

/// Who builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// kustomize-controller, which writes the outermost kustomization again.
    Flux,
    /// kustomize as it is, which may be restricted to the folders of the kustomizations.
    #[cfg(test)]
    Kustomize { restricted: bool },
}

impl By {
    pub(super) fn is_restricted(self) -> bool {
        match self {
            Self::Flux => false,
            #[cfg(test)]
            Self::Kustomize { restricted } => restricted,
        }
    }
}

pub(super) struct Builder<'a> {
    pub(super) files: &'a Files,
    pub(super) by: By,
    /// What was built so far, without the objects.
    pub(super) build: Build,
    /// The kustomizations that are being read, outermost first.
    pub(super) open: Vec<String>,
    /// Kustomizations read so far, each as often as it is built.
    pub(super) opened: usize,
    /// The kinds that `openapi.path` brought, with kustomize's own.
    pub(super) own_schemas: Option<Schemas>,
    /// Whether annotations say where objects are from.
    pub(super) has_origins: bool,
    /// The order that the outermost kustomization asks for.
    pub(super) sort_options: Option<Node>,
}

/// A few kustomizations that name each other twice stand for billions of builds.
pub(super) const OPENED_MAX: usize = 2_000;

impl<'a> Builder<'a> {
    pub(super) fn new(files: &'a Files) -> Self {
        Self {
            files,
            by: By::Flux,
            build: Build::default(),
            open: Vec::new(),
            opened: 0,
            own_schemas: None,
            has_origins: false,
            sort_options: None,
        }
    }

    pub(super) fn finish(mut self, objects: Vec<Built>) -> Build {
        // A base that is built twice has the same to say twice.
        let mut seen = BTreeSet::new();
        self.build.findings.retain(|finding| {
            seen.insert((finding.rule, finding.file.clone(), finding.offset, finding.message.clone()))
        });
        Build { objects, ..self.build }
    }

    pub(super) fn schemas(&self) -> &Schemas {
        self.own_schemas.as_ref().unwrap_or_else(|| Schemas::built_in())
    }

    /// Reports what makes kustomize refuse the build.
    pub(super) fn report(&mut self, rule: &'static str, mark: Mark, message: impl Into<String>, fix: &str) {
        let file = self.files.path_of(mark);
        self.build.findings.push(Finding::new(Severity::Error, rule, file, mark, message).effect(EFFECT).fix(fix));
    }

    /// Reports that something is not among the objects. Where some of them are not known here, it may be one of those.
    pub(super) fn report_absent(&mut self, rule: &'static str, mark: Mark, message: impl Into<String>, fix: &str) {
        if self.knows_all_objects() {
            return self.report(rule, mark, message, fix);
        }
        let message = message.into();
        self.declare(mark, message, "it may be among the objects that are not built here, and Flux can build it then");
    }

    pub(super) fn knows_all_objects(&self) -> bool {
        !self.build.declared && self.build.elsewhere.is_empty()
    }

    /// Reports what Flux builds, and likely not as it is meant.
    pub(super) fn warn(&mut self, rule: &'static str, mark: Mark, message: impl Into<String>, effect: &str, fix: &str) {
        let file = self.files.path_of(mark);
        self.build.findings.push(Finding::new(Severity::Warning, rule, file, mark, message).effect(effect).fix(fix));
    }

    /// Says what is not built here: silence must not look like a check.
    pub(super) fn declare(&mut self, mark: Mark, message: impl Into<String>, effect: &str) {
        let file = self.files.path_of(mark);
        self.build.declared = true;
        self.build.findings.push(Finding::new(Severity::Note, UNCHECKED, file, mark, message).effect(effect));
    }

    pub(super) fn syntax(&mut self, error: &SyntaxError) {
        self.report("yaml", error.mark, error.message.clone(), error.hint);
    }

    /// The file that a place is in.
    pub(super) fn path_of(&self, mark: Mark) -> &'a str {
        self.files.path_of(mark)
    }

    /// A file that Flux sees.
    pub(super) fn index_of(&self, path: &str) -> Option<usize> {
        let index = self.files.find(path)?;
        (self.by != By::Flux || !source_ignore::is_ignored(self.files, path)).then_some(index)
    }

    /// A file that a kustomization uses, by its index.
    pub(super) fn file_at(&mut self, rule: &'static str, place: Place<'_>, item: &Node, path: &str) -> Option<usize> {
        let path = self.local(rule, place, item, path)?;
        let index = self.index_of(&path);
        match index {
            Some(index) => {
                self.build.used.insert(index);
                self.restrict(rule, place, item, &path);
            }
            None => self.missing(rule, item, &path),
        }
        index
    }

    /// What an item names, as a path of the tree.
    pub(super) fn local(&mut self, rule: &'static str, place: Place<'_>, item: &Node, named: &str) -> Option<String> {
        if is_remote(named) {
            self.build.elsewhere.push((named.to_owned(), item.mark));
            let file = self.files.path_of(item.mark);
            let message = format!("`{named}` is not in the tree: what comes from there is not checked");
            self.build.findings.push(
                Finding::new(Severity::Note, ELSEWHERE, file, item.mark, message)
                    .effect(
                        "Flux fetches it at each reconciliation, unless it runs with --no-remote-bases as it does here",
                    )
                    .fix("commit a copy where a run needs it: a run must not depend on the network"),
            );
            return None;
        }
        if named.starts_with('/') {
            let message = format!("`{named}` is not relative to the kustomization");
            self.report(rule, item.mark, message, "write a path relative to this file");
            return None;
        }
        let path = join(place.folder, named);
        if path.is_none() {
            let message = format!("`{named}` is outside of the tree");
            self.report(rule, item.mark, message, "hand over the folder that holds both");
        }
        path
    }

    pub(super) fn missing(&mut self, rule: &'static str, item: &Node, path: &str) {
        if let Some(target) = self.files.link(path) {
            let message = format!("`{path}` is a symbolic link to `{target}`, and Flux leaves links out");
            return self.report(rule, item.mark, message, "name what it points at, or commit a copy");
        }
        if self.files.find(path).is_some() {
            let message = format!("`{path}` is not a part of what Flux fetches");
            let fix = "its name, or a .sourceignore, leaves it out: rename it, or add a line with `!` there";
            return self.report(rule, item.mark, message, fix);
        }
        let message = format!("there is no `{path}` in the tree");
        let fix = suggest::closest(path, self.files.paths())
            .map_or_else(|| "add the file, or remove the line".to_owned(), |near| format!("did you mean `{near}`?"));
        self.report(rule, item.mark, message, &fix);
    }
}

/// Whether a path is that of another repository. Source: `NewRepoSpecFromURL` of api/internal/git/repospec.go.
fn is_remote(path: &str) -> bool {
    let is_file = path.starts_with("file://");
    !is_file
        && (path.contains("://")
            || path.starts_with("git::")
            || path.starts_with("git@")
            || path.starts_with("github.com/")
            || path.starts_with("github.com:")
            || path.contains("?ref="))
}
