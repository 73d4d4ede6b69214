//! The conditions that end phases: what is missing until one holds.

use std::collections::{BTreeMap, BTreeSet};

use harness_cluster::flux;
use harness_plan::{Action, Condition, Conditions, EventPattern, HappenedSoFar, NotifiedSoFar, Phase, Plan};
use harness_units::{Span, count};

use crate::state::State;

/// The replicas that the plan asks for by now, of the workloads whose pods phases wait for.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlannedReplicas {
    workloads: BTreeMap<String, Replicas>,
}

#[derive(Clone, Debug)]
struct Replicas {
    /// By the newest scale action.
    planned: u32,
    /// The minimum of its autoscaler, where it has one.
    autoscaled_min: Option<u32>,
}

impl PlannedReplicas {
    /// Before the first action.
    pub(crate) fn new(plan: &Plan) -> Self {
        let awaited = plan.workloads.iter().filter(|workload| workload.awaited && !workload.stays_pending);
        let workloads = awaited.map(|workload| {
            let autoscaled_min = workload.autoscale.as_ref().map(|autoscale| autoscale.min);
            (workload.name.clone(), Replicas { planned: 0, autoscaled_min })
        });
        Self { workloads: workloads.collect() }
    }

    /// Adds the actions of a phase.
    pub(crate) fn add(&mut self, phase: &Phase) {
        for planned in &phase.actions {
            if let Action::Scale(scale) = &planned.action
                && let Some(replicas) = self.workloads.get_mut(scale.workload())
            {
                replicas.planned = scale.to;
            }
        }
    }

    /// The workloads that have more or fewer Ready pods than planned; `None` where there are none.
    fn missing(&self, state: &State) -> Option<String> {
        let (ready, on_notice) = (state.ready_pods(), state.ready_pods_on_notice());
        let of = |counts: &BTreeMap<&str, u32>, name: &str| counts.get(name).copied().unwrap_or(0);
        let mut missing = Vec::new();
        for (name, replicas) in &self.workloads {
            let (ready, on_notice, planned) = (of(&ready, name), of(&on_notice, name), replicas.now(name, state));
            if ready != planned {
                missing.push(format!("{name}: {ready} of {} Ready", count(planned, "pod")));
            } else if on_notice > 0 {
                missing.push(format!("{name}: {} on VMs that Azure is about to take back", count(on_notice, "pod")));
            }
        }
        (!missing.is_empty()).then(|| missing.join(", "))
    }
}

impl Replicas {
    /// An autoscaler sleeps while its workload has no replicas; otherwise it decides.
    fn now(&self, workload: &str, state: &State) -> u32 {
        match self.autoscaled_min {
            Some(min) if self.planned > 0 => state.autoscaled_replicas(workload).unwrap_or(0).max(min),
            _ => self.planned,
        }
    }
}

/// What conditions compare the present with: how things were when the phase started, and the replicas that the plan asks for by now.
#[derive(Clone, Debug, Default)]
pub(crate) struct PhaseStart {
    /// When, in microseconds since the run started.
    pub(crate) at_us: u64,
    /// When the last of its actions was answered: their effects take a moment to show.
    pub(crate) acted_us: u64,
    /// When each earlier phase started.
    earlier_us: BTreeMap<String, u64>,
    /// UIDs of the NodeClaims that existed.
    nodeclaims: BTreeSet<String>,
    replicas: PlannedReplicas,
}

impl PhaseStart {
    /// A phase that starts with this state.
    pub(crate) fn new(
        at_us: u64,
        state: &State,
        replicas: &PlannedReplicas,
        earlier_us: &BTreeMap<String, u64>,
    ) -> Self {
        let nodeclaims = state.nodeclaim_uids().map(str::to_owned).collect();
        Self { at_us, acted_us: at_us, earlier_us: earlier_us.clone(), nodeclaims, replicas: replicas.clone() }
    }

    /// From when on events are counted: from the start of that phase, or of this one.
    fn counted_from_us(&self, phase: Option<&str>) -> u64 {
        phase.and_then(|phase| self.earlier_us.get(phase).copied()).unwrap_or(self.at_us)
    }
}

/// What is missing until all conditions hold; `None` where they do. `now_us` matters to [`Condition::Settled`] alone.
pub(crate) fn missing(until: &Conditions, state: &State, start: &PhaseStart, now_us: u64) -> Option<String> {
    missing_of_all(&until.0, state, start, now_us)
}

fn missing_of_all(conditions: &[Condition], state: &State, start: &PhaseStart, now_us: u64) -> Option<String> {
    let looks_back = |condition: &Condition| looks_at_state(condition) && !has_changed(condition, state, start);
    let effects = conditions.iter().any(looks_back).then(|| state.missing_effects()).flatten();
    let conditions = conditions.iter().filter_map(|condition| missing_of(condition, state, start, now_us));
    let missing: Vec<String> = effects.into_iter().chain(conditions).collect();
    (!missing.is_empty()).then(|| missing.join("; "))
}

/// Whether a condition is about the present, which shows the effects of actions only after a moment. The others are about what has happened
/// since the phase started.
fn looks_at_state(condition: &Condition) -> bool {
    match condition {
        Condition::AllPodsReady
        | Condition::NoPods
        | Condition::NoNodes
        | Condition::AllNodesReplaced
        | Condition::Settled(_)
        | Condition::Nodes(_)
        | Condition::ReadyPods(_)
        | Condition::Field(_) => true,
        // Each alternative by itself.
        Condition::Any(_) => false,
        Condition::Happened(_) | Condition::Notified(_) | Condition::InForce => false,
    }
}

/// Whether what a condition looks at has changed since the phase started: then it is not the state of before, and a scenario may wait for one of the
/// first objects that a commit changes while the others are still to follow.
fn has_changed(condition: &Condition, state: &State, start: &PhaseStart) -> bool {
    matches!(condition, Condition::Field(field) if state.field_seen_us(&field.object, &field.path) > start.at_us)
}

fn missing_of(condition: &Condition, state: &State, start: &PhaseStart, now_us: u64) -> Option<String> {
    match condition {
        Condition::AllPodsReady => start.replicas.missing(state),
        Condition::NoPods => unless(state.pods() == 0, || format!("{} left", count(state.pods(), "pod"))),
        Condition::NoNodes => {
            let empty =
                state.nodeclaims().next().is_none() && state.nodes().next().is_none() && state.vms().next().is_none();
            unless(empty, || format!("left: {}", state.fleet()))
        }
        // Where there was nothing, nothing can be replaced.
        Condition::AllNodesReplaced if start.nodeclaims.is_empty() => {
            Some("there was no NodeClaim to replace when the phase started".to_owned())
        }
        Condition::AllNodesReplaced => {
            let old = state.nodeclaims_among(&start.nodeclaims);
            let replaced = unless(old.is_empty(), || {
                let before = count(start.nodeclaims.len(), "NodeClaim");
                format!("{} of {before} from before left: {}", old.len(), few(&old))
            });
            replaced.or_else(|| start.replicas.missing(state))
        }
        Condition::Settled(span) => {
            let (last_us, what) = state.last_activity();
            let quiet_us = now_us.saturating_sub((*last_us).max(start.acted_us));
            unless(quiet_us >= span.as_micros(), || {
                let quiet = Span::from_millis(quiet_us / 1_000);
                format!("quiet for {quiet} only; last: {}", if what.is_empty() { "nothing" } else { what.as_str() })
            })
        }
        Condition::Happened(HappenedSoFar { pattern, at_least, since }) => {
            happened(pattern, *at_least, state, start.counted_from_us(since.as_deref()))
        }
        Condition::Notified(NotifiedSoFar { notification, at_least, since }) => {
            happened(&notification.pattern(), *at_least, state, start.counted_from_us(since.as_deref()))
        }
        Condition::Any(alternatives) => {
            let alone = |condition| missing_of_all(std::slice::from_ref(condition), state, start, now_us);
            let missing: Vec<Option<String>> = alternatives.iter().map(alone).collect();
            let missing: Option<Vec<String>> = missing.into_iter().collect();
            missing.map(|missing| format!("none of: {}", missing.join(" | ")))
        }
        Condition::Nodes(nodes) => {
            let found = state.nodeclaims_to_stay(nodes.nodepool.as_deref());
            let of = nodes.nodepool.as_ref().map_or(String::new(), |pool| format!(" of {pool}"));
            unless(nodes.bounds.hold(found), || {
                format!("{}{of} besides those being deleted", count(found, "NodeClaim"))
            })
        }
        Condition::ReadyPods(pods) => {
            let workload = &pods.workload;
            let ready = state.ready_pods().get(workload.as_str()).copied().unwrap_or(0);
            unless(pods.bounds.hold(ready), || format!("{} of {workload}", count(ready, "Ready pod")))
        }
        Condition::Field(field) => {
            let value = state.field(&field.object, &field.path);
            unless(field.value.matches(value), || {
                let is = value.map_or("is not there".to_owned(), |value| format!("is {value}"));
                format!("{}: {} {is}", field.object, field.path)
            })
        }
        Condition::InForce => state.commit_stage().map(|stage| match state.flux_failures.get(flux::NAME) {
            Some(failure) => format!("{stage}; Flux says: {failure}"),
            None => stage,
        }),
    }
}

/// The next moment at which a condition that waits for quiet holds if nothing more happens, in microseconds since the run started; `None` where
/// none does.
pub(crate) fn settles_us(until: &Conditions, state: &State, start: &PhaseStart, now_us: u64) -> Option<u64> {
    let quiet_us = until.0.iter().flat_map(Condition::parts).filter_map(|condition| match condition {
        Condition::Settled(span) => Some(span.as_micros()),
        _ => None,
    });
    let since_us = state.last_activity().0.max(start.acted_us);
    quiet_us.map(|quiet_us| since_us + quiet_us).filter(|due_us| *due_us > now_us).min()
}

fn happened(pattern: &EventPattern, at_least: u32, state: &State, since_us: u64) -> Option<String> {
    let times = state.occurrences(pattern, since_us);
    unless(times >= at_least, || format!("{pattern} has happened {times} of {}", count(at_least, "time")))
}

fn unless(holds: bool, missing: impl FnOnce() -> String) -> Option<String> {
    (!holds).then(missing)
}

/// The first few names.
fn few(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown}, ...") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::{fact, milestone, of_root, with_attributes};
    use crate::state::{Effect, Expected};
    use harness_plan::{
        Autoscale, AutoscaleOn, Bounds, Field, NodeCount, OccurrenceKind, PlannedAction, ReadyPods, Workload,
    };
    use harness_record::event::{AzureFactKind, FieldValue, ObjectKind, Reached, Seen, attribute};
    use harness_record::{Event, EventKind};
    use harness_units::Percent;

    fn workload(name: &str) -> Workload {
        serde_json::from_value(serde_json::json!({
            "name": name, "class": "c", "cpu": "500m", "memory": "1Gi", "nodeSelector": {}, "tolerations": [],
            "replicasPeak": 1,
        }))
        .unwrap()
    }

    fn plan(workloads: Vec<Workload>) -> Plan {
        serde_json::from_value(serde_json::json!({
            "version": 1, "scenario": "s", "question": "q", "profile": "default", "seed": 1, "parameters": {},
            "needs": [], "azure": {"quotaCores": {}, "faults": []},
            "nodeConfig": {"source": "t", "sha256": "", "classes": []},
            "workloads": workloads, "phases": [], "expectations": [],
        }))
        .unwrap()
    }

    fn scale(workload: &str, to: u32) -> Phase {
        let action = Action::Scale(harness_plan::Scale::step(workload, 0, to));
        Phase { name: "p".to_owned(), actions: vec![PlannedAction { id: 0, at_us: 0, action }], ..Phase::default() }
    }

    fn pod(uid: &str, reached: Reached) -> Event {
        milestone(ObjectKind::Pod, uid, reached, "web")
    }

    fn start(replicas: PlannedReplicas, state: &State) -> PhaseStart {
        PhaseStart::new(0, state, &replicas, &BTreeMap::new())
    }

    #[test]
    fn all_pods_ready_means_as_many_as_planned() {
        let mut replicas = PlannedReplicas::new(&plan(vec![workload("web"), workload("idle")]));
        replicas.add(&scale("web", 2));
        let mut state = State::default();
        let start = start(replicas, &state);
        state.apply(&pod("a", Reached::Ready));
        let text = missing(&Condition::AllPodsReady.into(), &state, &start, 0);
        assert_eq!(text, Some("web: 1 of 2 pods Ready".to_owned()));
        state.apply(&pod("b", Reached::Ready));
        assert_eq!(missing(&Condition::AllPodsReady.into(), &state, &start, 0), None);
        state.apply(&pod("c", Reached::Ready));
        assert!(
            missing(&Condition::AllPodsReady.into(), &state, &start, 0).is_some(),
            "one too many is not as planned"
        );
    }

    #[test]
    fn conditions_on_the_present_wait_for_the_effects_of_actions_and_those_on_events_do_not() {
        let mut state = State::default();
        state.pushed = "new".to_owned();
        let pattern = EventPattern::any(OccurrenceKind::PodReady);
        let none_yet = Conditions::from(Condition::Happened(HappenedSoFar { pattern, at_least: 0, since: None }));
        let all_ready = Conditions::from(Condition::AllPodsReady);
        let lacks = |until: &Conditions, state: &State| missing(until, state, &PhaseStart::default(), 0);
        assert_eq!(lacks(&all_ready, &state), None);
        let effect = Effect::Commit { sha: "new".to_owned(), layers: [].into() };
        state.expect(Expected::new(1, "commit `x`".to_owned(), effect, 0));
        let expected = "`commit `x`` has no effect yet: commit new is pushed, not fetched";
        assert_eq!(lacks(&all_ready, &state).as_deref(), Some(expected));
        let quiet = Conditions::from(Condition::Settled(Span::from_secs(1)));
        assert_eq!(missing(&quiet, &state, &PhaseStart::default(), u64::MAX).as_deref(), Some(expected));
        assert_eq!(lacks(&none_yet, &state), None);
    }

    #[test]
    fn pods_on_vms_with_a_notice_are_not_all_pods_ready() {
        let mut replicas = PlannedReplicas::new(&plan(vec![workload("web")]));
        replicas.add(&scale("web", 1));
        let mut state = State::default();
        let node = BTreeMap::from([(attribute::NODE.to_owned(), "vm".to_owned())]);
        state.apply(&with_attributes(pod("a", Reached::Scheduled), 1, &node));
        state.apply(&pod("a", Reached::Ready));
        let start = start(replicas, &state);
        assert_eq!(missing(&Condition::AllPodsReady.into(), &state, &start, 0), None);
        state.apply(&fact(AzureFactKind::SpotNotice, "vm"));
        let text = missing(&Condition::AllPodsReady.into(), &state, &start, 0);
        assert_eq!(text, Some("web: 1 pod on VMs that Azure is about to take back".to_owned()));
    }

    #[test]
    fn a_workload_that_stays_pending_is_not_waited_for() {
        let mut replicas = PlannedReplicas::new(&plan(vec![Workload { stays_pending: true, ..workload("web") }]));
        replicas.add(&scale("web", 2));
        let state = State::default();
        assert_eq!(missing(&Condition::AllPodsReady.into(), &state, &start(replicas, &state), 0), None);
    }

    #[test]
    fn an_autoscaler_decides_how_many_replicas_are_planned() {
        let autoscale =
            Autoscale { min: 1, max: 9, on: AutoscaleOn::CpuPercent(Percent(50)), scale_down_after: Span::ZERO };
        let mut replicas =
            PlannedReplicas::new(&plan(vec![Workload { autoscale: Some(autoscale), ..workload("web") }]));
        let mut state = State::default();
        assert_eq!(
            missing(&Condition::AllPodsReady.into(), &state, &start(replicas.clone(), &state), 0),
            None,
            "it sleeps"
        );
        replicas.add(&scale("web", 3));
        state.apply(&pod("a", Reached::Ready));
        assert_eq!(
            missing(&Condition::AllPodsReady.into(), &state, &start(replicas.clone(), &state), 0),
            None,
            "its minimum"
        );
        state.set_autoscaler("web", 2, String::new(), 0);
        let text = missing(&Condition::AllPodsReady.into(), &state, &start(replicas, &state), 0);
        assert_eq!(text, Some("web: 1 of 2 pods Ready".to_owned()));
    }

    #[test]
    fn in_force_means_the_newest_revision() {
        let mut state = State::default();
        let is = |state: &State| missing(&Condition::InForce.into(), state, &PhaseStart::default(), 0);
        assert!(is(&state).is_some(), "nothing was pushed yet");
        state.apply(&of_root(ObjectKind::Kustomization, Reached::Healthy, "main@sha1:aaaa"));
        state.pushed = "aaaa".to_owned();
        assert_eq!(is(&state), None);
        state.pushed = "bbbb".to_owned();
        assert_eq!(is(&state), Some("commit bbbb is pushed, not fetched".to_owned()));
        state.apply(&of_root(ObjectKind::GitRepository, Reached::Fetched, "main@sha1:bbbb"));
        state.apply(&of_root(ObjectKind::Kustomization, Reached::Applied, "main@sha1:bbbb"));
        assert!(is(&state).unwrap().contains("health checks have not passed"));
        state.apply(&of_root(ObjectKind::Kustomization, Reached::Healthy, "main@sha1:bbbb"));
        assert_eq!(is(&state), None);
    }

    #[test]
    fn no_nodes_waits_for_nodeclaims_nodes_and_vms() {
        let mut state = State::default();
        assert_eq!(missing(&Condition::NoNodes.into(), &state, &PhaseStart::default(), 0), None);
        state.apply(&fact(AzureFactKind::VmAccepted, "vm"));
        let text = missing(&Condition::NoNodes.into(), &state, &PhaseStart::default(), 0).unwrap();
        assert!(text.contains("1 VM"), "{text}");
    }

    #[test]
    fn replaced_means_that_the_old_nodeclaims_are_deleted_not_that_there_are_none() {
        let mut state = State::default();
        state.apply(&milestone(ObjectKind::NodeClaim, "old", Reached::Created, ""));
        let start = start(PlannedReplicas::default(), &state);
        state.apply(&milestone(ObjectKind::NodeClaim, "new", Reached::Created, ""));
        let text = missing(&Condition::AllNodesReplaced.into(), &state, &start, 0).unwrap();
        assert!(text.contains("1 of 1 NodeClaim from before left: name-old"), "{text}");
        state.apply(&milestone(ObjectKind::NodeClaim, "old", Reached::Deleted, ""));
        assert_eq!(missing(&Condition::AllNodesReplaced.into(), &state, &start, 0), None);
    }

    /// Before, it held at once where there was nothing to replace.
    #[test]
    fn nothing_is_replaced_where_nothing_was() {
        let state = State::default();
        let start = start(PlannedReplicas::default(), &state);
        let text = missing(&Condition::AllNodesReplaced.into(), &state, &start, 0);
        assert_eq!(text.as_deref(), Some("there was no NodeClaim to replace when the phase started"));
    }

    /// Before, the pods that were about to go counted: the condition held at once.
    #[test]
    fn ready_pods_are_counted_once_a_scale_down_has_shown() {
        let mut state = State::default();
        for uid in ["a", "b"] {
            state.apply(&pod(uid, Reached::Ready));
        }
        let until = Conditions::from(Condition::ReadyPods(ReadyPods {
            workload: "web".to_owned(),
            bounds: Bounds { at_least: Some(1), at_most: None },
        }));
        let lacks = |state: &State| missing(&until, state, &PhaseStart::default(), 0);
        state.ask_for_replicas("web", 1);
        let effect = Effect::ScaleDown { workload: "web".to_owned(), to: 1 };
        state.expect(Expected::new(1, "scale web to 1".to_owned(), effect, 0));
        let expected = "`scale web to 1` has no effect yet: 1 pod of web not seen to be deleted";
        assert_eq!(lacks(&state).as_deref(), Some(expected));
        state.apply(&pod("b", Reached::Deleting));
        assert_eq!(lacks(&state), None);
    }

    #[test]
    fn settled_counts_from_the_last_activity_or_from_the_start() {
        let mut state = State::default();
        let until = Conditions::from(Condition::Settled(Span::from_secs(10)));
        let start = PhaseStart { acted_us: 5_000_000, ..PhaseStart::default() };
        assert_eq!(settles_us(&until, &state, &start, 0), Some(15_000_000));
        assert!(missing(&until, &state, &start, 14_000_000).is_some());
        assert_eq!(missing(&until, &state, &start, 15_000_000), None);
        let mut event = milestone(ObjectKind::NodeClaim, "c", Reached::Created, "");
        event.at_us = 9_000_000;
        state.apply(&event);
        let text = missing(&until, &state, &start, 15_000_000).unwrap();
        assert_eq!(text, "quiet for 6s only; last: NodeClaim name-c: created");
        assert_eq!(missing(&until, &state, &start, 19_000_000), None);
        assert_eq!(
            settles_us(
                &Conditions(vec![Condition::NoPods, Condition::Settled(Span::from_secs(10))]),
                &state,
                &start,
                0
            ),
            Some(19_000_000)
        );
        assert_eq!(settles_us(&Condition::NoPods.into(), &state, &start, 0), None, "nothing waits for quiet");
    }

    fn field(path: &str, value: Option<serde_json::Value>) -> Event {
        let field = FieldValue {
            object: "demo".to_owned(),
            path: path.to_owned(),
            value,
            uid: "u".to_owned(),
            seen: Seen::Live,
        };
        Event { at_us: 0, kind: EventKind::Field(field) }
    }

    #[test]
    fn a_field_has_the_value_that_was_seen_last() {
        let mut state = State::default();
        let until = |value: serde_json::Value| {
            let value = serde_json::from_value(value).unwrap();
            let path = "spec.replicas".parse().unwrap();
            Conditions::from(Condition::Field(Field { object: "demo".to_owned(), path, value }))
        };
        let two = until(serde_json::json!({"is": 2}));
        let text = missing(&two, &state, &PhaseStart::default(), 0).unwrap();
        assert_eq!(text, "demo: spec.replicas is not there");
        state.apply(&field("spec.replicas", Some(5.into())));
        let text = missing(&two, &state, &PhaseStart::default(), 0).unwrap();
        assert_eq!(text, "demo: spec.replicas is 5");
        state.apply(&field("spec.replicas", Some(2.into())));
        assert_eq!(missing(&two, &state, &PhaseStart::default(), 0), None);
        state.apply(&field("spec.replicas", None));
        let gone = until(serde_json::json!({"present": false}));
        assert_eq!(missing(&gone, &state, &PhaseStart::default(), 0), None);
    }

    /// Before, a phase that waited for the first object of a commit ended only when the whole commit was applied, so that nothing could be done in
    /// the middle of it.
    #[test]
    fn a_field_that_has_changed_waits_for_no_other_effect() {
        let (mut state, start) = (State::default(), PhaseStart { at_us: 10, ..PhaseStart::default() });
        let until = |path: &str| {
            let value = serde_json::from_value(serde_json::json!({"is": 2})).unwrap();
            Condition::Field(Field { object: "demo".to_owned(), path: path.parse().unwrap(), value })
        };
        let [first, other] = ["spec.replicas", "spec.other"].map(until);
        state.apply(&Event { at_us: 5, ..field("spec.replicas", Some(2.into())) });
        state.apply(&Event { at_us: 5, ..field("spec.other", Some(2.into())) });
        let commit = Effect::Commit { sha: "b".repeat(40), layers: std::sync::Arc::default() };
        state.pushed = "b".repeat(40);
        state.expect(Expected::new(1, "commit".to_owned(), commit, 11));
        let missing = |conditions: &[&Condition], state: &State| {
            let conditions = Conditions(conditions.iter().copied().cloned().collect());
            missing(&conditions, state, &start, 0)
        };
        let text = missing(&[&first], &state).unwrap();
        assert!(text.starts_with("`commit` has no effect yet: "), "{text}");
        state.apply(&Event { at_us: 12, ..field("spec.replicas", Some(2.into())) });
        assert_eq!(missing(&[&first], &state), None);
        assert!(missing(&[&first, &other], &state).is_some(), "the other field is still that of before");
    }

    #[test]
    fn all_conditions_must_hold_and_each_says_what_is_missing() {
        let mut state = State::default();
        state.apply(&pod("a", Reached::Ready));
        state.apply(&fact(AzureFactKind::VmAccepted, "vm"));
        let until = Conditions(vec![Condition::NoPods, Condition::NoNodes]);
        let text = missing(&until, &state, &PhaseStart::default(), 0).unwrap();
        assert!(text.starts_with("1 pod left; left: "), "{text}");
        state.apply(&pod("a", Reached::Deleted));
        assert!(missing(&until, &state, &PhaseStart::default(), 0).is_some());
        state.apply(&fact(AzureFactKind::VmDeleted, "vm"));
        assert_eq!(missing(&until, &state, &PhaseStart::default(), 0), None);
    }

    #[test]
    fn occurrences_before_the_phase_do_not_count() {
        let pattern =
            EventPattern { nodepool: Some("web".to_owned()), ..EventPattern::any(OccurrenceKind::NodeclaimDrifted) };
        let mut state = State::default();
        state.count_occurrences(vec![pattern.clone()]);
        let pool = BTreeMap::from([(attribute::NODEPOOL.to_owned(), "web".to_owned())]);
        for (at_us, uid) in [(10, "a"), (20, "b"), (30, "c")] {
            state.apply(&with_attributes(milestone(ObjectKind::NodeClaim, uid, Reached::Created, ""), at_us, &pool));
            state.apply(&with_attributes(
                milestone(ObjectKind::NodeClaim, uid, Reached::Drifted, ""),
                at_us,
                &BTreeMap::new(),
            ));
        }
        let start = PhaseStart { at_us: 20, ..PhaseStart::default() };
        let until = |at_least| {
            Conditions::from(Condition::Happened(HappenedSoFar { pattern: pattern.clone(), at_least, since: None }))
        };
        assert_eq!(missing(&until(2), &state, &start, 0), None);
        let text = missing(&until(3), &state, &start, 0).unwrap();
        assert_eq!(text, "nodeclaim-drifted (nodepool web) has happened 2 of 3 times");
    }

    #[test]
    fn nodes_that_are_being_deleted_do_not_count() {
        let mut state = State::default();
        let pool = BTreeMap::from([(attribute::NODEPOOL.to_owned(), "web".to_owned())]);
        for uid in ["a", "b"] {
            state.apply(&with_attributes(milestone(ObjectKind::NodeClaim, uid, Reached::Created, ""), 1, &pool));
        }
        state.apply(&milestone(ObjectKind::NodeClaim, "b", Reached::Deleting, ""));
        let nodes = |pool: &str, at_least, at_most| {
            let bounds = Bounds { at_least, at_most };
            Conditions::from(Condition::Nodes(NodeCount { nodepool: Some(pool.to_owned()), bounds }))
        };
        let lacks = |until: &Conditions| missing(until, &state, &PhaseStart::default(), 0);
        assert_eq!(lacks(&nodes("web", Some(1), Some(1))), None);
        assert_eq!(lacks(&nodes("other", None, Some(0))), None);
        let text = lacks(&nodes("web", Some(2), None)).unwrap();
        assert_eq!(text, "1 NodeClaim of web besides those being deleted");
    }

    #[test]
    fn ready_pods_are_counted_between_bounds() {
        let mut state = State::default();
        state.apply(&pod("a", Reached::Ready));
        let until = |at_least, at_most| {
            let bounds = Bounds { at_least, at_most };
            Conditions::from(Condition::ReadyPods(ReadyPods { workload: "web".to_owned(), bounds }))
        };
        assert_eq!(missing(&until(Some(1), None), &state, &PhaseStart::default(), 0), None);
        let text = missing(&until(None, Some(0)), &state, &PhaseStart::default(), 0).unwrap();
        assert_eq!(text, "1 Ready pod of web");
    }

    #[test]
    fn any_of_several_conditions_is_enough_and_each_waits_for_the_effects_by_itself() {
        let pattern = EventPattern::any(OccurrenceKind::PodReady);
        let happened =
            |at_least| Condition::Happened(HappenedSoFar { pattern: pattern.clone(), at_least, since: None });
        let settled = Condition::Settled(Span::from_secs(10));
        let either = |at_least| Conditions::from(Condition::Any(vec![happened(at_least), settled.clone()]));
        let mut state = State::default();
        let effect = Effect::PodDeletion { uid: "a".to_owned() };
        state.apply(&pod("a", Reached::Ready));
        state.expect(Expected::new(1, "replace web".to_owned(), effect, 0));
        let lacks = |until: &Conditions, now_us| missing(until, &state, &PhaseStart::default(), now_us);
        assert_eq!(lacks(&either(0), 0), None, "an event needs no effect");
        let text = lacks(&either(1), u64::MAX).unwrap();
        assert!(
            text.starts_with("none of: pod-ready has happened 0 of 1 time | `replace web` has no effect"),
            "{text}"
        );
        assert_eq!(settles_us(&either(1), &state, &PhaseStart::default(), 0), Some(10_000_000));
        assert_eq!(settles_us(&either(1), &state, &PhaseStart::default(), 10_000_000), None, "it is quiet already");
    }

    #[test]
    fn events_are_counted_from_the_start_of_the_phase_that_is_named() {
        let pattern = EventPattern::any(OccurrenceKind::NodeclaimDrifted);
        let mut state = State::default();
        state.count_occurrences(vec![pattern.clone()]);
        state.apply(&with_attributes(
            milestone(ObjectKind::NodeClaim, "a", Reached::Drifted, ""),
            10,
            &BTreeMap::new(),
        ));
        let earlier_us = BTreeMap::from([("rollout".to_owned(), 5)]);
        let start = PhaseStart::new(20, &state, &PlannedReplicas::default(), &earlier_us);
        let since = |since: Option<&str>| {
            let since = since.map(str::to_owned);
            Conditions::from(Condition::Happened(HappenedSoFar { pattern: pattern.clone(), at_least: 1, since }))
        };
        assert!(missing(&since(None), &state, &start, 30).is_some());
        assert_eq!(missing(&since(Some("rollout")), &state, &start, 30), None);
    }
}
