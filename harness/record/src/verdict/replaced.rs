//! Were the nodes replaced by others, for the expected reason?

use harness_plan::{NodeProperty, Replaced};

use super::nodes::{Node, of_pool, used};
use super::outcome::{CheckOutcome, Evidence, Findings, Verdict};
use super::window::{Window, Windows};
use crate::text;
use crate::timeline::{Name, Provenance};

/// Names of nodes that are shown.
const SHOWN: usize = 4;

/// The nodes of one pool.
#[derive(Default)]
struct Tally<'a> {
    old: Vec<Node<'a>>,
    /// Gone in the phase for the expected reason.
    replaced: Vec<Node<'a>>,
    /// Gone in the phase for another or an unknown reason.
    otherwise: Vec<(Node<'a>, &'a str)>,
    /// Created in the phase and Ready in it.
    new: Vec<Node<'a>>,
    /// Created in the phase, and being deleted in it for the expected or an unknown reason.
    again: Vec<(Node<'a>, &'a str)>,
}

pub(super) fn check(asked: &Replaced, evidence: &Evidence<'_>) -> CheckOutcome {
    let windows = Windows::of([asked.phase.as_str()], evidence);
    // Nodes that were replaced stay replaced; another new node could still be like the old ones.
    let to_the_end = asked.differs_in.is_some() || asked.once;
    let mut verdict = if to_the_end { windows.judge_always(true) } else { Verdict::Pass };
    let (mut observed, mut shown) = (Findings::default(), Vec::new());
    let (mut old, mut replaced, mut unknown) = (0_u64, 0_u64, 0_u64);
    let pools = used(asked.nodepools.names(), evidence);
    for pool in pools.iter().filter(|_| !windows.all.is_empty()) {
        let Some(window) = windows.all.first() else { continue };
        let tally = tally(pool, asked.reason.as_deref(), window, evidence);
        old += tally.old.len() as u64;
        replaced += tally.replaced.len() as u64;
        unknown += tally.otherwise.iter().filter(|(_, reason)| reason.is_empty()).count() as u64;
        if tally.old.is_empty() {
            verdict = verdict.and(Verdict::Inconclusive);
            observed.about(pool, "no node was Ready at the start");
            continue;
        }
        let mut text = format!("{} of {} replaced", tally.replaced.len(), text::count(tally.old.len(), "node"));
        if !tally.otherwise.is_empty() {
            text.push_str(&format!(
                ", {} deleted for another reason ({})",
                tally.otherwise.len(),
                reasons(&tally.otherwise)
            ));
        }
        observed.about(pool, text);
        if asked.once && !tally.again.is_empty() {
            observed.about(pool, format!("{} replaced again ({})", tally.again.len(), reasons(&tally.again)));
            let known = tally.again.iter().any(|(_, reason)| asked.reason.is_none() || !reason.is_empty());
            verdict = verdict.and(if known { Verdict::Fail } else { Verdict::Inconclusive });
        }
        let (findings, of_new) = judge_new(&tally, asked, &windows);
        verdict = verdict.and(of_new);
        observed.extend(findings);
        shown.push(describe_nodes(&tally, asked.differs_in, evidence));
    }
    if pools.is_empty() {
        verdict = verdict.and(Verdict::Inconclusive);
        observed.push("no workload is aimed at these pools".to_owned());
    }
    let wanted = asked.at_least.map_or(old, u64::from);
    if replaced < wanted && old > 0 {
        // A node that was deleted for an unknown reason may have been deleted for this one.
        let maybe = replaced + unknown >= wanted;
        verdict = verdict.and(if maybe { Verdict::Inconclusive } else { windows.judge_once(false) });
    }
    if wanted == 0 || windows.all.is_empty() {
        verdict = verdict.and(Verdict::Inconclusive);
    }
    let shown = if shown.is_empty() { String::new() } else { format!("{}; ", shown.join("; ")) };
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, verdict == Verdict::Pass && !to_the_end),
        limit: limit(asked),
        evidence: format!("{shown}in {}", windows.described()),
    }
}

fn limit(asked: &Replaced) -> String {
    let many =
        asked.at_least.map_or("every node".to_owned(), |least| format!("at least {}", text::count(least, "node")));
    let why = asked.reason.as_ref().map_or(String::new(), |reason| format!(" as {reason}"));
    let how = asked.differs_in.map_or(String::new(), |it| format!(", by nodes of another {}", it.as_str()));
    let once = if asked.once { ", and none of these again" } else { "" };
    format!("{many} replaced{why}{how}{once}")
}

fn tally<'a>(pool: &str, reason: Option<&str>, window: &Window<'_>, evidence: &Evidence<'a>) -> Tally<'a> {
    let mut tally = Tally::default();
    for node in of_pool(pool, evidence) {
        if node.there(window.from_us) {
            tally.old.push(node);
            if node.gone_us().is_some_and(|us| us <= window.to_us) {
                let why = node.reason();
                match reason {
                    Some(reason) if why != reason => tally.otherwise.push((node, why)),
                    _ => tally.replaced.push(node),
                }
            }
        } else if node.claim.created.is_some_and(|stamp| stamp.at_us() >= window.from_us) {
            if node.ready_us().is_some_and(|us| us <= window.to_us) {
                tally.new.push(node);
            }
            // A NodeClaim without a machine is abandoned, not replaced.
            if node.claim.launched.is_some() && node.deletion_us().is_some_and(|us| us <= window.to_us) {
                let why = node.reason();
                if reason.is_none_or(|reason| why == reason) || why.is_empty() {
                    tally.again.push((node, why));
                }
            }
        }
    }
    // Nodes from before the first deletion for this reason were created for something else.
    let began = |node: &Node<'_>| node.claim.disrupted.or(node.claim.deleting).or(node.claim.deleted);
    let first_us = tally.replaced.iter().filter_map(|node| Some(began(node)?.at_us())).min();
    tally.new.retain(|node| {
        let created_us = node.claim.created.map_or(0, |stamp| stamp.at_us());
        first_us.is_some_and(|first_us| created_us >= first_us)
    });
    tally
}

/// Whether new nodes were created, and whether they differ.
fn judge_new(tally: &Tally<'_>, asked: &Replaced, windows: &Windows<'_>) -> (Vec<String>, Verdict) {
    if tally.replaced.is_empty() {
        // The minimum is checked over all pools.
        return (Vec::new(), Verdict::Pass);
    }
    if tally.new.is_empty() {
        return (vec!["no new node was Ready".to_owned()], windows.judge_once(false));
    }
    let Some(property) = asked.differs_in else { return (Vec::new(), Verdict::Pass) };
    let of = |node: &Node<'_>| value(node.made(), property);
    let before: Vec<Name> = tally.replaced.iter().map(of).collect();
    let mut same = Vec::new();
    let mut unknown = before.iter().filter(|value| value.is_none()).count() as u64;
    for node in &tally.new {
        let value = of(node);
        if value.is_none() {
            unknown += 1;
        } else if before.contains(&value) {
            same.push(node.name().to_owned());
        }
    }
    let name = property.as_str();
    if !same.is_empty() {
        let count = text::count(same.len(), "new node");
        return (vec![format!("{count} with the old {name} ({})", text::first_few(&same, SHOWN))], Verdict::Fail);
    }
    if unknown > 0 {
        let text = format!("{name} not known of {}", text::count(unknown, "node"));
        return (vec![text], Verdict::Inconclusive);
    }
    (Vec::new(), Verdict::Pass)
}

fn value(made: Provenance, property: NodeProperty) -> Name {
    match property {
        NodeProperty::NodepoolHash => made.nodepool_hash,
        NodeProperty::NodeclassHash => made.nodeclass_hash,
        NodeProperty::Image => made.image,
        NodeProperty::KubeletVersion => made.kubelet_version,
    }
}

/// `a Empty, b for no known reason`.
fn reasons(nodes: &[(Node<'_>, &str)]) -> String {
    let texts: Vec<String> = nodes
        .iter()
        .map(|(node, reason)| {
            format!("{} {}", node.name(), if reason.is_empty() { "for no known reason" } else { reason })
        })
        .collect();
    text::first_few(&texts, SHOWN)
}

/// `a (image x) gone at 12.0s, b (image y) Ready at 9.0s`.
fn describe_nodes(tally: &Tally<'_>, property: Option<NodeProperty>, evidence: &Evidence<'_>) -> String {
    let names = &evidence.source.timelines.names;
    let made = |node: &Node<'_>| match property {
        Some(property) => {
            // Images and hashes differ at the end of their text.
            let text = names.text(value(node.made(), property));
            let count = text.chars().count();
            let end: String = text.chars().skip(count.saturating_sub(40)).collect();
            format!(" ({} {})", property.as_str(), if end.is_empty() { "not known" } else { &end })
        }
        None => String::new(),
    };
    let one = |node: &Node<'_>, what: &str, at_us: Option<u64>| {
        format!("{}{} {what} at {}", node.name(), made(node), text::duration(at_us.unwrap_or(0)))
    };
    let gone: Vec<String> = tally.replaced.iter().map(|node| one(node, "gone", node.gone_us())).collect();
    let came: Vec<String> = tally.new.iter().map(|node| one(node, "Ready", node.ready_us())).collect();
    let stayed: Vec<String> = tally
        .old
        .iter()
        .filter(|old| !tally.replaced.iter().any(|node| node.index == old.index))
        .filter(|old| !tally.otherwise.iter().any(|(node, _)| node.index == old.index))
        .map(|node| format!("{} stayed", node.name()))
        .collect();
    let all = [gone, stayed, came].into_iter().filter(|texts| !texts.is_empty());
    all.map(|texts| text::first_few(&texts, SHOWN)).collect::<Vec<_>>().join(", ")
}
