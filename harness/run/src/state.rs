//! The few facts about the present that conditions wait for. Everything else is in the log.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use harness_record::Event;
use harness_record::event::{AzureFactKind, EventKind, Milestone, ObjectKind, Reached, attribute};

/// The present, folded from the events so far.
#[derive(Debug, Default)]
pub struct State {
    pods: HashMap<String, Pod>,
    nodeclaims: BTreeMap<String, String>,
    nodes: BTreeMap<String, String>,
    vms: BTreeSet<String>,
    nodepools: BTreeMap<String, NodePool>,
    /// Revision of the artifact that Flux has fetched last.
    pub fetched: String,
    /// Revision that Flux has applied last.
    pub applied: String,
    /// Revision whose health checks have passed last.
    pub healthy: String,
    /// Whether Azure failed a creation: the controller remembers for up to a day where it had no capacity.
    pub azure_failed: bool,
    /// Why Flux does not apply the tree, where it said so, with the revision it tried.
    pub flux_failure: Option<String>,
}

#[derive(Debug, Default)]
struct Pod {
    workload: String,
    ready: bool,
    deleting: bool,
}

#[derive(Debug, Default)]
struct NodePool {
    name: String,
    ready: bool,
}

impl State {
    /// Takes one event in.
    pub fn apply(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Milestone(milestone) => self.milestone(milestone),
            EventKind::Azure(fact) => match fact.what {
                AzureFactKind::VmAccepted => {
                    self.vms.insert(fact.vm.clone());
                }
                AzureFactKind::VmDeleted => {
                    self.vms.remove(&fact.vm);
                }
                AzureFactKind::ProvisioningFailed => self.azure_failed = true,
                _ => {}
            },
            EventKind::Reason(reason) if reason.kind == "Kustomization" && reason.severity == "Warning" => {
                self.flux_failure = Some(reason.message.clone());
            }
            _ => {}
        }
    }

    fn milestone(&mut self, milestone: &Milestone) {
        let uid = &milestone.object.uid;
        let revision = || milestone.attributes.get(attribute::REVISION).cloned().unwrap_or_default();
        match (milestone.object.kind, milestone.reached) {
            (ObjectKind::Pod, Reached::Deleted) => {
                self.pods.remove(uid);
            }
            (ObjectKind::Pod, reached) => {
                let pod = self.pods.entry(uid.clone()).or_default();
                if let Some(workload) = milestone.attributes.get(attribute::WORKLOAD) {
                    pod.workload.clone_from(workload);
                }
                match reached {
                    Reached::Ready => pod.ready = true,
                    Reached::NotReady => pod.ready = false,
                    Reached::Deleting => pod.deleting = true,
                    _ => {}
                }
            }
            (ObjectKind::NodeClaim, Reached::Deleted) => {
                self.nodeclaims.remove(uid);
            }
            (ObjectKind::NodeClaim, _) => {
                self.nodeclaims.insert(uid.clone(), milestone.object.name.clone());
            }
            (ObjectKind::Node, Reached::Deleted) => {
                self.nodes.remove(uid);
            }
            (ObjectKind::Node, _) => {
                self.nodes.insert(uid.clone(), milestone.object.name.clone());
            }
            (ObjectKind::NodePool, Reached::Deleted) => {
                self.nodepools.remove(uid);
            }
            (ObjectKind::NodePool, reached) => {
                let pool = self.nodepools.entry(uid.clone()).or_default();
                pool.name.clone_from(&milestone.object.name);
                match reached {
                    Reached::Ready => pool.ready = true,
                    Reached::NotReady => pool.ready = false,
                    _ => {}
                }
            }
            (ObjectKind::GitRepository, Reached::Fetched) => self.fetched = revision(),
            (ObjectKind::Kustomization, Reached::Applied) => self.applied = revision(),
            (ObjectKind::Kustomization, Reached::Healthy) => self.healthy = revision(),
            _ => {}
        }
    }

    /// Ready pods that are not being deleted, by workload.
    pub fn ready_pods(&self) -> BTreeMap<&str, u32> {
        let mut counts = BTreeMap::new();
        for pod in self.pods.values().filter(|pod| pod.ready && !pod.deleting) {
            *counts.entry(pod.workload.as_str()).or_default() += 1;
        }
        counts
    }

    /// Pods that still exist.
    pub fn pods(&self) -> usize {
        self.pods.len()
    }

    /// Names of the NodeClaims that exist.
    pub fn nodeclaims(&self) -> impl Iterator<Item = &str> {
        self.nodeclaims.values().map(String::as_str)
    }

    /// Names of the Nodes that exist.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.nodes.values().map(String::as_str)
    }

    /// Names of the VMs that exist, where the target can tell.
    pub fn vms(&self) -> impl Iterator<Item = &str> {
        self.vms.iter().map(String::as_str)
    }

    /// Names of the NodePools that exist.
    pub fn nodepools(&self) -> impl Iterator<Item = &str> {
        self.nodepools.values().map(|pool| pool.name.as_str())
    }

    /// Whether the NodePool exists and is Ready.
    pub fn nodepool_ready(&self, name: &str) -> bool {
        self.nodepools.values().any(|pool| pool.name == name && pool.ready)
    }

    /// What is left of the fleet, in words: `2 pods, 1 NodeClaim, 1 Node, 1 VM`.
    pub fn fleet(&self) -> String {
        format!(
            "{} pods, {} NodeClaims, {} Nodes, {} VMs",
            self.pods.len(),
            self.nodeclaims.len(),
            self.nodes.len(),
            self.vms.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_record::event::{AzureFact, ObjectKey, Seen};

    fn milestone(kind: ObjectKind, uid: &str, reached: Reached, workload: &str) -> Event {
        let attributes = match workload {
            "" => BTreeMap::new(),
            name => BTreeMap::from([(attribute::WORKLOAD.to_owned(), name.to_owned())]),
        };
        let object = ObjectKey { kind, namespace: String::new(), name: format!("name-{uid}"), uid: uid.to_owned() };
        Event {
            at_us: 0,
            kind: EventKind::Milestone(Milestone { object, reached, seen: Seen::Live, server: None, attributes }),
        }
    }

    fn fact(what: AzureFactKind, vm: &str) -> Event {
        let fact = AzureFact {
            what,
            occurred_us: 0,
            vm: vm.to_owned(),
            nodeclaim: String::new(),
            nodepool: String::new(),
            instance_type: String::new(),
            zone: String::new(),
            capacity_type: String::new(),
            code: String::new(),
            message: String::new(),
        };
        Event { at_us: 0, kind: EventKind::Azure(fact) }
    }

    #[test]
    fn a_pod_counts_while_it_is_ready_and_wanted() {
        let mut state = State::default();
        state.apply(&milestone(ObjectKind::Pod, "a", Reached::Created, "web"));
        state.apply(&milestone(ObjectKind::Pod, "b", Reached::Created, "web"));
        state.apply(&milestone(ObjectKind::Pod, "a", Reached::Ready, ""));
        state.apply(&milestone(ObjectKind::Pod, "b", Reached::Ready, ""));
        assert_eq!(state.ready_pods(), BTreeMap::from([("web", 2)]));
        state.apply(&milestone(ObjectKind::Pod, "a", Reached::NotReady, ""));
        state.apply(&milestone(ObjectKind::Pod, "b", Reached::Deleting, ""));
        assert_eq!(state.ready_pods(), BTreeMap::new());
        state.apply(&milestone(ObjectKind::Pod, "b", Reached::Deleted, ""));
        assert_eq!(state.pods(), 1);
    }

    #[test]
    fn the_fleet_is_empty_when_claims_nodes_and_vms_are_gone() {
        let mut state = State::default();
        state.apply(&milestone(ObjectKind::NodeClaim, "c", Reached::Created, ""));
        state.apply(&milestone(ObjectKind::Node, "n", Reached::Created, ""));
        state.apply(&fact(AzureFactKind::VmAccepted, "vm"));
        assert_eq!(state.fleet(), "0 pods, 1 NodeClaims, 1 Nodes, 1 VMs");
        state.apply(&milestone(ObjectKind::NodeClaim, "c", Reached::Deleted, ""));
        state.apply(&milestone(ObjectKind::Node, "n", Reached::Deleted, ""));
        assert_eq!(state.vms().count(), 1, "a VM may outlive its Node: that is a leak");
        state.apply(&fact(AzureFactKind::VmDeleted, "vm"));
        assert_eq!(state.fleet(), "0 pods, 0 NodeClaims, 0 Nodes, 0 VMs");
    }
}
