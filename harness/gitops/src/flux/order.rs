//! The order of Flux objects: each after the objects that it needs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::kinds::ObjectRef;

/// One object in the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) id: ObjectRef,
    /// The objects that must be Ready before it: its source, and its dependencies.
    pub(super) needs: Vec<ObjectRef>,
    /// What should have been looked at before it, however that went: who applies it.
    pub(super) after: Vec<ObjectRef>,
}

/// Why an object can never have its turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Obstacle {
    /// It needs something that is not there.
    Missing(ObjectRef),
    /// It needs itself, by way of these; the first is also the last.
    Cycle(Vec<ObjectRef>),
    /// It needs something that can never have its turn.
    Behind(ObjectRef),
}

/// The order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// Those that can have their turn, each after all that it waits for, with those in the order that it waits for.
    pub(super) turns: Vec<Node>,
    /// The others, and why.
    pub(super) obstacles: BTreeMap<ObjectRef, Obstacle>,
}

/// Orders `nodes`. What a node needs and is neither among them nor in `elsewhere` is missing; what is in `elsewhere` is there and
/// needs not be waited for.
pub(super) fn order(nodes: &[Node], elsewhere: &BTreeSet<ObjectRef>) -> Order {
    let known: BTreeMap<&ObjectRef, &Node> = nodes.iter().map(|node| (&node.id, node)).collect();
    let mut obstacles = BTreeMap::new();
    for node in nodes {
        let missing = node.needs.iter().find(|need| !known.contains_key(need) && !elsewhere.contains(*need));
        if let Some(missing) = missing {
            obstacles.insert(node.id.clone(), Obstacle::Missing(missing.clone()));
        } else if let Some(cycle) = cycle_from(node, &known) {
            obstacles.insert(node.id.clone(), Obstacle::Cycle(cycle));
        }
    }
    // Who needs one of those is held back too, and who needs that one.
    while let Some((id, need)) = nodes.iter().filter(|node| !obstacles.contains_key(&node.id)).find_map(|node| {
        let need = node.needs.iter().find(|need| obstacles.contains_key(*need))?;
        Some((node.id.clone(), need.clone()))
    }) {
        obstacles.insert(id, Obstacle::Behind(need));
    }
    let free: Vec<&Node> = nodes.iter().filter(|node| !obstacles.contains_key(&node.id)).collect();
    Order { turns: turns(&free), obstacles }
}

/// Returns the shortest cycle of needs through a node.
fn cycle_from(start: &Node, known: &BTreeMap<&ObjectRef, &Node>) -> Option<Vec<ObjectRef>> {
    let mut paths = std::collections::VecDeque::from([vec![&start.id]]);
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop_front() {
        let last = path.last().and_then(|last| known.get(last));
        for need in last.iter().flat_map(|node| &node.needs) {
            let mut longer = path.clone();
            longer.push(need);
            if *need == start.id {
                return Some(longer.into_iter().cloned().collect());
            }
            if seen.insert(need) {
                paths.push_back(longer);
            }
        }
    }
    None
}

/// An order of nodes whose needs have no cycle. Where "after" contradicts them, or another "after", it is dropped.
fn turns(free: &[&Node]) -> Vec<Node> {
    let ids: BTreeSet<&ObjectRef> = free.iter().map(|node| &node.id).collect();
    let mut waits: BTreeMap<&ObjectRef, BTreeSet<&ObjectRef>> =
        free.iter().map(|node| (&node.id, node.needs.iter().filter(|need| ids.contains(need)).collect())).collect();
    let mut soft: BTreeMap<&ObjectRef, Vec<ObjectRef>> = BTreeMap::new();
    for node in free {
        for parent in node.after.iter().filter(|parent| ids.contains(parent)) {
            if !reaches(&waits, parent, &node.id) {
                waits.entry(&node.id).or_default().insert(parent);
                soft.entry(&node.id).or_default().push(parent.clone());
            }
        }
    }
    let (mut done, mut turns) = (BTreeSet::new(), Vec::new());
    // Each round takes at least one: there is no cycle.
    while turns.len() < free.len() {
        let round: Vec<&&Node> = free
            .iter()
            .filter(|node| !done.contains(&node.id) && waits[&node.id].iter().all(|wait| done.contains(*wait)))
            .collect();
        if round.is_empty() {
            break;
        }
        for node in round {
            done.insert(node.id.clone());
            let needs = node.needs.iter().filter(|need| ids.contains(need)).cloned().collect();
            turns.push(Node { id: node.id.clone(), needs, after: soft.remove(&node.id).unwrap_or_default() });
        }
    }
    turns
}

/// Whether `from` waits for `to`, by whatever way.
fn reaches(waits: &BTreeMap<&ObjectRef, BTreeSet<&ObjectRef>>, from: &ObjectRef, to: &ObjectRef) -> bool {
    let (mut open, mut seen) = (vec![from], BTreeSet::new());
    while let Some(next) = open.pop() {
        if next == to {
            return true;
        }
        if seen.insert(next) {
            open.extend(waits.get(next).into_iter().flatten());
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ObjectRef {
        ObjectRef { group: String::new(), kind: "K".into(), namespace: None, name: name.into() }
    }

    fn node(name: &str, needs: &[&str], after: &[&str]) -> Node {
        let ids = |names: &[&str]| names.iter().map(|name| id(name)).collect();
        Node { id: id(name), needs: ids(needs), after: ids(after) }
    }

    fn names(order: &Order) -> Vec<&str> {
        order.turns.iter().map(|turn| turn.id.name.as_str()).collect()
    }

    #[test]
    fn needs_come_first_whatever_the_names() {
        let nodes = [
            node("a-monitoring", &["git", "z-infra"], &["root"]),
            node("b-apps", &["git", "z-infra"], &["root"]),
            node("git", &[], &[]),
            node("root", &["git"], &[]),
            node("z-infra", &["git"], &["root"]),
        ];
        let order = order(&nodes, &BTreeSet::new());
        assert_eq!(names(&order), ["git", "root", "z-infra", "a-monitoring", "b-apps"]);
        assert_eq!(order.turns[3].needs, [id("git"), id("z-infra")]);
        assert_eq!(order.turns[3].after, [id("root")]);
        assert!(order.obstacles.is_empty());
    }

    #[test]
    fn a_cycle_is_named_and_holds_back_only_those_behind_it() {
        let nodes = [
            node("a", &["b"], &[]),
            node("b", &["c"], &[]),
            node("c", &["a"], &[]),
            node("behind", &["b"], &[]),
            node("further", &["behind"], &[]),
            node("free", &[], &["a"]),
            node("self", &["self"], &[]),
        ];
        let order = order(&nodes, &BTreeSet::new());
        assert_eq!(names(&order), ["free"]);
        assert_eq!(order.obstacles[&id("a")], Obstacle::Cycle(vec![id("a"), id("b"), id("c"), id("a")]));
        assert_eq!(order.obstacles[&id("self")], Obstacle::Cycle(vec![id("self"), id("self")]));
        assert_eq!(order.obstacles[&id("behind")], Obstacle::Behind(id("b")));
        assert_eq!(order.obstacles[&id("further")], Obstacle::Behind(id("behind")));
    }

    #[test]
    fn what_is_not_there_is_told_from_what_was_not_asked_for() {
        let nodes = [node("a", &["nowhere"], &[]), node("b", &["elsewhere"], &["gone"]), node("c", &["a"], &[])];
        let order = order(&nodes, &BTreeSet::from([id("elsewhere")]));
        assert_eq!(names(&order), ["b"]);
        assert!(order.turns[0].needs.is_empty());
        assert_eq!(order.obstacles[&id("a")], Obstacle::Missing(id("nowhere")));
        assert_eq!(order.obstacles[&id("c")], Obstacle::Behind(id("a")));
    }

    #[test]
    fn who_applied_it_gives_way_to_what_is_needed() {
        // The root waits for a layer that it applies itself.
        let nodes = [
            node("layer", &[], &["root"]),
            node("root", &["layer"], &[]),
            node("x", &[], &["y"]),
            node("y", &[], &["x"]),
        ];
        let order = order(&nodes, &BTreeSet::new());
        assert_eq!(names(&order), ["layer", "y", "root", "x"]);
    }
}
