//! What is known of each object, so that only what is new becomes a milestone.

use std::collections::{BTreeMap, HashMap, HashSet};

use harness_record::EventKind;
use harness_record::event::{Milestone, ObjectKey, ObjectKind, Reached, Seen};
use jiff::Timestamp;
use kube::Resource;
use kube::runtime::watcher::Event;

use super::watch::Stamped;
use crate::hub::Hub;

/// A milestone that an object has reached by what it looks like now.
pub(crate) struct Look {
    pub(crate) reached: Reached,
    pub(crate) server: Option<Timestamp>,
    /// Distinguishes reaches of the same milestone: a revision, a flip of Ready. Empty where the first reach is all that counts.
    pub(crate) which: String,
    /// What the milestone itself carries, by the keys of `harness_record::event::attribute`, however often it was told.
    carries: Vec<(&'static str, String)>,
    /// Whether it is also told when `which` was reached before and another one since: what comes back is news.
    newest: bool,
}

impl Look {
    /// A milestone that is reached once.
    pub(crate) fn once(reached: Reached, server: Option<Timestamp>) -> Self {
        Self::of(reached, server, String::new())
    }

    /// A milestone that is reached once for each `which`.
    pub(crate) fn of(reached: Reached, server: Option<Timestamp>, which: String) -> Self {
        Self { reached, server, which, carries: Vec::new(), newest: false }
    }

    /// The same with something that it carries.
    pub(crate) fn with(mut self, key: &'static str, value: String) -> Self {
        self.carries.push((key, value));
        self
    }

    /// The same, told again when it comes back after another one.
    pub(crate) fn newest(mut self) -> Self {
        self.newest = true;
        self
    }

    /// What it carries under a key.
    #[cfg(test)]
    pub(crate) fn told(&self, key: &str) -> Option<&str> {
        self.carries.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
    }
}

/// How a kind of object is read.
pub(crate) trait Reading: Resource {
    /// Which kind it is in the log.
    const KIND: ObjectKind;
    /// The milestones that show, in the order of an object's life, without `Created`, `Deleting` and `Deleted`.
    fn looks(&self) -> Vec<Look>;
    /// What is known of it, by the keys of `harness_record::event::attribute`.
    fn attributes(&self) -> BTreeMap<String, String>;
    /// Whether its Ready is True, False, or not a question for this kind.
    fn ready(&self) -> Option<Option<Timestamp>> {
        None
    }
    /// Whether it works, so that a failure is over and the same one would be another.
    fn works(&self) -> bool {
        false
    }
}

/// The known objects of one kind.
pub(crate) struct Known {
    objects: HashMap<String, Object>,
    /// UIDs of the list that is being read, between Init and InitDone.
    listing: Option<HashSet<String>>,
}

struct Object {
    key: ObjectKey,
    reached: HashSet<(Reached, String)>,
    /// Which one of a milestone was told last.
    last: HashMap<Reached, String>,
    attributes: BTreeMap<String, String>,
    ready: bool,
}

impl Known {
    pub(crate) fn new() -> Self {
        Self { objects: HashMap::new(), listing: None }
    }

    /// Takes one observation in. Returns true when the first list is complete.
    pub(crate) fn take<K: Reading>(&mut self, stamped: &Stamped<K>, hub: &Hub) -> bool {
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

    /// What was known and is not in the list was deleted at an unknown moment.
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
            hub.record_at(at_us, EventKind::Milestone(milestone));
        }
    }

    fn apply<K: Reading>(&mut self, at_us: u64, seen_object: &K, seen: Seen, hub: &Hub) {
        let meta = seen_object.meta();
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
        });
        if seen_object.works() {
            object.reached.retain(|(reached, _)| !matches!(reached, Reached::Failed | Reached::Waiting));
        }
        let mut looks = vec![Look::once(Reached::Created, meta.creation_timestamp.as_ref().map(|time| time.0))];
        looks.extend(seen_object.looks());
        looks.extend(object.spared(&looks));
        looks.extend(object.ready_look(seen_object.ready()));
        if let Some(deletion) = &meta.deletion_timestamp {
            looks.push(Look::once(Reached::Deleting, Some(deletion.0)));
        }
        let mut attributes = object.news(seen_object.attributes());
        for look in looks {
            if !object.is_news(&look) {
                continue;
            }
            let Look { reached, server, carries, .. } = look;
            attributes.extend(carries.into_iter().map(|(key, value)| (key.to_owned(), value)));
            let milestone = Milestone {
                object: object.key.clone(),
                reached,
                seen,
                server,
                attributes: std::mem::take(&mut attributes),
            };
            hub.record_at(at_us, EventKind::Milestone(milestone));
        }
        if !attributes.is_empty() {
            // Nothing to carry them yet: they wait for the next milestone.
            for key in attributes.keys() {
                object.attributes.remove(key);
            }
        }
    }
}

impl Object {
    /// Whether a milestone is to be told.
    fn is_news(&mut self, look: &Look) -> bool {
        if matches!(look.reached, Reached::Ready | Reached::NotReady) {
            return true;
        }
        let first = self.reached.insert((look.reached, look.which.clone()));
        let back = look.newest && self.last.get(&look.reached).is_some_and(|last| *last != look.which);
        if first || back {
            self.last.insert(look.reached, look.which.clone());
        }
        first || back
    }

    /// A disruption that was chosen and does not show any more was given up, and may be chosen again.
    fn spared(&mut self, looks: &[Look]) -> Option<Look> {
        let shows = looks.iter().any(|look| look.reached == Reached::Disrupted);
        if shows || !self.reached.remove(&(Reached::Disrupted, String::new())) {
            return None;
        }
        self.reached.remove(&(Reached::Spared, String::new()));
        Some(Look::once(Reached::Spared, None))
    }

    /// Ready comes and goes; each flip is a milestone.
    fn ready_look(&mut self, now: Option<Option<Timestamp>>) -> Option<Look> {
        let (is_ready, server) = match now {
            Some(server) => (true, server),
            None => (false, None),
        };
        if is_ready == self.ready {
            return None;
        }
        self.ready = is_ready;
        let reached = if is_ready { Reached::Ready } else { Reached::NotReady };
        Some(Look::once(reached, server))
    }

    /// Remembers the attributes and returns those that are new or changed.
    fn news(&mut self, attributes: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut news = BTreeMap::new();
        for (key, value) in attributes {
            if self.attributes.get(&key) != Some(&value) {
                self.attributes.insert(key.clone(), value.clone());
                news.insert(key, value);
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RunClock;
    use crate::observe::nodeclaims::NodeClaim;
    use crate::observe::pods::Pod;
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
    async fn log<K: Reading>(observations: Vec<Stamped<K>>) -> Vec<Line> {
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

    async fn record<K: Reading>(path: &Path, observations: Vec<Stamped<K>>) {
        let (hub, log) = Hub::open(path, RunClock::begin(), Box::new(|_| {})).unwrap();
        let mut known = Known::new();
        for stamped in &observations {
            known.take(stamped, &hub);
        }
        drop(hub);
        log.finish().await.unwrap();
    }

    fn steps(log: &[Line]) -> Vec<(u64, Reached, Seen)> {
        log.iter().map(|(at_us, _, reached, seen, _)| (*at_us, *reached, *seen)).collect()
    }

    #[tokio::test]
    async fn a_pods_life_is_told_once() {
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
    async fn what_a_list_shows_is_marked_and_what_it_lacks_is_inferred() {
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
    async fn a_nodeclaim_tells_where_it_is_when_it_is_known() {
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
        assert!(!later.contains_key(attribute::NODEPOOL), "known already");
    }

    #[tokio::test]
    async fn a_disruption_that_was_given_up_is_told_and_may_come_again() {
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
        let told: Vec<(u64, Reached)> = log.iter().map(|line| (line.0, line.2)).collect();
        use Reached::{Created, Disrupted, Spared};
        assert_eq!(told, [(1, Created), (2, Disrupted), (4, Spared), (6, Disrupted), (7, Spared)]);
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
    async fn a_failure_is_told_once_until_it_works_again() {
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
        let told: Vec<(u64, Reached, &str)> = log
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
            // What is checked is what is applied, and it is an older one than before.
            (6, Reached::Applied, "b"),
            (6, Reached::Failed, "b"),
            (7, Reached::Healthy, "a"),
        ];
        assert_eq!(told, expected);
        let reason = log[4].4.get(attribute::REASON).map(String::as_str);
        assert_eq!(reason, Some("HealthCheckFailed"));
    }
}
