//! The build of a folder: resources, components, generators, then what changes them, in kustomize's order.

use std::collections::BTreeSet;

use super::layers::layers;
use super::paths::NAMES;
use super::{fields, generate, is_kustomization, is_yaml, join, kustomization_in, patch, transform};
use crate::node_config::{Finding, Severity, SourceFile};
use harness_yaml::suggest;
use harness_yaml::{self as yaml, Mark, Node, SyntaxError};

const EFFECT: &str = "kustomize cannot build the tree: Flux applies nothing of it";
const SYNTAX_FIX: &str = "check indentation, colons and brackets near here";

/// One object as Flux would apply it.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    /// The file that it is from, by its index.
    pub(crate) file: usize,
    pub(crate) node: Node,
}

/// What a folder builds.
#[derive(Debug, Default)]
pub(crate) struct Build {
    pub(crate) objects: Vec<Built>,
    pub(crate) findings: Vec<Finding>,
    /// The indices of the files that hold objects, in the order in which they were read.
    pub(crate) resources: Vec<usize>,
    /// The indices of the files that patches and generators use.
    pub(crate) used: BTreeSet<usize>,
    /// The kustomizations that were read.
    pub(crate) kustomizations: BTreeSet<String>,
}

/// Builds a folder as Flux would; the empty text is the top of the tree.
pub(crate) fn build(files: &[SourceFile], folder: &str) -> Build {
    let mut builder = Builder::new(files);
    let objects = builder.root(folder);
    builder.finish(objects)
}

/// The files whose objects are applied, by the top or by a layer.
pub(crate) fn built_files(files: &[SourceFile]) -> Vec<&SourceFile> {
    let build = build(files, "");
    let layers = layers(files, &build);
    let mut all = build.resources;
    for index in layers.iter().flat_map(|layer| &layer.build.build.resources) {
        if !all.contains(index) {
            all.push(*index);
        }
    }
    all.iter().map(|index| &files[*index]).collect()
}

pub(super) struct Builder<'a> {
    pub(super) files: &'a [SourceFile],
    pub(super) findings: Vec<Finding>,
    resources: Vec<usize>,
    used: BTreeSet<usize>,
    kustomizations: BTreeSet<String>,
    /// The kustomizations that are being read, outermost first.
    open: Vec<String>,
    /// Kustomizations read so far, each as often as it is built.
    opened: usize,
}

/// A few kustomizations that name each other twice stand for billions of builds.
const OPENED_MAX: usize = 2_000;

impl<'a> Builder<'a> {
    pub(super) fn new(files: &'a [SourceFile]) -> Self {
        let (findings, resources, used) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { files, findings, resources, used, kustomizations: BTreeSet::new(), open: Vec::new(), opened: 0 }
    }

    pub(super) fn finish(self, objects: Vec<Built>) -> Build {
        let Self { findings, resources, used, kustomizations, .. } = self;
        Build { objects, findings, resources, used, kustomizations }
    }

    pub(super) fn report(&mut self, rule: &'static str, file: &str, mark: Mark, message: String, fix: &str) {
        self.findings.push(Finding::new(Severity::Error, rule, file, mark, message).effect(EFFECT).fix(fix));
    }

    /// The file that a place is in.
    pub(super) fn path_of(&self, mark: Mark) -> &'a str {
        self.files.get(usize::from(mark.source)).map_or("", |file| file.path.as_str())
    }

    pub(super) fn parse(&self, index: usize) -> Result<Vec<Node>, SyntaxError> {
        yaml::documents_of(&self.files[index].text, u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// A file that a patch or generator uses.
    pub(super) fn using(&mut self, path: &str) -> Option<usize> {
        let index = self.index_of(path)?;
        self.used.insert(index);
        Some(index)
    }

    fn index_of(&self, path: &str) -> Option<usize> {
        self.files.iter().position(|file| file.path == path)
    }

    /// The objects of a folder. Where it has no kustomization, kustomize-controller writes one of all manifests below it.
    pub(super) fn root(&mut self, folder: &str) -> Vec<Built> {
        let mut objects = Vec::new();
        if let Some(kustomization) = kustomization_in(self.files, folder) {
            self.folder(&kustomization.path, &mut objects);
            return objects;
        }
        let below = |path: &str| folder.is_empty() || path.starts_with(&format!("{folder}/"));
        // A folder below that has a kustomization is taken as that says.
        let inner: Vec<&str> = self
            .files
            .iter()
            .filter(|file| below(&file.path) && is_kustomization(&file.path))
            .map(|file| super::folder_of(&file.path))
            .collect();
        let tops: Vec<&str> = inner
            .iter()
            .copied()
            .filter(|folder| !inner.iter().any(|other| other != folder && folder.starts_with(&format!("{other}/"))))
            .collect();
        let loose: Vec<usize> = (0..self.files.len())
            .filter(|index| {
                let path = self.files[*index].path.as_str();
                below(path) && is_yaml(path) && !tops.iter().any(|top| path.starts_with(&format!("{top}/")))
            })
            .collect();
        for index in &loose {
            self.file(*index, &mut objects);
        }
        for top in &tops {
            if let Some(kustomization) = kustomization_in(self.files, top) {
                self.folder(&kustomization.path, &mut objects);
            }
        }
        let first = loose.first().map(|index| self.files[*index].path.as_str());
        let path =
            first.or(tops.first().and_then(|top| kustomization_in(self.files, top)).map(|file| file.path.as_str()));
        let message = if folder.is_empty() {
            "there is no kustomization.yaml at the top of the tree".to_owned()
        } else {
            format!("there is no kustomization.yaml in `{folder}`")
        };
        let note =
            Finding::new(Severity::Note, "kustomization-missing", path.unwrap_or(NAMES[0]), Mark::START, message)
                .effect("Flux builds one that names every YAML file of the tree")
                .fix("add a kustomization.yaml that names what is meant");
        self.findings.push(note);
        objects
    }

    /// Builds a kustomization into `objects`: a component changes what is in there already, a kustomization only what it brings.
    fn folder(&mut self, path: &str, objects: &mut Vec<Built>) {
        let Some(index) = self.index_of(path) else { return };
        self.opened += 1;
        if self.opened > OPENED_MAX {
            if self.opened == OPENED_MAX + 1 {
                let message =
                    format!("more than {OPENED_MAX} kustomizations are built: each base is built once for every use");
                self.report("kustomization-resources", path, Mark::START, message, "name each base in fewer places");
            }
            return;
        }
        let documents = match self.parse(index) {
            Ok(documents) => documents,
            Err(error) => return self.report("yaml", path, error.mark, error.message, SYNTAX_FIX),
        };
        let [document] = documents.as_slice() else {
            let message = "a kustomization is one document".to_owned();
            return self.report("kustomization-fields", path, Mark::START, message, "write one, with `resources`");
        };
        self.open.push(path.to_owned());
        self.kustomizations.insert(path.to_owned());
        fields::check(self, path, document);
        let component = document.get("kind").and_then(Node::text) == Some("Component");
        let mut own = if component { std::mem::take(objects) } else { Vec::new() };
        self.content(path, document, &mut own);
        objects.append(&mut own);
        self.open.pop();
    }

    fn content(&mut self, path: &str, document: &Node, objects: &mut Vec<Built>) {
        let folder = super::folder_of(path);
        let list = |key: &str| document.get(key).map_or(&[][..], Node::items);
        let text = |key: &str| document.get(key).and_then(Node::scalar).unwrap_or_default();
        for key in ["resources", "bases"] {
            let items = list(key);
            for (position, item) in items.iter().enumerate() {
                let same = |other: &Node| other.text().and_then(|text| join(folder, text));
                if items[..position].iter().any(|earlier| same(earlier).is_some() && same(earlier) == same(item)) {
                    let message = format!("`{}` is built twice", item.scalar().unwrap_or_default());
                    self.report("kustomization-resources", path, item.mark, message, "name it once");
                    continue;
                }
                self.resource(path, folder, item, objects);
            }
        }
        generate::generate(self, path, folder, document, objects);
        for item in list("components") {
            self.component(path, folder, item, objects);
        }
        patch::apply(self, path, folder, document, objects);
        if let Some(namespace) = document.get("namespace").filter(|node| node.text().is_some()) {
            transform::namespace(objects, namespace);
        }
        transform::names(objects, &text("namePrefix"), &text("nameSuffix"));
        if let Some(pairs) = document.get("commonLabels") {
            transform::labels(objects, pairs, true, true);
        }
        for item in list("labels") {
            let asked = |key: &str| item.get(key).and_then(Node::scalar).as_deref() == Some("true");
            if let Some(pairs) = item.get("pairs") {
                transform::labels(objects, pairs, asked("includeSelectors"), asked("includeTemplates"));
            }
        }
        if let Some(pairs) = document.get("commonAnnotations") {
            transform::annotations(objects, pairs);
        }
        transform::replicas(objects, list("replicas"));
        transform::images(objects, list("images"));
    }

    fn resource(&mut self, kustomization: &str, folder: &str, item: &Node, objects: &mut Vec<Built>) {
        const RULE: &str = "kustomization-resources";
        let Some((resource, path)) = self.local(RULE, kustomization, folder, item) else { return };
        if let Some(index) = self.index_of(&path) {
            return self.file(index, objects);
        }
        self.enter(RULE, kustomization, item, &resource, &path, objects);
    }

    /// Applies a component to the objects.
    pub(super) fn component(&mut self, kustomization: &str, folder: &str, item: &Node, objects: &mut Vec<Built>) {
        const RULE: &str = "kustomization-components";
        let Some((resource, path)) = self.local(RULE, kustomization, folder, item) else { return };
        self.enter(RULE, kustomization, item, &resource, &path, objects);
    }

    /// Builds the kustomization in a folder that another one names, unless that leads in a circle.
    fn enter(
        &mut self,
        rule: &'static str,
        kustomization: &str,
        item: &Node,
        named: &str,
        path: &str,
        objects: &mut Vec<Built>,
    ) {
        match kustomization_in(self.files, path) {
            Some(inner) if self.open.contains(&inner.path) => {
                let message = format!("`{named}` leads back to a kustomization that is being built");
                self.report(rule, kustomization, item.mark, message, "remove the circle");
            }
            Some(inner) => {
                let inner = inner.path.clone();
                self.folder(&inner, objects);
            }
            None => self.missing(rule, kustomization, item, path),
        }
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
    fn local(
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

    fn missing(&mut self, rule: &'static str, kustomization: &str, item: &Node, path: &str) {
        let message = format!("there is no `{path}` in the tree");
        let fix = suggest::closest(path, self.files.iter().map(|file| file.path.as_str()))
            .map_or_else(|| "add the file, or remove the line".to_owned(), |near| format!("did you mean `{near}`?"));
        self.report(rule, kustomization, item.mark, message, &fix);
    }

    /// The objects of a file; a `List` is taken apart as kustomize does.
    fn file(&mut self, index: usize, objects: &mut Vec<Built>) {
        if !self.resources.contains(&index) {
            self.resources.push(index);
        }
        let documents = match self.parse(index) {
            Ok(documents) => documents,
            Err(error) => {
                let path = self.files[index].path.clone();
                return self.report("yaml", &path, error.mark, error.message, SYNTAX_FIX);
            }
        };
        for document in documents {
            let list = document.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
            let nodes = match document.get("items") {
                Some(items) if list => items.items().to_vec(),
                _ => vec![document],
            };
            objects.extend(nodes.into_iter().map(|node| Built { file: index, node }));
        }
    }
}
