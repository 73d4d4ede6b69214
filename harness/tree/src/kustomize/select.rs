//! Which objects a patch is for.

use regex::Regex;

use harness_yaml::Node;

fn text<'n>(node: &'n Node, path: &[&str]) -> &'n str {
    node.at(path).and_then(Node::text).unwrap_or_default()
}

/// Group and version of an `apiVersion`.
pub(super) fn group_version(node: &Node) -> (&str, &str) {
    let whole = text(node, &["apiVersion"]);
    whole.split_once('/').unwrap_or(("", whole))
}

/// Whether `object` is what the patch `patch` names by its own kind and name. The version does not count: kustomize compares the group.
pub(super) fn named_by(object: &Node, patch: &Node) -> bool {
    let namespace = text(patch, &["metadata", "namespace"]);
    text(object, &["kind"]) == text(patch, &["kind"])
        && group_version(object).0 == group_version(patch).0
        && text(object, &["metadata", "name"]) == text(patch, &["metadata", "name"])
        && (namespace.is_empty() || namespace == text(object, &["metadata", "namespace"]))
}

/// Whether a `target` selects an object: each given part must match, as a whole and as a regular expression.
pub(super) fn selects(target: &Node, object: &Node) -> bool {
    let (group, version) = group_version(object);
    let parts = [
        ("group", group),
        ("version", version),
        ("kind", text(object, &["kind"])),
        ("name", text(object, &["metadata", "name"])),
        ("namespace", text(object, &["metadata", "namespace"])),
    ];
    parts.iter().all(|(key, value)| {
        let pattern = text(target, &[key]);
        pattern.is_empty() || Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| regex.is_match(value))
    }) && labelled(text(target, &["labelSelector"]), object, "labels")
        && labelled(text(target, &["annotationSelector"]), object, "annotations")
}

/// `a=b`, `a==b`, `a!=b`, `a`, `!a`, joined by commas. Sets (`in (..)`) are taken to match: better a check too many.
fn labelled(selector: &str, object: &Node, field: &str) -> bool {
    let value = |key: &str| object.at(&["metadata", field, key.trim()]).and_then(Node::scalar);
    selector.contains('(')
        || selector.split(',').map(str::trim).filter(|term| !term.is_empty()).all(|term| {
            if let Some((key, wanted)) = term.split_once("!=") {
                value(key).as_deref() != Some(wanted.trim())
            } else if let Some((key, wanted)) = term.split_once('=') {
                value(key).as_deref() == Some(wanted.trim_start_matches('=').trim())
            } else if let Some(key) = term.strip_prefix('!') {
                value(key).is_none()
            } else {
                value(term).is_some()
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("{kind: NodePool}", true)]
    #[case("{kind: Node}", false)]
    #[case("{kind: NodePool, name: \"gen.*\"}", true)]
    #[case("{group: karpenter.sh, version: v1}", true)]
    #[case("{labelSelector: \"team=a,tier!=b\"}", true)]
    #[case("{labelSelector: \"!team\"}", false)]
    #[case("{annotationSelector: x}", false)]
    fn targets_select(#[case] target: &str, #[case] selected: bool) {
        let node = |text: &str| harness_yaml::documents(text).unwrap().remove(0);
        let object =
            node("{apiVersion: karpenter.sh/v1, kind: NodePool, metadata: {name: general, labels: {team: a}}}");
        assert_eq!(selects(&node(target), &object), selected);
    }
}
