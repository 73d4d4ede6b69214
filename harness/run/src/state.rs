//! The present: the few facts that conditions wait for. Everything else is in the log.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use harness_cluster::flux;
use harness_plan::{EventPattern, FieldPath};
use harness_record::Event;
use harness_record::event::{AzureFactKind, EventKind, FieldValue, Milestone, ObjectKind, Reached, attribute};
use harness_record::occurrence::Counter;
use harness_units::count;
use serde_json::Value;

/// The state of the run, folded from the events so far.
#[derive(Debug, Default)]
pub(crate) struct State {
    pods: HashMap<String, Pod>,
    pods_seen: u64,
    nodeclaims: BTreeMap<String, NodeClaim>,
    nodes: BTreeMap<String, String>,
    vms: BTreeSet<String>,
    nodepools: BTreeMap<String, NodePool>,
    counted: Counted,
    last_activity: (u64, String),
    autoscalers: BTreeMap<String, u32>,
    /// By object and path; without the fields that have no value.
    fields: BTreeMap<String, BTreeMap<String, Value>>,
    /// By object: when a field of it was last seen to change.
    fields_seen_us: BTreeMap<String, u64>,
    /// The revision that the source of the tree has fetched last.
    pub(crate) fetched: String,
    /// The last revision that each object of Flux was seen with, by UID: a milestone names it only when it changes.
    revisions: HashMap<String, String>,
    /// By name.
    kustomizations: BTreeMap<String, Revisions>,
    /// The commit that the run has pushed last.
    pub(crate) pushed: String,
    /// Whether Azure failed to create a VM: the controller remembers for up to a day where it had no capacity.
    pub(crate) azure_failed: bool,
    /// Why Flux failed to apply a Kustomization, until it has applied it again; by the Kustomization's name.
    pub(crate) flux_failures: BTreeMap<String, String>,
}

/// The revisions of a Kustomization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Revisions {
    /// The revision that was applied last.
    pub(crate) applied: String,
    /// The revision whose health checks have passed last.
    pub(crate) healthy: String,
}

#[derive(Debug, Default)]
struct Pod {
    name: String,
    workload: String,
    ready: bool,
    deleting: bool,
    /// The order in which pods were first seen.
    order: u64,
}

#[derive(Debug, Default)]
struct NodeClaim {
    name: String,
    nodepool: String,
    deleting: bool,
}

/// The occurrences that conditions count, with their moments.
#[derive(Debug, Default)]
struct Counted {
    counter: Counter,
    moments: Vec<(EventPattern, Vec<u64>)>,
}

impl Counted {
    fn apply(&mut self, event: &Event) {
        if self.moments.is_empty() {
            return;
        }
        if let Some(occurrence) = self.counter.learn(event) {
            for (_, moments) in self.moments.iter_mut().filter(|(of, _)| occurrence.is(of)) {
                moments.push(occurrence.at_us);
            }
        }
    }
}

#[derive(Debug, Default)]
struct NodePool {
    name: String,
    ready: bool,
}

impl State {
    /// Applies one event.
    pub(crate) fn apply(&mut self, event: &Event) {
        self.counted.apply(event);
        match &event.kind {
            EventKind::Milestone(milestone) => {
                self.note_activity(event.at_us, milestone);
                self.milestone(milestone);
            }
            EventKind::Azure(fact) => {
                if !fact.vm.is_empty() {
                    self.last_activity = (event.at_us, format!("VM {}: {}", fact.vm, fact.what));
                }
                match fact.what {
                    AzureFactKind::VmAccepted => {
                        self.vms.insert(fact.vm.clone());
                    }
                    AzureFactKind::VmDeleted => {
                        self.vms.remove(&fact.vm);
                    }
                    AzureFactKind::ProvisioningFailed => self.azure_failed = true,
                    _ => {}
                }
            }
            EventKind::Field(FieldValue { object, path, value, .. }) => {
                self.fields_seen_us.insert(object.clone(), event.at_us);
                let fields = self.fields.entry(object.clone()).or_default();
                match value {
                    Some(value) => drop(fields.insert(path.clone(), value.clone())),
                    None => drop(fields.remove(path)),
                }
            }
            EventKind::Reason(reason) if reason.kind == "Kustomization" && reason.severity == "Warning" => {
                self.flux_failures.insert(reason.name.clone(), reason.message.clone());
            }
            _ => {}
        }
    }

    fn note_activity(&mut self, at_us: u64, milestone: &Milestone) {
        if matches!(milestone.object.kind, ObjectKind::Pod | ObjectKind::NodeClaim | ObjectKind::Node) {
            let what = format!("{} {}: {}", milestone.object.kind, milestone.object.name, milestone.reached);
            self.last_activity = (at_us, what);
        }
    }

    fn milestone(&mut self, milestone: &Milestone) {
        let uid = &milestone.object.uid;
        if let Some(revision) = milestone.attributes.get(attribute::REVISION) {
            self.revisions.insert(uid.clone(), revision.clone());
        }
        let revision = self.revisions.get(uid).cloned().unwrap_or_default();
        match (milestone.object.kind, milestone.reached) {
            (ObjectKind::Pod, Reached::Deleted) => {
                self.pods.remove(uid);
            }
            (ObjectKind::Pod, reached) => {
                let pods_seen = &mut self.pods_seen;
                let pod = self.pods.entry(uid.clone()).or_insert_with(|| {
                    *pods_seen += 1;
                    Pod { name: milestone.object.name.clone(), order: *pods_seen, ..Pod::default() }
                });
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
            (ObjectKind::NodeClaim, reached) => {
                let claim = self.nodeclaims.entry(uid.clone()).or_default();
                claim.name.clone_from(&milestone.object.name);
                if let Some(nodepool) = milestone.attributes.get(attribute::NODEPOOL) {
                    claim.nodepool.clone_from(nodepool);
                }
                claim.deleting |= reached == Reached::Deleting;
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
            (ObjectKind::GitRepository, Reached::Fetched) if milestone.object.name == flux::NAME => {
                self.fetched = revision
            }
            (ObjectKind::Kustomization, Reached::Deleted) => {
                self.kustomizations.remove(&milestone.object.name);
            }
            (ObjectKind::Kustomization, Reached::Applied) => {
                self.kustomizations.entry(milestone.object.name.clone()).or_default().applied = revision;
            }
            (ObjectKind::Kustomization, Reached::Healthy) => {
                self.flux_failures.remove(&milestone.object.name);
                self.kustomizations.entry(milestone.object.name.clone()).or_default().healthy = revision;
            }
            _ => {}
        }
    }

    /// Ready pods that are not being deleted, by workload.
    pub(crate) fn ready_pods(&self) -> BTreeMap<&str, u32> {
        let mut counts = BTreeMap::new();
        for pod in self.pods.values().filter(|pod| pod.ready && !pod.deleting) {
            *counts.entry(pod.workload.as_str()).or_default() += 1;
        }
        counts
    }

    /// Whether the pod of that UID is Ready and not being deleted.
    pub(crate) fn is_ready(&self, uid: &str) -> bool {
        self.pods.get(uid).is_some_and(|pod| pod.ready && !pod.deleting)
    }

    /// Name and UID of the workload's Ready pod that was created first, among those that are eligible by their UID.
    pub(crate) fn oldest_ready_pod(&self, workload: &str, eligible: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
        let ready = self.pods.iter().filter(|(_, pod)| pod.ready && !pod.deleting && pod.workload == workload);
        let oldest = ready.filter(|(uid, _)| eligible(uid)).min_by_key(|(_, pod)| pod.order)?;
        Some((oldest.1.name.as_str(), oldest.0.as_str()))
    }

    /// The revisions of the Kustomization of that name.
    pub(crate) fn kustomization(&self, name: &str) -> Revisions {
        self.kustomizations.get(name).cloned().unwrap_or_default()
    }

    /// Starts to count these, for [`State::occurrences`].
    pub(crate) fn count_occurrences(&mut self, of: Vec<EventPattern>) {
        self.counted.moments = of.into_iter().map(|of| (of, Vec::new())).collect();
    }

    /// How often it has occurred since a moment, in microseconds since the run started; 0 for an occurrence that is not counted.
    pub(crate) fn occurrences(&self, of: &EventPattern, since_us: u64) -> u32 {
        let moments = self.counted.moments.iter().find(|(counted, _)| counted == of).map(|(_, moments)| moments);
        let count = moments.map_or(0, |moments| moments.iter().filter(|at_us| **at_us >= since_us).count());
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// When a pod, NodeClaim, Node or VM has last reached a milestone, in microseconds since the run started, and which.
    pub(crate) fn last_activity(&self) -> &(u64, String) {
        &self.last_activity
    }

    /// Sets how many replicas the workload's autoscaler asks for.
    pub(crate) fn set_autoscaled_replicas(&mut self, workload: &str, replicas: u32) {
        self.autoscalers.insert(workload.to_owned(), replicas);
    }

    /// How many replicas the workload's autoscaler asks for, where that is known.
    pub(crate) fn autoscaled_replicas(&self, workload: &str) -> Option<u32> {
        self.autoscalers.get(workload).copied()
    }

    /// The value of a field of an object that the scenario names; `None` where it has none.
    pub(crate) fn field(&self, object: &str, path: &FieldPath) -> Option<&Value> {
        self.fields.get(object)?.get(path.as_str())
    }

    /// When a field of an object was last seen to change, in microseconds since the run started; 0 where no change was seen.
    pub(crate) fn field_seen_us(&self, object: &str) -> u64 {
        self.fields_seen_us.get(object).copied().unwrap_or(0)
    }

    /// UIDs of the NodeClaims that exist.
    pub(crate) fn nodeclaim_uids(&self) -> impl Iterator<Item = &str> {
        self.nodeclaims.keys().map(String::as_str)
    }

    /// Names of the NodeClaims that exist, of those with these UIDs.
    pub(crate) fn nodeclaims_among(&self, uids: &BTreeSet<String>) -> Vec<&str> {
        let found = self.nodeclaims.iter().filter(|(uid, _)| uids.contains(*uid));
        found.map(|(_, claim)| claim.name.as_str()).collect()
    }

    /// NodeClaims that are not being deleted: of one NodePool, or of all.
    pub(crate) fn nodeclaims_to_stay(&self, nodepool: Option<&str>) -> u32 {
        let of_pool = |claim: &&NodeClaim| nodepool.is_none_or(|pool| claim.nodepool == pool);
        let count = self.nodeclaims.values().filter(|claim| !claim.deleting).filter(of_pool).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The number of pods that exist.
    pub(crate) fn pods(&self) -> usize {
        self.pods.len()
    }

    /// Names of the NodeClaims that exist.
    pub(crate) fn nodeclaims(&self) -> impl Iterator<Item = &str> {
        self.nodeclaims.values().map(|claim| claim.name.as_str())
    }

    /// Names of the Nodes that exist.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &str> {
        self.nodes.values().map(String::as_str)
    }

    /// Names of the VMs that exist, where the target can tell.
    pub(crate) fn vms(&self) -> impl Iterator<Item = &str> {
        self.vms.iter().map(String::as_str)
    }

    /// Whether the NodePool exists and is Ready.
    pub(crate) fn nodepool_ready(&self, name: &str) -> bool {
        self.nodepools.values().any(|pool| pool.name == name && pool.ready)
    }

    /// The fleet in words: `2 pods, 1 NodeClaim, 1 Node, 1 VM`.
    pub(crate) fn fleet(&self) -> String {
        let all = [
            (self.pods.len(), "pod"),
            (self.nodeclaims.len(), "NodeClaim"),
            (self.nodes.len(), "Node"),
            (self.vms.len(), "VM"),
        ];
        all.map(|(number, noun)| count(number, noun)).join(", ")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use harness_record::event::{AzureFact, ObjectKey, Reason, Seen};

    pub(crate) fn milestone(kind: ObjectKind, uid: &str, reached: Reached, workload: &str) -> Event {
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

    /// The same at another moment, with what became known with it.
    pub(crate) fn with_attributes(mut event: Event, at_us: u64, attributes: &BTreeMap<String, String>) -> Event {
        event.at_us = at_us;
        if let EventKind::Milestone(milestone) = &mut event.kind {
            milestone.attributes.extend(attributes.clone());
        }
        event
    }

    pub(crate) fn fact(what: AzureFactKind, vm: &str) -> Event {
        let fact = AzureFact {
            what,
            occurred_us: 0,
            vm: vm.to_owned(),
            nodeclaim: String::new(),
            nodepool: String::new(),
            instance_type: String::new(),
            zone: String::new(),
            capacity_type: String::new(),
            vcpus: None,
            price_micro_usd_per_hour: None,
            on_demand_micro_usd_per_hour: None,
            code: String::new(),
            message: String::new(),
        };
        Event { at_us: 0, kind: EventKind::Azure(fact) }
    }

    #[test]
    fn a_pod_counts_while_it_is_ready_and_not_being_deleted() {
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
    fn the_oldest_ready_pod_is_the_one_that_was_created_first() {
        let mut state = State::default();
        for uid in ["z", "y", "x"] {
            state.apply(&milestone(ObjectKind::Pod, uid, Reached::Created, "web"));
        }
        for uid in ["x", "y"] {
            state.apply(&milestone(ObjectKind::Pod, uid, Reached::Ready, ""));
        }
        assert_eq!(state.oldest_ready_pod("web", |_| true), Some(("name-y", "y")));
        assert_eq!(state.oldest_ready_pod("web", |uid| uid != "y"), Some(("name-x", "x")));
        assert_eq!(state.oldest_ready_pod("cache", |_| true), None);
    }

    #[test]
    fn a_failure_of_flux_ends_when_a_revision_is_healthy() {
        let mut state = State::default();
        let failure = Reason {
            kind: "Kustomization".to_owned(),
            name: "name-k".to_owned(),
            reason: "BuildFailed".to_owned(),
            message: "broken".to_owned(),
            severity: "Warning".to_owned(),
        };
        state.apply(&Event { at_us: 0, kind: EventKind::Reason(failure) });
        assert_eq!(state.flux_failures["name-k"], "broken");
        state.apply(&milestone(ObjectKind::Kustomization, "other", Reached::Healthy, ""));
        assert_eq!(state.flux_failures.len(), 1, "another Kustomization does not end it");
        state.apply(&milestone(ObjectKind::Kustomization, "k", Reached::Healthy, ""));
        assert!(state.flux_failures.is_empty());
    }

    /// A milestone of the root Kustomization or of its source.
    pub(crate) fn of_root(kind: ObjectKind, reached: Reached, revision: &str) -> Event {
        let attributes = BTreeMap::from([(attribute::REVISION.to_owned(), revision.to_owned())]);
        let mut event = with_attributes(milestone(kind, "root", reached, ""), 0, &attributes);
        if let EventKind::Milestone(milestone) = &mut event.kind {
            milestone.object.name = flux::NAME.to_owned();
        }
        event
    }

    #[test]
    fn each_kustomization_has_the_revisions_that_were_seen() {
        let mut state = State::default();
        let revision = BTreeMap::from([(attribute::REVISION.to_owned(), "main@sha1:a".to_owned())]);
        let seen = |uid: &str, reached| milestone(ObjectKind::Kustomization, uid, reached, "");
        state.apply(&with_attributes(seen("k", Reached::Applied), 1, &revision));
        assert_eq!(state.kustomization("name-k").applied, "main@sha1:a");
        assert_eq!(state.kustomization("name-k").healthy, "");
        // The revision is named once.
        state.apply(&seen("k", Reached::Healthy));
        assert_eq!(state.kustomization("name-k").healthy, "main@sha1:a");
        assert_eq!(state.kustomization("name-other"), Revisions::default());
        state.apply(&seen("k", Reached::Deleted));
        assert_eq!(state.kustomization("name-k"), Revisions::default());
    }

    #[test]
    fn the_fleet_is_empty_when_nodeclaims_nodes_and_vms_are_deleted() {
        let mut state = State::default();
        state.apply(&milestone(ObjectKind::NodeClaim, "c", Reached::Created, ""));
        state.apply(&milestone(ObjectKind::Node, "n", Reached::Created, ""));
        state.apply(&fact(AzureFactKind::VmAccepted, "vm"));
        assert_eq!(state.fleet(), "0 pods, 1 NodeClaim, 1 Node, 1 VM");
        state.apply(&milestone(ObjectKind::NodeClaim, "c", Reached::Deleted, ""));
        state.apply(&milestone(ObjectKind::Node, "n", Reached::Deleted, ""));
        assert_eq!(state.vms().count(), 1, "a VM may outlive its Node: that is a leak");
        state.apply(&fact(AzureFactKind::VmDeleted, "vm"));
        assert_eq!(state.fleet(), "0 pods, 0 NodeClaims, 0 Nodes, 0 VMs");
    }
}
