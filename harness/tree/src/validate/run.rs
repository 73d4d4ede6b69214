//! The check of a tree.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::{absent, incomplete, unapplied, wiring};
use crate::builtin::aks_defaults;
use crate::crd;
use crate::derive::SkuSource;
use crate::files::{Files, index_of};
use crate::finding::{Finding, Severity};
use crate::kustomize;
use crate::node_config;
use crate::object::Object;
use crate::repository::{self, Applied, Cluster, FluxKustomization, Repository, What};
use crate::source_file::SourceFile;
use crate::upstream::Upstream;
use harness_yaml::Node;

/// What is checked, and with which knowledge.
#[derive(Clone, Copy, Debug)]
pub struct ValidationInputs<'a> {
    /// The files of the repository that the tree is in, or of the tree alone.
    pub files: &'a Files,
    /// The folder of the repository that is checked, without slashes at its ends; empty for all of it.
    pub folder: &'a str,
    /// The VM sizes that are known, for the region of each set of pools.
    pub skus: &'a dyn SkuSource,
    /// Whether the cluster has the pools and the class that AKS makes itself, where the tree has none of their names.
    pub aks_defaults: bool,
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
    /// The Flux Kustomization that applies it, `namespace/name`; `None` where the tree does not say.
    pub applied_by: Option<String>,
    /// Whether the Kustomization takes values that only the cluster has.
    has_unknown_values: bool,
    /// As kustomize prints it; `None` where our own engine has built it.
    printed: Option<String>,
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

    /// The content.
    pub fn value(&self) -> Value {
        self.node.to_json()
    }

    /// Whether it is what the API server would get: nothing in it is encrypted, and no variable is left that only the cluster has.
    pub fn is_whole(&self) -> bool {
        self.node.get("sops").is_none() && !(self.has_unknown_values && self.value().to_string().contains("${"))
    }

    /// The object as YAML, in kustomize's own words where it has built it.
    pub fn to_yaml(&self) -> String {
        self.printed.clone().unwrap_or_else(|| harness_yaml::edit::write(&[self.value()]))
    }

    /// `kind/name`, with the namespace before it.
    pub fn id(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}/{}", self.kind, self.name),
            None => format!("{}/{}", self.kind, self.name),
        }
    }
}

/// Checks what Flux applies of a repository, or of a folder of it: each cluster by itself. What its Kustomizations do not apply is not
/// judged; where none applies anything, every kustomization is that no other one uses. Without `upstream` our own engine builds.
pub fn validate(inputs: &ValidationInputs<'_>, upstream: Option<&mut dyn Upstream>) -> Validation {
    let repository = repository::read(inputs.files, inputs.folder, upstream);
    let mut run = Run {
        inputs,
        findings: Vec::new(),
        objects: Vec::new(),
        folders: BTreeSet::new(),
        unchecked: BTreeMap::new(),
        known: HashMap::new(),
        paths: inputs.files.paths().map(str::to_owned).collect(),
        aks_defaults: if inputs.aks_defaults { aks_defaults().into() } else { Files::default() },
        for_argo_cd: repository.for_argo_cd,
        unbuilt: Vec::new(),
    };
    for cluster in &repository.clusters {
        run.cluster(&repository, cluster);
    }
    run.metric_names(&repository);
    run.findings.extend(absent::notes(inputs.files, &repository));
    run.findings.extend(unapplied::notes(inputs.files, inputs.folder, &repository));
    run.finish()
}

struct Run<'i> {
    inputs: &'i ValidationInputs<'i>,
    findings: Vec<Finding>,
    objects: Vec<CheckedObject>,
    folders: BTreeSet<String>,
    unchecked: BTreeMap<String, usize>,
    /// Where among `objects` those of an id and version are that were taken already: two clusters may share one.
    known: HashMap<(String, String), Vec<usize>>,
    paths: Arc<[String]>,
    /// What AKS makes itself.
    aks_defaults: Files,
    /// Whether what is applied is guessed of a tree that is for Argo CD.
    for_argo_cd: bool,
    /// What keeps Flux from building folders of such a tree, the first of each folder.
    unbuilt: Vec<Finding>,
}

impl Run<'_> {
    fn cluster(&mut self, repository: &Repository, cluster: &Cluster) {
        let files = self.inputs.files;
        let aks_defaults = self.aks_defaults.clone();
        let mut all: Vec<Object<'_>> = Vec::new();
        let mut asked: BTreeSet<usize> = BTreeSet::new();
        let mut findings = wiring::findings(files, repository, cluster);
        let built: Vec<Vec<Object<'_>>> = cluster
            .applied
            .iter()
            .map(|applied| node_config::objects_of(files, applied.build.objects.clone()))
            .collect();
        let other_provider = node_config::of_another_provider(built.iter().flatten());
        let on_aks = other_provider.is_none();
        let incomplete = incomplete::kustomizations_of(cluster);
        for (applied, objects) in cluster.applied.iter().zip(built) {
            if applied.asked {
                asked.extend(applied.build.reads(files));
                asked.extend(applied.by.iter().map(|by| by.built.file));
                self.folders.extend(applied.folder().map(str::to_owned));
                let mut found = self.applied(applied, &objects, on_aks);
                if incomplete::is_changed_further(cluster, applied, &incomplete) {
                    found.retain(|finding| !incomplete::is_about_a_patched_field(files, &objects, finding));
                }
                findings.extend(found);
            }
            all.extend(objects);
        }
        let is_asked = |finding: &Finding| files.find(&finding.file).is_some_and(|file| asked.contains(&file));
        let with_defaults = if on_aks { node_config::with_defaults(&all, &aks_defaults) } else { all.clone() };
        let mut together = node_config::check_together(&with_defaults, cluster.complete, on_aks);
        together.extend(other_provider);
        together.retain(is_asked);
        findings.extend(together);
        if on_aks && !findings.iter().any(|finding| finding.severity == Severity::Error) {
            let pools = node_config::pools_of(&all);
            let skus = self.inputs.skus.skus_for(&pools);
            let mut about_sizes = node_config::check_skus(&pools, &skus);
            about_sizes.extend(node_config::pools_and_skus(&pools, &skus));
            about_sizes.retain(is_asked);
            findings.extend(about_sizes);
        }
        self.findings.extend(findings);
    }

    /// What is wrong with what one Kustomization applies, or with one folder.
    fn applied(&mut self, applied: &Applied, objects: &[Object<'_>], on_aks: bool) -> Vec<Finding> {
        // A Kustomization that names a folder without a kustomization.yaml means all that is in it.
        let is_meant = |finding: &&Finding| applied.by.is_none() || finding.rule != "kustomization-missing";
        let mut findings: Vec<Finding> = applied.build.findings.iter().filter(is_meant).cloned().collect();
        findings.retain(|finding| !is_inherited(self.inputs.files, applied, finding));
        if self.for_argo_cd && applied.by.is_none() && applied.folder() != Some(self.inputs.folder) {
            let (unbuilt, other) = findings.into_iter().partition(keeps_from_building);
            findings = other;
            self.unbuilt.extend(Vec::into_iter(unbuilt).next());
        }
        let alone = applied.what == What::Files;
        findings.extend(node_config::check_each(objects, alone || applied.build.is_partial(), on_aks));
        if on_aks {
            findings.extend(node_config::values_exist(objects));
        }
        for finding in findings.iter_mut().filter(|finding| self.is_of_the_operator(finding)) {
            finding.severity = Severity::Note;
            finding.refused = false;
            finding.effect =
                "flux-operator adds it to Flux's CRDs; without it the API server refuses the object".to_owned();
        }
        if applied.by.as_ref().is_some_and(FluxKustomization::has_unknown_values) {
            findings.retain(|finding| !self.is_about_a_variable(finding));
        }
        for (index, object) in objects.iter().enumerate() {
            let by = applied.by.as_ref().map(|by| by.id().to_string());
            let printed = applied.build.printed.get(index).cloned();
            let has_unknown_values = applied.by.as_ref().is_some_and(FluxKustomization::has_unknown_values);
            let checked = CheckedObject { applied_by: by, printed, has_unknown_values, ..checked(object, &self.paths) };
            // Two overlays can hold one object of a base: the API server sees it as often as it differs.
            let known = self.known.entry((checked.id(), checked.api_version.clone())).or_default();
            if !known.iter().any(|index| self.objects[*index].node.kind.is_same_json(&checked.node.kind)) {
                known.push(self.objects.len());
                if !node_config::is_checked(object) && !checked.kind.is_empty() {
                    *self.unchecked.entry(checked.kind.clone()).or_default() += 1;
                }
                self.objects.push(checked);
            }
        }
        findings
    }

    /// Whether a finding is about a kind that only flux-operator adds to the enumerations of Flux's CRDs.
    fn is_of_the_operator(&self, finding: &Finding) -> bool {
        const KINDS: [&str; 3] = ["FluxInstance", "ResourceSet", "ResourceSetInputProvider"];
        let text = self.inputs.files.text_at(&finding.file).unwrap_or_default();
        let value = text.get(finding.offset..finding.offset + finding.length).unwrap_or_default();
        finding.rule == "schema-enum" && KINDS.contains(&value.trim_matches(['"', '\'']))
    }

    /// Whether a finding is about a text whose variables are filled in by Flux with what only the cluster knows.
    fn is_about_a_variable(&self, finding: &Finding) -> bool {
        let text = self.inputs.files.text_at(&finding.file).unwrap_or_default();
        finding.rule != "flux-substitution"
            && text.get(finding.offset..finding.offset + finding.length).is_some_and(|text| text.contains("${"))
    }

    fn metric_names(&mut self, repository: &Repository) {
        let files = self.inputs.files;
        let applied = repository.applied().filter(|applied| applied.asked);
        let mut indices: BTreeSet<usize> = applied.flat_map(|applied| applied.build.reads(files)).collect();
        if !repository.by_flux {
            // Rules and dashboards may be for something else than Flux.
            indices.extend(files.below(self.inputs.folder).filter(|index| is_manifest(files.path(*index))));
        }
        for index in indices {
            // What cannot be read has been said where it matters.
            let Some(text) = files.decoded(index).ok().filter(|text| text.contains("karpenter_")) else { continue };
            if let Ok(documents) = files.documents(index) {
                let file = SourceFile::new(files.path(index), text);
                self.findings.extend(node_config::metrics_are_exposed(&file, documents));
            }
        }
    }

    /// What is for Argo CD may need what Flux has not, and folders that it applies are not told from those that are templates.
    fn unbuilt(&mut self) -> Option<Finding> {
        let (first, others) = self.unbuilt.split_first()?;
        let folders = match others.len() {
            0 => "a folder".to_owned(),
            others => format!("{} folders", others + 1),
        };
        let message =
            format!("Flux cannot build {folders} of this tree, which is for Argo CD; here: {}", first.message);
        let finding = Finding {
            severity: Severity::Warning,
            refused: false,
            message,
            fixable: false,
            edits: Vec::new(),
            ..first.clone()
        };
        let effect = "what is in them is not checked";
        Some(finding.effect(effect).fix("validate one of them alone to see what Flux says of it"))
    }

    fn finish(mut self) -> Validation {
        let unbuilt = self.unbuilt();
        self.findings.extend(unbuilt);
        let files = self.inputs.files;
        let ending = |finding: Finding| match files.text_at(&finding.file) {
            Some(text) => finding.ending(text),
            None => finding,
        };
        let mut findings: Vec<Finding> = self.findings.into_iter().map(ending).collect();
        in_order(&mut findings);
        Validation {
            findings,
            objects: self.objects,
            folders: self.folders.into_iter().collect(),
            unchecked: self.unchecked,
        }
    }
}

/// Whether a finding is about a patch that a parent gives to all of its children: it need not find something in each of them.
fn is_inherited(files: &Files, applied: &Applied, finding: &Finding) -> bool {
    let Some(by) = applied.by.as_ref().filter(|_| finding.rule == "kustomization-patches") else { return false };
    let file = files.find(&finding.file);
    finding.severity < Severity::Error
        && file != Some(by.built.file)
        && file.is_some_and(|file| !applied.build.reads(files).contains(&file))
}

/// Whether a finding is that a folder cannot be built.
fn keeps_from_building(finding: &Finding) -> bool {
    let of_build = ["yaml", "flux-build"].contains(&finding.rule) || finding.rule.starts_with("kustomization-");
    of_build && finding.severity == Severity::Error
}

/// Whether a file can hold objects or a dashboard.
fn is_manifest(path: &str) -> bool {
    kustomize::is_yaml(path) || path.ends_with(".json")
}

/// By file and place, without repetitions.
fn in_order(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        let key = |it: &Finding| (it.line, it.column, it.rule, it.severity);
        (&a.file, key(a), &a.message).cmp(&(&b.file, key(b), &b.message))
    });
    // What is done about it can differ from one build of a base to the next.
    findings.dedup_by(|a, b| {
        (&a.file, a.offset, a.rule, a.severity, &a.message) == (&b.file, b.offset, b.rule, b.severity, &b.message)
    });
    // What keeps Flux's own code from building one folder may keep it from building all.
    let mut unbuilt: HashSet<String> = HashSet::new();
    findings.retain(|finding| {
        (finding.rule, finding.severity) != ("flux-build", Severity::Note) || unbuilt.insert(finding.message.clone())
    });
    // Whatever else is wrong with a variable that has no value follows from that.
    let unset: HashSet<(String, usize)> = findings
        .iter()
        .filter(|finding| finding.rule == "flux-substitution" && finding.severity == Severity::Error)
        .map(|finding| (finding.file.clone(), finding.offset))
        .collect();
    findings.retain(|finding| {
        finding.rule == "flux-substitution"
            || unset.is_empty()
            || !unset.contains(&(finding.file.clone(), finding.offset))
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
        applied_by: None,
        has_unknown_values: false,
        printed: None,
        node: object.node.clone(),
        paths: paths.clone(),
    }
}
