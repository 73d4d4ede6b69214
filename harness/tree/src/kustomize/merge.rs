//! Strategic merge patches.

use harness_yaml::{Entry, Kind, Node};

/// Lists of Kubernetes' own kinds that are merged by a key; every other list, and every list of a custom resource, is replaced.
/// Source: `x-kubernetes-patch-merge-key` in api/openapi-spec of Kubernetes 1.36.
const MERGE_KEYS: [(&str, &str); 18] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("ephemeralContainers", "name"),
    ("volumes", "name"),
    ("env", "name"),
    ("imagePullSecrets", "name"),
    ("secrets", "name"),
    ("volumeMounts", "mountPath"),
    ("volumeDevices", "devicePath"),
    ("hostAliases", "ip"),
    ("topologySpreadConstraints", "topologyKey"),
    ("resourceClaims", "name"),
    ("schedulingGates", "name"),
    ("volumeClaimTemplates", "name"),
    ("webhooks", "name"),
    ("podIPs", "ip"),
    ("ownerReferences", "uid"),
    ("conditions", "type"),
];

/// Merges a patch into an object. `custom` objects have no merge keys. `false` when the object is deleted.
pub(super) fn merge(target: &mut Node, patch: &Node, custom: bool) -> bool {
    match directive(patch) {
        Some("delete") => return false,
        Some("replace") => {
            *target = without_directive(patch);
            return true;
        }
        _ => {}
    }
    let (Kind::Map(_), Kind::Map(changes)) = (&target.kind, &patch.kind) else {
        *target = patch.clone();
        return true;
    };
    for change in changes.iter().filter(|change| !change.key.starts_with('$')) {
        entry(target, change, custom);
    }
    true
}

fn directive(node: &Node) -> Option<&str> {
    node.get("$patch").and_then(Node::text)
}

fn without_directive(node: &Node) -> Node {
    let mut node = node.clone();
    if let Some(entries) = node.entries_mut() {
        entries.retain(|entry| entry.key != "$patch");
    }
    node
}

fn entry(target: &mut Node, change: &Entry, custom: bool) {
    let Some(entries) = target.entries_mut() else { return };
    if change.value.kind == Kind::Null {
        return entries.retain(|entry| entry.key != change.key);
    }
    let Some(known) = entries.iter_mut().find(|entry| entry.key == change.key) else {
        if directive(&change.value) != Some("delete") {
            entries.push(Entry { value: without_directive(&change.value), ..change.clone() });
        }
        return;
    };
    let merge_key = merge_key(&change.key, &change.value).filter(|_| !custom);
    let kept = match (merge_key, &mut known.value.kind, &change.value.kind) {
        (Some(key), Kind::List(items), Kind::List(changes)) => {
            changes.iter().for_each(|change| item(items, change, key));
            true
        }
        _ => merge(&mut known.value, &change.value, custom),
    };
    if !kept {
        entries.retain(|entry| entry.key != change.key);
    }
}

fn merge_key(list: &str, value: &Node) -> Option<&'static str> {
    // A container's ports have a `containerPort`, a Service's have not.
    if list == "ports" {
        let of_container = value.items().iter().any(|item| item.get("containerPort").is_some());
        return Some(if of_container { "containerPort" } else { "port" });
    }
    MERGE_KEYS.iter().find(|(name, _)| *name == list).map(|(_, key)| *key)
}

fn item(items: &mut Vec<Node>, change: &Node, key: &str) {
    if directive(change) == Some("replace") && change.entries().len() == 1 {
        return items.clear();
    }
    let id = change.get(key).and_then(Node::scalar);
    match items.iter().position(|item| id.is_some() && item.get(key).and_then(Node::scalar) == id) {
        Some(index) if merge(&mut items[index], change, false) => {}
        Some(index) => drop(items.remove(index)),
        None if directive(change) != Some("delete") => items.push(without_directive(change)),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn node(text: &str) -> Node {
        harness_yaml::documents(text).unwrap().remove(0)
    }

    fn shown(node: &Node) -> String {
        match &node.kind {
            Kind::Map(entries) => {
                let inner: Vec<String> = entries.iter().map(|e| format!("{}: {}", e.key, shown(&e.value))).collect();
                format!("{{{}}}", inner.join(", "))
            }
            Kind::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
            _ => node.scalar().unwrap_or_default(),
        }
    }

    #[rstest]
    #[case("{a: 1, b: 2}", "{b: null, c: 3}", "{a: 1, c: 3}")]
    #[case("{a: {b: 1, c: 2}}", "{a: {$patch: replace, d: 1}}", "{a: {d: 1}}")]
    #[case("{a: {b: 1}}", "{a: {$patch: delete}}", "{}")]
    #[case(
        "{containers: [{name: a, image: x}, {name: b}]}",
        "{containers: [{name: a, image: y}, {name: c}]}",
        "{containers: [{name: a, image: y}, {name: b}, {name: c}]}"
    )]
    #[case(
        "{containers: [{name: a}, {name: b}]}",
        "{containers: [{name: a, $patch: delete}]}",
        "{containers: [{name: b}]}"
    )]
    #[case("{args: [a, b]}", "{args: [c]}", "{args: [c]}")]
    #[case(
        "{ports: [{port: 80, targetPort: 1}]}",
        "{ports: [{port: 80, targetPort: 2}]}",
        "{ports: [{port: 80, targetPort: 2}]}"
    )]
    fn merges_as_kustomize_does(#[case] target: &str, #[case] patch: &str, #[case] expected: &str) {
        let mut target = node(target);
        assert!(merge(&mut target, &node(patch), false));
        assert_eq!(shown(&target), expected);
    }

    #[test]
    fn lists_of_custom_resources_are_replaced() {
        let mut target = node("{env: [{name: a}]}");
        merge(&mut target, &node("{env: [{name: b}]}"), true);
        assert_eq!(shown(&target), "{env: [{name: b}]}");
    }
}
