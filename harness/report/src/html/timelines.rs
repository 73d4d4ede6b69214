//! The nodes' timelines as Gantt charts, one a pool.

use std::collections::BTreeMap;

use harness_record::RunResult;
use harness_record::result::NodeRow;

use super::rows::{kind, name};
use crate::svg::{GanttBar, GanttChart, GanttRow};
use crate::text;

/// Nodes that are drawn, over all pools.
const NODES_SHOWN: usize = 200;
/// Nodes that are drawn of each pool at least, where it has as many.
const NODES_SHOWN_A_POOL: usize = 8;

/// A colour of the charts and its meaning, in the order in which a node reaches the states.
pub(crate) struct State {
    pub(crate) class: &'static str,
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
}

/// The states of a node, with their classes in the style sheet.
pub(crate) const STATES: [State; 7] = [
    State { class: "c-claimed", name: "claimed", meaning: "NodeClaim created, VM not yet launched" },
    State { class: "c-launched", name: "launched", meaning: "VM launched and booting" },
    State { class: "c-registered", name: "registered", meaning: "Node joined, not Ready" },
    State { class: "c-ready", name: "ready", meaning: "Node Ready, not yet initialized" },
    State { class: "c-service", name: "initialized", meaning: "in service" },
    State { class: "c-deleting", name: "deleting", meaning: "until Node, NodeClaim and VM are gone" },
    State { class: "c-notready", name: "not ready", meaning: "Node not Ready after it had been" },
];

/// The chart of one pool.
pub(crate) struct PoolTimelines {
    pub(crate) pool: String,
    pub(crate) summary: String,
    pub(crate) chart: String,
}

/// One chart a pool, and how many nodes are drawn of how many.
pub(crate) fn by_pool(result: &RunResult) -> (Vec<PoolTimelines>, usize) {
    let mut pools: BTreeMap<&str, Vec<&NodeRow>> = BTreeMap::new();
    for node in &result.nodes {
        pools.entry(&node.nodepool).or_default().push(node);
    }
    let end_us = result.run.duration_us;
    let lines_us: Vec<u64> = result.phases.iter().filter_map(|phase| phase.began_us).collect();
    let mut drawn = 0;
    let mut timelines = Vec::new();
    for (pool, nodes) in pools {
        let share = NODES_SHOWN * nodes.len() / result.nodes.len().max(1);
        let shown = chosen(&nodes, share.max(NODES_SHOWN_A_POOL));
        drawn += shown.len();
        let rows: Vec<GanttRow> = shown.iter().map(|node| row(node, pool, end_us)).collect();
        let pool = if pool.is_empty() { "pool unknown" } else { pool };
        let label =
            format!("Timeline of {} of {} from claim to removal", text::counted(rows.len() as u64, "node"), pool);
        let chart = GanttChart { label, rows: &rows, end_us, lines_us: &lines_us }.render();
        timelines.push(PoolTimelines { pool: pool.to_owned(), summary: summary(&nodes, shown.len()), chart });
    }
    (timelines, drawn)
}

/// The nodes of a pool: `24 nodes: 20 D4s_v5, 4 D8s_v5; 23 Ready`.
fn summary(nodes: &[&NodeRow], shown: usize) -> String {
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    for node in nodes {
        *sizes.entry(text::size(&node.instance_type)).or_default() += 1;
    }
    let mut sizes: Vec<(&str, u64)> = sizes.into_iter().collect();
    sizes.sort_by_key(|(name, n)| (std::cmp::Reverse(*n), *name));
    let named: Vec<String> = sizes
        .iter()
        .take(4)
        .map(|(name, n)| format!("{n} \u{d7} {}", if name.is_empty() { "size unknown" } else { name }))
        .collect();
    let more = if sizes.len() > 4 { format!(" and {} more sizes", sizes.len() - 4) } else { String::new() };
    let ready = nodes.iter().filter(|node| node.ready_us.is_some()).count();
    let never = match nodes.len() - ready {
        0 => String::new(),
        n => format!("; {n} never Ready"),
    };
    let cut = if shown < nodes.len() {
        format!("; shown: {shown}, half of them the slowest, the others an even sample")
    } else {
        String::new()
    };
    format!("{}: {}{more}{never}{cut}", text::counted(nodes.len() as u64, "node"), named.join(", "))
}

/// How long a node took to be Ready; longer than any where it never was.
fn slowness(node: &NodeRow) -> u64 {
    match (node.created_us, node.ready_us) {
        (Some(created), Some(ready)) => ready.saturating_sub(created),
        (Some(_), None) => u64::MAX,
        _ => 0,
    }
}

/// The order of the rows: a burst reads as one curve, and later nodes are further down.
fn order(node: &NodeRow) -> (u64, u64) {
    (node.ready_us.or(node.created_us).unwrap_or(u64::MAX), node.created_us.unwrap_or(u64::MAX))
}

/// All nodes, or the slowest and an even sample of the others; in the order in which they became Ready.
fn chosen<'a>(nodes: &[&'a NodeRow], most: usize) -> Vec<&'a NodeRow> {
    let mut nodes = nodes.to_vec();
    nodes.sort_by_key(|node| std::cmp::Reverse(slowness(node)));
    if nodes.len() > most {
        let rest = nodes.split_off(most / 2);
        let wanted = most - nodes.len();
        nodes.extend((0..wanted).filter_map(|i| rest.get(i * rest.len() / wanted.max(1)).copied()));
    }
    nodes.sort_by_key(|node| order(node));
    nodes
}

/// Spans between milestones. A milestone that is reached after a later one does not take the node back to it.
fn bars(node: &NodeRow, end_us: u64) -> Vec<GanttBar> {
    let milestones = [
        (node.created_us, "c-claimed"),
        (node.launched_us, "c-launched"),
        (node.registered_us, "c-registered"),
        (node.ready_us, "c-ready"),
        (node.initialized_us, "c-service"),
        (node.deleting_us, "c-deleting"),
    ];
    let mut reached: Vec<(u64, &'static str)> = Vec::new();
    let mut from_us = u64::MAX;
    // From the end: what was reached later than a later milestone is skipped.
    for (at_us, class) in milestones.into_iter().rev() {
        if let Some(at_us) = at_us.filter(|at_us| *at_us < from_us) {
            reached.push((at_us, class));
            from_us = at_us;
        }
    }
    reached.reverse();
    let gone_us = node.gone_us.unwrap_or(end_us);
    let ends = reached.iter().skip(1).map(|(at_us, _)| *at_us).chain([gone_us]);
    let mut bars: Vec<GanttBar> = reached
        .iter()
        .zip(ends)
        .map(|((from_us, class), to_us)| GanttBar { class, from_us: *from_us, to_us: to_us.max(*from_us) })
        .collect();
    bars.extend(node.not_ready.iter().map(|interval| GanttBar {
        class: "c-notready",
        from_us: interval.from_us,
        to_us: interval.to_us.unwrap_or(gone_us).max(interval.from_us),
    }));
    bars
}

fn row(node: &NodeRow, pool: &str, end_us: u64) -> GanttRow {
    let vm = node.vm.as_ref();
    let crosses_us = vm.into_iter().flat_map(|vm| [vm.failed_us, vm.crashed_us, vm.evicted_us]).flatten().collect();
    let name = name(node);
    let short = name.strip_prefix(pool).map_or(name, |rest| rest.trim_start_matches('-'));
    let size = text::size(&node.instance_type);
    let label = if size.is_empty() { short.to_owned() } else { format!("{} {size}", text::one_line(short, 12)) };
    GanttRow { name: text::one_line(&label, 27), title: title(node, name), bars: bars(node, end_us), crosses_us }
}

fn title(node: &NodeRow, name: &str) -> String {
    let mut lines = vec![name.to_owned(), kind(node)];
    lines.retain(|line| !line.is_empty());
    let created = node.created_us.unwrap_or(0);
    if let Some(us) = node.created_us {
        lines.push(format!("NodeClaim seen at {}", text::duration(us)));
    }
    let after = [
        ("launched", node.launched_us),
        ("registered", node.registered_us),
        ("ready", node.ready_us),
        ("initialized", node.initialized_us),
    ];
    lines.extend(
        after
            .iter()
            .filter_map(|(what, us)| Some(format!("{what} after {}", text::duration((*us)?.saturating_sub(created))))),
    );
    lines.extend(node.drifted_us.map(|us| format!("drifted at {}", text::duration(us))));
    if let Some(us) = node.disrupted_us {
        lines.push(format!("disrupted at {} {}", text::duration(us), node.disruption_reason).trim_end().to_owned());
    }
    if let Some(deleting) = node.deleting_us {
        lines.push(format!("deleting at {}", text::duration(deleting)));
        lines.extend(node.gone_us.map(|gone| format!("gone {} later", text::duration(gone.saturating_sub(deleting)))));
    } else {
        lines.extend(node.gone_us.map(|gone| format!("gone at {}", text::duration(gone))));
    }
    if let Some(vm) = &node.vm {
        let events = [("VM failed", vm.failed_us), ("VM crashed", vm.crashed_us), ("VM evicted", vm.evicted_us)];
        lines.extend(
            events.iter().filter_map(|(what, us)| Some(format!("{what} at {} {}", text::duration((*us)?), vm.code))),
        );
    }
    lines.push(text::counted(u64::from(node.pods), "pod"));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_record::result::Interval;

    #[test]
    fn a_life_is_a_chain_of_spans() {
        let node = NodeRow {
            created_us: Some(10),
            launched_us: Some(20),
            registered_us: Some(40),
            ready_us: Some(50),
            initialized_us: Some(60),
            deleting_us: Some(80),
            gone_us: Some(90),
            not_ready: vec![Interval { from_us: 65, to_us: None }],
            ..NodeRow::default()
        };
        let spans: Vec<(&str, u64, u64)> = bars(&node, 100).iter().map(|b| (b.class, b.from_us, b.to_us)).collect();
        assert_eq!(
            spans,
            [
                ("c-claimed", 10, 20),
                ("c-launched", 20, 40),
                ("c-registered", 40, 50),
                ("c-ready", 50, 60),
                ("c-service", 60, 80),
                ("c-deleting", 80, 90),
                ("c-notready", 65, 90),
            ]
        );
    }

    #[test]
    fn a_late_registration_does_not_take_ready_back() {
        let node = NodeRow { created_us: Some(0), registered_us: Some(60), ready_us: Some(50), ..NodeRow::default() };
        let classes: Vec<&str> = bars(&node, 100).iter().map(|b| b.class).collect();
        assert_eq!(classes, ["c-claimed", "c-ready"]);
    }

    #[test]
    fn of_many_nodes_the_slowest_are_shown() {
        let nodes: Vec<NodeRow> = (0..1000)
            .map(|i| NodeRow {
                created_us: Some(i),
                ready_us: (i != 500).then_some(i + 1000 + i % 7),
                ..NodeRow::default()
            })
            .collect();
        let shown = chosen(&nodes.iter().collect::<Vec<_>>(), 100);
        assert_eq!(shown.len(), 100);
        assert!(shown.iter().any(|node| node.ready_us.is_none()));
        assert!(shown.windows(2).all(|pair| order(pair[0]) < order(pair[1])));
    }
}
