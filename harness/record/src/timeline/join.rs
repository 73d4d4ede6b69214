//! Which NodeClaim, Node and VM belong together.

use std::collections::HashMap;

use super::azure::VmTimeline;
use super::fold::Timelines;
use super::nodes::{ClaimTimeline, NodeTimeline, Placed, Provenance};
use super::pods::PodTimeline;
use crate::names::Name;

/// Indices that join the timelines of NodeClaims, Nodes and VMs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Join {
    claim_to_node: Vec<Option<u32>>,
    claim_to_vm: Vec<Option<u32>>,
    node_to_claim: Vec<Option<u32>>,
    nodes_by_name: HashMap<Name, Vec<u32>>,
    claims_by_node_name: HashMap<Name, u32>,
}

impl Join {
    pub(crate) fn of(timelines: &Timelines) -> Self {
        let mut join = Self::default();
        let nodes = &timelines.nodes.nodes;
        let mut nodes_by_claim: HashMap<Name, Vec<u32>> = HashMap::new();
        for (index, node) in nodes.iter().enumerate() {
            join.nodes_by_name.entry(node.name).or_default().push(index as u32);
            if !node.nodeclaim.is_none() {
                nodes_by_claim.entry(node.nodeclaim).or_default().push(index as u32);
            }
        }
        let mut vms_by_claim: HashMap<Name, u32> = HashMap::new();
        for (index, vm) in timelines.azure.vms.iter().enumerate() {
            if !vm.nodeclaim.is_none() {
                vms_by_claim.insert(vm.nodeclaim, index as u32);
            }
        }
        join.node_to_claim = vec![None; nodes.len()];
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

    pub(crate) fn node<'t>(&self, timelines: &'t Timelines, claim: usize) -> Option<&'t NodeTimeline> {
        timelines.nodes.nodes.get((*self.claim_to_node.get(claim)?)? as usize)
    }

    pub(crate) fn vm<'t>(&self, timelines: &'t Timelines, claim: usize) -> Option<&'t VmTimeline> {
        timelines.azure.vms.get((*self.claim_to_vm.get(claim)?)? as usize)
    }

    /// Nodes that no NodeClaim owns, by index.
    pub(crate) fn unclaimed(&self) -> impl Iterator<Item = usize> {
        self.node_to_claim.iter().enumerate().filter(|(_, claim)| claim.is_none()).map(|(node, _)| node)
    }

    /// Where a NodeClaim is, by the first of the three that says so.
    pub(crate) fn placed(&self, timelines: &Timelines, claim: usize) -> Placed {
        let own = timelines.nodes.claims.get(claim).map(|claim| claim.placed).unwrap_or_default();
        let node = self.node(timelines, claim).map(|node| node.placed).unwrap_or_default();
        let vm = self.vm(timelines, claim).map(VmTimeline::placed).unwrap_or_default();
        own.or(node).or(vm)
    }

    /// What a NodeClaim and its Node were made from.
    pub(crate) fn made(&self, timelines: &Timelines, claim: usize) -> Provenance {
        let own = timelines.nodes.claims.get(claim).map(|claim| claim.made).unwrap_or_default();
        own.or(self.node(timelines, claim).map(|node| node.made).unwrap_or_default())
    }

    /// The NodeClaim under a pod's node.
    pub(crate) fn claim_of_pod(&self, timelines: &Timelines, pod: &PodTimeline) -> Option<usize> {
        match self.node_of_pod(timelines, pod).and_then(|node| *self.node_to_claim.get(node)?) {
            Some(claim) => Some(claim as usize),
            None => self.claims_by_node_name.get(&pod.node).map(|claim| *claim as usize),
        }
    }

    /// Where a pod was bound; all unknown where it was not, or where nothing is known of its node.
    pub(crate) fn placed_of_pod(&self, timelines: &Timelines, pod: &PodTimeline) -> Placed {
        let node = self.node_of_pod(timelines, pod).and_then(|node| timelines.nodes.nodes.get(node));
        let node = node.map(|node| node.placed).unwrap_or_default();
        match self.claim_of_pod(timelines, pod) {
            Some(claim) => node.or(self.placed(timelines, claim)),
            None => node,
        }
    }

    /// The newest Node of the name that was there when the pod was bound.
    fn node_of_pod(&self, timelines: &Timelines, pod: &PodTimeline) -> Option<usize> {
        if pod.node.is_none() {
            return None;
        }
        let candidates = self.nodes_by_name.get(&pod.node)?;
        let bound_us = pod.scheduled.map_or(u64::MAX, |stamp| stamp.at_us());
        let there = |node: &&u32| {
            let created = timelines.nodes.nodes.get(**node as usize).and_then(|node| node.created);
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

impl VmTimeline {
    pub(crate) fn placed(&self) -> Placed {
        Placed {
            nodepool: self.nodepool,
            instance_type: self.instance_type,
            capacity_type: self.capacity_type,
            zone: self.zone,
            cpu_millicores: None,
            memory_bytes: None,
        }
    }
}
