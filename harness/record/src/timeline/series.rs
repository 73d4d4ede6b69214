//! Objects by state over time, as step functions: a step holds from its time to that of the next one.

use super::fold::Timelines;
use super::join::Join;
use super::stamp::Stamp;

/// Pods of the run by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodStep {
    /// From when, microseconds since the run began.
    pub at_us: u64,
    /// Created, not bound.
    pub pending: u32,
    /// Bound, not Ready.
    pub scheduled: u32,
    /// Ready.
    pub ready: u32,
    /// Being deleted.
    pub deleting: u32,
}

/// NodeClaims with their Nodes by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeStep {
    /// From when, microseconds since the run began.
    pub at_us: u64,
    /// NodeClaim seen, not Launched.
    pub claimed: u32,
    /// Launched, Node not Ready.
    pub launched: u32,
    /// Node Ready.
    pub ready: u32,
    /// Being deleted.
    pub deleting: u32,
}

/// More steps than this are thinned: more than a report can draw.
const STEPS: usize = 2_000;

/// No state: not there yet, or gone.
const NONE: u8 = 4;

/// From one state to another.
type Change = (u64, u8, u8);

/// An object's states in time, as changes. A state of lower rank never follows at the same moment.
fn changes(states: &mut Vec<(u64, u8)>, into: &mut Vec<Change>) {
    states.sort_unstable();
    let mut before = NONE;
    for (at_us, state) in states.drain(..) {
        if state != before {
            into.push((at_us, before, state));
            before = state;
        }
        if state == NONE {
            break;
        }
    }
}

/// The counts after each moment with a change, thinned to [`STEPS`]: then the last of each bucket is kept, at its own time.
fn steps(mut changes: Vec<Change>) -> Vec<(u64, [u32; 4])> {
    changes.sort_unstable();
    let span_us = changes.last().map_or(0, |last| last.0) - changes.first().map_or(0, |first| first.0);
    let moments = changes.chunk_by(|a, b| a.0 == b.0).count();
    let bucket_us = if moments > STEPS { span_us / STEPS as u64 + 1 } else { 1 };
    // Signed: of two changes of one object at the same moment, the later may come first.
    let mut sums = [0_i64; 4];
    let mut steps: Vec<(u64, [u32; 4])> = Vec::new();
    for (at_us, from, to) in changes {
        if let Some(sum) = sums.get_mut(from as usize) {
            *sum -= 1;
        }
        if let Some(sum) = sums.get_mut(to as usize) {
            *sum += 1;
        }
        let counts = sums.map(|sum| u32::try_from(sum).unwrap_or(0));
        match steps.last_mut() {
            Some(last) if last.0 / bucket_us == at_us / bucket_us => *last = (at_us, counts),
            _ => steps.push((at_us, counts)),
        }
    }
    steps
}

/// States up to an object's deletion; what it reaches later does not bring it back.
fn until_deletion(reached: [(Option<Stamp>, u8); 5], deletion_us: u64) -> impl Iterator<Item = (u64, u8)> {
    let states = reached.into_iter().filter_map(|(stamp, state)| Some((stamp?.at_us(), state)));
    states.filter(move |(at_us, state)| *state > 2 || *at_us <= deletion_us)
}

/// Pods by state over time.
pub(crate) fn pod_steps(timelines: &Timelines) -> Vec<PodStep> {
    let mut flips = timelines.pods.flips.clone();
    flips.sort_unstable_by_key(|flip| (flip.pod, flip.at_us));
    let mut flips = flips.into_iter().peekable();
    let mut all = Vec::with_capacity(timelines.pods.all.len() * 4);
    let mut states = Vec::new();
    for (index, pod) in timelines.pods.all.iter().enumerate() {
        let reached = [(pod.created, 0), (pod.scheduled, 1), (pod.ready, 2), (pod.deleting, 3), (pod.deleted, NONE)];
        let deletion_us = pod.deletion().map_or(u64::MAX, |stamp| stamp.at_us());
        states.extend(until_deletion(reached, deletion_us));
        while let Some(flip) = flips.next_if(|flip| flip.pod as usize <= index) {
            if flip.at_us < deletion_us {
                states.push((flip.at_us, if flip.ready { 2 } else { 1 }));
            }
        }
        changes(&mut states, &mut all);
    }
    steps(all)
        .into_iter()
        .map(|(at_us, [pending, scheduled, ready, deleting])| PodStep { at_us, pending, scheduled, ready, deleting })
        .collect()
}

/// NodeClaims with their Nodes by state over time.
pub(crate) fn node_steps(timelines: &Timelines, join: &Join<'_>) -> Vec<NodeStep> {
    let mut all = Vec::new();
    let mut states = Vec::new();
    for (index, claim) in timelines.nodes.claims.iter().enumerate() {
        let node = join.node(index);
        let ready = node.and_then(|node| node.ready);
        // A Node may be Ready before its NodeClaim is seen to be launched.
        let launched = claim.launched.filter(|launched| ready.is_none_or(|ready| launched.at_us() < ready.at_us()));
        let deleted = [claim.deleted, node.and_then(|node| node.deleted)].into_iter().flatten();
        // The Node may be deleted before or after its NodeClaim; the later counts, once the NodeClaim is gone.
        let gone = claim.deleted.and(deleted.max_by_key(|stamp| stamp.at_us()));
        let reached = [(claim.created, 0), (launched, 1), (ready, 2), (claim.deleting, 3), (gone, NONE)];
        let deletion_us = claim.deletion().map_or(u64::MAX, |stamp| stamp.at_us());
        states.extend(until_deletion(reached, deletion_us));
        for (at_us, ready) in node.map_or(&[][..], |node| &node.flips) {
            if *at_us < deletion_us {
                states.push((*at_us, if *ready { 2 } else { 1 }));
            }
        }
        changes(&mut states, &mut all);
    }
    steps(all)
        .into_iter()
        .map(|(at_us, [claimed, launched, ready, deleting])| NodeStep { at_us, claimed, launched, ready, deleting })
        .collect()
}
