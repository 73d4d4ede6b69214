//! What a kustomization has beyond its own fields: schemas, configurations, plug-ins and charts.

use super::accumulator::Accumulator;
use super::builder::{Builder, Place};
use super::inline;
use super::kinds::Schemas;
use super::resource::kind;
use super::specs::Config;
use crate::finding::{Finding, Severity};
use harness_yaml::{Kind, Mark, Node};

const RULE: &str = "kustomization-extensions";
/// The version of Kubernetes whose schema kustomize brings. Source: kyaml/openapi/kubernetesapi/openapiinfo.go.
const OPENAPI_VERSION: &str = "v1.21.2";
const EFFECT: &str = "Flux applies it; what it makes of the objects shows in the run";

/// `openapi`: the first schema that a build names counts. Source: `SetSchema` of kyaml/openapi.
pub(super) fn openapi(builder: &mut Builder<'_>, place: Place<'_>, document: &Node) {
    let Some(openapi) = document.get("openapi") else { return };
    let text = |key: &str| openapi.get(key).and_then(Node::scalar).filter(|text| !text.is_empty());
    let version = text("version");
    if version.as_deref().is_some_and(|version| version != OPENAPI_VERSION) {
        let message = format!("kustomize does not bring the schema of Kubernetes `{}`", version.unwrap_or_default());
        return builder.report(RULE, openapi.mark, message, &format!("write {OPENAPI_VERSION}, or leave it out"));
    }
    if version.is_some() && text("path").is_none() {
        builder.own_schemas.get_or_insert_with(|| Schemas::built_in().clone());
    }
    let Some((item, path)) = openapi.get("path").zip(text("path")) else { return };
    if version.is_some() {
        let message = "`openapi` has both a `version` and a `path`";
        return builder.report(RULE, openapi.mark, message, "leave one of them out");
    }
    let Some(index) = builder.file_at(RULE, place, item, &path) else { return };
    if builder.own_schemas.is_some() {
        return;
    }
    match builder.files.documents(index) {
        Ok(documents) => {
            let mut schemas = Schemas::built_in().clone();
            documents.iter().for_each(|document| schemas.add(document));
            builder.own_schemas = Some(schemas);
        }
        Err(error) => builder.syntax(error),
    }
}

/// `configurations`: more places for transformers to write; and `crds`, which say such places in a way of their own.
pub(super) fn configurations(builder: &mut Builder<'_>, place: Place<'_>, document: &Node, built: &mut Accumulator) {
    let mut given = Vec::new();
    for item in document.items_at(&["configurations"]) {
        let Some(index) = builder.file_at(RULE, place, item, &item.scalar().unwrap_or_default()) else { continue };
        match builder.files.documents(index) {
            Ok(documents) => given.extend_from_slice(documents),
            Err(error) => builder.syntax(error),
        }
    }
    match &mut built.config {
        Some(known) => known.merge(&Config::with(&given)),
        None if given.is_empty() => {}
        None => built.config = Some(Config::with(&given)),
    }
    if let Some(first) = document.items_at(&["crds"]).first() {
        builder.declare(
            first.mark,
            "`crds` is not built here: names that custom resources refer to may differ",
            EFFECT,
        );
    }
}

/// `generators`, `transformers` and `validators`. Those of kustomize itself are run by Flux; plug-ins are not.
pub(super) fn plugins(builder: &mut Builder<'_>, place: Place<'_>, document: &Node, field: &str) {
    for item in document.items_at(&[field]) {
        let text = item.scalar().unwrap_or_default();
        let own = inline::documents(builder.files, &text, item.mark).unwrap_or_default();
        let is_config = |documents: &[Node]| documents.iter().any(|document| document.get("kind").is_some());
        let documents = if is_config(&own) {
            own
        } else {
            let Some(path) = builder.local(RULE, place, item, &text) else { continue };
            match builder.index_of(&path) {
                Some(index) => {
                    builder.build.used.insert(index);
                    builder.files.documents(index).unwrap_or_default().to_vec()
                }
                None if builder.files.has_folder(&path) => Vec::new(),
                None => {
                    builder.missing(RULE, item, &path);
                    continue;
                }
            }
        };
        let is_plugin = |config: &&Node| config.get("apiVersion").and_then(Node::text) != Some("builtin");
        if let Some(config) = documents.iter().find(is_plugin) {
            let message = format!("`{}` of `{field}` is a plug-in", kind(config));
            let finding = refusal(builder, item.mark, message, "external plugins disabled");
            builder.build.findings.push(finding.fix("run it before the commit, and commit what it makes"));
            continue;
        }
        let message = format!("`{field}` is not built here: the objects are checked without it");
        builder.declare(item.mark, message, EFFECT);
    }
}

fn refusal(builder: &Builder<'_>, mark: Mark, message: String, reason: &str) -> Finding {
    Finding::new(Severity::Error, RULE, builder.path_of(mark), mark, message)
        .effect(format!("kustomize-controller does not run it: {reason}. Flux applies nothing of the tree"))
}

/// Charts: kustomize runs Helm for them where it is told to, and Flux does not tell it.
pub(super) fn charts(builder: &mut Builder<'_>, document: &Node) {
    for key in ["helmCharts", "helmChartInflationGenerator"] {
        if let Some(first) = document.items_at(&[key]).first() {
            let message = format!("`{key}` needs Helm");
            let finding = refusal(builder, first.mark, message, "must specify --enable-helm");
            builder.build.findings.push(finding.fix("write a HelmRelease, or commit what the chart renders"));
        }
    }
}

/// What only the outermost kustomization has a say in: the order, and what the build says about itself.
pub(super) fn of_the_outermost(builder: &mut Builder<'_>, document: &Node) {
    if builder.open.len() != 1 {
        return;
    }
    builder.sort_options = document.get("sortOptions").filter(|options| options.kind != Kind::Null).cloned();
    for item in document.items_at(&["buildMetadata"]) {
        if item.text() == Some("originAnnotations") {
            builder.has_origins = true;
        } else {
            let message = format!("`{}` is not built here", item.scalar().unwrap_or_default());
            builder.declare(item.mark, message, "Flux adds what it says to the objects");
        }
    }
}
