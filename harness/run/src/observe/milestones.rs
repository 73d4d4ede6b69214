//! The milestones that objects reach: each is recorded once, though an object shows it in every observation from then on.

use std::collections::{BTreeMap, HashMap, HashSet};

use harness_record::EventKind;
use harness_record::event::{Milestone, NodePoolSpec, ObjectKey, ObjectKind, OfOthers, Reached, Seen};
use jiff::Timestamp;
use kube::Resource;
use kube::runtime::watcher::Event;

use super::watch::Stamped;
use crate::hub::Hub;

/// A milestone that an object shows, recorded if it has not been.
pub(crate) struct Candidate {
    pub(crate) reached: Reached,
    /// When, by the server.
    server: Option<Timestamp>,
    /// Distinguishes milestones of the same kind, such as the revisions of a Kustomization. Empty for one that an object reaches once.
    instance: String,
    /// Attributes of the milestone itself, by the keys of `harness_record::event::attribute`.
    attributes: Vec<(&'static str, String)>,
    /// Whether it is recorded again when it shows after another instance.
    recurring: bool,
}

impl Candidate {
    /// A milestone that an object reaches once.
    pub(crate) fn once(reached: Reached, server: Option<Timestamp>) -> Self {
        Self::of(reached, server, String::new())
    }

    /// A milestone that an object reaches once for each instance.
    pub(crate) fn of(reached: Reached, server: Option<Timestamp>, instance: String) -> Self {
        Self { reached, server, instance, attributes: Vec::new(), recurring: false }
    }

    /// Adds an attribute.
    pub(crate) fn with(mut self, key: &'static str, value: String) -> Self {
        self.attributes.push((key, value));
        self
    }

    /// Makes it recurring: it is recorded again when it shows after another instance.
    pub(crate) fn recurring(mut self) -> Self {
        self.recurring = true;
        self
    }

    #[cfg(test)]
    pub(crate) fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
    }
}

/// The Ready condition of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready {
        /// Since when, by the server.
        since: Option<Timestamp>,
    },
    /// Also for a kind without the condition.
    NotReady,
}

/// A kind of object that is watched.
pub(crate) trait Observed: Resource {
    /// The kind in the log.
    const KIND: ObjectKind;

    /// The milestones that the object shows, in the order in which objects reach them, without `Created`, `Ready`, `Deleting` and `Deleted`.
    fn milestones(&self) -> Vec<Candidate> {
        Vec::new()
    }

    /// The object's attributes, by the keys of `harness_record::event::attribute`.
    fn attributes(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn readiness(&self) -> Readiness {
        Readiness::NotReady
    }

    /// Of a NodePool: what it asks for.
    fn pool_spec(&self) -> Option<NodePoolSpec> {
        None
    }

    /// Whether the object works: a failure before has ended, and the same failure would be another one.
    fn is_healthy(&self) -> bool {
        false
    }
}

/// The milestones of all objects of one kind.
#[derive(Default)]
pub(crate) struct MilestoneTracker {
    /// Whether the objects are not the run's.
    of_others: bool,
    objects: HashMap<String, Object>,
    /// UIDs of the list that is being read, between Init and InitDone.
    listing: Option<HashSet<String>>,
}

struct Object {
    key: ObjectKey,
    reached: HashSet<(Reached, String)>,
    /// The instance of each kind of milestone that was recorded last.
    last: HashMap<Reached, String>,
    attributes: BTreeMap<String, String>,
    ready: bool,
    pool_spec: Option<NodePoolSpec>,
}

impl MilestoneTracker {
    /// Of objects that are not the run's.
    pub(crate) fn of_others() -> Self {
        Self { of_others: true, ..Self::default() }
    }

    /// Records what an observation shows for the first time. Returns true when the first list is complete.
    pub(crate) fn ingest<K: Observed>(&mut self, stamped: &Stamped<K>, hub: &Hub) -> bool {
        let at_us = stamped.at_us;
        match &stamped.event {
            Event::Init => self.listing = Some(HashSet::new()),
            Event::InitApply(object) => self.apply(at_us, object, Seen::Listed, hub),
            Event::InitDone => {
                self.end_list(at_us, hub);
                return true;
            }
            Event::Apply(object) => self.apply(at_us, object, Seen::Live, hub),
            Event::Delete(object) => {
                self.apply(at_us, object, Seen::Live, hub);
                let uid = object.meta().uid.clone().unwrap_or_default();
                self.delete(at_us, &uid, Seen::Live, hub);
            }
        }
        false
    }

    /// A known object that is not in the list was deleted at an unknown moment.
    fn end_list(&mut self, at_us: u64, hub: &Hub) {
        let Some(listed) = self.listing.take() else {
            return;
        };
        let missing: Vec<String> = self.objects.keys().filter(|uid| !listed.contains(*uid)).cloned().collect();
        for uid in missing {
            self.delete(at_us, &uid, Seen::Inferred, hub);
        }
    }

    fn delete(&mut self, at_us: u64, uid: &str, seen: Seen, hub: &Hub) {
        if let Some(object) = self.objects.remove(uid) {
            let milestone = Milestone {
                object: object.key,
                reached: Reached::Deleted,
                seen,
                server: None,
                attributes: BTreeMap::new(),
            };
            hub.record_at(at_us, event(milestone, self.of_others));
        }
    }

    fn apply<K: Observed>(&mut self, at_us: u64, observed: &K, seen: Seen, hub: &Hub) {
        let meta = observed.meta();
        let Some(uid) = meta.uid.clone() else { return };
        if let Some(listing) = &mut self.listing {
            listing.insert(uid.clone());
        }
        let object = self.objects.entry(uid.clone()).or_insert_with(|| Object {
            key: ObjectKey {
                kind: K::KIND,
                namespace: meta.namespace.clone().unwrap_or_default(),
                name: meta.name.clone().unwrap_or_default(),
                uid,
            },
            reached: HashSet::new(),
            last: HashMap::new(),
            attributes: BTreeMap::new(),
            ready: false,
            pool_spec: None,
        });
        if let Some(spec) = observed.pool_spec().filter(|spec| object.pool_spec.as_ref() != Some(spec)) {
            object.pool_spec = Some(spec.clone());
            hub.record_at(at_us, EventKind::NodePool(NodePoolSpec { seen, ..spec }));
        }
        if observed.is_healthy() {
            object.reached.retain(|(reached, _)| !matches!(reached, Reached::Failed | Reached::Waiting));
        }
        let created = meta.creation_timestamp.as_ref().map(|time| time.0);
        let mut candidates = vec![Candidate::once(Reached::Created, created)];
        candidates.extend(observed.milestones());
        candidates.extend(object.spared(&candidates));
        candidates.extend(object.changed_readiness(observed.readiness()));
        if let Some(deletion) = &meta.deletion_timestamp {
            candidates.push(Candidate::once(Reached::Deleting, Some(deletion.0)));
        }
        let mut attributes = object.changed_attributes(observed.attributes());
        for candidate in candidates {
            if !object.is_new(&candidate) {
                continue;
            }
            attributes.extend(candidate.attributes.into_iter().map(|(key, value)| (key.to_owned(), value)));
            let milestone = Milestone {
                object: object.key.clone(),
                reached: candidate.reached,
                seen,
                server: candidate.server,
                attributes: std::mem::take(&mut attributes),
            };
            hub.record_at(at_us, event(milestone, self.of_others));
        }
        // Attributes without a milestone that could carry them wait for the next one.
        for key in attributes.keys() {
            object.attributes.remove(key);
        }
    }
}

fn event(milestone: Milestone, of_others: bool) -> EventKind {
    if of_others { EventKind::Others(OfOthers::Milestone(milestone)) } else { EventKind::Milestone(milestone) }
}

impl Object {
    /// Whether a milestone is to be recorded.
    fn is_new(&mut self, candidate: &Candidate) -> bool {
        let Candidate { reached, instance, recurring, .. } = candidate;
        if matches!(reached, Reached::Ready | Reached::NotReady) {
            return true;
        }
        let first = self.reached.insert((*reached, instance.clone()));
        let again = *recurring && self.last.get(reached).is_some_and(|last| last != instance);
        if first || again {
            self.last.insert(*reached, instance.clone());
        }
        first || again
    }

    /// Karpenter gave a disruption up that it had chosen, and may choose it again.
    fn spared(&mut self, candidates: &[Candidate]) -> Option<Candidate> {
        let shows = candidates.iter().any(|candidate| candidate.reached == Reached::Disrupted);
        if shows || !self.reached.remove(&(Reached::Disrupted, String::new())) {
            return None;
        }
        self.reached.remove(&(Reached::Spared, String::new()));
        Some(Candidate::once(Reached::Spared, None))
    }

    /// Each change of Ready is a milestone.
    fn changed_readiness(&mut self, readiness: Readiness) -> Option<Candidate> {
        let (ready, reached, server) = match readiness {
            Readiness::Ready { since } => (true, Reached::Ready, since),
            Readiness::NotReady => (false, Reached::NotReady, None),
        };
        (std::mem::replace(&mut self.ready, ready) != ready).then(|| Candidate::once(reached, server))
    }

    /// Keeps the attributes and returns those that are new or changed.
    fn changed_attributes(&mut self, attributes: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let changed = attributes.into_iter().filter(|(key, value)| self.attributes.get(key) != Some(value));
        let changed: BTreeMap<String, String> = changed.collect();
        self.attributes.extend(changed.clone());
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RunClock;
    use crate::observe::karpenter::NodeClaim;
    use crate::observe::workloads::Pod;
    use harness_record::Event as Recorded;
    use harness_record::event::attribute;
    use std::path::Path;

    fn pod(uid: &str, node: Option<&str>, conditions: serde_json::Value) -> Pod {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": uid, "namespace": "n", "uid": uid, "labels": {"harness.dev/workload": "web"}},
            "spec": {"nodeName": node, "containers": [{"name": "main"}]},
            "status": {"phase": "Pending", "conditions": conditions},
        }))
        .unwrap()
    }

    fn at<K>(at_us: u64, event: Event<K>) -> Stamped<K> {
        Stamped { at_us, event }
    }

    /// Time, UID, milestone, how seen, attributes.
    type Line = (u64, String, Reached, Seen, BTreeMap<String, String>);

    /// What the log holds after the observations.
    async fn log<K: Observed>(observations: Vec<Stamped<K>>) -> Vec<Line> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        record(&path, observations).await;
        let text = std::fs::read_to_string(path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str::<Recorded>(line).unwrap())
            .filter_map(|event| match event.kind {
                EventKind::Milestone(it) => Some((event.at_us, it.object.uid, it.reached, it.seen, it.attributes)),
                _ => None,
            })
            .collect()
    }

    async fn record<K: Observed>(path: &Path, observations: Vec<Stamped<K>>) {
        let (hub, log) = Hub::open(path, RunClock::start(), Box::new(|_| {})).unwrap();
        let mut tracker = MilestoneTracker::default();
        for stamped in &observations {
            tracker.ingest(stamped, &hub);
        }
        drop(hub);
        log.finish().await.unwrap();
    }

    fn steps(log: &[Line]) -> Vec<(u64, Reached, Seen)> {
        log.iter().map(|(at_us, _, reached, seen, _)| (*at_us, *reached, *seen)).collect()
    }

    #[tokio::test]
    async fn each_milestone_of_a_pod_is_recorded_once() {
        let unschedulable = serde_json::json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]);
        let ready = serde_json::json!([
            {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}
        ]);
        let log = log(vec![
            at(1, Event::Init),
            at(2, Event::InitDone),
            at(10, Event::Apply(pod("a", None, serde_json::json!([])))),
            at(20, Event::Apply(pod("a", None, unschedulable.clone()))),
            at(21, Event::Apply(pod("a", None, unschedulable))),
            at(
                30,
                Event::Apply(pod("a", Some("node-1"), serde_json::json!([{"type": "PodScheduled", "status": "True"}]))),
            ),
            at(40, Event::Apply(pod("a", Some("node-1"), ready.clone()))),
            at(50, Event::Apply(pod("a", Some("node-1"), serde_json::json!([{"type": "Ready", "status": "False"}])))),
            at(60, Event::Delete(pod("a", Some("node-1"), serde_json::json!([{"type": "Ready", "status": "False"}])))),
        ])
        .await;
        assert_eq!(
            steps(&log),
            [
                (10, Reached::Created, Seen::Live),
                (20, Reached::Unschedulable, Seen::Live),
                (30, Reached::Scheduled, Seen::Live),
                (40, Reached::Ready, Seen::Live),
                (50, Reached::NotReady, Seen::Live),
                (60, Reached::Deleted, Seen::Live),
            ]
        );
        assert_eq!(log[0].4, BTreeMap::from([(attribute::WORKLOAD.to_owned(), "web".to_owned())]));
        assert_eq!(log[2].4, BTreeMap::from([(attribute::NODE.to_owned(), "node-1".to_owned())]));
    }

    #[tokio::test]
    async fn listed_milestones_are_marked_and_deletions_are_inferred_from_a_list() {
        let log = log(vec![
            at(1, Event::Init),
            at(2, Event::InitApply(pod("old", None, serde_json::json!([])))),
            at(3, Event::InitDone),
            at(10, Event::Apply(pod("new", None, serde_json::json!([])))),
            // The watch is interrupted: `old` is gone, `new` has become Ready meanwhile.
            at(20, Event::Init),
            at(21, Event::InitApply(pod("new", None, serde_json::json!([{"type": "Ready", "status": "True"}])))),
            at(22, Event::InitDone),
        ])
        .await;
        assert_eq!(
            steps(&log),
            [
                (2, Reached::Created, Seen::Listed),
                (10, Reached::Created, Seen::Live),
                (21, Reached::Ready, Seen::Listed),
                (22, Reached::Deleted, Seen::Inferred),
            ]
        );
    }

    #[tokio::test]
    async fn a_nodeclaim_has_its_placement_as_soon_as_it_is_known() {
        let claim = |status: serde_json::Value, labels: serde_json::Value| -> NodeClaim {
            serde_json::from_value(serde_json::json!({
                "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
                "metadata": {
                    "name": "c", "uid": "c", "labels": labels,
                    "annotations": {"karpenter.sh/nodepool-hash": "17", "karpenter.azure.com/aksnodeclass-hash": "4"},
                },
                "spec": {}, "status": status,
            }))
            .unwrap()
        };
        let pool = serde_json::json!({"karpenter.sh/nodepool": "web"});
        let placed = serde_json::json!({
            "karpenter.sh/nodepool": "web", "node.kubernetes.io/instance-type": "Standard_D4s_v5",
            "karpenter.sh/capacity-type": "spot", "topology.kubernetes.io/zone": "eastus-2",
        });
        let launched = serde_json::json!({
            "conditions": [{"type": "Launched", "status": "True"}], "capacity": {"cpu": "4", "memory": "16Gi"},
            "imageID": "/images/1",
        });
        let log = log(vec![
            at(1, Event::Apply(claim(serde_json::json!({}), pool))),
            at(2, Event::Apply(claim(launched, placed))),
        ])
        .await;
        let first = [(attribute::NODEPOOL, "web"), (attribute::NODEPOOL_HASH, "17"), (attribute::NODECLASS_HASH, "4")];
        assert_eq!(log[0].4, first.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        let later = &log[1].4;
        assert_eq!(later[attribute::INSTANCE_TYPE], "Standard_D4s_v5");
        assert_eq!(later[attribute::IMAGE], "/images/1");
        assert_eq!(later[attribute::CPU_MILLICORES], "4000");
        assert_eq!(later[attribute::MEMORY_BYTES], (16_u64 << 30).to_string());
        assert!(!later.contains_key(attribute::NODEPOOL), "recorded already");
    }

    #[tokio::test]
    async fn a_disruption_that_was_given_up_is_recorded_and_may_occur_again() {
        let claim = |conditions: serde_json::Value| -> NodeClaim {
            serde_json::from_value(serde_json::json!({
                "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "metadata": {"name": "c", "uid": "c"},
                "spec": {}, "status": {"conditions": conditions},
            }))
            .unwrap()
        };
        let chosen = || serde_json::json!([{"type": "DisruptionReason", "status": "True", "reason": "Drifted"}]);
        let free = || serde_json::json!([]);
        let seen = [free(), chosen(), chosen(), free(), free(), chosen(), free()];
        let log = log((1..).zip(seen).map(|(at_us, now)| at(at_us, Event::Apply(claim(now)))).collect()).await;
        let recorded: Vec<(u64, Reached)> = log.iter().map(|line| (line.0, line.2)).collect();
        use Reached::{Created, Disrupted, Spared};
        assert_eq!(recorded, [(1, Created), (2, Disrupted), (4, Spared), (6, Disrupted), (7, Spared)]);
    }

    fn kustomization(
        revision: &str,
        checked: Option<&str>,
        ready: (&str, &str, &str),
    ) -> crate::observe::flux::Kustomization {
        let progress = checked.map(|it| format!("Running health checks for revision {it} with a timeout of 2m0s"));
        let progress =
            progress.map(|message| serde_json::json!({"type": "Reconciling", "status": "True", "message": message}));
        let ready = serde_json::json!({"type": "Ready", "status": ready.0, "reason": ready.1, "message": ready.2});
        let conditions: Vec<serde_json::Value> = progress.into_iter().chain([ready]).collect();
        serde_json::from_value(serde_json::json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "node-config", "uid": "u"}, "spec": {},
            "status": {"lastAppliedRevision": revision, "lastAttemptedRevision": checked.unwrap_or_default(), "conditions": conditions},
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn a_failure_is_recorded_once_until_the_object_is_healthy_again() {
        let healthy = |revision: &str| kustomization(revision, None, ("True", "ReconciliationSucceeded", revision));
        let failed = |tried: &str| kustomization("a", Some(tried), ("False", "HealthCheckFailed", "too slow"));
        let busy = || kustomization("a", None, ("Unknown", "Progressing", "Reconciliation in progress"));
        let log = log(vec![
            at(1, Event::Apply(healthy("a"))),
            at(2, Event::Apply(failed("b"))),
            at(3, Event::Apply(busy())),
            at(4, Event::Apply(failed("b"))),
            at(5, Event::Apply(healthy("c"))),
            at(6, Event::Apply(failed("b"))),
            at(7, Event::Apply(healthy("a"))),
        ])
        .await;
        let recorded: Vec<(u64, Reached, &str)> = log
            .iter()
            .map(|(at_us, _, reached, _, attributes)| {
                (*at_us, *reached, attributes.get(attribute::REVISION).map_or("", String::as_str))
            })
            .collect();
        let expected = [
            (1, Reached::Created, ""),
            (1, Reached::Applied, "a"),
            (1, Reached::Healthy, "a"),
            (2, Reached::Applied, "b"),
            (2, Reached::Failed, "b"),
            (5, Reached::Applied, "c"),
            (5, Reached::Healthy, "c"),
            // The revision that is checked is applied, and it is older than the one before.
            (6, Reached::Applied, "b"),
            (6, Reached::Failed, "b"),
            (7, Reached::Healthy, "a"),
        ];
        assert_eq!(recorded, expected);
        let reason = log[4].4.get(attribute::REASON).map(String::as_str);
        assert_eq!(reason, Some("HealthCheckFailed"));
    }
}
