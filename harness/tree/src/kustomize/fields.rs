//! The fields of a kustomization.

use super::builder::Builder;
use crate::finding::{Finding, Severity};
use harness_yaml::Node;
use harness_yaml::suggest;

/// Fields that are done here, or say nothing about the objects. Source: kustomize api/types/kustomization.go.
const DONE: [&str; 24] = [
    "apiVersion",
    "bases",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "components",
    "configMapGenerator",
    "generatorOptions",
    "images",
    "kind",
    "labels",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "openapi",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replicas",
    "resources",
    "secretGenerator",
    "sortOptions",
    "validators",
];

/// Fields that change or add objects in ways that need more than the tree, or a plug-in.
const UNCHECKED: [&str; 9] = [
    "configurations",
    "crds",
    "generators",
    "helmChartInflationGenerator",
    "helmCharts",
    "helmGlobals",
    "replacements",
    "transformers",
    "vars",
];

pub(super) fn check(builder: &mut Builder<'_>, path: &str, document: &Node) {
    for entry in document.entries() {
        let key = entry.key.as_str();
        let empty =
            entry.value.items().is_empty() && entry.value.entries().is_empty() && entry.value.scalar().is_none();
        if DONE.contains(&key) || empty {
            continue;
        }
        if UNCHECKED.contains(&key) {
            let message = format!("`{key}` cannot be built here: the objects are checked without it");
            builder.build.findings.push(
                Finding::new(Severity::Note, "kustomization-unchecked", path, entry.key_mark, message)
                    .effect("Flux applies it; what it makes of the objects shows in the run"),
            );
        } else {
            let fix = suggest::hint(key, DONE.iter().chain(&UNCHECKED).copied());
            let message = format!("a kustomization has no field `{key}`");
            builder.report("kustomization-fields", path, entry.key_mark, message, &fix);
        }
    }
}
