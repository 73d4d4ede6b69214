//! From the field paths of the API server to places.

use harness_yaml::{Mark, Node};

/// The place that a path such as `spec.template.spec.requirements[0].operator` or `spec.limits[cpu]` speaks of, or that of its nearest
/// parent that is there. For a field that is missing it is the key of the map that lacks it.
pub(crate) fn at_field(node: &Node, path: &str) -> Mark {
    let mut mark = node.mark;
    let mut node = node;
    for step in steps(path) {
        let next = match &step {
            Step::Index(index) => node.items().get(*index).map(|item| (item.mark, item)),
            Step::Key(key) => node.entry(key).map(|entry| {
                let scalar = entry.value.scalar().is_some();
                (if scalar { entry.value.mark } else { entry.key_mark }, &entry.value)
            }),
        };
        let Some((found, inner)) = next else { break };
        (mark, node) = (found, inner);
    }
    mark
}

enum Step {
    Key(String),
    Index(usize),
}

fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path.trim_start_matches('.');
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (inner, after) = inside.split_once(']').unwrap_or((inside, ""));
            let inner = inner.trim_matches(['"', '\'']);
            steps.push(inner.parse().map_or_else(|_| Step::Key(inner.to_owned()), Step::Index));
            rest = after.trim_start_matches('.');
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(Step::Key(rest[..end].to_owned()));
            rest = rest[end..].trim_start_matches('.');
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("spec.list[1].a", 5, 8)]
    #[case("spec.limits[cpu]", 6, 17)]
    #[case("spec.limits.memory", 6, 3)]
    #[case("spec.nowhere.deep", 2, 1)]
    #[case("", 1, 1)]
    fn paths_lead_to_places(#[case] path: &str, #[case] line: u32, #[case] column: u32) {
        let text = "kind: X\nspec:\n  list:\n  - a: 1\n  - a: 2\n  limits: {cpu: 1}\n";
        let node = harness_yaml::documents(text).unwrap().remove(0);
        let mark = at_field(&node, path);
        assert_eq!((mark.line, mark.column), (line, column));
    }
}
