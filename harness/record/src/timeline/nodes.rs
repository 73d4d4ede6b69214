//! NodeClaims and Nodes.

use std::collections::{BTreeMap, HashMap};

use super::stamp::{Stamp, clear_from, first};
use crate::event::{Milestone, Reached, attribute};
use crate::names::{Name, Names};

/// Where a node is and what it is: the labels of its samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) nodepool: Name,
    pub(crate) instance_type: Name,
    pub(crate) capacity_type: Name,
    pub(crate) zone: Name,
    pub(crate) cpu_millicores: Option<u64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) allocatable_cpu_millicores: Option<u64>,
    pub(crate) allocatable_memory_bytes: Option<u64>,
}

impl Placed {
    fn learn(&mut self, attributes: &BTreeMap<String, String>, names: &mut Names) {
        for (key, value) in attributes {
            match key.as_str() {
                attribute::NODEPOOL => self.nodepool = names.intern(value),
                attribute::INSTANCE_TYPE => self.instance_type = names.intern(value),
                attribute::CAPACITY_TYPE => self.capacity_type = names.intern(value),
                attribute::ZONE => self.zone = names.intern(value),
                attribute::CPU_MILLICORES => learn(&mut self.cpu_millicores, value),
                attribute::MEMORY_BYTES => learn(&mut self.memory_bytes, value),
                attribute::ALLOCATABLE_CPU_MILLICORES => learn(&mut self.allocatable_cpu_millicores, value),
                attribute::ALLOCATABLE_MEMORY_BYTES => learn(&mut self.allocatable_memory_bytes, value),
                _ => {}
            }
        }
    }

    /// Fills in what is not known here from another one.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            nodepool: self.nodepool.or(other.nodepool),
            instance_type: self.instance_type.or(other.instance_type),
            capacity_type: self.capacity_type.or(other.capacity_type),
            zone: self.zone.or(other.zone),
            cpu_millicores: self.cpu_millicores.or(other.cpu_millicores),
            memory_bytes: self.memory_bytes.or(other.memory_bytes),
            allocatable_cpu_millicores: self.allocatable_cpu_millicores.or(other.allocatable_cpu_millicores),
            allocatable_memory_bytes: self.allocatable_memory_bytes.or(other.allocatable_memory_bytes),
        }
    }
}

/// Keeps what is known where the text is not a number.
fn learn(known: &mut Option<u64>, text: &str) {
    *known = text.parse().ok().or(*known);
}

/// What a node was made from, as far as the log says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Provenance {
    pub(crate) nodepool_hash: Name,
    pub(crate) nodeclass_hash: Name,
    pub(crate) image: Name,
    pub(crate) kubelet_version: Name,
}

impl Provenance {
    fn learn(&mut self, attributes: &BTreeMap<String, String>, names: &mut Names) {
        for (key, value) in attributes {
            match key.as_str() {
                attribute::NODEPOOL_HASH => self.nodepool_hash = names.intern(value),
                attribute::NODECLASS_HASH => self.nodeclass_hash = names.intern(value),
                attribute::IMAGE => self.image = names.intern(value),
                attribute::KUBELET_VERSION => self.kubelet_version = names.intern(value),
                _ => {}
            }
        }
    }

    /// Fills in what is not known here from another one.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            nodepool_hash: self.nodepool_hash.or(other.nodepool_hash),
            nodeclass_hash: self.nodeclass_hash.or(other.nodeclass_hash),
            image: self.image.or(other.image),
            kubelet_version: self.kubelet_version.or(other.kubelet_version),
        }
    }
}

/// The timeline of one NodeClaim.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ClaimTimeline {
    pub(crate) name: Name,
    pub(crate) node: Name,
    pub(crate) placed: Placed,
    pub(crate) made: Provenance,
    pub(crate) reason: Name,
    pub(crate) created: Option<Stamp>,
    pub(crate) launched: Option<Stamp>,
    pub(crate) registered: Option<Stamp>,
    pub(crate) initialized: Option<Stamp>,
    pub(crate) drifted: Option<Stamp>,
    pub(crate) disrupted: Option<Stamp>,
    /// Changes after the first choice: when, and whether it was chosen again (or spared).
    pub(crate) choices: Vec<(u64, bool)>,
    pub(crate) deleting: Option<Stamp>,
    pub(crate) deleted: Option<Stamp>,
}

impl ClaimTimeline {
    /// When its deletion started, or when it was found deleted.
    pub(crate) fn deletion(&self) -> Option<Stamp> {
        self.deleting.or(self.deleted)
    }
}

/// The timeline of one Node.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NodeTimeline {
    pub(crate) name: Name,
    pub(crate) nodeclaim: Name,
    pub(crate) placed: Placed,
    pub(crate) made: Provenance,
    pub(crate) created: Option<Stamp>,
    pub(crate) ready: Option<Stamp>,
    pub(crate) deleting: Option<Stamp>,
    pub(crate) deleted: Option<Stamp>,
    /// Changes of Ready after the first: when, and whether to Ready.
    pub(crate) flips: Vec<(u64, bool)>,
}

/// Every NodeClaim and Node that was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nodes {
    claims_by_uid: HashMap<Box<str>, u32>,
    nodes_by_uid: HashMap<Box<str>, u32>,
    pub(crate) claims: Vec<ClaimTimeline>,
    pub(crate) nodes: Vec<NodeTimeline>,
}

fn entry<'a, T>(by_uid: &mut HashMap<Box<str>, u32>, all: &'a mut Vec<T>, uid: &str, new: T) -> Option<&'a mut T> {
    let index = match by_uid.get(uid) {
        Some(index) => *index,
        None => {
            let index = all.len() as u32;
            by_uid.insert(uid.into(), index);
            all.push(new);
            index
        }
    };
    all.get_mut(index as usize)
}

impl Nodes {
    /// Forgets what NodeClaims and Nodes reached from this moment on, except how they ended; unless `all`, only of those that were created then.
    pub(crate) fn forget_from(&mut self, from_us: u64, all: bool) {
        let is_new = |created: Option<Stamp>| created.is_some_and(|created| created.at_us() >= from_us);
        for claim in self.claims.iter_mut().filter(|claim| all || is_new(claim.created)) {
            let ClaimTimeline { created, launched, registered, initialized, drifted, disrupted, .. } = claim;
            clear_from([created, launched, registered, initialized, drifted, disrupted], from_us);
            claim.choices.retain(|(at_us, _)| *at_us < from_us);
        }
        for node in self.nodes.iter_mut().filter(|node| all || is_new(node.created)) {
            let NodeTimeline { created, ready, .. } = node;
            clear_from([created, ready], from_us);
            node.flips.retain(|(at_us, ready)| *at_us < from_us || !ready);
        }
    }

    /// Whether the NodeClaim or Node was seen before.
    pub(crate) fn has(&self, uid: &str) -> bool {
        self.claims_by_uid.contains_key(uid) || self.nodes_by_uid.contains_key(uid)
    }

    pub(crate) fn apply_claim(&mut self, at_us: u64, milestone: &Milestone, names: &mut Names) {
        let new = ClaimTimeline { name: names.intern(&milestone.object.name), ..ClaimTimeline::default() };
        let Some(claim) = entry(&mut self.claims_by_uid, &mut self.claims, &milestone.object.uid, new) else { return };
        claim.placed.learn(&milestone.attributes, names);
        claim.made.learn(&milestone.attributes, names);
        if let Some(node) = milestone.attributes.get(attribute::NODE) {
            claim.node = names.intern(node);
        }
        if let Some(reason) = milestone.attributes.get(attribute::REASON) {
            claim.reason = names.intern(reason);
        }
        let slot = match milestone.reached {
            Reached::Created => &mut claim.created,
            Reached::Launched => &mut claim.launched,
            Reached::Registered => &mut claim.registered,
            Reached::Initialized => &mut claim.initialized,
            Reached::Drifted => &mut claim.drifted,
            Reached::Disrupted if claim.disrupted.is_none() => &mut claim.disrupted,
            Reached::Disrupted | Reached::Spared => {
                claim.choices.push((at_us, milestone.reached == Reached::Disrupted));
                return;
            }
            Reached::Deleting => &mut claim.deleting,
            Reached::Deleted => &mut claim.deleted,
            _ => return,
        };
        first(slot, Stamp::new(at_us, milestone.seen));
    }

    pub(crate) fn apply_node(&mut self, at_us: u64, milestone: &Milestone, names: &mut Names) {
        let new = NodeTimeline { name: names.intern(&milestone.object.name), ..NodeTimeline::default() };
        let Some(node) = entry(&mut self.nodes_by_uid, &mut self.nodes, &milestone.object.uid, new) else { return };
        node.placed.learn(&milestone.attributes, names);
        node.made.learn(&milestone.attributes, names);
        if let Some(claim) = milestone.attributes.get(attribute::NODECLAIM) {
            node.nodeclaim = names.intern(claim);
        }
        let stamp = Stamp::new(at_us, milestone.seen);
        match milestone.reached {
            Reached::Created => first(&mut node.created, stamp),
            Reached::Ready if node.ready.is_none() => node.ready = Some(stamp),
            Reached::Ready => node.flips.push((at_us, true)),
            Reached::NotReady => node.flips.push((at_us, false)),
            Reached::Deleting => first(&mut node.deleting, stamp),
            Reached::Deleted => first(&mut node.deleted, stamp),
            _ => {}
        }
    }
}
