//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.

use super::builder::{Builder, Built};
use super::{inline, merge, select};
use crate::crd;
use harness_yaml::{Kind, Mark, Node, SyntaxError};

const RULE: &str = "kustomization-patches";

/// Applies the patches of a kustomization.
pub(super) fn apply(builder: &mut Builder<'_>, path: &str, folder: &str, document: &Node, objects: &mut Vec<Built>) {
    for item in document.items_at(&["patchesStrategicMerge"]) {
        if let Some(documents) = text_or_file(builder, path, folder, item) {
            documents.iter().for_each(|patch| strategic(builder, path, item.mark, patch, None, objects));
        }
    }
    for list in ["patches", "patchesJson6902"] {
        for item in document.items_at(&[list]) {
            one(builder, path, folder, item, objects);
        }
    }
}

/// One item of `patches`, of a kustomization or of a Flux Kustomization.
pub(super) fn one(builder: &mut Builder<'_>, path: &str, folder: &str, item: &Node, objects: &mut Vec<Built>) {
    let target = item.get("target");
    let documents = match (item.get("patch"), item.get("path")) {
        (Some(patch), _) => {
            read(builder, path, inline::documents(builder.files, patch.text().unwrap_or_default(), patch.mark))
        }
        (None, Some(file)) => from_file(builder, path, folder, file),
        (None, None) => {
            let message = "a patch has neither `patch` nor `path`".to_owned();
            return builder.report(RULE, path, item.mark, message, "give it one of them");
        }
    };
    let Some(documents) = documents else { return };
    for patch in &documents {
        if matches!(patch.kind, Kind::List(_)) {
            operations(builder, path, item.mark, patch, target, objects);
        } else {
            strategic(builder, path, item.mark, patch, target, objects);
        }
    }
}

fn text_or_file(builder: &mut Builder<'_>, path: &str, folder: &str, item: &Node) -> Option<Vec<Node>> {
    let text = item.text().unwrap_or_default();
    if text.contains('\n') {
        return read(builder, path, inline::documents(builder.files, text, item.mark));
    }
    from_file(builder, path, folder, item)
}

fn from_file(builder: &mut Builder<'_>, path: &str, folder: &str, name: &Node) -> Option<Vec<Node>> {
    let index = builder.file_at(path, folder, name)?;
    let parsed = builder.parse(index).map(<[Node]>::to_vec).map_err(SyntaxError::clone);
    read(builder, builder.files.path(index), parsed)
}

fn read(builder: &mut Builder<'_>, path: &str, parsed: Result<Vec<Node>, SyntaxError>) -> Option<Vec<Node>> {
    match parsed {
        Ok(documents) => Some(documents),
        Err(error) => {
            builder.report("yaml", path, error.mark, error.message, "check indentation, colons and brackets near here");
            None
        }
    }
}

fn strategic(
    builder: &mut Builder<'_>,
    path: &str,
    mark: Mark,
    patch: &Node,
    target: Option<&Node>,
    objects: &mut Vec<Built>,
) {
    let mut found = false;
    objects.retain_mut(|built| {
        let meant =
            target.map_or_else(|| select::named_by(&built.node, patch), |target| select::selects(target, &built.node));
        if !meant {
            return true;
        }
        found = true;
        let custom = !is_builtin(&built.node);
        let kept = [
            built.node.get("apiVersion").cloned(),
            built.node.get("kind").cloned(),
            built.node.at(&["metadata", "name"]).cloned(),
        ];
        if !merge::merge(&mut built.node, patch, custom) {
            return false;
        }
        // With a target the patch's own name and kind do not count.
        if target.is_some() {
            let [version, kind, name] = kept;
            if let Some(value) = version {
                built.node.put("apiVersion", value);
            }
            if let Some(value) = kind {
                built.node.put("kind", value);
            }
            if let (Some(name), Some(metadata)) = (name, built.node.get_mut("metadata")) {
                metadata.put("name", name);
            }
        }
        true
    });
    if !found && target.is_none() {
        let name = patch.at(&["metadata", "name"]).and_then(Node::scalar).unwrap_or_default();
        let kind = patch.get("kind").and_then(Node::scalar).unwrap_or_default();
        let message = format!("the patch is for {kind} `{name}`, which is not among the resources");
        builder.report(
            RULE,
            path,
            mark,
            message,
            "name an object that `resources` builds, or give the patch a `target`",
        );
    } else if !found {
        nothing_selected(builder, path, mark);
    }
}

/// kustomize takes a target that selects nothing without a word.
fn nothing_selected(builder: &mut Builder<'_>, path: &str, mark: Mark) {
    use crate::finding::{Finding, Severity};
    let message = "the target of this patch selects no object";
    builder.build.findings.push(
        Finding::new(Severity::Warning, RULE, path, mark, message)
            .effect("kustomize says nothing, and the patch changes nothing")
            .fix("correct `target`, or remove the patch"),
    );
}

/// Kinds of Kubernetes itself have merge keys, others have not.
fn is_builtin(node: &Node) -> bool {
    let (group, _) = select::group_version(node);
    (!group.contains('.') || group.ends_with(".k8s.io")) && crd::kinds_of(group).is_empty()
}

fn operations(
    builder: &mut Builder<'_>,
    path: &str,
    mark: Mark,
    patch: &Node,
    target: Option<&Node>,
    objects: &mut [Built],
) {
    let Some(target) = target else {
        let message = "a list of operations says nothing of the object that it is for".to_owned();
        return builder.report(RULE, path, mark, message, "give the patch a `target`");
    };
    let mut found = false;
    for built in objects.iter_mut().filter(|built| select::selects(target, &built.node)) {
        found = true;
        for operation in patch.items() {
            if let Err(message) = operate(&mut built.node, operation) {
                builder.report(RULE, builder.path_of(operation.mark), operation.mark, message, "correct `path`");
            }
        }
    }
    if !found {
        nothing_selected(builder, path, mark);
    }
}

/// One operation of RFC 6902.
fn operate(object: &mut Node, operation: &Node) -> Result<(), String> {
    let text = |key: &str| operation.get(key).and_then(Node::text).unwrap_or_default();
    let pointer = |text: &str| -> Vec<String> {
        text.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
    };
    let path = pointer(text("path"));
    let value = || operation.get("value").cloned().ok_or_else(|| format!("`{}` needs a `value`", text("op")));
    match text("op") {
        "add" => add(object, &path, value()?),
        "replace" => {
            remove(object, &path)?;
            add(object, &path, value()?)
        }
        "remove" => remove(object, &path).map(drop),
        "move" => {
            let moved = remove(object, &pointer(text("from")))?;
            add(object, &path, moved)
        }
        "copy" => {
            let mut copy = object.clone();
            let copied = remove(&mut copy, &pointer(text("from")))?;
            add(object, &path, copied)
        }
        "test" => Ok(()),
        other => Err(format!("there is no operation `{other}`")),
    }
}

fn parent<'n>(object: &'n mut Node, path: &[String]) -> Result<&'n mut Node, String> {
    path.iter().try_fold(object, |node, part| {
        let inner = match &mut node.kind {
            Kind::List(items) => part.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            Kind::Map(entries) => entries.iter_mut().find(|entry| entry.key == *part).map(|entry| &mut entry.value),
            _ => None,
        };
        inner.ok_or_else(|| format!("there is no `{}` in the object", path.join("/")))
    })
}

fn add(object: &mut Node, path: &[String], value: Node) -> Result<(), String> {
    let Some((last, above)) = path.split_last() else {
        *object = value;
        return Ok(());
    };
    let node = parent(object, above)?;
    match &mut node.kind {
        Kind::List(items) if last == "-" => items.push(value),
        Kind::List(items) => {
            let index = last.parse::<usize>().ok().filter(|index| *index <= items.len());
            items.insert(index.ok_or_else(|| format!("`{last}` is not a place in the list"))?, value);
        }
        Kind::Map(_) => node.put(last, value),
        _ => return Err(format!("`{}` is neither a map nor a list", above.join("/"))),
    }
    Ok(())
}

fn remove(object: &mut Node, path: &[String]) -> Result<Node, String> {
    let missing = || format!("there is no `{}` in the object", path.join("/"));
    let (last, above) = path.split_last().ok_or_else(missing)?;
    let node = parent(object, above)?;
    match &mut node.kind {
        Kind::List(items) => {
            let index = last.parse::<usize>().ok().filter(|index| *index < items.len()).ok_or_else(missing)?;
            Ok(items.remove(index))
        }
        Kind::Map(entries) => {
            let index = entries.iter().position(|entry| entry.key == *last).ok_or_else(missing)?;
            Ok(entries.remove(index).value)
        }
        _ => Err(missing()),
    }
}
