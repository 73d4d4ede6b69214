//! Which NodeClaim, Node and VM belong together.

use std::collections::HashMap;

use super::azure::VmTimeline;
use super::fold::Timelines;
use super::nodes::{ClaimTimeline, NodeTimeline, Placed, Provenance};
use super::pods::PodTimeline;
use crate::names::Name;

/// Indices that join the timelines of NodeClaims, Nodes and VMs.
#[derive(Clone, Debug)]
pub(crate) struct Join<'t> {
    timelines: &'t Timelines,
    claim_to_node: Vec<Option<u32>>,
    /// The VMs that were created for each NodeClaim, in the order in which Azure accepted them.
    claim_to_vms: Vec<Vec<u32>>,
    node_to_claim: Vec<Option<u32>>,
    nodes_by_name: HashMap<Name, Vec<u32>>,
    claims_by_node_name: HashMap<Name, u32>,
}

impl<'t> Join<'t> {
    pub(crate) fn of(timelines: &'t Timelines) -> Self {
        let nodes = &timelines.nodes.nodes;
        let mut join = Self {
            timelines,
            claim_to_node: Vec::new(),
            claim_to_vms: Vec::new(),
            node_to_claim: vec![None; nodes.len()],
            nodes_by_name: HashMap::new(),
            claims_by_node_name: HashMap::new(),
        };
        let mut nodes_by_claim: HashMap<Name, Vec<u32>> = HashMap::new();
        for (index, node) in nodes.iter().enumerate() {
            join.nodes_by_name.entry(node.name).or_default().push(index as u32);
            if !node.nodeclaim.is_none() {
                nodes_by_claim.entry(node.nodeclaim).or_default().push(index as u32);
            }
        }
        join.claim_to_vms = vms_by_claim(timelines);
        for (index, claim) in timelines.nodes.claims.iter().enumerate() {
            let node_name = claim.node.or(join.vm(index).map_or(Name::NONE, |vm| vm.name));
            let candidates = join.nodes_by_name.get(&node_name).or_else(|| nodes_by_claim.get(&claim.name));
            let node = candidates.and_then(|candidates| of_claim(candidates, nodes, claim));
            if let Some(slot) = node.and_then(|node| join.node_to_claim.get_mut(node as usize)) {
                *slot = Some(index as u32);
            }
            if !node_name.is_none() {
                join.claims_by_node_name.insert(node_name, index as u32);
            }
            join.claim_to_node.push(node);
        }
        join
    }

    pub(crate) fn node(&self, claim: usize) -> Option<&'t NodeTimeline> {
        self.timelines.nodes.nodes.get((*self.claim_to_node.get(claim)?)? as usize)
    }

    /// The VM of a NodeClaim: of several that were created for it the one that booted, otherwise the last.
    pub(crate) fn vm(&self, claim: usize) -> Option<&'t VmTimeline> {
        let booted = self.vms(claim).filter(|vm| vm.booted_us.is_some()).last();
        booted.or_else(|| self.vms(claim).last())
    }

    /// Every VM that was created for a NodeClaim, in the order in which Azure accepted them.
    pub(crate) fn vms(&self, claim: usize) -> impl Iterator<Item = &'t VmTimeline> + use<'t, '_> {
        let indices = self.claim_to_vms.get(claim).map_or(&[][..], Vec::as_slice);
        indices.iter().filter_map(|index| self.timelines.azure.vms.get(*index as usize))
    }

    /// Nodes that no NodeClaim owns, by index.
    pub(crate) fn unclaimed(&self) -> impl Iterator<Item = usize> {
        self.node_to_claim.iter().enumerate().filter(|(_, claim)| claim.is_none()).map(|(node, _)| node)
    }

    /// Where a NodeClaim is, by the first of the three that says so.
    pub(crate) fn placed(&self, claim: usize) -> Placed {
        let own = self.timelines.nodes.claims.get(claim).map(|claim| claim.placed).unwrap_or_default();
        let node = self.node(claim).map(|node| node.placed).unwrap_or_default();
        let vm = self.vm(claim).map(|vm| vm.placed).unwrap_or_default();
        own.or(node).or(vm)
    }

    /// What a NodeClaim and its Node were made from.
    pub(crate) fn made(&self, claim: usize) -> Provenance {
        let own = self.timelines.nodes.claims.get(claim).map(|claim| claim.made).unwrap_or_default();
        own.or(self.node(claim).map(|node| node.made).unwrap_or_default())
    }

    /// The NodeClaim under a pod's node.
    pub(crate) fn claim_of_pod(&self, pod: &PodTimeline) -> Option<usize> {
        match self.node_of_pod(pod).and_then(|node| *self.node_to_claim.get(node)?) {
            Some(claim) => Some(claim as usize),
            None => self.claims_by_node_name.get(&pod.node).map(|claim| *claim as usize),
        }
    }

    /// Where a pod was bound; all unknown where it was not, or where nothing is known of its node.
    pub(crate) fn placed_of_pod(&self, pod: &PodTimeline) -> Placed {
        let node = self.node_of_pod(pod).and_then(|node| self.timelines.nodes.nodes.get(node));
        let node = node.map(|node| node.placed).unwrap_or_default();
        match self.claim_of_pod(pod) {
            Some(claim) => node.or(self.placed(claim)),
            None => node,
        }
    }

    /// The newest Node of the name that was there when the pod was bound.
    fn node_of_pod(&self, pod: &PodTimeline) -> Option<usize> {
        if pod.node.is_none() {
            return None;
        }
        let candidates = self.nodes_by_name.get(&pod.node)?;
        let bound_us = pod.scheduled.map_or(u64::MAX, |stamp| stamp.at_us());
        let there = |node: &&u32| {
            let created = self.timelines.nodes.nodes.get(**node as usize).and_then(|node| node.created);
            created.is_none_or(|created| created.at_us() <= bound_us)
        };
        // The watch of Nodes may be a little behind that of pods.
        candidates.iter().rev().find(there).or(candidates.first()).map(|node| *node as usize)
    }
}

/// A Node is created after its NodeClaim; names are not used twice in practice.
fn of_claim(candidates: &[u32], nodes: &[NodeTimeline], claim: &ClaimTimeline) -> Option<u32> {
    let claimed_us = claim.created.map_or(0, |stamp| stamp.at_us());
    let after = |node: &&u32| {
        let created = nodes.get(**node as usize).and_then(|node| node.created);
        created.is_some_and(|created| created.at_us() >= claimed_us)
    };
    candidates.iter().find(after).or(candidates.last()).copied()
}

/// A NodeClaim that is seen only after Azure has accepted its VM was seen late, but hardly by more than this, microseconds.
const SEEN_LATE_US: u64 = 2_000_000;

/// The VMs of each NodeClaim, by their indices. Of several NodeClaims of one name, each VM is of the newest that was there when it was accepted.
fn vms_by_claim(timelines: &Timelines) -> Vec<Vec<u32>> {
    let claims = &timelines.nodes.claims;
    let mut by_name: HashMap<Name, Vec<(u64, usize)>> = HashMap::new();
    for (index, claim) in claims.iter().enumerate() {
        let seen_us = claim.created.or(claim.launched).map_or(0, |stamp| stamp.at_us());
        by_name.entry(claim.name).or_default().push((seen_us, index));
    }
    by_name.values_mut().for_each(|of_name| of_name.sort_unstable());
    let mut vms = vec![Vec::new(); claims.len()];
    for (index, vm) in (0_u32..).zip(&timelines.azure.vms).filter(|(_, vm)| !vm.nodeclaim.is_none()) {
        let Some(of_name) = by_name.get(&vm.nodeclaim) else { continue };
        let until_us = vm.accepted_us.or(vm.booted_us).unwrap_or(0).saturating_add(SEEN_LATE_US);
        let newest = of_name.iter().rev().find(|(seen_us, _)| *seen_us <= until_us).or(of_name.first());
        if let Some(of_claim) = newest.and_then(|(_, claim)| vms.get_mut(*claim)) {
            of_claim.push(index);
        }
    }
    vms
}
