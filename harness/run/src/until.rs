//! The conditions that end phases: whether one holds, or what is missing.

use std::collections::BTreeSet;

use harness_cluster::flux;
use harness_plan::{Condition, Conditions, EventPattern, HappenedSoFar};

use crate::state::State;
use crate::wanted::Wanted;

/// What conditions compare the present with: how things were when the phase began, and what the plan asks for by now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beginning {
    /// When, in microseconds since the run began.
    pub(crate) began_us: u64,
    /// When the last of its actions was answered: what they cause takes a moment to show.
    pub(crate) acted_us: u64,
    /// UIDs of the NodeClaims that were there.
    pub(crate) nodeclaims: BTreeSet<String>,
    pub(crate) wanted: Wanted,
}

impl Beginning {
    /// How things are now.
    pub(crate) fn of(state: &State, began_us: u64, wanted: &Wanted) -> Self {
        let nodeclaims = state.nodeclaim_uids().map(str::to_owned).collect();
        Self { began_us, acted_us: began_us, nodeclaims, wanted: wanted.clone() }
    }
}

/// Whether the conditions hold, or what is missing in words. `now_us` matters to [`Condition::Settled`] alone.
pub(crate) fn reached(until: &Conditions, state: &State, begin: &Beginning, now_us: u64) -> Result<(), String> {
    let missing: Vec<String> =
        until.0.iter().filter_map(|condition| holds(condition, state, begin, now_us).err()).collect();
    met(missing.is_empty(), || missing.join("; "))
}

fn holds(condition: &Condition, state: &State, begin: &Beginning, now_us: u64) -> Result<(), String> {
    match condition {
        Condition::AllPodsReady => begin.wanted.met(state),
        Condition::NoPods => met(state.pods() == 0, || format!("{} pods left", state.pods())),
        Condition::NoNodes => {
            let empty =
                state.nodeclaims().next().is_none() && state.nodes().next().is_none() && state.vms().next().is_none();
            met(empty, || format!("left: {}", state.fleet()))
        }
        Condition::AllNodesReplaced => {
            let old = state.nodeclaims_among(&begin.nodeclaims);
            met(old.is_empty(), || {
                let count = begin.nodeclaims.len();
                format!("{} of the {count} NodeClaims of before are left: {}", old.len(), few(&old))
            })?;
            begin.wanted.met(state)
        }
        Condition::Settled(span) => {
            let (last_us, what) = state.last_activity();
            let quiet_us = now_us.saturating_sub((*last_us).max(begin.acted_us));
            met(quiet_us >= span.as_micros(), || {
                let quiet = harness_units::Span::from_millis(quiet_us / 1_000);
                format!("quiet for {quiet} only; last: {}", if what.is_empty() { "nothing" } else { what.as_str() })
            })
        }
        Condition::Happened(HappenedSoFar { pattern, at_least }) => happened(pattern, *at_least, state, begin),
        Condition::Notified(notified) => happened(&notified.notification.pattern(), notified.at_least, state, begin),
        Condition::Nodes(nodes) => {
            let count = state.wanted_nodeclaims(nodes.nodepool.as_deref());
            let of = nodes.nodepool.as_ref().map_or(String::new(), |pool| format!(" of {pool}"));
            met(nodes.bounds.hold(count), || format!("{count} NodeClaims{of} that are not being deleted"))
        }
        Condition::ReadyPods(pods) => {
            let workload = &pods.workload;
            let count = state.ready_pods().get(workload.as_str()).copied().unwrap_or(0);
            met(pods.bounds.hold(count), || format!("{count} Ready pods of {workload}"))
        }
        Condition::Field(field) => {
            let value = state.field(&field.object, &field.path);
            met(field.value.matches(value), || {
                let is = value.map_or("is not there".to_owned(), |value| format!("is {value}"));
                format!("{}: {} {is}", field.object, field.path)
            })
        }
        Condition::InForce => in_force(state),
    }
}

/// The moment at which the parts that wait for quiet hold if nothing more happens, in microseconds since the run began; 0 where
/// there are none.
pub(crate) fn settles_us(until: &Conditions, state: &State, begin: &Beginning) -> u64 {
    let quiet_us = until.0.iter().filter_map(|condition| match condition {
        Condition::Settled(span) => Some(span.as_micros()),
        _ => None,
    });
    quiet_us.max().map_or(0, |quiet_us| state.last_activity().0.max(begin.acted_us) + quiet_us)
}

/// How far the newest revision has come where it is not in force.
fn in_force(state: &State) -> Result<(), String> {
    let is = |revision: &str| !state.pushed.is_empty() && revision.ends_with(&state.pushed);
    let root = state.kustomization(flux::NAME);
    met(is(&root.healthy), || {
        let step = match () {
            () if is(&root.applied) => "applied, its health checks have not passed",
            () if is(&state.fetched) => "fetched, not applied",
            () => "pushed, not fetched",
        };
        let said = state.flux_failures.get(flux::NAME).map_or(String::new(), |said| format!("; Flux says: {said}"));
        format!("commit {} is {step}{said}", state.pushed.get(..12).unwrap_or(&state.pushed))
    })
}

fn happened(pattern: &EventPattern, at_least: u32, state: &State, begin: &Beginning) -> Result<(), String> {
    let count = state.happened(pattern, begin.began_us);
    met(count >= at_least, || format!("{pattern} has happened {count} times of {at_least}"))
}

fn met(met: bool, missing: impl FnOnce() -> String) -> Result<(), String> {
    if met { Ok(()) } else { Err(missing()) }
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
    use harness_plan::{
        Action, Autoscale, AutoscaleOn, Bounds, Field, NodeCount, OccurrenceKind, Phase, Plan, PlannedAction,
        ReadyPods, Workload,
    };
    use harness_record::event::{AzureFactKind, FieldValue, ObjectKind, Reached, Seen, attribute};
    use harness_record::{Event, EventKind};
    use harness_units::Span;
    use std::collections::BTreeMap;

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
        Phase {
            name: "p".to_owned(),
            actions: vec![PlannedAction { id: 0, at_us: 0, action }],
            until: None,
            within: None,
            hold: None,
        }
    }

    fn pod(uid: &str, reached: Reached) -> Event {
        milestone(ObjectKind::Pod, uid, reached, "web")
    }

    fn begin(wanted: Wanted, state: &State) -> Beginning {
        Beginning::of(state, 0, &wanted)
    }

    #[test]
    fn all_pods_ready_means_as_many_as_were_asked_for() {
        let mut wanted = Wanted::new(&plan(vec![workload("web"), workload("idle")]));
        wanted.plan(&scale("web", 2));
        let mut state = State::default();
        let begin = begin(wanted, &state);
        state.apply(&pod("a", Reached::Ready));
        let missing = reached(&Condition::AllPodsReady.into(), &state, &begin, 0);
        assert_eq!(missing, Err("web: 1 of 2 pods Ready".to_owned()));
        state.apply(&pod("b", Reached::Ready));
        assert_eq!(reached(&Condition::AllPodsReady.into(), &state, &begin, 0), Ok(()));
        state.apply(&pod("c", Reached::Ready));
        assert!(
            reached(&Condition::AllPodsReady.into(), &state, &begin, 0).is_err(),
            "one too many is not what was asked for"
        );
    }

    #[test]
    fn nobody_waits_for_a_negative_control() {
        let mut wanted = Wanted::new(&plan(vec![Workload { stays_pending: true, ..workload("web") }]));
        wanted.plan(&scale("web", 2));
        let state = State::default();
        assert_eq!(reached(&Condition::AllPodsReady.into(), &state, &begin(wanted, &state), 0), Ok(()));
    }

    #[test]
    fn an_autoscaler_decides_how_many_are_asked_for() {
        let autoscale = Autoscale { min: 1, max: 9, on: AutoscaleOn::CpuPercent(50), scale_down_after: Span::ZERO };
        let mut wanted = Wanted::new(&plan(vec![Workload { autoscale: Some(autoscale), ..workload("web") }]));
        let mut state = State::default();
        assert_eq!(
            reached(&Condition::AllPodsReady.into(), &state, &begin(wanted.clone(), &state), 0),
            Ok(()),
            "it sleeps"
        );
        wanted.plan(&scale("web", 3));
        state.apply(&pod("a", Reached::Ready));
        assert_eq!(
            reached(&Condition::AllPodsReady.into(), &state, &begin(wanted.clone(), &state), 0),
            Ok(()),
            "its minimum"
        );
        state.autoscaler_decided("web", 2);
        let missing = reached(&Condition::AllPodsReady.into(), &state, &begin(wanted, &state), 0);
        assert_eq!(missing, Err("web: 1 of 2 pods Ready".to_owned()));
    }

    #[test]
    fn in_force_means_the_newest_revision() {
        let mut state = State::default();
        let is = |state: &State| reached(&Condition::InForce.into(), state, &Beginning::default(), 0);
        assert!(is(&state).is_err(), "nothing was pushed yet");
        state.apply(&of_root(ObjectKind::Kustomization, Reached::Healthy, "main@sha1:aaaa"));
        state.pushed = "aaaa".to_owned();
        assert_eq!(is(&state), Ok(()));
        state.pushed = "bbbb".to_owned();
        assert_eq!(is(&state), Err("commit bbbb is pushed, not fetched".to_owned()));
        state.apply(&of_root(ObjectKind::GitRepository, Reached::Fetched, "main@sha1:bbbb"));
        state.apply(&of_root(ObjectKind::Kustomization, Reached::Applied, "main@sha1:bbbb"));
        assert!(is(&state).unwrap_err().contains("health checks have not passed"));
        state.apply(&of_root(ObjectKind::Kustomization, Reached::Healthy, "main@sha1:bbbb"));
        assert_eq!(is(&state), Ok(()));
    }

    #[test]
    fn no_nodes_waits_for_the_last_of_all_three() {
        let mut state = State::default();
        assert_eq!(reached(&Condition::NoNodes.into(), &state, &Beginning::default(), 0), Ok(()));
        state.apply(&fact(AzureFactKind::VmAccepted, "vm"));
        let missing = reached(&Condition::NoNodes.into(), &state, &Beginning::default(), 0).unwrap_err();
        assert!(missing.contains("1 VM"), "{missing}");
    }

    #[test]
    fn replaced_means_the_old_ones_are_gone_not_that_there_are_none() {
        let mut state = State::default();
        state.apply(&milestone(ObjectKind::NodeClaim, "old", Reached::Created, ""));
        let begin = begin(Wanted::default(), &state);
        state.apply(&milestone(ObjectKind::NodeClaim, "new", Reached::Created, ""));
        let missing = reached(&Condition::AllNodesReplaced.into(), &state, &begin, 0).unwrap_err();
        assert!(missing.contains("1 of the 1 NodeClaims of before are left: name-old"), "{missing}");
        state.apply(&milestone(ObjectKind::NodeClaim, "old", Reached::Deleted, ""));
        assert_eq!(reached(&Condition::AllNodesReplaced.into(), &state, &begin, 0), Ok(()));
    }

    #[test]
    fn settled_counts_from_the_last_that_happened_or_from_the_begin() {
        let mut state = State::default();
        let until = Conditions::from(Condition::Settled(Span::from_secs(10)));
        let begin = Beginning { acted_us: 5_000_000, ..Beginning::default() };
        assert_eq!(settles_us(&until, &state, &begin), 15_000_000);
        assert!(reached(&until, &state, &begin, 14_000_000).is_err());
        assert_eq!(reached(&until, &state, &begin, 15_000_000), Ok(()));
        let mut event = milestone(ObjectKind::NodeClaim, "c", Reached::Created, "");
        event.at_us = 9_000_000;
        state.apply(&event);
        let missing = reached(&until, &state, &begin, 15_000_000).unwrap_err();
        assert_eq!(missing, "quiet for 6s only; last: NodeClaim name-c Created");
        assert_eq!(reached(&until, &state, &begin, 19_000_000), Ok(()));
        assert_eq!(
            settles_us(&Conditions(vec![Condition::NoPods, Condition::Settled(Span::from_secs(10))]), &state, &begin),
            19_000_000
        );
        assert_eq!(settles_us(&Condition::NoPods.into(), &state, &begin), 0, "nothing waits for quiet");
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
    fn a_field_is_what_was_seen_last() {
        let mut state = State::default();
        let until = |value: serde_json::Value| {
            let value = serde_json::from_value(value).unwrap();
            let path = "spec.replicas".parse().unwrap();
            Conditions::from(Condition::Field(Field { object: "demo".to_owned(), path, value }))
        };
        let two = until(serde_json::json!({"is": 2}));
        let missing = reached(&two, &state, &Beginning::default(), 0).unwrap_err();
        assert_eq!(missing, "demo: spec.replicas is not there");
        state.apply(&field("spec.replicas", Some(5.into())));
        let missing = reached(&two, &state, &Beginning::default(), 0).unwrap_err();
        assert_eq!(missing, "demo: spec.replicas is 5");
        state.apply(&field("spec.replicas", Some(2.into())));
        assert_eq!(reached(&two, &state, &Beginning::default(), 0), Ok(()));
        state.apply(&field("spec.replicas", None));
        let gone = until(serde_json::json!({"present": false}));
        assert_eq!(reached(&gone, &state, &Beginning::default(), 0), Ok(()));
    }

    #[test]
    fn of_several_conditions_all_must_hold_and_what_is_missing_of_each_is_said() {
        let mut state = State::default();
        state.apply(&pod("a", Reached::Ready));
        state.apply(&fact(AzureFactKind::VmAccepted, "vm"));
        let until = Conditions(vec![Condition::NoPods, Condition::NoNodes]);
        let missing = reached(&until, &state, &Beginning::default(), 0).unwrap_err();
        assert!(missing.starts_with("1 pods left; left: "), "{missing}");
        state.apply(&pod("a", Reached::Deleted));
        assert!(reached(&until, &state, &Beginning::default(), 0).is_err());
        state.apply(&fact(AzureFactKind::VmDeleted, "vm"));
        assert_eq!(reached(&until, &state, &Beginning::default(), 0), Ok(()));
    }

    #[test]
    fn what_happened_before_the_phase_does_not_count() {
        let pattern =
            EventPattern { nodepool: Some("web".to_owned()), ..EventPattern::any(OccurrenceKind::NodeclaimDrifted) };
        let mut state = State::default();
        state.count(vec![pattern.clone()]);
        let pool = BTreeMap::from([(attribute::NODEPOOL.to_owned(), "web".to_owned())]);
        for (at_us, uid) in [(10, "a"), (20, "b"), (30, "c")] {
            state.apply(&with_attributes(milestone(ObjectKind::NodeClaim, uid, Reached::Created, ""), at_us, &pool));
            state.apply(&with_attributes(
                milestone(ObjectKind::NodeClaim, uid, Reached::Drifted, ""),
                at_us,
                &BTreeMap::new(),
            ));
        }
        let begin = Beginning { began_us: 20, ..Beginning::default() };
        let until =
            |at_least| Conditions::from(Condition::Happened(HappenedSoFar { pattern: pattern.clone(), at_least }));
        assert_eq!(reached(&until(2), &state, &begin, 0), Ok(()));
        let missing = reached(&until(3), &state, &begin, 0).unwrap_err();
        assert_eq!(missing, "nodeclaim-drifted (nodepool web) has happened 2 times of 3");
    }

    #[test]
    fn nodes_are_those_of_the_pool_that_stay() {
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
        let reached = |until: &Conditions| reached(until, &state, &Beginning::default(), 0);
        assert_eq!(reached(&nodes("web", Some(1), Some(1))), Ok(()));
        assert_eq!(reached(&nodes("other", None, Some(0))), Ok(()));
        let missing = reached(&nodes("web", Some(2), None)).unwrap_err();
        assert_eq!(missing, "1 NodeClaims of web that are not being deleted");
    }

    #[test]
    fn ready_pods_are_counted_between_bounds() {
        let mut state = State::default();
        state.apply(&pod("a", Reached::Ready));
        let until = |at_least, at_most| {
            let bounds = Bounds { at_least, at_most };
            Conditions::from(Condition::ReadyPods(ReadyPods { workload: "web".to_owned(), bounds }))
        };
        assert_eq!(reached(&until(Some(1), None), &state, &Beginning::default(), 0), Ok(()));
        let missing = reached(&until(None, Some(0)), &state, &Beginning::default(), 0).unwrap_err();
        assert_eq!(missing, "1 Ready pods of web");
    }
}
