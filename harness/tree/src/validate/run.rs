//! The check of a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Number, Value};

use crate::crd;
use crate::derive::SkuFact;
use crate::files::{Files, index_of};
use crate::finding::{Finding, Severity};
use crate::kustomize::{self, Build, Built};
use crate::node_config;
use crate::object::Object;
use crate::source_file::SourceFile;
use harness_yaml::{Kind, Node};

/// What is checked, and with which knowledge.
#[derive(Clone, Copy, Debug)]
pub struct ValidationInputs<'a> {
    /// The YAML and JSON files of the tree.
    pub files: &'a Files,
    /// The tree's own path in its repository, without slashes at its ends; empty where the tree is the whole repository. Paths of Flux
    /// Kustomizations are relative to the repository.
    pub prefix: &'a str,
    /// The VM sizes that are known.
    pub skus: &'a [SkuFact],
}

/// The result.
#[derive(Clone, Debug)]
pub struct Validation {
    /// In the order of the files.
    pub findings: Vec<Finding>,
    /// Every object that is applied, once.
    pub objects: Vec<CheckedObject>,
    /// The folders that were built, as Flux would build each.
    pub folders: Vec<String>,
    /// Objects whose fields are not known here, by kind: `Deployment` and its like. Only the API server can check them.
    pub unchecked: BTreeMap<String, usize>,
}

impl Validation {
    /// How many findings are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// An object as Flux would apply it, with the places of its parts.
#[derive(Clone, Debug)]
pub struct CheckedObject {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `metadata.namespace`, where it has one.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// The file in which it starts.
    pub file: String,
    /// The content.
    pub value: Value,
    node: Node,
    /// The paths of all files, for places that another file brought.
    paths: Arc<[String]>,
}

impl CheckedObject {
    /// A finding of another source, such as an API server, about the field at a path such as `spec.disruption.budgets[0].nodes`. Where the object
    /// has no such field it is said of the nearest one above.
    pub fn finding(&self, severity: Severity, rule: &'static str, path: &str, message: &str) -> Finding {
        let mark = crd::at_field(&self.node, path);
        let file = self.paths.get(index_of(mark)).unwrap_or(&self.file);
        Finding::new(severity, rule, file, mark, message)
    }

    /// `kind/name`, with the namespace before it.
    pub fn id(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}/{}", self.kind, self.name),
            None => format!("{}/{}", self.kind, self.name),
        }
    }
}

/// Checks a tree: every kustomization below its top that no other one uses, what its Flux Kustomizations point at, and the metric names in
/// all of its files.
pub fn validate(inputs: &ValidationInputs<'_>) -> Validation {
    let mut run = Run { inputs, findings: Vec::new(), built: Vec::new(), used: BTreeSet::new(), complete: true };
    run.folders();
    run.flux();
    run.metric_names();
    run.finish()
}

struct Run<'i> {
    inputs: &'i ValidationInputs<'i>,
    findings: Vec<Finding>,
    /// What each folder builds; without a folder, objects that no kustomization builds.
    built: Vec<(Option<String>, Vec<Built>)>,
    /// Files that a kustomization uses, by their indices.
    used: BTreeSet<usize>,
    complete: bool,
}

impl Run<'_> {
    fn take(&mut self, folder: &str, build: Build) {
        self.complete &= !build.is_partial();
        self.findings.extend(build.findings);
        self.used.extend(build.used);
        self.used.extend(build.resources);
        let known = self.built.iter_mut().find(|(known, _)| known.as_deref() == Some(folder));
        match known {
            // What Flux makes of a folder replaces the plain build of it.
            Some((_, objects)) => *objects = build.objects,
            None => self.built.push((Some(folder.to_owned()), build.objects)),
        }
    }

    fn folders(&mut self) {
        let files = self.inputs.files;
        let folders: BTreeSet<&str> =
            files.paths().filter(|path| kustomize::is_kustomization(path)).map(kustomize::folder_of).collect();
        if folders.is_empty() {
            // Flux takes every manifest.
            return self.take("", kustomize::build(files, ""));
        }
        let builds: BTreeMap<&str, Build> =
            folders.iter().map(|folder| (*folder, kustomize::build(files, folder))).collect();
        let builds_it =
            |build: &Build, folder: &str| build.kustomizations.iter().any(|path| kustomize::folder_of(path) == folder);
        // One that another one builds is checked as a part of that. Of two that build each other each is checked.
        let used = |folder: &str| {
            builds.iter().any(|(other, build)| {
                *other != folder && builds_it(build, folder) && !builds_it(&builds[folder], other)
            })
        };
        let roots: BTreeSet<&str> = folders.iter().copied().filter(|folder| !used(folder)).collect();
        for (folder, build) in builds {
            if roots.contains(folder) {
                self.take(folder, build);
            } else {
                self.used.extend(build.used);
                self.used.extend(build.resources);
            }
        }
        self.loose();
    }

    /// Objects that no kustomization builds: Flux applies them where one of its Kustomizations points at their folder.
    fn loose(&mut self) {
        let files = self.inputs.files;
        let charts: Vec<&str> = files.paths().filter_map(|path| path.strip_suffix("Chart.yaml")).collect();
        let mut objects = Vec::new();
        for (index, path) in files.paths().enumerate() {
            // The templates of a chart are not YAML until Helm has rendered them.
            let in_chart = charts.iter().any(|chart| path.starts_with(chart));
            let taken = self.used.contains(&index) || kustomize::is_kustomization(path) || in_chart;
            if taken || !kustomize::is_yaml(path) {
                continue;
            }
            match files.documents(index) {
                Ok(documents) => {
                    // Anything else is the configuration of some other tool.
                    let is_object = |node: &Node| {
                        let there = |path: &[&str]| node.at(path).and_then(Node::text).is_some();
                        there(&["apiVersion"]) && there(&["kind"]) && there(&["metadata", "name"])
                    };
                    objects.extend(
                        documents
                            .iter()
                            .filter(|node| is_object(node))
                            .map(|node| Built { file: index, node: node.clone() }),
                    );
                }
                Err(error) => self.findings.push(
                    Finding::new(Severity::Note, "yaml-unused", path, error.mark, error.message.clone())
                        .effect("no kustomization of the tree uses the file, so that Flux does not read it"),
                ),
            }
        }
        if !objects.is_empty() {
            self.built.push((None, objects));
        }
    }

    /// What the tree's Flux Kustomizations make of the folders that they point at.
    fn flux(&mut self) {
        let is_flux = |built: &&Built| kustomize::is_flux_kustomization(&built.node);
        let mut open: Vec<Built> =
            self.built.iter().flat_map(|(_, objects)| objects).filter(is_flux).cloned().collect();
        let mut seen: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut pointed_at: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        while let Some(object) = open.pop() {
            if !seen.insert((object.file, object.node.mark.offset)) {
                continue;
            }
            let flux = kustomize::flux_build(self.inputs.files, &object, self.inputs.prefix);
            open.extend(flux.build.objects.iter().filter(is_flux).cloned());
            match flux.folder {
                Some(folder) => {
                    pointed_at.insert(folder.clone(), flux.build.resources.clone());
                    self.take(&folder, flux.build);
                }
                None => self.findings.extend(flux.build.findings),
            }
        }
        let files = self.inputs.files;
        let used = &self.used;
        self.findings.retain(|finding| {
            let applied = || files.find(&finding.file).is_some_and(|index| used.contains(&index));
            finding.rule != "yaml-unused" || !applied()
        });
        // What a Flux Kustomization applies is no longer loose, and a tree that has only such folders is not applied as a whole.
        for (folder, objects) in &mut self.built {
            let named = folder.as_ref().is_some_and(|folder| pointed_at.contains_key(folder));
            let whole = folder.as_deref() == Some("") && kustomize::kustomization_in(self.inputs.files, "").is_none();
            if folder.is_none() || whole && !named {
                objects.retain(|built| !pointed_at.values().any(|files| files.contains(&built.file)));
            }
        }
    }

    fn metric_names(&mut self) {
        let files = self.inputs.files;
        for (index, path) in files.paths().enumerate() {
            // What cannot be read has been said where it matters.
            let Some(text) = files.text(index).ok().filter(|text| text.contains("karpenter_")) else { continue };
            if let Ok(documents) = files.documents(index) {
                self.findings.extend(node_config::metrics_are_exposed(&SourceFile::new(path, text), documents));
            }
        }
    }

    fn finish(mut self) -> Validation {
        let files = self.inputs.files;
        let mut objects = Vec::new();
        let mut unchecked = BTreeMap::new();
        let paths: Arc<[String]> = files.paths().map(str::to_owned).collect();
        let mut known = BTreeSet::new();
        let mut folders = Vec::new();
        for (folder, built) in std::mem::take(&mut self.built) {
            let found = node_config::objects_of(files, built);
            // Loose objects are not a tree: what one of them refers to may be anywhere.
            let mut findings = node_config::check_objects(&found, self.complete && folder.is_some());
            findings.extend(node_config::values_exist(&found));
            folders.extend(folder);
            let broken = findings.iter().any(|finding| finding.severity == Severity::Error);
            self.findings.extend(findings);
            if !broken {
                let pools = node_config::pools_of(&found);
                self.findings.extend(node_config::check_skus(&pools, self.inputs.skus));
                self.findings.extend(node_config::pools_and_skus(&pools, self.inputs.skus));
            }
            for object in &found {
                let checked = checked(object, &paths);
                // Two overlays can hold one object of a base: the API server sees it as often as it differs.
                if known.insert((checked.id(), checked.api_version.clone(), checked.value.to_string())) {
                    if !node_config::is_checked(object) && !checked.kind.is_empty() {
                        *unchecked.entry(checked.kind.clone()).or_default() += 1;
                    }
                    objects.push(checked);
                }
            }
        }
        let mut findings: Vec<Finding> = self
            .findings
            .into_iter()
            .map(|finding| match files.text_at(&finding.file) {
                Some(text) => finding.ending(text),
                None => finding,
            })
            .collect();
        in_order(&mut findings);
        Validation { findings, objects, folders, unchecked }
    }
}

/// By file and place, without repetitions.
fn in_order(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        (&a.file, a.line, a.column, a.rule, &a.message).cmp(&(&b.file, b.line, b.column, b.rule, &b.message))
    });
    findings.dedup();
    // Whatever else is wrong with a variable that has no value follows from that.
    let unset: Vec<(String, usize)> = findings
        .iter()
        .filter(|finding| finding.rule == "flux-substitution" && finding.severity == Severity::Error)
        .map(|finding| (finding.file.clone(), finding.offset))
        .collect();
    findings.retain(|finding| {
        finding.rule == "flux-substitution"
            || !unset.iter().any(|(file, at)| *file == finding.file && *at == finding.offset)
    });
}

fn checked(object: &Object<'_>, paths: &Arc<[String]>) -> CheckedObject {
    let text = |path: &[&str]| object.node.at(path).and_then(Node::scalar);
    CheckedObject {
        api_version: text(&["apiVersion"]).unwrap_or_default(),
        kind: object.kind().to_owned(),
        namespace: text(&["metadata", "namespace"]),
        name: text(&["metadata", "name"]).unwrap_or_default(),
        file: object.file.to_owned(),
        value: value(&object.node),
        node: object.node.clone(),
        paths: paths.clone(),
    }
}

fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(*value),
        Kind::Number(value, text) => text
            .parse::<i64>()
            .map(Number::from)
            .ok()
            .or_else(|| (value.fract() == 0.0 && value.abs() < 9e15).then(|| (*value as i64).into()))
            .or_else(|| Number::from_f64(*value))
            .map_or(Value::Null, Value::Number),
        Kind::Text(text) => Value::String(text.clone()),
        Kind::List(items) => items.iter().map(value).collect(),
        Kind::Map(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), value(&entry.value))).collect::<Map<_, _>>().into()
        }
    }
}
