//! What builds are made with: the files, what has been found so far, and how it is reported.

use std::collections::BTreeSet;

use super::join;
use crate::files::Files;
use crate::finding::{Finding, Severity};
use harness_yaml::suggest;
use harness_yaml::{Mark, Node, SyntaxError};

const EFFECT: &str = "kustomize cannot build the tree: Flux applies nothing of it";
pub(super) const SYNTAX_FIX: &str = "check indentation, colons and brackets near here";

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
}

impl Build {
    /// Every file that was read for it, by its index.
    pub(crate) fn reads(&self, files: &Files) -> BTreeSet<usize> {
        let kustomizations = self.kustomizations.iter().filter_map(|path| files.find(path));
        self.resources.iter().copied().chain(self.used.iter().copied()).chain(kustomizations).collect()
    }

    /// Whether more, or something else, is applied than what could be built here.
    pub(crate) fn is_partial(&self) -> bool {
        let says_so =
            |finding: &Finding| finding.severity == Severity::Error || finding.rule == "kustomization-unchecked";
        self.findings.iter().any(says_so)
    }
}

pub(super) struct Builder<'a> {
    pub(super) files: &'a Files,
    /// What was built so far, without the objects.
    pub(super) build: Build,
    /// The kustomizations that are being read, outermost first.
    pub(super) open: Vec<String>,
    /// Kustomizations read so far, each as often as it is built.
    pub(super) opened: usize,
}

/// A few kustomizations that name each other twice stand for billions of builds.
pub(super) const OPENED_MAX: usize = 2_000;

impl<'a> Builder<'a> {
    pub(super) fn new(files: &'a Files) -> Self {
        Self { files, build: Build::default(), open: Vec::new(), opened: 0 }
    }

    pub(super) fn finish(self, objects: Vec<Built>) -> Build {
        Build { objects, ..self.build }
    }

    pub(super) fn report(&mut self, rule: &'static str, file: &str, mark: Mark, message: String, fix: &str) {
        self.build.findings.push(Finding::new(Severity::Error, rule, file, mark, message).effect(EFFECT).fix(fix));
    }

    /// The file that a place is in.
    pub(super) fn path_of(&self, mark: Mark) -> &'a str {
        self.files.path_of(mark)
    }

    pub(super) fn parse(&self, index: usize) -> Result<&'a [Node], &'a SyntaxError> {
        self.files.documents(index)
    }

    /// A file that a patch or generator uses.
    pub(super) fn using(&mut self, path: &str) -> Option<usize> {
        let index = self.index_of(path)?;
        self.build.used.insert(index);
        Some(index)
    }

    pub(super) fn index_of(&self, path: &str) -> Option<usize> {
        self.files.find(path)
    }

    /// A file of the tree that a patch or generator names, by its index.
    pub(super) fn file_at(&mut self, kustomization: &str, folder: &str, item: &Node) -> Option<usize> {
        const RULE: &str = "kustomization-patches";
        let (_, path) = self.local(RULE, kustomization, folder, item)?;
        let index = self.using(&path);
        if index.is_none() {
            self.missing(RULE, kustomization, item, &path);
        }
        index
    }

    /// What an item names, as it is written and as a path of the tree.
    pub(super) fn local(
        &mut self,
        rule: &'static str,
        kustomization: &str,
        folder: &str,
        item: &Node,
    ) -> Option<(String, String)> {
        let Some(resource) = item.text() else {
            let message = format!("a resource is a path, not {}", item.describe());
            self.report(rule, kustomization, item.mark, message, "write a path relative to this file");
            return None;
        };
        if resource.contains("://") || resource.starts_with("github.com/") || resource.contains("git@") {
            let message = format!("`{resource}` is not in the tree");
            let fix = "commit a copy: Flux runs with --no-remote-bases here, and a run must not depend on the network";
            self.report(rule, kustomization, item.mark, message, fix);
            return None;
        }
        let Some(path) = join(folder, resource) else {
            let message = format!("`{resource}` is outside of the tree");
            self.report(rule, kustomization, item.mark, message, "hand over the folder that holds both");
            return None;
        };
        Some((resource.to_owned(), path))
    }

    pub(super) fn missing(&mut self, rule: &'static str, kustomization: &str, item: &Node, path: &str) {
        let message = format!("there is no `{path}` in the tree");
        let fix = suggest::closest(path, self.files.paths())
            .map_or_else(|| "add the file, or remove the line".to_owned(), |near| format!("did you mean `{near}`?"));
        self.report(rule, kustomization, item.mark, message, &fix);
    }
}
