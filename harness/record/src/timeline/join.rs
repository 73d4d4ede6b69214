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
    claim_to_vm: Vec<Option<u32>>,
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
            claim_to_vm: Vec::new(),
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
        let vms = (0_u32..).zip(&timelines.azure.vms).filter(|(_, vm)| !vm.nodeclaim.is_none());
        let vms_by_claim: HashMap<Name, u32> = vms.map(|(index, vm)| (vm.nodeclaim, index)).collect();
        for (index, claim) in timelines.nodes.claims.iter().enumerate() {
            let vm = vms_by_claim.get(&claim.name).copied();
            let vm_name = vm.and_then(|vm| timelines.azure.vms.get(vm as usize)).map_or(Name::NONE, |vm| vm.name);
            let node_name = claim.node.or(vm_name);
            let candidates = join.nodes_by_name.get(&node_name).or_else(|| nodes_by_claim.get(&claim.name));
            let node = candidates.and_then(|candidates| of_claim(candidates, nodes, claim));
            if let Some(slot) = node.and_then(|node| join.node_to_claim.get_mut(node as usize)) {
                *slot = Some(index as u32);
            }
            if !node_name.is_none() {
                join.claims_by_node_name.insert(node_name, index as u32);
            }
            join.claim_to_node.push(node);
            join.claim_to_vm.push(vm);
        }
        join
    }

    pub(crate) fn node(&self, claim: usize) -> Option<&'t NodeTimeline> {
        self.timelines.nodes.nodes.get((*self.claim_to_node.get(claim)?)? as usize)
    }

    pub(crate) fn vm(&self, claim: usize) -> Option<&'t VmTimeline> {
        self.timelines.azure.vms.get((*self.claim_to_vm.get(claim)?)? as usize)
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
