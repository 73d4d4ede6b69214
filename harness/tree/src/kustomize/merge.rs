//! Strategic merge patches, as kustomize does them.
//!
//! Source: kyaml/yaml/merge2/merge2.go and kyaml/yaml/walk. Directives of the API server that kustomize does not know, such as `$retainKeys`,
//! are fields like others here too.

use super::kinds::{Schemas, Type};
use harness_yaml::{Entry, Kind, Node};

/// The key of a directive.
const DIRECTIVE: &str = "$patch";

/// Merges a patch into an object; `None` where the patch deletes it.
///
/// # Errors
/// A map is patched with a list, or the like, or a directive is unknown.
pub(super) fn merge(target: Node, patch: &Node, schemas: &Schemas) -> Result<Option<Node>, String> {
    Merge { schemas }.value(Some(target), Some(patch), None, "")
}

struct Merge<'s> {
    schemas: &'s Schemas,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

fn directive(text: &str) -> Result<Directive, String> {
    match text {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        other => Err(format!("there is no directive `$patch: {other}`: it is one of merge, replace and delete")),
    }
}

/// What a map of the patch says about itself.
fn of_map(patch: &Node) -> Result<Directive, String> {
    patch.get(DIRECTIVE).and_then(Node::scalar).map_or(Ok(Directive::Merge), |text| directive(&text))
}

/// What a list of the patch says about itself, by an item that says nothing else.
fn of_list(patch: &Node) -> Result<Directive, String> {
    let item = patch.items().iter().find(|item| item.get(DIRECTIVE).is_some());
    let text = item.filter(|item| item.entries().len() == 1).and_then(|item| item.get(DIRECTIVE)?.scalar());
    text.map_or(Ok(Directive::Merge), |text| directive(&text))
}

fn without_directive(patch: &Node) -> Node {
    let mut node = patch.clone();
    match &mut node.kind {
        Kind::Map(entries) => entries.retain(|entry| entry.key != DIRECTIVE),
        Kind::List(items) => items.retain(|item| item.get(DIRECTIVE).is_none() || item.entries().len() != 1),
        _ => {}
    }
    node
}

/// How a merge begins, of maps and of lists.
enum Begun {
    Merge(Node, Option<Node>),
    /// Nothing is left to merge.
    Done(Option<Node>),
}

fn begin(asked: Directive, dest: Option<Node>, patch: Option<&Node>) -> Begun {
    match (asked, dest, patch.map(without_directive)) {
        (Directive::Delete, ..) => Begun::Done(None),
        (Directive::Merge, Some(dest), patch) => Begun::Merge(dest, patch),
        // What is new is merged with itself, by which its own directives and nulls go.
        (_, _, Some(patch)) => Begun::Merge(patch.clone(), Some(patch)),
        (_, dest, None) => Begun::Done(dest),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Map,
    List,
    Plain,
}

fn shape(node: &Node) -> Option<Shape> {
    match node.kind {
        Kind::Null => None,
        Kind::Map(_) => Some(Shape::Map),
        Kind::List(_) => Some(Shape::List),
        _ => Some(Shape::Plain),
    }
}

/// The value of a key; empty where it is missing.
fn key_of(item: &Node, key: &str) -> String {
    if key.is_empty() { item.scalar() } else { item.get(key).and_then(Node::scalar) }.unwrap_or_default()
}

impl<'s> Merge<'s> {
    fn value(
        &self,
        dest: Option<Node>,
        patch: Option<&Node>,
        known: Option<Type<'s>>,
        path: &str,
    ) -> Result<Option<Node>, String> {
        let shapes = [dest.as_ref().and_then(shape), patch.and_then(shape)];
        if let [Some(own), Some(asked)] = shapes
            && own != asked
        {
            let (own, asked) = (dest.as_ref().map(Node::describe), patch.map(Node::describe));
            return Err(format!(
                "`{}` is {}, which cannot be merged with {}",
                path.trim_start_matches('.'),
                own.unwrap_or_default(),
                asked.unwrap_or_default()
            ));
        }
        let known = known.or_else(|| dest.as_ref().and_then(|dest| self.schemas.of(dest)));
        let known = known.or_else(|| patch.and_then(|patch| self.schemas.of(patch)));
        match (shapes[0].or(shapes[1]), dest, patch) {
            // An explicit null stays where no patch is about it; one without a text does not.
            (None, Some(dest), None) => Ok(Some(dest).filter(|dest| dest.mark.length > 0)),
            (None, ..) => Ok(None),
            (Some(Shape::Plain | Shape::Map | Shape::List), Some(_), Some(patch)) if patch.kind == Kind::Null => {
                Ok(None)
            }
            (Some(Shape::Map), dest, patch) => {
                self.map(dest.filter(|dest| dest.kind != Kind::Null), patch, known, path)
            }
            // A list is one of a field, whose type says how it is merged.
            (Some(Shape::List | Shape::Plain), dest, patch) => Ok(patch.cloned().or(dest)),
        }
    }

    fn map(
        &self,
        dest: Option<Node>,
        patch: Option<&Node>,
        known: Option<Type<'s>>,
        path: &str,
    ) -> Result<Option<Node>, String> {
        let asked = patch.map_or(Ok(Directive::Merge), of_map)?;
        let (mut node, patch) = match begin(asked, dest, patch) {
            Begun::Merge(node, patch) => (node, patch),
            Begun::Done(node) => return Ok(node),
        };
        let mut more: Vec<&Entry> = patch.iter().flat_map(Node::entries).collect();
        more.retain(|entry| node.get(&entry.key).is_none());
        more.sort_by(|a, b| a.key.cmp(&b.key));
        let entries = std::mem::take(node.entries_mut().ok_or("a map is expected")?);
        let mut merged: Vec<Entry> = Vec::with_capacity(entries.len());
        for Entry { key, key_mark, value } in entries {
            let change = patch.as_ref().and_then(|patch| patch.get(&key));
            if let Some(value) = self.field(Some(value), change, known, path, &key)? {
                merged.push(Entry { key, key_mark, value });
            }
        }
        for entry in more {
            if let Some(value) = self.field(None, Some(&entry.value), known, path, &entry.key)? {
                merged.push(Entry { key: entry.key.clone(), key_mark: entry.key_mark, value });
            }
        }
        node.kind = Kind::Map(merged.into());
        Ok(Some(node))
    }

    fn field(
        &self,
        dest: Option<Node>,
        patch: Option<&Node>,
        owner: Option<Type<'s>>,
        path: &str,
        key: &str,
    ) -> Result<Option<Node>, String> {
        let path = format!("{path}.{key}");
        let field = owner.and_then(|owner| owner.field(key));
        let known = owner.and_then(|owner| owner.of_field(key));
        let is_list = |node: Option<&Node>| node.is_some_and(|node| matches!(node.kind, Kind::List(_)));
        let nothing = |node: Option<&Node>| node.is_none_or(|node| node.kind == Kind::Null);
        let lists = (is_list(dest.as_ref()) || nothing(dest.as_ref())) && (is_list(patch) || patch.is_none());
        match field.and_then(|field| field.merge_keys.as_ref()) {
            Some(keys) if lists && (is_list(dest.as_ref()) || is_list(patch)) => {
                self.list(dest.filter(|dest| dest.kind != Kind::Null), patch, keys, known, &path)
            }
            _ => self.value(dest, patch, known, &path),
        }
    }

    /// Merges a list by keys: what the patch has comes first, in its order.
    fn list(
        &self,
        dest: Option<Node>,
        patch: Option<&Node>,
        keys: &[String],
        known: Option<Type<'s>>,
        path: &str,
    ) -> Result<Option<Node>, String> {
        let asked = patch.map_or(Ok(Directive::Merge), of_list)?;
        let (mut list, patch) = match begin(asked, dest, patch) {
            Begun::Merge(list, patch) => (list, patch),
            Begun::Done(list) => return Ok(list),
        };
        let mut own = std::mem::take(list.items_mut().ok_or("a list is expected")?);
        let changes = patch.as_ref().map_or(&[][..], Node::items);
        let keys = present_keys(keys, &own, changes);
        let mut first: Vec<Node> = Vec::new();
        for change in changes {
            let known_at = own.iter().position(|item| is_same_item(item, change, &keys));
            let target = known_at.map(|at| own[at].clone());
            let replaced = change.get(DIRECTIVE).is_some() && of_map(change)? == Directive::Replace;
            let merged = match (&target, keys.is_empty()) {
                (_, true) => Some(change.clone()),
                (target, false) => self.value(target.clone(), Some(change), known, path)?,
            };
            let merged = merged.filter(|merged| !matches!(&merged.kind, Kind::Map(entries) if entries.is_empty()));
            let Some(mut merged) = merged else {
                own.retain(|item| !is_same_item(item, change, &keys));
                continue;
            };
            for key in &keys {
                let value = target.as_ref().and_then(|target| target.get(key)).or_else(|| change.get(key));
                if let Some(value) = value.filter(|_| merged.get(key).is_none()) {
                    merged.put(key, value.clone());
                }
            }
            // A list of two keys keeps its order: kustomize takes out what it puts in again.
            match known_at {
                // The item of the target takes the place of the patch's once more: `replace` has no effect here.
                Some(at) if keys.len() > 1 => own[at] = if replaced { own[at].clone() } else { merged },
                Some(at) => {
                    let item = own.remove(at);
                    first.push(if replaced { item } else { merged });
                }
                None => match first.iter_mut().find(|item| is_same_item(item, &merged, &keys)) {
                    Some(earlier) => *earlier = merged,
                    None => first.push(merged),
                },
            }
        }
        for item in own {
            let item = if keys.is_empty() { Some(item) } else { self.value(Some(item), None, known, path)? };
            let Some(item) = item else { continue };
            // Of two with the same key the last one stays.
            match first.iter_mut().find(|earlier| is_same_item(earlier, &item, &keys)) {
                Some(earlier) => *earlier = item,
                None => first.push(item),
            }
        }
        list.kind = Kind::List(first.into());
        Ok(Some(list))
    }
}

/// The keys that any item has: where none has a `protocol`, ports are merged by their number. Source: `validateKeys` of
/// kyaml/yaml/walk/associative_sequence.go.
fn present_keys(keys: &[String], own: &[Node], changes: &[Node]) -> Vec<String> {
    let is_present = |key: &&String| own.iter().chain(changes).any(|item| !key_of(item, key).is_empty());
    let present: Vec<String> = keys.iter().filter(is_present).cloned().collect();
    if present.is_empty() { keys.to_vec() } else { present }
}

/// Whether two items have the same keys; with several, one that is missing does not count where another one is the same.
fn is_same_item(item: &Node, other: &Node, keys: &[String]) -> bool {
    if keys.is_empty() {
        return item.scalar().is_some() && item.scalar() == other.scalar();
    }
    let pairs: Vec<(String, String)> = keys.iter().map(|key| (key_of(item, key), key_of(other, key))).collect();
    let same = |(a, b): &(String, String)| a == b;
    let meets = |(a, b): &(String, String)| a == b || (keys.len() > 1 && (a.is_empty() || b.is_empty()));
    pairs.iter().any(same) && pairs.iter().all(meets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn node(text: &str) -> Node {
        harness_yaml::documents(text).unwrap().remove(0)
    }

    fn merged(target: &str, patch: &str) -> Option<String> {
        let merged = merge(node(target), &node(patch), Schemas::built_in()).unwrap();
        merged.map(|merged| merged.to_json().to_string())
    }

    #[rstest]
    #[case("{a: 1, b: 2}", "{b: null, c: 3}", "{a: 1, c: 3}")]
    #[case("{a: {b: 1, c: 2}}", "{a: {$patch: replace, d: 1}}", "{a: {d: 1}}")]
    #[case("{a: {b: 1}}", "{a: {$patch: delete}}", "{}")]
    #[case("{args: [a, b]}", "{args: [c]}", "{args: [c]}")]
    // An explicit null stays, one that is only a missing value does not.
    #[case("{a: null, b: , c: 1}", "{c: 2}", "{a: null, c: 2}")]
    #[case("{a: {b: 1}}", "{c: {d: null, e: {f: null}}}", "{a: {b: 1}, c: {e: {}}}")]
    // Lists of a kind that is not known are replaced.
    #[case("{env: [{name: a}]}", "{env: [{name: b}]}", "{env: [{name: b}]}")]
    fn maps_are_merged_and_lists_replaced(#[case] target: &str, #[case] patch: &str, #[case] expected: &str) {
        assert_eq!(merged(target, patch), Some(node(expected).to_json().to_string()));
    }

    fn pod(spec: &str) -> String {
        format!("{{apiVersion: v1, kind: Pod, spec: {{{spec}}}}}")
    }

    #[rstest]
    // What the patch has comes first.
    #[case(
        "containers: [{name: a, image: x}, {name: b, image: z}]",
        "containers: [{name: b, image: y}, {name: c}]",
        "containers: [{name: b, image: y}, {name: c}, {name: a, image: x}]"
    )]
    #[case("containers: [{name: a}, {name: b}]", "containers: [{name: a, $patch: delete}]", "containers: [{name: b}]")]
    #[case(
        "containers: [{name: a}, {name: b}]",
        "containers: [{$patch: replace}, {name: c}]",
        "containers: [{name: c}]"
    )]
    // A map within a field of a type that is not merged.
    #[case("tolerations: [{key: a}]", "tolerations: [{key: b}]", "tolerations: [{key: b}]")]
    // Two ports of one number, by their protocols.
    #[case(
        "containers: [{name: a, ports: [{containerPort: 1, protocol: UDP}, {containerPort: 1, protocol: TCP}]}]",
        "containers: [{name: a, ports: [{containerPort: 1, protocol: TCP, name: t}]}]",
        "containers: [{name: a, ports: [{containerPort: 1, protocol: UDP}, {containerPort: 1, protocol: TCP, name: t}]}]"
    )]
    fn lists_of_known_kinds_are_merged_by_their_keys(
        #[case] target: &str,
        #[case] patch: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(merged(&pod(target), &pod(patch)), Some(node(&pod(expected)).to_json().to_string()));
    }

    /// Before, the claims were merged by name, so that the one of the base stayed.
    #[test]
    fn a_list_that_is_atomic_is_replaced() {
        let set = |claims: &str| {
            format!("{{apiVersion: apps/v1, kind: StatefulSet, spec: {{volumeClaimTemplates: [{claims}]}}}}")
        };
        let (target, patch) = (set("{metadata: {name: a}}"), set("{metadata: {name: b}}"));
        assert_eq!(merged(&target, &patch), Some(node(&patch).to_json().to_string()));
    }

    #[test]
    fn what_cannot_be_merged_is_said() {
        let error = merge(node("{a: {b: 1}}"), &node("{a: [1]}"), Schemas::built_in()).unwrap_err();
        assert_eq!(error, "`a` is a map, which cannot be merged with a list");
        assert!(merge(node("{a: 1}"), &node("{$patch: remove}"), Schemas::built_in()).is_err());
        assert_eq!(merged("{a: 1}", "{$patch: delete}"), None);
    }
}
