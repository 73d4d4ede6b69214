//! Occurrences that are missing, late, of another object, or too many.

use std::collections::BTreeSet;

use harness_plan::{EventPattern, OccurrenceKind};
use harness_record::event::*;
use harness_record::{Event, EventKind};

use super::super::edit::{Edit, Mutation, at, milestone, unseen_object, with};
use super::super::log::Log;
use super::super::signal::{of_claim, of_flux, of_node, of_pod, of_vm};

/// The first or last few occurrences, or all, are dropped, moved to other objects, or late.
pub(super) fn too_few(of: &EventPattern, phases: &[String], least: u32, log: &Log<'_>) -> Vec<Mutation> {
    let found = log.occurrences(of, phases);
    let mut mutations = Vec::new();
    let enough = (found.len() + 1).saturating_sub(least as usize).min(found.len());
    let parts: BTreeSet<&[usize]> =
        [&found[..enough], &found[found.len() - enough..], found.as_slice()].into_iter().collect();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let times = if part.len() == 1 { "once".to_owned() } else { format!("{} times", part.len()) };
        let dropped = part.iter().map(|index| Edit::Drop(*index)).collect();
        mutations.push(Mutation::new(format!("{} does not happen {times}", of.what), dropped));
        let elsewhere: Vec<Edit> = part.iter().flat_map(|index| to_another(of, *index, log)).collect();
        if !elsewhere.is_empty() {
            mutations.push(Mutation::new(format!("{} happens {times} to another", of.what), elsewhere));
        }
        let end_us = log.windows(phases).iter().map(|window| window.to_us).max();
        if let Some(end_us) = end_us.filter(|_| !phases.is_empty()) {
            let later = part.iter().map(|index| Edit::Replace(*index, at(&log.events[*index], end_us + 1_000_000)));
            mutations.push(Mutation::new(format!("{} happens {times} after the phase", of.what), later.collect()));
        }
    }
    mutations
}

/// The object of the occurrence is of another pool, size, capacity type or zone, or was deleted for another reason.
fn to_another(of: &EventPattern, index: usize, log: &Log<'_>) -> Vec<Edit> {
    let event = &log.events[index];
    match &event.kind {
        EventKind::Milestone(it) => {
            let key = match of {
                EventPattern { code: Some(_), .. } => attribute::REASON,
                EventPattern { zone: Some(_), .. } => attribute::ZONE,
                EventPattern { capacity_type: Some(_), .. } => attribute::CAPACITY_TYPE,
                EventPattern { instance_type: Some(_), .. } => attribute::INSTANCE_TYPE,
                EventPattern { nodepool: Some(_), .. } => attribute::NODEPOOL,
                _ => return Vec::new(),
            };
            let own = log.of_object(&it.object.uid);
            let edits = own.filter(|(at, _, it)| *at == index || it.attributes.contains_key(key));
            edits.map(|(at, event, _)| Edit::Replace(at, with(event, key, "another"))).collect()
        }
        EventKind::Azure(fact) => {
            let own = log.events.iter().enumerate().filter(|(at, event)| match &event.kind {
                EventKind::Azure(other) => *at == index || !fact.vm.is_empty() && other.vm == fact.vm,
                _ => false,
            });
            let edits = own.map(|(at, event)| (at, placed(event, of, Some("another"))));
            edits.filter(|(at, changed)| *changed != log.events[*at]).map(|(at, it)| Edit::Replace(at, it)).collect()
        }
        EventKind::Reason(_) => {
            let mut other = event.clone();
            if let EventKind::Reason(reason) = &mut other.kind {
                "Another".clone_into(&mut reason.reason);
                "something else".clone_into(&mut reason.message);
            }
            vec![Edit::Replace(index, other)]
        }
        EventKind::Notified(_) => {
            let mut other = event.clone();
            if let EventKind::Notified(notification) = &mut other.kind {
                "/another".clone_into(&mut notification.path);
            }
            vec![Edit::Replace(index, other)]
        }
        _ => Vec::new(),
    }
}

/// The fact with the fields of the pattern set: to that value, or to the pattern's own.
fn placed(event: &Event, of: &EventPattern, value: Option<&str>) -> Event {
    let mut event = event.clone();
    if let EventKind::Azure(fact) = &mut event.kind {
        for (expected, slot) in [
            (&of.code, &mut fact.code),
            (&of.zone, &mut fact.zone),
            (&of.capacity_type, &mut fact.capacity_type),
            (&of.instance_type, &mut fact.instance_type),
            (&of.nodepool, &mut fact.nodepool),
        ] {
            // An empty field is not changed: an earlier fact has its value.
            if let Some(expected) = expected.as_ref().filter(|_| !slot.is_empty()) {
                value.unwrap_or(expected).clone_into(slot);
            }
        }
    }
    event
}

/// VMs of other occurrences in the phases are of the pattern's zone, size, capacity type or pool.
fn of_those(of: &EventPattern, phases: &[String], count: usize, log: &Log<'_>) -> Option<Mutation> {
    let what = of_vm(of.what)?;
    let windows = log.windows(phases);
    let within = log
        .facts(what)
        .filter(|(_, _, fact)| !fact.vm.is_empty() && windows.iter().any(|window| window.contains(fact.occurred_us)));
    let vms: Vec<&str> = within.map(|(_, _, fact)| fact.vm.as_str()).take(count).collect();
    let own = log.events.iter().enumerate().filter(|(_, event)| match &event.kind {
        EventKind::Azure(fact) => vms.contains(&fact.vm.as_str()),
        _ => false,
    });
    let edits: Vec<Edit> = own
        .map(|(at, event)| (at, placed(event, of, None)))
        .filter(|(at, changed)| *changed != log.events[*at])
        .map(|(at, changed)| Edit::Replace(at, changed))
        .collect();
    (!edits.is_empty()).then(|| Mutation::new(format!("{} happened to another object", of.what), edits))
}

/// As many more occurrences as make it one too many, of new objects where that is possible.
pub(super) fn too_many(of: &EventPattern, phases: &[String], most: u32, log: &Log<'_>) -> Vec<Mutation> {
    let count = (most as usize + 1).saturating_sub(log.occurrences(of, phases).len());
    let mut mutations: Vec<Mutation> = of_those(of, phases, count, log).into_iter().collect();
    for phase in log.phases(phases) {
        let Some(window) = log.window(phase) else { continue };
        for at_us in [window.to_us.saturating_sub(1), window.middle_us()] {
            let edits: Option<Vec<Edit>> =
                (0..count).map(|number| invented(of, phase, at_us, number, log).map(Edit::Add)).collect();
            let what = format!("{} happens more often in {phase}, by {count}", of.what);
            mutations.extend(edits.map(|edits| Mutation::new(what, edits)));
        }
    }
    mutations
}

/// One more event that matches the pattern.
fn invented(of: &EventPattern, phase: &str, at_us: u64, number: usize, log: &Log<'_>) -> Option<Event> {
    let text = |key: &Option<String>| key.clone().unwrap_or_default();
    let name = of.object.clone().unwrap_or_else(|| format!("mutant-{number}"));
    let event = |kind| Some(Event { at_us, kind });
    let object = if let Some(reached) = of_pod(of.what) {
        Some((ObjectKind::Pod, reached))
    } else if let Some(reached) = of_claim(of.what) {
        Some((ObjectKind::NodeClaim, reached))
    } else {
        of_node(of.what).map(|reached| (ObjectKind::Node, reached))
    };
    if let Some((kind, reached)) = object {
        let known = [
            (attribute::WORKLOAD, &of.workload),
            (attribute::NODEPOOL, &of.nodepool),
            (attribute::INSTANCE_TYPE, &of.instance_type),
            (attribute::CAPACITY_TYPE, &of.capacity_type),
            (attribute::ZONE, &of.zone),
            (attribute::REASON, &of.code),
        ];
        let known: Vec<(&str, &str)> =
            known.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))).collect();
        return Some(milestone(at_us, &unseen_object(kind, &name), reached, &known));
    }
    if let Some(reached) = of_flux(of.what) {
        let kind =
            if of.what == OccurrenceKind::SourceFailed { ObjectKind::GitRepository } else { ObjectKind::Kustomization };
        let same = log.events.iter().find_map(|event| match &event.kind {
            EventKind::Milestone(it)
                if it.object.kind == kind && of.object.as_ref().is_none_or(|name| it.object.name == *name) =>
            {
                Some(&it.object)
            }
            _ => None,
        });
        let says = text(&of.message_contains);
        let code = text(&of.code);
        let known = [(attribute::REASON, code.as_str()), (attribute::SAYS, &says), (attribute::REVISION, &says)];
        return Some(milestone(at_us, same?, reached, &known));
    }
    if let Some(what) = of_vm(of.what) {
        return event(EventKind::Azure(AzureFact {
            vm: name,
            nodepool: text(&of.nodepool),
            instance_type: text(&of.instance_type),
            zone: text(&of.zone),
            capacity_type: text(&of.capacity_type),
            code: text(&of.code),
            message: text(&of.message_contains),
            ..AzureFact::new(what, at_us)
        }));
    }
    if of.what == OccurrenceKind::Reason {
        let (kind, name) = match (&of.workload, &of.nodepool) {
            (Some(workload), _) => ("Pod", format!("{workload}-0123456789-{number:05}")),
            (None, Some(pool)) => ("NodePool", pool.clone()),
            (None, None) => ("Node", name),
        };
        return event(EventKind::Reason(Reason {
            kind: kind.to_owned(),
            name,
            reason: of.code.clone().unwrap_or_else(|| "Mutated".to_owned()),
            message: of.message_contains.clone().unwrap_or_else(|| "mutated".to_owned()),
            severity: "Warning".to_owned(),
        }));
    }
    let expected = of.notification.clone().unwrap_or_default();
    let (kind, name) = expected.about.map(|about| (about.kind, about.name.unwrap_or_default())).unwrap_or_default();
    let newest = log.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::Action(ActionStamps { what: ActionKind::Push { revision, .. }, phase: of, .. }) if of == phase => {
            Some(format!("main@sha1:{revision}"))
        }
        _ => None,
    });
    event(EventKind::Notified(Notification {
        path: expected.path.unwrap_or_else(|| "/mutated".to_owned()),
        kind,
        name,
        severity: expected.severity.map_or("info", |severity| severity.as_str()).to_owned(),
        reason: text(&of.code),
        message: of.message_contains.clone().unwrap_or_else(|| "mutated".to_owned()),
        revision: newest.filter(|_| expected.newest).unwrap_or_default(),
        ..Notification::default()
    }))
}
