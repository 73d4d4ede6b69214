//! Operations of RFC 6902, as kustomize does them: gopkg.in/evanphx/json-patch.v4, `patch.go`, which takes more than the RFC.

use harness_yaml::{Kind, Node};

/// Applies one operation to an object.
///
/// # Errors
/// Why it does not apply.
pub(super) fn apply(object: &mut Node, operation: &Node) -> Result<(), String> {
    let text = |key: &str| operation.get(key).and_then(Node::scalar);
    let op = text("op").unwrap_or_default();
    let path = text("path").ok_or_else(|| format!("the operation `{op}` has no `path`"))?;
    let from = || text("from").ok_or_else(|| format!("the operation `{op}` has no `from`"));
    // One without a value puts a null.
    let null = || Node { kind: Kind::Null, mark: operation.mark, end: operation.end };
    let value = || operation.get("value").cloned().unwrap_or_else(null);
    match op.as_str() {
        "add" => add(object, &path, value()),
        "replace" => replace(object, &path, value()),
        "remove" => remove(object, &path).map(drop),
        "move" => {
            let moved = remove(object, &from()?)?;
            add(object, &path, moved)
        }
        "copy" => {
            let copied = get(object, &from()?)?.cloned().unwrap_or_else(null);
            add(object, &path, copied)
        }
        "test" => test(object, &path, operation.get("value")),
        other => {
            Err(format!("there is no operation `{other}`: it is one of add, copy, move, remove, replace and test"))
        }
    }
}

/// The parts of a pointer and its last one; `None` for the object itself.
fn pointer(path: &str) -> Option<(Vec<String>, String)> {
    let mut parts: Vec<String> =
        path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let last = parts.pop()?;
    Some((parts, last))
}

fn missing(path: &str) -> String {
    format!("there is no `{}` in the object", path.trim_start_matches('/'))
}

/// An index into a list of `length` items; a negative one counts from the end.
fn index(part: &str, length: usize) -> Option<usize> {
    let at: i64 = part.parse().ok()?;
    let length = i64::try_from(length).ok()?;
    usize::try_from(if at < 0 { at + length } else { at }).ok()
}

fn container<'n>(object: &'n mut Node, path: &str) -> Result<(&'n mut Node, String), String> {
    let (parts, last) = pointer(path).ok_or_else(|| missing(path))?;
    let mut node = object;
    let parent = || missing(&parts.join("/"));
    for part in &parts {
        let inner = match &mut node.kind {
            Kind::List(items) => index(part, items.len()).and_then(|at| items.get_mut(at)),
            Kind::Map(entries) => entries.iter_mut().find(|entry| entry.key == *part).map(|entry| &mut entry.value),
            _ => None,
        };
        node = inner.ok_or_else(parent)?;
    }
    match node.kind {
        Kind::List(_) | Kind::Map(_) => Ok((node, last)),
        _ => Err(parent()),
    }
}

fn get<'n>(object: &'n mut Node, path: &str) -> Result<Option<&'n Node>, String> {
    let (node, last) = container(object, path)?;
    match &node.kind {
        Kind::List(items) => {
            let at = index(&last, items.len()).filter(|at| *at < items.len());
            at.map(|at| items.get(at)).ok_or_else(|| format!("`{last}` is not a place in the list"))
        }
        _ => Ok(node.get(&last)),
    }
}

fn add(object: &mut Node, path: &str, value: Node) -> Result<(), String> {
    let (node, last) = container(object, path)?;
    match &mut node.kind {
        Kind::List(items) if last == "-" => items.push(value),
        Kind::List(items) => {
            let at = index(&last, items.len() + 1).filter(|at| *at <= items.len());
            items.insert(at.ok_or_else(|| format!("`{last}` is not a place in the list"))?, value);
        }
        _ => node.put(&last, value),
    }
    Ok(())
}

/// Puts a value in the place of another one. What is missing in a map is added: json-patch looks for the map alone.
fn replace(object: &mut Node, path: &str, value: Node) -> Result<(), String> {
    if path.is_empty() {
        *object = value;
        return Ok(());
    }
    get(object, path)?;
    let (node, last) = container(object, path)?;
    match &mut node.kind {
        Kind::List(items) => {
            let length = items.len();
            if let Some(item) = index(&last, length).and_then(|at| items.get_mut(at)) {
                *item = value;
            }
        }
        _ => node.put(&last, value),
    }
    Ok(())
}

fn remove(object: &mut Node, path: &str) -> Result<Node, String> {
    let (node, last) = container(object, path)?;
    match &mut node.kind {
        Kind::List(items) => {
            let at = index(&last, items.len()).filter(|at| *at < items.len()).ok_or_else(|| missing(path))?;
            Ok(items.remove(at))
        }
        Kind::Map(entries) => {
            let at = entries.iter().position(|entry| entry.key == last).ok_or_else(|| missing(path))?;
            Ok(entries.remove(at).value)
        }
        _ => Err(missing(path)),
    }
}

fn test(object: &mut Node, path: &str, expected: Option<&Node>) -> Result<(), String> {
    let found = if path.is_empty() { Some(&*object) } else { get(object, path)? };
    if is_same(found, expected) {
        return Ok(());
    }
    let found = found.map_or_else(|| "nothing".to_owned(), Node::describe);
    Err(format!("the test of `{path}` fails: it is {found}"))
}

/// Whether two values are the same in JSON; what is missing is a null.
fn is_same(one: Option<&Node>, other: Option<&Node>) -> bool {
    let null = Kind::Null;
    one.map_or(&null, |node| &node.kind).is_same_json(other.map_or(&null, |node| &node.kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn node(text: &str) -> Node {
        harness_yaml::documents(text).unwrap().remove(0)
    }

    #[rstest]
    // Before, `replace` of what is missing was refused; kustomize adds it.
    #[case("{op: replace, path: /a/x, value: 1}", Some("{a: {b: [1, 2], x: 1}}"))]
    #[case("{op: replace, path: /a/b/5, value: 1}", None)]
    #[case("{op: replace, path: /x/y, value: 1}", None)]
    #[case("{op: add, path: /a/b/-, value: 3}", Some("{a: {b: [1, 2, 3]}}"))]
    #[case("{op: add, path: /a/b/-1, value: 3}", Some("{a: {b: [1, 2, 3]}}"))]
    #[case("{op: add, path: /a/b/9, value: 3}", None)]
    #[case("{op: add, path: /x~1y, value: 3}", Some("{a: {b: [1, 2]}, x/y: 3}"))]
    #[case("{op: add, path: /x}", Some("{a: {b: [1, 2]}, x: null}"))]
    #[case("{op: remove, path: /a/b/0}", Some("{a: {b: [2]}}"))]
    #[case("{op: remove, path: /x}", None)]
    #[case("{op: move, from: /a/b, path: /c}", Some("{a: {}, c: [1, 2]}"))]
    #[case("{op: copy, from: /a/b/1, path: /c}", Some("{a: {b: [1, 2]}, c: 2}"))]
    // Before, `test` was taken to hold.
    #[case("{op: test, path: /a/b/0, value: 1}", Some("{a: {b: [1, 2]}}"))]
    #[case("{op: test, path: /a/b, value: [1.0, 2]}", Some("{a: {b: [1, 2]}}"))]
    #[case("{op: test, path: /a/b, value: [1]}", None)]
    #[case("{op: test, path: /x}", Some("{a: {b: [1, 2]}}"))]
    #[case("{op: merge, path: /x}", None)]
    #[case("{op: add, value: 1}", None)]
    fn operations_apply_as_with_kustomize(#[case] operation: &str, #[case] expected: Option<&str>) {
        let mut object = node("{a: {b: [1, 2]}}");
        let done = apply(&mut object, &node(operation));
        assert_eq!(done.ok().map(|()| object.to_json()), expected.map(|text| node(text).to_json()));
    }
}
