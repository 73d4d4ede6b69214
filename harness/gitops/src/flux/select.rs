//! Which objects a command names.

use std::collections::BTreeSet;

use super::error::FluxError;
use super::graph;
use super::kinds::ObjectRef;
use super::object::Found;

/// The objects that are meant: without names all that answer requests, else those of the names, `[KIND/][NAMESPACE/]NAME`, with the
/// sources that they need.
pub(super) fn select<'a>(
    found: &'a [Found],
    names: &[String],
    with_sources: bool,
) -> Result<Vec<&'a Found>, FluxError> {
    let candidates: Vec<&Found> = found.iter().filter(|found| found.kind.answers_requests).collect();
    if names.is_empty() {
        return Ok(candidates);
    }
    let mut chosen: BTreeSet<ObjectRef> = BTreeSet::new();
    for name in names {
        let matching = candidates.iter().filter(|found| matches(found, name)).map(|found| found.reference());
        let matching: BTreeSet<ObjectRef> = matching.collect();
        if matching.is_empty() {
            let known: Vec<String> = candidates.iter().map(|found| path(&found.reference())).collect();
            return Err(FluxError::NoSuchObject { asked: name.clone(), known: known.join(", ") });
        }
        chosen.extend(matching);
    }
    if with_sources {
        let nodes = graph::nodes(found);
        let sources: BTreeSet<ObjectRef> =
            candidates.iter().filter(|found| found.kind.is_source()).map(|found| found.reference()).collect();
        // Until nothing is added: a source may need another one.
        loop {
            let needed = nodes.iter().filter(|node| chosen.contains(&node.id)).flat_map(|node| &node.needs);
            let added: Vec<ObjectRef> =
                needed.filter(|need| sources.contains(*need) && !chosen.contains(*need)).cloned().collect();
            if added.is_empty() {
                break;
            }
            chosen.extend(added);
        }
    }
    Ok(candidates.into_iter().filter(|found| chosen.contains(&found.reference())).collect())
}

/// Whether one of the names means this object.
pub(super) fn is_named(found: &Found, names: &[String]) -> bool {
    names.iter().any(|name| matches(found, name))
}

/// `Kustomization/flux-system/apps`.
fn path(object: &ObjectRef) -> String {
    let namespace = object.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    format!("{}/{namespace}{}", object.kind, object.name)
}

fn matches(found: &Found, asked: &str) -> bool {
    let object = found.reference();
    let parts: Vec<&str> = asked.split('/').collect();
    let is_kind =
        |text: &str| [&found.kind.kind, &found.kind.plural].into_iter().any(|name| name.eq_ignore_ascii_case(text));
    let is_namespace = |text: &str| object.namespace.as_deref() == Some(text);
    match parts.as_slice() {
        [name] => object.name == *name,
        [first, name] => object.name == *name && (is_kind(first) || is_namespace(first)),
        [kind, namespace, name] => object.name == *name && is_kind(kind) && is_namespace(namespace),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::flux::graph::tests::found;

    fn all() -> Vec<Found> {
        let source =
            json!({"sourceRef": {"kind": "GitRepository", "name": "node-config"}, "dependsOn": [{"name": "infra"}]});
        let include = json!({"include": [{"repository": {"name": "base"}}]});
        vec![
            found("GitRepository", "base", &json!({}), None),
            found("GitRepository", "node-config", &include, None),
            found("Kustomization", "apps", &source, None),
            found("Kustomization", "infra", &json!({}), None),
            found("Kustomization", "node-config", &json!({}), None),
        ]
    }

    #[rstest]
    #[case(&[], true, &["GitRepository/flux-system/base", "GitRepository/flux-system/node-config", "Kustomization/flux-system/apps", "Kustomization/flux-system/infra", "Kustomization/flux-system/node-config"])]
    #[case(&["apps"], true, &["GitRepository/flux-system/base", "GitRepository/flux-system/node-config", "Kustomization/flux-system/apps"])]
    #[case(&["apps"], false, &["Kustomization/flux-system/apps"])]
    #[case(&["kustomization/node-config"], true, &["Kustomization/flux-system/node-config"])]
    #[case(&["flux-system/node-config"], false, &["GitRepository/flux-system/node-config", "Kustomization/flux-system/node-config"])]
    #[case(&["GitRepositorys/flux-system/base"], false, &["GitRepository/flux-system/base"])]
    #[case(&["infra", "infra"], false, &["Kustomization/flux-system/infra"])]
    fn names_choose(#[case] names: &[&str], #[case] with_sources: bool, #[case] expected: &[&str]) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let all = all();
        let chosen = select(&all, &names, with_sources).unwrap();
        let shown: Vec<String> = chosen.iter().map(|found| path(&found.reference())).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_name_that_nothing_has_is_refused_with_those_that_there_are() {
        let all = all();
        let error = select(&all, &["other/apps".to_owned()], true).unwrap_err().to_string();
        assert!(error.contains("`other/apps`") && error.contains("Kustomization/flux-system/apps"), "{error}");
    }
}
