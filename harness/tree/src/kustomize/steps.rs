//! The transformers of a kustomization, in kustomize's order. Source: `configureBuiltinTransformers` of
//! api/internal/target/kusttarget_configplugin.go.

use super::accumulator::Accumulator;
use super::builder::{Builder, Place};
use super::patch;
use super::replace::{self, Failure};
use super::specs::{self, Config, FieldSpec};
use super::transform::{self, Side};
use harness_yaml::{Kind, Mark, Node};

const NAMESPACE: &str = "kustomization-namespace";
const NAMES: &str = "kustomization-names";
const LABELS: &str = "kustomization-labels";
const IMAGES: &str = "kustomization-images";
const REPLICAS: &str = "kustomization-replicas";
const REPLACEMENTS: &str = "kustomization-replacements";

/// Changes the objects as the kustomization says.
pub(super) fn transform(builder: &mut Builder<'_>, place: Place<'_>, document: &Node, built: &mut Accumulator) {
    let list = |key: &str| document.items_at(&[key]);
    let config = built.config.clone();
    let config = config.as_ref().unwrap_or_else(|| Config::built_in());
    patch::strategic(builder, place, list("patchesStrategicMerge"), &mut built.resources);
    for item in list("patches") {
        patch::one(builder, place, item, &mut built.resources);
    }
    let resources = &mut built.resources;
    let given = |key: &str| document.get(key).filter(|node| node.scalar().is_some_and(|text| !text.is_empty()));
    if let Some(namespace) = given("namespace") {
        let done = transform::namespace(resources, config.section("namespace"), namespace);
        refused(builder, NAMESPACE, namespace.mark, done, "give one of them another name");
    }
    for (key, side) in [("namePrefix", Side::Prefix), ("nameSuffix", Side::Suffix)] {
        if let Some(affix) = given(key) {
            let text = affix.scalar().unwrap_or_default();
            let done = transform::names(resources, config.section(key), side, &text, affix.mark);
            refused(builder, NAMES, affix.mark, done, "correct the object");
        }
    }
    for item in list("labels") {
        let asked = |key: &str| item.get(key).and_then(Node::scalar).as_deref() == Some("true");
        let mut fields: Vec<FieldSpec> = item.items_at(&["fields"]).iter().map(FieldSpec::of).collect();
        specs::merge(&mut fields, config.section("labels").iter().cloned());
        if asked("includeSelectors") {
            specs::merge(&mut fields, config.section("commonLabels").iter().cloned());
        } else {
            if asked("includeTemplates") {
                specs::merge(&mut fields, config.section("templateLabels").iter().cloned());
            }
            specs::merge(&mut fields, std::iter::once(FieldSpec::everywhere("metadata/labels")));
        }
        let done = transform::pairs(resources, &fields, item.entries_at(&["pairs"]));
        refused(builder, LABELS, item.mark, done, "correct the path, or the object");
    }
    for (key, rule) in [("commonLabels", LABELS), ("commonAnnotations", LABELS)] {
        let done = transform::pairs(resources, config.section(key), document.entries_at(&[key]));
        let mark = document.get(key).map_or(document.mark, |node| node.mark);
        refused(builder, rule, mark, done, "correct the object");
    }
    for item in list("patchesJson6902") {
        patch::json6902(builder, place, item, resources);
    }
    for item in list("replicas") {
        let done = transform::replicas(resources, config.section("replicas"), item);
        if let Err(message) = done {
            let fix = "name a workload that `resources` builds, or remove the item";
            builder.report_absent(REPLICAS, item.mark, message, fix);
        }
    }
    for item in list("images").iter().chain(list("imageTags")) {
        let done = transform::images(resources, config.section("images"), item);
        refused(builder, IMAGES, item.mark, done, "correct the image");
    }
    for item in list("replacements") {
        for replacement in replacements(builder, place, item) {
            let done = replace::replace(&mut built.resources, &replacement);
            match done {
                Ok(()) => {}
                Err(Failure::Refused(mark, message)) => {
                    builder.report_absent(REPLACEMENTS, mark, message, "correct the source or the target");
                }
                Err(Failure::NotBuilt(mark, message)) => {
                    builder.declare(mark, message, "Flux applies it; here the object is checked without it");
                }
            }
        }
    }
}

fn refused(builder: &mut Builder<'_>, rule: &'static str, mark: Mark, done: Result<(), String>, fix: &str) {
    if let Err(message) = done {
        builder.report(rule, mark, message, fix);
    }
}

/// The replacements of an item: itself, or those of the file that it names.
fn replacements(builder: &mut Builder<'_>, place: Place<'_>, item: &Node) -> Vec<Node> {
    let Some(path) = item.get("path").filter(|path| path.scalar().is_some_and(|path| !path.is_empty())) else {
        return vec![item.clone()];
    };
    if item.get("source").is_some() || !item.items_at(&["targets"]).is_empty() {
        let message = "a replacement has either a `path` or a source and targets";
        builder.report(REPLACEMENTS, path.mark, message, "leave one of them out");
        return Vec::new();
    }
    let Some(index) = builder.file_at(REPLACEMENTS, place, path, &path.scalar().unwrap_or_default()) else {
        return Vec::new();
    };
    match builder.files.documents(index) {
        Ok([document]) => match &document.kind {
            Kind::List(items) => items.to_vec(),
            _ => vec![document.clone()],
        },
        Ok(_) => {
            let message = "a file of replacements is one document";
            builder.report(REPLACEMENTS, path.mark, message, "write a list, or one of them");
            Vec::new()
        }
        Err(error) => {
            builder.syntax(error);
            Vec::new()
        }
    }
}
