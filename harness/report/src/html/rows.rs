//! Rows of the page's smaller tables, as text.

use harness_plan::Plan;
use harness_record::RunResult;
use harness_record::result::NodeRow;

use crate::extra::Fact;
use crate::outcome;
use crate::text;

/// A figure at the top of the page.
pub(crate) struct Tile {
    pub(crate) label: &'static str,
    pub(crate) value: String,
    pub(crate) detail: String,
}

/// The time between two moments, where both are known.
fn span(from_us: Option<u64>, to_us: Option<u64>) -> String {
    let span = from_us.zip(to_us).map(|(from_us, to_us)| to_us.saturating_sub(from_us));
    span.map_or_else(|| text::NONE.to_owned(), text::duration)
}

pub(crate) struct PhaseLine {
    pub(crate) name: String,
    pub(crate) until: String,
    pub(crate) began: String,
    pub(crate) took: String,
    pub(crate) allowed: String,
    pub(crate) outcome: &'static str,
    pub(crate) detail: String,
}

pub(crate) fn phases(result: &RunResult) -> Vec<PhaseLine> {
    result
        .phases
        .iter()
        .map(|phase| PhaseLine {
            name: phase.name.clone(),
            until: phase.until.clone().unwrap_or_else(|| text::NONE.to_owned()),
            began: span(Some(0), phase.began_us),
            took: span(phase.began_us, phase.ended_us),
            allowed: span(phase.began_us, phase.due_us),
            outcome: outcome::phase_outcome(phase.outcome, phase.began_us.is_some()),
            detail: phase.detail.clone(),
        })
        .collect()
}

pub(crate) struct UsageLine {
    pub(crate) name: String,
    pub(crate) cpu: String,
    pub(crate) share: String,
    /// Of the largest share, for a bar: 0 to 100.
    pub(crate) bar: u8,
    pub(crate) rss_max: String,
}

pub(crate) fn usage(result: &RunResult) -> Vec<UsageLine> {
    let largest = result.usage.iter().map(|u| u.cpu_share).fold(0.0, f64::max);
    result
        .usage
        .iter()
        .map(|used| UsageLine {
            name: used.name.clone(),
            cpu: text::duration(used.cpu_ms.saturating_mul(1000)),
            share: text::share(used.cpu_share),
            bar: if largest > 0.0 { (used.cpu_share / largest * 100.0).round() as u8 } else { 0 },
            rss_max: text::bytes(used.rss_max_bytes),
        })
        .collect()
}

pub(crate) fn audit(result: &RunResult) -> Vec<Fact> {
    let audit = &result.self_audit;
    let spread = |d: &harness_record::result::Distribution| {
        if d.count == 0 {
            "not measured".to_owned()
        } else {
            format!(
                "p50 {}, p99 {}, max {} ({})",
                text::duration(d.p50_us),
                text::duration(d.p99_us),
                text::duration(d.max_us),
                text::counted(d.count, "sample")
            )
        }
    };
    let maybe = |value: Option<String>| value.unwrap_or_else(|| "not measured".to_owned());
    let mut facts = vec![
        Fact::new("Watch lag (event read off the socket to its stamp)", spread(&audit.watch_lag)),
        Fact::new("Send lag (intended moment of an action to its sending)", spread(&audit.send_lag)),
        Fact::new("CPU time of the harness", maybe(audit.cpu_ms.map(|ms| text::duration(ms.saturating_mul(1000))))),
        Fact::new("CPU share of harness and simulated Azure", maybe(audit.cpu_share.map(text::share))),
        Fact::new("Most memory of the harness (RSS)", maybe(audit.rss_max_bytes.map(text::bytes))),
        Fact::new("Requests to the API server, watches excepted", maybe(audit.requests_sent.map(text::count))),
        Fact::new("Watches interrupted and listed again", text::count(audit.watch_restarts)),
        Fact::new("Observations lost to a full queue", text::count(audit.observations_lost)),
    ];
    if let Some(check) = &result.cross_check {
        facts.push(Fact::new("Difference to the simulated Azure's record, provisioning", spread(&check.provisioning)));
        facts.push(Fact::new("Node made Ready to seen Ready", spread(&check.observation)));
        facts.push(Fact::new("NodeClaim seen to VM asked for (the controller's)", spread(&check.request)));
        facts.push(Fact::new("NodeClaims seen only after their VM was asked for", text::count(check.late_start.count)));
    }
    facts
}

pub(crate) struct ProblemLine {
    pub(crate) what: String,
    pub(crate) pool: String,
    pub(crate) code: String,
    pub(crate) count: String,
    pub(crate) message: String,
}

/// Messages are cut: a page is not a log.
const MESSAGE: usize = 400;

/// Azure's failures, controllers' warnings, failed actions, leaks.
pub(crate) fn problems(result: &RunResult) -> Vec<ProblemLine> {
    const EACH: usize = 20;
    let mut lines: Vec<ProblemLine> = Vec::new();
    lines.extend(result.leaks.iter().take(EACH).map(|leak| ProblemLine {
        what: "Left behind".to_owned(),
        pool: String::new(),
        code: leak.kind.clone(),
        count: "1".to_owned(),
        message: leak.name.clone(),
    }));
    lines.extend(result.azure_failures.iter().take(EACH).map(|failure| ProblemLine {
        what: "Azure".to_owned(),
        pool: failure.nodepool.clone(),
        code: failure.code.clone(),
        count: text::count(failure.count),
        message: format!(
            "{} (first at {}, last at {})",
            text::one_line(&failure.message, MESSAGE),
            text::duration(failure.first_us),
            text::duration(failure.last_us)
        ),
    }));
    let failed = result.actions.iter().filter_map(|action| Some((action, action.error.as_ref()?)));
    lines.extend(failed.take(EACH).map(|(action, error)| ProblemLine {
        what: "Action".to_owned(),
        pool: String::new(),
        code: text::one_line(&action.what, 60),
        count: "1".to_owned(),
        message: text::one_line(error, MESSAGE),
    }));
    lines.extend(result.controller_reasons.iter().take(EACH).map(|reason| ProblemLine {
        what: reason.kind.clone(),
        pool: reason.nodepool.clone(),
        code: reason.reason.clone(),
        count: text::count(reason.count),
        message: text::one_line(&reason.message, MESSAGE),
    }));
    lines
}

pub(crate) struct ClassLine {
    pub(crate) name: String,
    pub(crate) node_class: String,
    pub(crate) workload: String,
    pub(crate) pods: String,
    pub(crate) nodes: String,
    pub(crate) limits: String,
    pub(crate) untestable: String,
    pub(crate) aimed_by: String,
}

/// The node classes of the tree and the workload of each.
pub(crate) fn classes(plan: &Plan, result: &RunResult) -> Vec<ClassLine> {
    plan.node_config
        .classes
        .iter()
        .map(|class| {
            let aimed = plan.workloads.iter().filter(|workload| workload.class == class.name);
            let (mut names, mut pods) = (Vec::new(), 0_u64);
            for workload in aimed {
                names.push(format!("{} ({} CPU, {} each)", workload.name, workload.cpu, workload.memory));
                pods += u64::from(workload.replicas_peak);
            }
            let limits = [
                class.limits.cpu.map(|cpu| format!("{cpu} CPU")),
                class.limits.memory.map(|memory| format!("{memory}")),
                class.limits.nodes.map(|nodes| text::counted(nodes, "node")),
            ];
            let limits: Vec<String> = limits.into_iter().flatten().collect();
            let nodes = result.nodes.iter().filter(|node| node.nodepool == class.name).count();
            ClassLine {
                name: class.name.clone(),
                node_class: class.node_class.clone(),
                workload: names.join(", "),
                pods: text::count(pods),
                nodes: text::count(nodes as u64),
                limits: if limits.is_empty() { "none".to_owned() } else { limits.join(", ") },
                untestable: class.untestable.clone().unwrap_or_default(),
                aimed_by: class.aimed_by.clone(),
            }
        })
        .collect()
}

pub(crate) struct NodeLine {
    pub(crate) name: String,
    pub(crate) pool: String,
    pub(crate) kind: String,
    /// When it was seen; how long it took until launched, registered, Ready and initialized; how long its deletion took.
    pub(crate) times: [String; 6],
    pub(crate) pods: String,
}

/// The NodeClaim's name, or the Node's where it has none.
pub(crate) fn name(node: &NodeRow) -> &str {
    if node.nodeclaim.is_empty() { node.node.as_deref().unwrap_or("") } else { &node.nodeclaim }
}

/// `D4s_v5, spot, eastus-2`, as far as it is known.
pub(crate) fn kind(node: &NodeRow) -> String {
    let parts = [text::size(&node.instance_type), &node.capacity_type, &node.zone];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Nodes of the table: the slowest ones.
pub(crate) const NODE_LINES: usize = 100;

/// The slowest nodes, each milestone as time since the NodeClaim was seen.
pub(crate) fn nodes(result: &RunResult) -> Vec<NodeLine> {
    let mut nodes: Vec<&NodeRow> = result.nodes.iter().collect();
    let slowness = |node: &NodeRow| match (node.created_us, node.ready_us) {
        (Some(created), Some(ready)) => ready.saturating_sub(created),
        _ => u64::MAX,
    };
    nodes.sort_by_key(|node| std::cmp::Reverse(slowness(node)));
    nodes
        .into_iter()
        .take(NODE_LINES)
        .map(|node| NodeLine {
            name: name(node).to_owned(),
            pool: node.nodepool.clone(),
            kind: kind(node),
            times: [
                span(Some(0), node.created_us),
                span(node.created_us, node.launched_us),
                span(node.created_us, node.registered_us),
                span(node.created_us, node.ready_us),
                span(node.created_us, node.initialized_us),
                span(node.deleting_us, node.gone_us),
            ],
            pods: text::count(u64::from(node.pods)),
        })
        .collect()
}
