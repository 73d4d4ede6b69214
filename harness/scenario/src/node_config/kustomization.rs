//! Which files of a tree are built: `resources` of kustomization.yaml, followed as kustomize does.
//!
//! Only `resources` is done here. Whatever else a kustomization does to its objects is reported, so that nobody takes silence for
//! a check.

use std::collections::BTreeSet;

use super::{Finding, Severity, SourceFile};
use crate::suggest;
use crate::yaml::{self, Mark, Node};

/// The names that kustomize looks for, in its order.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Fields that say nothing about the objects.
const HARMLESS: [&str; 4] = ["apiVersion", "kind", "metadata", "resources"];

/// Fields of kustomize.config.k8s.io/v1beta1 that change objects, add objects or decide about them.
/// Source: kustomize api/types/kustomization.go.
const UNCHECKED: [&str; 24] = [
    "bases",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "components",
    "configMapGenerator",
    "configurations",
    "crds",
    "generatorOptions",
    "generators",
    "helmCharts",
    "helmGlobals",
    "images",
    "labels",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "openapi",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replacements",
    "replicas",
    "secretGenerator",
];

const MORE_UNCHECKED: [&str; 4] = ["sortOptions", "transformers", "validators", "vars"];

const EFFECT: &str = "kustomize cannot build the tree: Flux applies nothing of it";

/// The files whose objects are applied, and what was found on the way.
pub(super) fn built_files(files: &[SourceFile]) -> (Vec<&SourceFile>, Vec<Finding>) {
    let mut build = Build { files, built: Vec::new(), open: Vec::new(), findings: Vec::new(), seen: BTreeSet::new() };
    match kustomization_in(files, "") {
        Some(root) => build.folder(root),
        None => {
            // kustomize-controller writes a kustomization of all manifests where there is none.
            build.built = files.iter().filter(|file| is_yaml(&file.path)).collect();
            let path = build.built.first().map_or(NAMES[0], |file| file.path.as_str());
            let message = "there is no kustomization.yaml at the top of the tree";
            build.findings.push(
                Finding::new(Severity::Note, "kustomization-missing", path, Mark::START, message)
                    .effect("Flux builds one that names every YAML file of the tree")
                    .fix("add a kustomization.yaml that names what is meant"),
            );
        }
    }
    (build.built, build.findings)
}

struct Build<'a> {
    files: &'a [SourceFile],
    built: Vec<&'a SourceFile>,
    /// The kustomizations that are being read, outermost first.
    open: Vec<&'a str>,
    findings: Vec<Finding>,
    seen: BTreeSet<&'a str>,
}

pub(super) fn kustomization_in<'a>(files: &'a [SourceFile], folder: &str) -> Option<&'a SourceFile> {
    NAMES.iter().find_map(|name| {
        let path = if folder.is_empty() { (*name).to_owned() } else { format!("{folder}/{name}") };
        files.iter().find(|file| file.path == path)
    })
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// Resolves a path against a folder; `None` where it leaves the tree.
pub(super) fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

impl<'a> Build<'a> {
    fn report(&mut self, rule: &'static str, file: &str, mark: Mark, message: String, fix: &str) {
        let finding = Finding::new(Severity::Error, rule, file, mark, message).effect(EFFECT).fix(fix);
        self.findings.push(finding);
    }

    fn folder(&mut self, file: &'a SourceFile) {
        let path = file.path.as_str();
        let documents = match yaml::documents(&file.text) {
            Ok(documents) => documents,
            Err(error) => {
                let fix = "check indentation, colons and brackets near here";
                return self.report("yaml", path, error.mark, error.message, fix);
            }
        };
        let [document] = documents.as_slice() else {
            let message = "a kustomization is one document".to_owned();
            return self.report("kustomization-fields", path, Mark::START, message, "write one, with `resources`");
        };
        self.open.push(path);
        self.fields(path, document);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for key in ["resources", "bases"] {
            for item in document.get(key).map_or(&[][..], Node::items) {
                self.resource(path, folder, item);
            }
        }
        self.open.pop();
    }

    fn fields(&mut self, path: &str, document: &Node) {
        for entry in document.entries() {
            let key = entry.key.as_str();
            if HARMLESS.contains(&key)
                || entry.value.items().is_empty() && entry.value.entries().is_empty() && entry.value.scalar().is_none()
            {
                continue;
            }
            let unchecked = UNCHECKED.iter().chain(&MORE_UNCHECKED);
            if unchecked.clone().any(|known| *known == key) {
                let message =
                    format!("`{key}` cannot be checked here: the objects are checked as they stand in their files");
                self.findings.push(
                    Finding::new(Severity::Note, "kustomization-unchecked", path, entry.key_mark, message)
                        .effect("Flux applies it; what it makes of the objects shows in the run"),
                );
            } else {
                let known = HARMLESS.iter().chain(unchecked).copied();
                let fix = suggest::hint(key, known);
                self.report(
                    "kustomization-fields",
                    path,
                    entry.key_mark,
                    format!("a kustomization has no field `{key}`"),
                    &fix,
                );
            }
        }
    }

    fn resource(&mut self, kustomization: &str, folder: &str, item: &Node) {
        const RULE: &str = "kustomization-resources";
        let Some(resource) = item.text() else {
            let message = format!("a resource is a path, not {}", item.describe());
            return self.report(RULE, kustomization, item.mark, message, "write a path relative to this file");
        };
        if resource.contains("://") || resource.starts_with("github.com/") || resource.contains("git@") {
            let message = format!("`{resource}` is not in the tree");
            let fix = "commit a copy: Flux runs with --no-remote-bases here, and a run must not depend on the network";
            return self.report(RULE, kustomization, item.mark, message, fix);
        }
        let Some(path) = join(folder, resource) else {
            let message = format!("`{resource}` is outside of the tree");
            return self.report(RULE, kustomization, item.mark, message, "hand over the folder that holds both");
        };
        if let Some(file) = self.files.iter().find(|file| file.path == path) {
            if self.seen.insert(&file.path) {
                self.built.push(file);
            } else {
                let message = format!("`{resource}` is built twice");
                self.report(RULE, kustomization, item.mark, message, "name it once");
            }
            return;
        }
        match kustomization_in(self.files, &path) {
            Some(inner) if self.open.contains(&inner.path.as_str()) => {
                let message = format!("`{resource}` leads back to a kustomization that is being built");
                self.report(RULE, kustomization, item.mark, message, "remove the circle");
            }
            Some(inner) if !self.seen.insert(&inner.path) => {
                let message = format!("`{resource}` is built twice");
                self.report(RULE, kustomization, item.mark, message, "name it once");
            }
            Some(inner) => self.folder(inner),
            None => {
                let message = format!("there is no `{path}` in the tree");
                let fix = suggest::closest(&path, self.files.iter().map(|file| file.path.as_str())).map_or_else(
                    || "add the file, or remove the line".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.report(RULE, kustomization, item.mark, message, &fix);
            }
        }
    }
}
