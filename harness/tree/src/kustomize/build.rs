//! The build of a folder: resources, components, generators, then what changes them, in kustomize's order.

use super::builder::{Build, Builder, Built, OPENED_MAX, SYNTAX_FIX};
use super::paths::NAMES;
use super::{fields, generate, is_kustomization, is_yaml, join, kustomization_in, patch, transform};
use crate::files::Files;
use crate::finding::{Finding, Severity};
use harness_yaml::{Mark, Node};

/// Builds a folder as Flux would; the empty text is the top of the tree.
pub(crate) fn build(files: &Files, folder: &str) -> Build {
    let mut builder = Builder::new(files);
    let objects = builder.root(folder);
    builder.finish(objects)
}

/// The objects of a document: itself, or those of the List that it is.
pub(crate) fn listed(document: &Node) -> &[Node] {
    let list = document.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    match document.get("items") {
        Some(items) if list => items.items(),
        _ => std::slice::from_ref(document),
    }
}

impl Builder<'_> {
    /// The objects of a folder. Where it has no kustomization, kustomize-controller writes one of all manifests below it.
    pub(super) fn root(&mut self, folder: &str) -> Vec<Built> {
        let mut objects = Vec::new();
        if let Some(kustomization) = kustomization_in(self.files, folder) {
            self.folder(kustomization, &mut objects);
            return objects;
        }
        let files = self.files;
        // A folder below that has a kustomization is taken as that says.
        let paths = || files.below(folder).map(|index| (index, files.path(index)));
        let inner: Vec<&str> =
            paths().filter(|(_, path)| is_kustomization(path)).map(|(_, path)| super::folder_of(path)).collect();
        let tops: Vec<&str> = inner
            .iter()
            .copied()
            .filter(|folder| !inner.iter().any(|other| other != folder && folder.starts_with(&format!("{other}/"))))
            .collect();
        let in_a_top = |path: &str| tops.iter().any(|top| path.starts_with(&format!("{top}/")));
        let loose: Vec<usize> =
            paths().filter(|(_, path)| is_yaml(path) && !in_a_top(path)).map(|(index, _)| index).collect();
        for index in &loose {
            self.file(*index, &mut objects);
        }
        for top in &tops {
            if let Some(kustomization) = kustomization_in(files, top) {
                self.folder(kustomization, &mut objects);
            }
        }
        let first = loose.first().map(|index| files.path(*index));
        let path = first.or_else(|| tops.first().and_then(|top| kustomization_in(files, top)));
        let message = if folder.is_empty() {
            "there is no kustomization.yaml at the top of the tree".to_owned()
        } else {
            format!("there is no kustomization.yaml in `{folder}`")
        };
        let note =
            Finding::new(Severity::Note, "kustomization-missing", path.unwrap_or(NAMES[0]), Mark::START, message)
                .effect("Flux builds one that names every YAML file of the tree")
                .fix("add a kustomization.yaml that names what is meant");
        self.build.findings.push(note);
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
            Err(error) => return self.report("yaml", path, error.mark, error.message.clone(), SYNTAX_FIX),
        };
        let [document] = documents else {
            let message = "a kustomization is one document".to_owned();
            return self.report("kustomization-fields", path, Mark::START, message, "write one, with `resources`");
        };
        self.open.push(path.to_owned());
        self.build.kustomizations.insert(path.to_owned());
        fields::check(self, path, document);
        let component = document.get("kind").and_then(Node::text) == Some("Component");
        let mut own = if component { std::mem::take(objects) } else { Vec::new() };
        self.content(path, document, &mut own);
        objects.append(&mut own);
        self.open.pop();
    }

    fn content(&mut self, path: &str, document: &Node, objects: &mut Vec<Built>) {
        let folder = super::folder_of(path);
        let list = |key: &str| document.items_at(&[key]);
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
            Some(inner) if self.open.iter().any(|open| open == inner) => {
                let message = format!("`{named}` leads back to a kustomization that is being built");
                self.report(rule, kustomization, item.mark, message, "remove the circle");
            }
            Some(inner) => {
                self.folder(inner, objects);
            }
            None => self.missing(rule, kustomization, item, path),
        }
    }

    /// The objects of a file; a `List` is taken apart as kustomize does.
    fn file(&mut self, index: usize, objects: &mut Vec<Built>) {
        if !self.build.resources.contains(&index) {
            self.build.resources.push(index);
        }
        let documents = match self.parse(index) {
            Ok(documents) => documents,
            Err(error) => {
                return self.report("yaml", self.files.path(index), error.mark, error.message.clone(), SYNTAX_FIX);
            }
        };
        for document in documents {
            objects.extend(listed(document).iter().map(|node| Built { file: index, node: node.clone() }));
        }
    }
}
