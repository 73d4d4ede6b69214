//! Rows of nodes, phases and actions.

use super::nodes::{Interval, NodeRow, VmRow};
use super::run::{ActionRow, PhaseRow};
use harness_plan::Action;

use crate::latency::{Source, gone};
use crate::timeline::{Placed, Stamp, VmTimeline};

fn us(stamp: Option<Stamp>) -> Option<u64> {
    stamp.map(|stamp| stamp.at_us())
}

pub(super) fn nodes(source: &Source<'_>) -> Vec<NodeRow> {
    let timelines = source.timelines;
    let text = |name| timelines.names.text(name).to_owned();
    let mut pods = vec![0_u32; timelines.nodes.claims.len()];
    for pod in timelines.pods.all.iter().filter(|pod| pod.scheduled.is_some()) {
        let claim = source.join.claim_of_pod(timelines, pod);
        if let Some(count) = claim.and_then(|claim| pods.get_mut(claim)) {
            *count += 1;
        }
    }
    let placed = |placed: Placed| NodeRow {
        nodepool: text(placed.nodepool),
        instance_type: text(placed.instance_type),
        capacity_type: text(placed.capacity_type),
        zone: text(placed.zone),
        cpu_millicores: placed.cpu_millicores,
        memory_bytes: placed.memory_bytes,
        ..NodeRow::default()
    };
    let mut rows: Vec<NodeRow> = Vec::with_capacity(timelines.nodes.claims.len());
    for (index, claim) in timelines.nodes.claims.iter().enumerate() {
        let node = source.join.node(timelines, index);
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
            pods: pods.get(index).copied().unwrap_or(0),
            vm: source.join.vm(timelines, index).map(|machine| vm(machine, &text)),
            ..placed(source.join.placed(timelines, index))
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

fn vm(vm: &VmTimeline, text: &impl Fn(crate::timeline::Name) -> String) -> VmRow {
    VmRow {
        name: text(vm.name),
        accepted_us: vm.accepted_us,
        booted_us: vm.booted_us,
        registered_us: vm.registered_us,
        ready_us: vm.ready_us,
        delete_requested_us: vm.delete_requested_us,
        deleted_us: vm.deleted_us,
        crashed_us: vm.crashed_us,
        evicted_us: vm.evicted_us,
        failed_us: vm.failed_us,
        code: text(vm.code),
        message: vm.message.to_string(),
    }
}

pub(super) fn phases(source: &Source<'_>) -> Vec<PhaseRow> {
    let planned = |name: &str| source.plan.phases.iter().find(|phase| phase.name == name);
    let mut rows: Vec<PhaseRow> = source
        .timelines
        .phases
        .all
        .iter()
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
                began_us: None,
                ended_us: None,
                due_us: None,
                outcome: None,
                detail: String::new(),
            });
        }
    }
    rows
}

pub(super) fn actions(source: &Source<'_>) -> Vec<ActionRow> {
    let actions = &source.timelines.actions;
    let row = |action: &crate::event::ActionStamps| ActionRow {
        id: action.what.id(),
        phase: action.phase.clone(),
        what: actions.describe(action),
        is_routine: matches!(actions.planned(action), Some(Action::Scale(_) | Action::Replace(_))),
        intended_us: action.intended_us,
        sent_us: action.sent_us,
        acked_us: action.acked_us,
        error: action.error.clone(),
    };
    actions.all.iter().map(row).collect()
}
