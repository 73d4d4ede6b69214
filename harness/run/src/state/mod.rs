//! The present: the few facts that conditions wait for. Everything else is in the log.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use harness_cluster::flux;
use harness_plan::{EventPattern, FieldPath};
use harness_record::Event;
use harness_record::event::{
    ActionKind, ActionStamps, AzureFactKind, EventKind, FieldValue, Milestone, ObjectKind, Reached, attribute,
};
use harness_record::occurrence::Counter;
use harness_units::count;
use serde_json::Value;

mod effects;
mod readiness;

pub(crate) use effects::{CARRIED_LIMIT, Effect, Expected, Shown};
pub(crate) use readiness::Loss;

use readiness::Pod;

/// The state of the run, folded from the events so far.
#[derive(Debug, Default)]
pub(crate) struct State {
    pods: HashMap<String, Pod>,
    pods_seen: u64,
    nodeclaims: BTreeMap<String, NodeClaim>,
    nodes: BTreeMap<String, String>,
    /// Names of Nodes that are gone: the pods on them are lost, whatever the API server says of them yet.
    gone_nodes: BTreeSet<String>,
    /// Names of Nodes that were Ready and are not any more: the API server marks the pods on them a moment later.
    not_ready_nodes: BTreeSet<String>,
    /// Name and instance: a VM that was created again under its name is another one.
    vms: BTreeSet<(String, Option<u64>)>,
    /// By the VM's name, which is its Node's too.
    losses: BTreeMap<String, Loss>,
    /// When each kind of loss last occurred.
    losses_us: BTreeMap<Loss, u64>,
    /// When Azure's price list was last read to its end.
    prices_read_us: u64,
    nodepools: BTreeMap<String, NodePool>,
    counted: Counted,
    last_activity: (u64, String),
    autoscalers: BTreeMap<String, Autoscaler>,
    /// By object and path; without the fields that have no value.
    fields: BTreeMap<String, BTreeMap<String, Value>>,
    /// By object and path: when the field was last seen to change.
    fields_seen_us: BTreeMap<String, BTreeMap<String, u64>>,
    /// The revision that the source of the tree has fetched last.
    pub(crate) fetched: String,
    /// The last revision that each object of Flux was seen with, by UID: a milestone names it only when it changes.
    revisions: HashMap<String, String>,
    /// By name.
    kustomizations: BTreeMap<String, Revisions>,
    /// The commit that the run has pushed last.
    pub(crate) pushed: String,
    /// The commits of Flux's image automation, each with its moment.
    pushed_by_flux: Vec<(u64, String)>,
    /// How many replicas the run has asked for last, by workload.
    replicas_asked: BTreeMap<String, u32>,
    /// What actions have set in motion and the watches have not shown.
    expected: Vec<Expected>,
    /// Whether Azure failed to create a VM: the controller remembers for up to a day where it had no capacity.
    pub(crate) azure_failed: bool,
    /// Why Flux failed to fetch the newest commit, until it has fetched another one.
    pub(crate) source_failure: Option<String>,
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
    /// The revision at which it has failed; empty once it has applied or checked another.
    pub(crate) failed: String,
}

#[derive(Debug, Default)]
struct NodeClaim {
    name: String,
    nodepool: String,
    deleting: bool,
    drifted: bool,
}

/// What is known of a workload's autoscaler.
#[derive(Debug, Default)]
struct Autoscaler {
    replicas: u32,
    /// The metrics that it has read, as text, and when another text was first seen.
    metrics: (String, u64),
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
                        self.vms.insert((fact.vm.clone(), fact.instance));
                        // A VM of a name that was used before is another one.
                        self.losses.remove(&fact.vm);
                    }
                    AzureFactKind::VmDeleted => {
                        self.vms.remove(&(fact.vm.clone(), fact.instance));
                    }
                    AzureFactKind::SpotNotice => self.lose(fact, Loss::Notice),
                    AzureFactKind::SpotEvicted => self.lose(fact, Loss::Eviction),
                    AzureFactKind::VmCrashed => self.lose(fact, Loss::Crash),
                    AzureFactKind::ProvisioningFailed => self.azure_failed = true,
                    AzureFactKind::PricesRead => self.prices_read_us = event.at_us,
                    _ => {}
                }
            }
            EventKind::Field(FieldValue { object, path, value, .. }) => {
                self.fields_seen_us.entry(object.clone()).or_default().insert(path.clone(), event.at_us);
                let fields = self.fields.entry(object.clone()).or_default();
                match value {
                    Some(value) => drop(fields.insert(path.clone(), value.clone())),
                    None => drop(fields.remove(path)),
                }
            }
            EventKind::Action(ActionStamps { what: ActionKind::Push { id: None, revision }, .. }) => {
                self.pushed_by_flux.push((event.at_us, revision.clone()));
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
                if let Some(node) = milestone.attributes.get(attribute::NODE) {
                    pod.node.clone_from(node);
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
                claim.drifted |= reached == Reached::Drifted;
            }
            (ObjectKind::Node, Reached::Deleted) => {
                self.nodes.remove(uid);
                self.gone_nodes.insert(milestone.object.name.clone());
            }
            (ObjectKind::Node, reached) => {
                let name = &milestone.object.name;
                self.nodes.insert(uid.clone(), name.clone());
                self.gone_nodes.remove(name);
                if reached == Reached::NotReady {
                    self.not_ready_nodes.insert(name.clone());
                }
                // A VM that had crashed runs again.
                let is_back = reached == Reached::Ready && self.not_ready_nodes.remove(name);
                if is_back && self.losses.get(name) == Some(&Loss::Crash) {
                    self.losses.remove(name);
                }
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
                self.fetched = revision;
                self.source_failure = None;
            }
            (ObjectKind::GitRepository, Reached::Failed) if milestone.object.name == flux::NAME => {
                self.source_failure = milestone.attributes.get(attribute::SAYS).cloned();
            }
            (ObjectKind::Kustomization, Reached::Deleted) => {
                self.kustomizations.remove(&milestone.object.name);
            }
            (ObjectKind::Kustomization, Reached::Applied) => {
                let revisions = self.kustomizations.entry(milestone.object.name.clone()).or_default();
                revisions.applied = revision;
                revisions.failed.clear();
            }
            (ObjectKind::Kustomization, Reached::Healthy) => {
                self.flux_failures.remove(&milestone.object.name);
                let revisions = self.kustomizations.entry(milestone.object.name.clone()).or_default();
                revisions.healthy = revision;
                revisions.failed.clear();
            }
            (ObjectKind::Kustomization, Reached::Failed) => {
                self.kustomizations.entry(milestone.object.name.clone()).or_default().failed = revision;
            }
            _ => {}
        }
    }

    /// The revisions of the Kustomization of that name.
    pub(crate) fn kustomization(&self, name: &str) -> Revisions {
        self.kustomizations.get(name).cloned().unwrap_or_default()
    }

    /// The stage that the newest commit has reached where it is not in force.
    pub(crate) fn commit_stage(&self) -> Option<String> {
        let is = |revision: &str| !self.pushed.is_empty() && revision.ends_with(&self.pushed);
        let root = self.kustomization(flux::NAME);
        if is(&root.healthy) {
            return None;
        }
        let stage = match () {
            () if is(&root.applied) => "applied, its health checks have not passed",
            () if is(&self.fetched) => "fetched, not applied",
            () => "pushed, not fetched",
        };
        Some(format!("commit {} is {stage}", short(&self.pushed)))
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

    /// Sets how many replicas the run asks for.
    pub(crate) fn ask_for_replicas(&mut self, workload: &str, replicas: u32) {
        self.replicas_asked.insert(workload.to_owned(), replicas);
    }

    /// How many replicas the run has asked for last, where it has.
    pub(crate) fn replicas_asked(&self, workload: &str) -> Option<u32> {
        self.replicas_asked.get(workload).copied()
    }

    /// Sets how many replicas the workload's autoscaler asks for, and the metrics that it has read, as they were seen at a moment.
    pub(crate) fn set_autoscaler(&mut self, workload: &str, replicas: u32, metrics: String, at_us: u64) {
        let autoscaler = self.autoscalers.entry(workload.to_owned()).or_default();
        autoscaler.replicas = replicas;
        if autoscaler.metrics.0 != metrics {
            autoscaler.metrics = (metrics, at_us);
        }
    }

    /// How many replicas the workload's autoscaler asks for, where that is known.
    pub(crate) fn autoscaled_replicas(&self, workload: &str) -> Option<u32> {
        self.autoscalers.get(workload).map(|autoscaler| autoscaler.replicas)
    }

    /// When the workload's autoscaler was first seen to have read the metrics that it has now, in microseconds since the run started.
    pub(crate) fn metrics_read_us(&self, workload: &str) -> u64 {
        self.autoscalers.get(workload).map_or(0, |autoscaler| autoscaler.metrics.1)
    }

    /// When a VM was last lost in this way, in microseconds since the run started; 0 where none was.
    pub(crate) fn loss_seen_us(&self, loss: Loss) -> u64 {
        self.losses_us.get(&loss).copied().unwrap_or(0)
    }

    /// Whether Flux's image automation has pushed the commit of a revision since a moment.
    pub(crate) fn was_pushed_by_flux_since(&self, revision: &str, since_us: u64) -> bool {
        self.pushed_by_flux.iter().any(|(at_us, commit)| *at_us >= since_us && revision.ends_with(commit))
    }

    /// The value of a field of an object that the scenario names; `None` where it has none.
    pub(crate) fn field(&self, object: &str, path: &FieldPath) -> Option<&Value> {
        self.fields.get(object)?.get(path.as_str())
    }

    /// When a field of an object was last seen to change, in microseconds since the run started; 0 where no change was seen.
    pub(crate) fn field_seen_us(&self, object: &str, path: &FieldPath) -> u64 {
        self.fields_seen_us.get(object).and_then(|fields| fields.get(path.as_str())).copied().unwrap_or(0)
    }

    /// When any field of an object was last seen to change.
    pub(crate) fn object_seen_us(&self, object: &str) -> u64 {
        self.fields_seen_us.get(object).and_then(|fields| fields.values().max()).copied().unwrap_or(0)
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

    /// How many NodeClaims with these UIDs are not being deleted.
    pub(crate) fn nodeclaims_staying(&self, uids: &BTreeSet<String>) -> usize {
        self.nodeclaims.iter().filter(|(uid, claim)| uids.contains(*uid) && !claim.deleting).count()
    }

    /// Whether any NodeClaim with one of these UIDs is marked as drifted, or is gone.
    pub(crate) fn any_drifted(&self, uids: &BTreeSet<String>) -> bool {
        uids.iter().any(|uid| self.nodeclaims.get(uid).is_none_or(|claim| claim.drifted))
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
        self.vms.iter().map(|(name, _)| name.as_str())
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

/// A commit as messages name it.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
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
        let fact = AzureFact { vm: vm.to_owned(), ..AzureFact::new(what, 0) };
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
    fn a_vm_that_is_created_again_under_its_name_is_another_one() {
        let of = |what, instance| {
            let mut event = fact(what, "vm");
            if let EventKind::Azure(fact) = &mut event.kind {
                fact.instance = Some(instance);
            }
            event
        };
        let mut state = State::default();
        state.apply(&of(AzureFactKind::VmAccepted, 1));
        state.apply(&of(AzureFactKind::VmAccepted, 2));
        state.apply(&of(AzureFactKind::VmDeleted, 1));
        assert_eq!(state.vms().collect::<Vec<_>>(), ["vm"]);
        state.apply(&of(AzureFactKind::VmDeleted, 2));
        assert_eq!(state.vms().count(), 0);
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
