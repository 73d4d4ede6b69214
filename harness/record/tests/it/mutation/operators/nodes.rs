//! Nodes that are too large, stay, are deleted, or are disrupted together.

use harness_plan::NodeProperty;
use harness_record::Event;
use harness_record::event::*;
use harness_units::Amount;

use super::super::edit::{Edit, Mutation, milestone, unseen_object, with, without};
use super::super::log::{Log, Window};

/// The capacity attributes, which limits are about.
const CAPACITY: [&str; 2] = [attribute::CPU_MILLICORES, attribute::MEMORY_BYTES];

/// The NodeClaims of a pool, in the order in which they were created.
fn claims<'a>(pool: &str, log: &Log<'a>) -> Vec<(u64, &'a ObjectKey)> {
    let created = log.milestones(ObjectKind::NodeClaim, Reached::Created);
    created
        .filter(|(_, _, it)| log.subject(&it.object) == pool)
        .map(|(_, event, it)| (event.at_us, &it.object))
        .collect()
}

/// The Node of a NodeClaim.
fn node_of<'a>(claim: &ObjectKey, log: &Log<'a>) -> Option<&'a ObjectKey> {
    let name = log.attribute(claim, attribute::NODE);
    let mut nodes = log.events.iter().filter_map(|event| match &event.kind {
        harness_record::EventKind::Milestone(it) if it.object.kind == ObjectKind::Node => Some(&it.object),
        _ => None,
    });
    nodes.find(|node| node.name == name || log.attribute(node, attribute::NODECLAIM) == claim.name)
}

/// One node alone is larger than the pool's limit, and another NodeClaim is created beside it; or the size of one is not known.
pub(super) fn over_the_limits(pools: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for pool in pools {
        let Some(class) = log.plan.node_config.classes.iter().find(|class| class.name == *pool) else { continue };
        let limits = &class.limits;
        let (key, most) = match (limits.cpu, limits.memory) {
            (Some(cpu), _) => (attribute::CPU_MILLICORES, cpu.0),
            (None, Some(memory)) => (attribute::MEMORY_BYTES, memory.0),
            (None, None) => continue,
        };
        let all = claims(pool, log);
        for (_, claim) in &all {
            let Some(launched_us) = log.when(&claim.uid, Reached::Launched) else { continue };
            let gone_us = log.when(&claim.uid, Reached::Deleted).unwrap_or(u64::MAX);
            let beside = all.iter().any(|(created_us, _)| (launched_us + 1..gone_us).contains(created_us));
            let size = (most + 1).to_string();
            let own = log.of_object(&claim.uid);
            let own = own.filter(|(_, _, it)| it.reached == Reached::Launched || it.attributes.contains_key(key));
            let mut edits: Vec<Edit> = own.map(|(at, event, _)| Edit::Replace(at, with(event, key, &size))).collect();
            let what = format!("{} is larger than the limit of {pool}", claim.name);
            if beside {
                mutations.insert(0, Mutation::new(what, edits).naming(pool));
            } else {
                let other = unseen_object(ObjectKind::NodeClaim, &format!("{pool}-mutant"));
                let created = milestone(launched_us + 1, &other, Reached::Created, &[(attribute::NODEPOOL, pool)]);
                edits.push(Edit::Add(created));
                mutations.push(Mutation::new(format!("{what}, and another NodeClaim is created"), edits).naming(pool));
            }
        }
        for (_, claim) in all.iter().filter(|(_, claim)| log.when(&claim.uid, Reached::Launched).is_some()).take(1) {
            let objects = [Some(*claim), node_of(claim, log)].into_iter().flatten();
            let edits = objects.flat_map(|object| log.of_object(&object.uid)).map(|(index, event, _)| {
                let unknown = CAPACITY.iter().fold(event.clone(), |event, key| without(&event, key));
                Edit::Replace(index, unknown)
            });
            mutations
                .push(Mutation::new(format!("the size of {} is not known", claim.name), edits.collect()).naming(pool));
        }
    }
    mutations
}

/// NodeClaims of a pool that existed before the phase and were deleted in it.
fn gone_in<'a>(pool: &str, window: Window, log: &Log<'a>) -> Vec<&'a ObjectKey> {
    let earlier = claims(pool, log).into_iter().filter(|(created_us, _)| *created_us < window.from_us);
    let gone = |claim: &&ObjectKey| log.when(&claim.uid, Reached::Deleted).is_some_and(|us| window.contains(us));
    earlier.map(|(_, claim)| claim).filter(gone).collect()
}

/// One node stays, or is deleted for another reason; then all do.
pub(super) fn not_replaced(pool: &str, phase: &str, log: &Log<'_>) -> Vec<Mutation> {
    let Some(window) = log.window(phase) else { return Vec::new() };
    let gone = gone_in(pool, window, log);
    let mut mutations = Vec::new();
    for count in [1, gone.len()] {
        let Some(some) = gone.get(..count).filter(|some| !some.is_empty()) else { continue };
        let of_some = || some.iter().flat_map(|claim| log.of_object(&claim.uid));
        let other = of_some().filter(|(_, _, it)| it.attributes.contains_key(attribute::REASON));
        let other = other.map(|(index, event, _)| Edit::Replace(index, with(event, attribute::REASON, "Another")));
        let what = format!("{count} of {} nodes of {pool} are deleted for another reason", gone.len());
        mutations.push(Mutation::new(what, other.collect()).naming(pool));
        let stay = of_some().filter(|(_, _, it)| matches!(it.reached, Reached::Deleting | Reached::Deleted));
        let stay = stay.map(|(index, ..)| Edit::Drop(index)).collect();
        mutations.push(Mutation::new(format!("{count} of {} nodes of {pool} stay", gone.len()), stay).naming(pool));
    }
    mutations
}

/// A new node has the same property as one that was deleted.
pub(super) fn made_of_the_same(pools: &[String], phase: &str, property: NodeProperty, log: &Log<'_>) -> Vec<Mutation> {
    let Some(window) = log.window(phase) else { return Vec::new() };
    let key = property.as_str();
    let made = |claim: &ObjectKey| match log.attribute(claim, key) {
        "" => node_of(claim, log).map_or("", |node| log.attribute(node, key)),
        value => value,
    };
    let mut mutations = Vec::new();
    for pool in pools {
        let Some(old) = gone_in(pool, window, log).first().map(|claim| made(claim)) else { continue };
        for (_, new) in claims(pool, log).into_iter().filter(|(created_us, _)| window.contains(*created_us)) {
            let objects = [Some(new), node_of(new, log)].into_iter().flatten();
            let own = objects.flat_map(|object| log.of_object(&object.uid));
            let same = own.filter(|(_, _, it)| it.attributes.contains_key(key));
            let same = same.map(|(index, event, _)| Edit::Replace(index, with(event, key, old))).collect();
            mutations.push(Mutation::new(format!("{} has the old {key}", new.name), same).naming(key));
        }
    }
    mutations
}

/// A node that was created in the phase is deleted in it.
pub(super) fn replaced_again(pool: &str, phase: &str, reason: Option<&str>, log: &Log<'_>) -> Vec<Mutation> {
    let Some(window) = log.window(phase) else { return Vec::new() };
    let created = claims(pool, log).into_iter().filter(|(created_us, _)| window.contains(*created_us));
    let launched = created.map(|(_, claim)| claim).filter(|claim| {
        log.when(&claim.uid, Reached::Launched).is_some_and(|us| us < window.to_us)
            && log.when(&claim.uid, Reached::Deleting).is_none_or(|us| us > window.to_us)
    });
    let mutations = launched.take(3).map(|claim| {
        let known: Vec<(&str, &str)> = vec![(attribute::REASON, reason.unwrap_or("Drifted"))];
        let chosen = milestone(window.to_us, claim, Reached::Disrupted, &known);
        let deleting = milestone(window.to_us, claim, Reached::Deleting, &[]);
        let what = format!("{} of {pool} is replaced again", claim.name);
        Mutation::new(what, vec![Edit::Add(chosen), Edit::Add(deleting)]).naming(&claim.name)
    });
    mutations.collect()
}

/// So many nodes exist for a moment of the phases that the surge is too large by one.
pub(super) fn too_many(pool: &str, at_most: Amount, phases: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let windows = log.windows(phases);
    let (Some(first), Some(last)) = (windows.first(), windows.last()) else { return Vec::new() };
    let there = claims(pool, log).into_iter().filter(|(_, claim)| {
        log.when(&claim.uid, Reached::Initialized).is_some_and(|us| us <= first.from_us)
            && log.when(&claim.uid, Reached::Deleting).is_none_or(|us| us > first.from_us)
    });
    let more = at_most.of(there.count() as u64) + 1;
    let (from_us, to_us) = (last.middle_us(), last.middle_us() + 1_000);
    let edits = (0..more).flat_map(|number| {
        let claim = unseen_object(ObjectKind::NodeClaim, &format!("{pool}-mutant-{number}"));
        let own = [(attribute::NODEPOOL, pool)];
        [
            milestone(from_us, &claim, Reached::Created, &own),
            milestone(from_us, &claim, Reached::Launched, &own),
            milestone(to_us, &claim, Reached::Deleted, &own),
        ]
    });
    let what = format!("{pool} has {more} nodes more than at the start");
    vec![Mutation::new(what, edits.map(Edit::Add).collect()).naming(pool)]
}

/// A node of the pool starts to be deleted in the phases.
pub(super) fn not_kept(pool: &str, phases: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let windows = log.windows(phases);
    let (Some(first), Some(last)) = (windows.first(), windows.last()) else { return Vec::new() };
    let there = claims(pool, log).into_iter().filter_map(|(_, claim)| {
        let node = node_of(claim, log)?;
        let ready_us = log.when(&node.uid, Reached::Ready)?;
        let gone_us = log.when(&node.uid, Reached::Deleted).unwrap_or(u64::MAX);
        (ready_us <= first.from_us && gone_us > last.to_us).then_some(node)
    });
    let going = there.take(1).map(|node| {
        let going = milestone(last.middle_us(), node, Reached::Deleting, &[]);
        Mutation::new(format!("{} of {pool} is being deleted", node.name), vec![Edit::Add(going)]).naming(pool)
    });
    going.collect()
}

/// Nodes that were disrupted one after another are disrupted together, or every node of the pool is chosen for a moment.
pub(super) fn all_at_once(pool: &str, reason: Option<&str>, phases: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let windows = log.windows(phases);
    let mut mutations = Vec::new();
    let all = claims(pool, log);
    let milestones = log.events.iter().enumerate().filter_map(|(index, event)| match &event.kind {
        harness_record::EventKind::Milestone(it)
            if it.object.kind == ObjectKind::NodeClaim && log.subject(&it.object) == pool =>
        {
            Some((index, event, it))
        }
        _ => None,
    });
    let chosen: Vec<(usize, &Event, &Milestone)> = milestones
        .filter(|(_, event, it)| {
            matches!(it.reached, Reached::Disrupted | Reached::Deleting)
                && windows.iter().any(|window| window.contains(event.at_us))
        })
        .collect();
    let Some(first_us) = chosen.iter().map(|(_, event, _)| event.at_us).min() else { return Vec::new() };
    let together =
        chosen.iter().filter(|(_, _, it)| it.reached == Reached::Disrupted).filter_map(|(index, event, it)| {
            let initialized_us = log.when(&it.object.uid, Reached::Initialized)?;
            (initialized_us < first_us).then(|| Edit::Replace(*index, Event { at_us: first_us, ..(*event).clone() }))
        });
    let what = format!("all nodes of {pool} that are disrupted are chosen at once");
    mutations.push(Mutation::new(what, together.collect()).naming(pool));
    for at_us in chosen.iter().map(|(_, event, _)| event.at_us) {
        let there = all.iter().filter(|(_, claim)| {
            log.when(&claim.uid, Reached::Initialized).is_some_and(|us| us < at_us)
                && log.when(&claim.uid, Reached::Disrupted).is_none_or(|us| us > at_us)
                && log.when(&claim.uid, Reached::Deleting).is_none_or(|us| us > at_us + 1_000)
        });
        let known: Vec<(&str, &str)> = reason.map(|reason| (attribute::REASON, reason)).into_iter().collect();
        let edits = there.flat_map(|(_, claim)| {
            [milestone(at_us, claim, Reached::Disrupted, &known), milestone(at_us + 1_000, claim, Reached::Spared, &[])]
        });
        let what = format!("every node of {pool} is chosen for a moment");
        mutations.push(Mutation::new(what, edits.map(Edit::Add).collect()).naming(pool));
    }
    let none = chosen.iter().map(|(index, ..)| Edit::Drop(*index)).collect();
    mutations.push(Mutation::new(format!("no node of {pool} is disrupted"), none));
    mutations
}
