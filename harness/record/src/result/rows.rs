//! Rows of nodes, phases and actions.

use harness_plan::Action;

use super::nodes::{Interval, NodeRow, VmRow};
use super::run::{ActionRow, PhaseRow};
use crate::event::EffectOutcome;
use crate::latency::{Source, gone, pods_by_claim};
use crate::timeline::{Actions, Placed, Stamp};

fn us(stamp: Option<Stamp>) -> Option<u64> {
    stamp.map(|stamp| stamp.at_us())
}

pub(super) fn nodes(source: &Source<'_>) -> Vec<NodeRow> {
    let timelines = source.timelines;
    let text = |name| timelines.names.text(name).to_owned();
    let pods = pods_by_claim(source);
    let placed = |placed: Placed| NodeRow {
        nodepool: text(placed.nodepool),
        instance_type: text(placed.instance_type),
        capacity_type: text(placed.capacity_type),
        zone: text(placed.zone),
        ..NodeRow::default()
    };
    let mut rows: Vec<NodeRow> = Vec::with_capacity(timelines.nodes.claims.len());
    for (index, claim) in timelines.nodes.claims.iter().enumerate() {
        let node = source.join.node(index);
        let deleting = claim.deleting.or(node.and_then(|node| node.deleting)).or(claim.deleted);
        rows.push(NodeRow {
            nodeclaim: text(claim.name),
            node: node.map(|node| text(node.name)),
            created_us: us(claim.created),
            launched_us: us(claim.launched),
            registered_us: us(claim.registered),
            ready_us: us(node.and_then(|node| node.ready)),
            initialized_us: us(claim.initialized),
            not_ready: node.map(|node| not_ready(&node.flips)).unwrap_or_default(),
            drifted_us: us(claim.drifted),
            disrupted_us: us(claim.disrupted),
            disruption_reason: text(claim.reason),
            deleting_us: us(deleting),
            gone_us: us(gone(source, index)),
            pods: pods.get(&index).map_or(0, |pods| pods.len() as u32),
            vm: vm(source, index),
            ..placed(source.join.placed(index))
        });
    }
    rows.sort_by(|a, b| (a.created_us, &a.nodeclaim).cmp(&(b.created_us, &b.nodeclaim)));
    let mut unclaimed: Vec<NodeRow> = source
        .join
        .unclaimed()
        .filter_map(|index| timelines.nodes.nodes.get(index))
        .map(|node| NodeRow {
            node: Some(text(node.name)),
            created_us: us(node.created),
            ready_us: us(node.ready),
            not_ready: not_ready(&node.flips),
            deleting_us: us(node.deleting),
            gone_us: us(node.deleted),
            ..placed(node.placed)
        })
        .collect();
    unclaimed.sort_by(|a, b| (a.created_us, &a.node).cmp(&(b.created_us, &b.node)));
    rows.extend(unclaimed);
    rows
}

fn not_ready(flips: &[(u64, bool)]) -> Vec<Interval> {
    let mut intervals: Vec<Interval> = Vec::new();
    for (at_us, ready) in flips {
        let open = intervals.last_mut().filter(|last| last.to_us.is_none());
        match (open, ready) {
            (Some(open), true) => open.to_us = Some(*at_us),
            (None, false) => intervals.push(Interval { from_us: *at_us, to_us: None }),
            _ => {}
        }
    }
    intervals
}

/// What became of the NodeClaim's VM, and of the first that Azure failed to create for it.
fn vm(source: &Source<'_>, claim: usize) -> Option<VmRow> {
    let vm = source.join.vm(claim)?;
    let failed = source.join.vms(claim).find(|vm| vm.failed_us.is_some());
    Some(VmRow {
        crashed_us: vm.crashed_us,
        evicted_us: vm.evicted_us,
        failed_us: failed.and_then(|vm| vm.failed_us),
        code: failed.map_or_else(String::new, |vm| source.timelines.names.text(vm.code).to_owned()),
    })
}

pub(super) fn phases(source: &Source<'_>) -> Vec<PhaseRow> {
    let planned = |name: &str| source.plan.phases.iter().find(|phase| phase.name == name);
    let seen = source.timelines.phases.all.iter();
    let mut rows: Vec<PhaseRow> = seen
        .map(|phase| {
            let plan = planned(&phase.name);
            let span = plan.and_then(|plan| plan.within.or(plan.hold));
            PhaseRow {
                name: phase.name.clone(),
                planned: plan.is_some(),
                until: plan.and_then(|plan| plan.until.as_ref()).map(ToString::to_string),
                began_us: Some(phase.began_us),
                ended_us: phase.ended.map(|(at_us, _)| at_us),
                due_us: span.map(|span| phase.began_us.saturating_add(span.as_micros())),
                outcome: phase.ended.map(|(_, outcome)| outcome),
                detail: phase.detail.clone(),
            }
        })
        .collect();
    for phase in &source.plan.phases {
        if source.timelines.phases.named(&phase.name).is_none() {
            rows.push(PhaseRow {
                name: phase.name.clone(),
                planned: true,
                until: phase.until.as_ref().map(ToString::to_string),
                ..PhaseRow::default()
            });
        }
    }
    rows
}

pub(super) fn actions(source: &Source<'_>) -> Vec<ActionRow> {
    let actions = &source.timelines.actions;
    let row = |action: &crate::event::ActionStamps| ActionRow {
        what: actions.describe(action),
        is_routine: matches!(actions.planned(action), Some(Action::Scale(_) | Action::Replace(_))),
        intended_us: action.intended_us,
        sent_us: action.sent_us,
        observed_us: observed_us(actions, action),
        error: action.error.clone(),
    };
    actions.all.iter().map(row).collect()
}

fn observed_us(actions: &Actions, action: &crate::event::ActionStamps) -> Option<u64> {
    actions.effect_of(action).filter(|(_, outcome)| *outcome == EffectOutcome::Observed).map(|(at_us, _)| at_us)
}
