//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.
//!
//! Source: api/internal/builtins, PatchTransformer.go, PatchStrategicMergeTransformer.go and PatchJson6902Transformer.go.

use super::builder::{Builder, Place};
use super::resource::{Id, Resource, kind};
use super::select::Selector;
use super::{inline, json_patch, merge};
use harness_yaml::{Kind, Mark, Node, SyntaxError};

pub(super) const RULE: &str = "kustomization-patches";

/// Applies the items of `patchesStrategicMerge`, each a patch or the path of one.
pub(super) fn strategic(builder: &mut Builder<'_>, place: Place<'_>, items: &[Node], resources: &mut Vec<Resource>) {
    let mut count = 0;
    for item in items {
        // Flux takes a patch as it is, too.
        if matches!(item.kind, Kind::Map(_)) {
            count += 1;
            merge_one(builder, item.mark, item, Changes::default(), resources);
            continue;
        }
        let text = item.scalar().unwrap_or_default();
        let inline = inline::documents(builder.files, &text, item.mark);
        let is_patch = |documents: &Vec<Node>| documents.iter().all(|document| check_patch(document).is_ok());
        let documents = match inline {
            Ok(documents) if is_patch(&documents) && !text.is_empty() => Some(documents),
            _ if text.contains('\n') => read(builder, inline),
            _ => from_file(builder, place, item),
        };
        let Some(documents) = documents else { return };
        count += documents.len();
        for patch in &documents {
            merge_one(builder, item.mark, patch, Changes::default(), resources);
        }
    }
    if let Some(first) = items.first().filter(|_| count == 0) {
        builder.report(RULE, first.mark, "the patches are empty", "write what they change, or remove them");
    }
}

/// Applies an item of `patches`, of a kustomization or of a Flux Kustomization.
pub(super) fn one(builder: &mut Builder<'_>, place: Place<'_>, item: &Node, resources: &mut Vec<Resource>) {
    let Some(documents) = content(builder, place, item) else { return };
    let option = |key: &str| item.at(&["options", key]).and_then(Node::scalar).as_deref() == Some("true");
    let changes = Changes { name: option("allowNameChange"), kind: option("allowKindChange") };
    let target = match item.get("target").filter(|target| target.kind != Kind::Null) {
        None => None,
        Some(target) => match Selector::of(target) {
            Ok(selector) => Some((target.mark, selector)),
            Err(message) => return builder.report(RULE, target.mark, message, "correct the target"),
        },
    };
    if let [operations] = documents.as_slice()
        && matches!(operations.kind, Kind::List(_))
    {
        let Some((_, selector)) = &target else {
            let message = "a list of operations says nothing of the object that it is for";
            return builder.report(RULE, item.mark, message, "give the patch a `target`");
        };
        return operate(builder, item.mark, operations, selector, true, resources);
    }
    match (&target, documents.as_slice()) {
        (Some((mark, _)), [_, _, ..]) => {
            let message = "a patch with a `target` is one document";
            builder.report(RULE, *mark, message, "write an item for each, or leave the target out");
        }
        (Some((_, selector)), documents) => {
            for patch in documents {
                merge_selected(builder, item.mark, patch, selector, changes, resources);
            }
        }
        (None, documents) => {
            for patch in documents {
                merge_one(builder, item.mark, patch, changes, resources);
            }
        }
    }
}

/// Applies an item of `patchesJson6902`.
pub(super) fn json6902(builder: &mut Builder<'_>, place: Place<'_>, item: &Node, resources: &mut [Resource]) {
    let target = item
        .get("target")
        .filter(|target| target.get("name").and_then(Node::scalar).is_some_and(|name| !name.is_empty()));
    let Some(target) = target else {
        let message = "a list of operations needs a `target` with a `name`";
        return builder.report(RULE, item.mark, message, "name the object that it is for");
    };
    let Some(documents) = content(builder, place, item) else { return };
    match (Selector::of(target), documents.as_slice()) {
        (Err(message), _) => builder.report(RULE, target.mark, message, "correct the target"),
        (Ok(selector), [operations]) if !operations.items().is_empty() => {
            operate(builder, item.mark, operations, &selector, false, resources);
        }
        _ => builder.report(RULE, item.mark, "a list of operations is expected", "write `- op: ...`"),
    }
}

/// What a patch may change besides.
#[derive(Clone, Copy, Debug, Default)]
struct Changes {
    name: bool,
    kind: bool,
}

/// The documents of a patch, from `patch` or `path`.
fn content(builder: &mut Builder<'_>, place: Place<'_>, item: &Node) -> Option<Vec<Node>> {
    if let Some(operations) = item.get("patch").filter(|patch| matches!(patch.kind, Kind::List(_))) {
        return Some(vec![operations.clone()]);
    }
    let given = |key: &str| item.get(key).filter(|node| node.scalar().is_some_and(|text| !text.trim().is_empty()));
    let documents = match (given("patch"), given("path")) {
        (Some(patch), None) => {
            let documents = inline::documents(builder.files, &patch.scalar().unwrap_or_default(), patch.mark);
            read(builder, documents)
        }
        (None, Some(file)) => from_file(builder, place, file),
        (Some(_), Some(file)) => {
            builder.report(RULE, file.mark, "a patch has both `patch` and `path`", "give it one of them");
            None
        }
        (None, None) => {
            builder.report(RULE, item.mark, "a patch has neither `patch` nor `path`", "give it one of them");
            None
        }
    }?;
    if let [document] = documents.as_slice()
        && matches!(document.kind, Kind::List(_))
    {
        return Some(documents);
    }
    // A List of patches is taken apart.
    let documents: Vec<Node> = documents.iter().flat_map(super::listed).cloned().collect();
    for document in &documents {
        if let Err(message) = check_patch(document) {
            builder.report(RULE, document.mark, message, "write what it is a patch of, or a list of operations");
            return None;
        }
    }
    Some(documents)
}

/// Whether kustomize takes a document for a strategic merge patch.
fn check_patch(document: &Node) -> Result<(), String> {
    if !matches!(document.kind, Kind::Map(_)) {
        return Err(format!("a patch is a map or a list of operations, not {}", document.describe()));
    }
    let is_given = |path: &[&str]| document.at(path).and_then(Node::scalar).is_some_and(|text| !text.is_empty());
    if !is_given(&["kind"]) {
        return Err("a patch needs a `kind`".to_owned());
    }
    if !is_given(&["metadata", "name"]) && !kind(document).ends_with("List") {
        return Err("a patch needs a `metadata.name`, even where its `target` decides".to_owned());
    }
    Ok(())
}

fn from_file(builder: &mut Builder<'_>, place: Place<'_>, name: &Node) -> Option<Vec<Node>> {
    let index = builder.file_at(RULE, place, name, &name.scalar().unwrap_or_default())?;
    let parsed = builder.files.documents(index).map(<[Node]>::to_vec).map_err(SyntaxError::clone);
    read(builder, parsed)
}

fn read(builder: &mut Builder<'_>, parsed: Result<Vec<Node>, SyntaxError>) -> Option<Vec<Node>> {
    parsed.map_err(|error| builder.syntax(&error)).ok()
}

/// Merges a patch into an object. Name, kind and namespace stay as they are. `None` where the patch deletes it.
fn merged(
    builder: &Builder<'_>,
    resource: &Resource,
    patch: &Node,
    changes: Changes,
) -> Result<Option<Resource>, String> {
    let mut resource = resource.clone();
    let id = resource.id();
    if changes.name || changes.kind {
        resource.remember_id();
    }
    let kept = [
        (&["kind"][..], resource.node.get("kind").cloned().filter(|_| !changes.kind)),
        (&["metadata", "name"], resource.node.at(&["metadata", "name"]).cloned().filter(|_| !changes.name)),
        (&["metadata", "namespace"], resource.node.at(&["metadata", "namespace"]).cloned()),
    ];
    let node = std::mem::replace(&mut resource.node, Node::empty_map(Mark::START));
    let Some(mut node) = merge::merge(node, patch, builder.schemas())? else { return Ok(None) };
    for (path, value) in kept {
        if let (Some(value), Some((last, parents))) = (value, path.split_last())
            && let Some(parent) = node.map_at(parents, patch.mark)
        {
            parent.put(last, value);
        }
    }
    if id.namespace.is_empty()
        && let Some(entries) = node.get_mut("metadata").and_then(Node::entries_mut)
    {
        entries.retain(|entry| entry.key != "namespace");
    }
    resource.node = node;
    Ok(Some(resource))
}

/// Applies a patch to the one object that it names, by the name that it has or had.
fn merge_one(builder: &mut Builder<'_>, mark: Mark, patch: &Node, changes: Changes, resources: &mut Vec<Resource>) {
    if let Err(message) = check_patch(patch) {
        return builder.report(RULE, patch.mark, message, "write what it is a patch of");
    }
    let id = Id::of(patch);
    let found: Vec<usize> =
        (0..resources.len()).filter(|index| resources[*index].any_id(|other| other.is_same(&id))).collect();
    match found.as_slice() {
        [index] => match merged(builder, &resources[*index], patch, changes) {
            Ok(Some(resource)) => resources[*index] = resource,
            Ok(None) => drop(resources.remove(*index)),
            Err(message) => builder.report(RULE, patch.mark, message, "write the patch like the object"),
        },
        [] => {
            let message = format!("the patch is for {id}, which is not among the resources");
            builder.report_absent(RULE, mark, message, &nearest(&id, resources));
        }
        _ => {
            let message = format!("the patch is for {id}, and {} objects have or had this name", found.len());
            builder.report(RULE, mark, message, "name the one that is meant as it is called now");
        }
    }
}

/// What to do about a patch that names no object.
fn nearest(id: &Id, resources: &[Resource]) -> String {
    let named = |other: &Id| other.name == id.name && other.kind == id.kind;
    match resources.iter().find(|resource| resource.any_id(named)).map(Resource::id) {
        Some(other) if other.api_version() != id.api_version() => {
            format!("write `apiVersion: {}`, as the object has it", other.api_version())
        }
        Some(other) if other.namespace.is_empty() => "leave the namespace out, as the object does".to_owned(),
        Some(other) => format!("write `namespace: {}`, as the object has it", other.namespace),
        None => "name an object that `resources` builds, or give the patch a `target`".to_owned(),
    }
}

fn merge_selected(
    builder: &mut Builder<'_>,
    mark: Mark,
    patch: &Node,
    selector: &Selector,
    changes: Changes,
    resources: &mut Vec<Resource>,
) {
    let selected: Vec<bool> = resources.iter().map(|resource| selector.selects(resource)).collect();
    if !selected.contains(&true) {
        return nothing_selected(builder, mark);
    }
    let mut kept = Vec::with_capacity(resources.len());
    for (resource, selected) in resources.drain(..).zip(selected) {
        if !selected {
            kept.push(resource);
            continue;
        }
        // The target decides, not what the patch says of itself.
        let mut patch = patch.clone();
        patch.put("apiVersion", Node::of_text(resource.id().api_version(), patch.mark));
        match merged(builder, &resource, &patch, changes) {
            Ok(merged) => kept.extend(merged),
            Err(message) => {
                builder.report(RULE, patch.mark, message, "write the patch like the object");
                kept.push(resource);
            }
        }
    }
    *resources = kept;
}

/// kustomize takes a target that selects nothing without a word.
fn nothing_selected(builder: &mut Builder<'_>, mark: Mark) {
    if !builder.knows_all_objects() {
        return;
    }
    builder.warn(
        RULE,
        mark,
        "the target of this patch selects no object",
        "kustomize ignores the patch without an error",
        "correct `target`, or remove the patch",
    );
}

fn operate(
    builder: &mut Builder<'_>,
    mark: Mark,
    operations: &Node,
    selector: &Selector,
    remembers: bool,
    resources: &mut [Resource],
) {
    let mut found = false;
    for resource in resources.iter_mut().filter(|resource| selector.selects(resource)) {
        found = true;
        if remembers {
            resource.remember_id();
        }
        // An operation may add to annotations that the object does not have: kustomize's own are there.
        if resource.is_annotated() {
            let mark = resource.node.mark;
            resource.node.map_at(&["metadata", "annotations"], mark);
        }
        for operation in operations.items() {
            if let Err(message) = json_patch::apply(&mut resource.node, operation) {
                builder.report(RULE, operation.mark, message, "correct the operation, or its target");
                break;
            }
        }
    }
    if !found {
        nothing_selected(builder, mark);
    }
}
