//! Paths to fields as replacements write them: `spec.containers.[name=web].image`, `*`, an index. Source: kyaml/yaml/match.go and
//! kyaml/utils/pathsplitter.go.

use super::specs::split;
use crate::patterns;
use harness_yaml::{Kind, Mark, Node, Shared};

/// What stands at the end of a path where it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    Plain,
    List,
    Map,
}

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// The parts of a path. What is in brackets is one part, whatever dots it has.
pub(super) fn parts(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut words = split(path, '.').into_iter();
    while let Some(mut word) = words.next() {
        if word.starts_with('[') && !word.ends_with(']') {
            for more in words.by_ref() {
                word.push('.');
                word.push_str(&more);
                if more.ends_with(']') {
                    break;
                }
            }
            if !word.contains('=') {
                word = word.trim_matches(['[', ']']).to_owned();
            }
        }
        parts.push(word);
    }
    parts
}

/// `[name=value]` as a name, which may be empty, and a pattern.
fn item_match(part: &str) -> Option<(&str, &str)> {
    part.strip_prefix('[')?.strip_suffix(']')?.split_once('=')
}

fn is_index(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is made for a part so that the next one can follow.
fn made(next: Option<&String>, leaf: Leaf, mark: Mark) -> Node {
    let leaf = match next {
        None => leaf,
        Some(part) if is_index(part) || (part.starts_with('[') && part.ends_with(']')) => Leaf::List,
        Some(_) => Leaf::Map,
    };
    let kind = match leaf {
        Leaf::Plain => Kind::Null,
        Leaf::List => Kind::List(Shared::default()),
        Leaf::Map => Kind::Map(Shared::default()),
    };
    Node { kind, ..Node::empty_map(mark) }
}

/// The values at a path, each by its steps; what is missing is made where `create` says what it ends in.
///
/// # Errors
/// The path asks for a list or a map where something else is.
pub(super) fn find(
    node: &mut Node,
    path: &[String],
    create: Option<Leaf>,
    mark: Mark,
) -> Result<Vec<Vec<Step>>, String> {
    let mut found = Vec::new();
    Finder { create, mark, found: &mut found }.walk(node, path, &mut Vec::new())?;
    Ok(found)
}

struct Finder<'f> {
    create: Option<Leaf>,
    mark: Mark,
    found: &'f mut Vec<Vec<Step>>,
}

impl Finder<'_> {
    fn walk(&mut self, node: &mut Node, path: &[String], steps: &mut Vec<Step>) -> Result<(), String> {
        let Some((part, rest)) = path.split_first() else {
            self.found.push(steps.clone());
            return Ok(());
        };
        if is_index(part) {
            let at: usize = part.parse().map_err(|_| format!("`{part}` is too large"))?;
            let items = list(node, part)?;
            if items.len() == at
                && let Some(leaf) = self.create
            {
                items.push(made(rest.first(), leaf, self.mark));
            }
            let count = items.len();
            let item = items.get_mut(at).ok_or_else(|| format!("there is no item {at} in a list of {count}"))?;
            return self.step(item, Step::Index(at), rest, steps);
        }
        if let Some((name, pattern)) = item_match(part) {
            return self.matching(node, part, (name, pattern), rest, steps);
        }
        if part == "*" {
            for (at, item) in list(node, part)?.iter_mut().enumerate() {
                self.step(item, Step::Index(at), rest, steps)?;
            }
            return Ok(());
        }
        if !matches!(node.kind, Kind::Map(_)) {
            return Err(format!("`{part}` is looked for in {}", node.describe()));
        }
        match (node.get(part).is_some(), self.create) {
            (false, None) => return Ok(()),
            (false, Some(leaf)) => node.put(part, made(rest.first(), leaf, self.mark)),
            (true, _) => {}
        }
        node.get_mut(part).map_or(Ok(()), |value| self.step(value, Step::Key(part.clone()), rest, steps))
    }

    fn step(&mut self, node: &mut Node, step: Step, rest: &[String], steps: &mut Vec<Step>) -> Result<(), String> {
        steps.push(step);
        let walked = self.walk(node, rest, steps);
        steps.pop();
        walked
    }

    /// The items of a list whose field, or which themselves, match a pattern; kustomize asks only that it is found somewhere in the text.
    fn matching(
        &mut self,
        node: &mut Node,
        part: &str,
        (name, pattern): (&str, &str),
        rest: &[String],
        steps: &mut Vec<Step>,
    ) -> Result<(), String> {
        let regex = patterns::compiled(pattern).map_err(|_| format!("`{pattern}` is not a regular expression"))?;
        let matches = |item: &Node| {
            let text = if name.is_empty() { item.scalar() } else { item.get(name).and_then(Node::scalar) };
            text.is_some_and(|text| regex.is_match(&text))
        };
        let items = list(node, part)?;
        if self.create.is_some() && !items.iter().any(matches) {
            let value = Node::of_text(pattern, self.mark);
            let mut item = Node::empty_map(self.mark);
            if name.is_empty() {
                item = value;
            } else {
                item.put(name, value);
            }
            items.push(item);
        }
        for (at, item) in items.iter_mut().enumerate().filter(|(_, item)| matches(item)) {
            // What is plain is found itself.
            let rest = if name.is_empty() { &[] } else { rest };
            self.step(item, Step::Index(at), rest, steps)?;
        }
        Ok(())
    }
}

fn list<'n>(node: &'n mut Node, part: &str) -> Result<&'n mut Vec<Node>, String> {
    let what = node.describe();
    node.items_mut().ok_or_else(|| format!("`{part}` is looked for in {what}"))
}

/// The value at the end of steps.
pub(super) fn at<'n>(node: &'n mut Node, steps: &[Step]) -> Option<&'n mut Node> {
    steps.iter().try_fold(node, |node, step| match step {
        Step::Key(key) => node.get_mut(key),
        Step::Index(at) => node.items_mut()?.get_mut(*at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a.b", &["a", "b"])]
    #[case("metadata.annotations.team\\.example", &["metadata", "annotations", "team.example"])]
    #[case("a.[b.c].d", &["a", "b.c", "d"])]
    #[case("a.[name=x.y].d", &["a", "[name=x.y]", "d"])]
    fn a_path_has_parts(#[case] path: &str, #[case] expected: &[&str]) {
        assert_eq!(parts(path), expected);
    }

    #[rstest]
    #[case("list.[name=b].v", None, &["2"])]
    #[case("list.*.v", None, &["1", "2"])]
    #[case("list.1.v", None, &["2"])]
    #[case("plain.[=y]", None, &["y"])]
    #[case("none.v", None, &[])]
    #[case("none.v", Some(Leaf::Plain), &[""])]
    #[case("list.[name=c].v", Some(Leaf::Plain), &[""])]
    fn values_are_found(#[case] path: &str, #[case] create: Option<Leaf>, #[case] expected: &[&str]) {
        let mut node =
            harness_yaml::documents("{list: [{name: a, v: 1}, {name: b, v: 2}], plain: [x, y]}").unwrap().remove(0);
        let found = find(&mut node, &parts(path), create, Mark::START).unwrap();
        let texts: Vec<String> = found
            .iter()
            .map(|steps| at(&mut node, steps).and_then(|value| value.scalar()).unwrap_or_default())
            .collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_path_through_something_else_is_refused() {
        let mut node = harness_yaml::documents("{a: [1]}").unwrap().remove(0);
        assert!(find(&mut node, &parts("a.b"), None, Mark::START).is_err());
        assert!(find(&mut node, &parts("a.7"), None, Mark::START).is_err());
    }
}
