//! What actions set in motion: until the watches have shown it, the state is that of before, and a condition that looks at the state must not be
//! met by that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use harness_cluster::flux;
use harness_units::count;

use super::{Loss, State, short};

/// How long a watch may take to show a deletion. One that broke needs several seconds to start again.
const DELETION_LIMIT: Duration = Duration::from_secs(30);
/// How long the phase after a commit's waits for it too. Flux fetches a commit within seconds, unless the scenario keeps it from that.
pub(crate) const CARRIED_LIMIT: Duration = Duration::from_secs(30);
/// How long a change of an object may take to show. A deletion that a finalizer holds up shows later.
const CHANGE_LIMIT: Duration = Duration::from_secs(5);
/// How long the simulated Azure's facts may take.
const LOSS_LIMIT: Duration = Duration::from_secs(10);
/// How long Karpenter may take to mark NodeClaims as drifted once it knows of a new image or version: it starts again for that. A node class
/// that pins its version never drifts.
const DRIFT_LIMIT: Duration = Duration::from_secs(60);
/// How long the controller may take to start again: it reads the price list first of all.
const PRICES_LIMIT: Duration = Duration::from_secs(30);
/// Two periods of an autoscaler (`--horizontal-pod-autoscaler-sync-period` of kube-controller-manager, 15 s) and a little: it may have been
/// reading the metrics when they changed. Load that makes no difference to what it reads shows in nothing.
const LOAD_LIMIT: Duration = Duration::from_secs(35);

/// What follows an action, and how the watches show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Flux applies the commit, in these layers too, or fails at it.
    Commit { sha: String, layers: Arc<[String]> },
    /// The workload has no more pods than this besides those being deleted.
    ScaleDown { workload: String, to: u32 },
    /// The pod of this UID is being deleted.
    PodDeletion { uid: String },
    /// The NodeClaims of these UIDs are being deleted.
    NodeClaimDeletions { uids: BTreeSet<String> },
    /// A field of the object that the scenario names changes.
    Change { object: String },
    /// At least one VM crashes, is evicted or gets its notice.
    Loss(Loss),
    /// At least one of the NodeClaims of these UIDs is marked as drifted.
    Drift { uids: BTreeSet<String> },
    /// The workload's autoscaler reads other metrics.
    Load { workload: String },
    /// The NAP controller has started again and has read Azure's price list.
    PricesRead,
}

/// What the watches have shown of an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Yes,
    /// It is known not to come.
    Never,
    /// What is missing.
    NotYet(String),
}

impl Effect {
    /// How long it is waited for after the action; a commit takes as long as the phase lets it.
    pub(crate) fn limit(&self) -> Option<Duration> {
        match self {
            Self::Commit { .. } => None,
            Self::ScaleDown { .. } | Self::PodDeletion { .. } | Self::NodeClaimDeletions { .. } => Some(DELETION_LIMIT),
            Self::Change { .. } => Some(CHANGE_LIMIT),
            Self::Loss(_) => Some(LOSS_LIMIT),
            Self::Drift { .. } => Some(DRIFT_LIMIT),
            Self::Load { .. } => Some(LOAD_LIMIT),
            Self::PricesRead => Some(PRICES_LIMIT),
        }
    }

    fn shown(&self, state: &State, sent_us: u64) -> Shown {
        let when = |shown: bool, missing: &str| if shown { Shown::Yes } else { Shown::NotYet(missing.to_owned()) };
        match self {
            Self::Commit { sha, .. } if state.pushed != *sha => Shown::Never,
            Self::Commit { sha, layers } => applied(sha, layers, state, sent_us),
            Self::ScaleDown { workload, to } => scaled_down(workload, *to, state),
            Self::PodDeletion { uid } => when(!state.is_ready(uid), "the pod is not seen to be deleted"),
            Self::NodeClaimDeletions { uids } => {
                when(state.nodeclaims_staying(uids) == 0, "the NodeClaims are not seen to be deleted")
            }
            Self::Change { object } => when(state.object_seen_us(object) >= sent_us, "the change is not seen"),
            Self::Loss(loss) => when(state.loss_seen_us(*loss) >= sent_us, "no VM is seen to be lost"),
            Self::Drift { uids } => when(state.any_drifted(uids), "no NodeClaim is seen to have drifted"),
            Self::PricesRead => when(state.prices_read_us >= sent_us, "the controller has not read the prices"),
            Self::Load { workload } => {
                when(state.metrics_read_us(workload) >= sent_us, "its autoscaler has not read the metrics")
            }
        }
    }
}

/// Whether the pods that are too many are being deleted. A newer number takes the place of an older one, and an autoscaler may want more.
fn scaled_down(workload: &str, to: u32, state: &State) -> Shown {
    if state.replicas_asked(workload) != Some(to) || state.autoscaled_replicas(workload).is_some_and(|now| now > to) {
        return Shown::Never;
    }
    match state.pods_to_stay(workload).saturating_sub(to) {
        0 => Shown::Yes,
        surplus => Shown::NotYet(format!("{} of {workload} not seen to be deleted", count(surplus, "pod"))),
    }
}

/// Whether every Kustomization of the tree has applied the commit or failed at it; one that waits for another that has failed never applies it.
fn applied(sha: &str, layers: &[String], state: &State, sent_us: u64) -> Shown {
    let is = |revision: &str| revision.ends_with(sha) || state.was_pushed_by_flux_since(revision, sent_us);
    let mut failed = false;
    let mut behind = None;
    for name in std::iter::once(flux::NAME).chain(layers.iter().map(String::as_str)) {
        let revisions = state.kustomization(name);
        if is(&revisions.failed) {
            failed = true;
        } else if !is(&revisions.applied) {
            behind.get_or_insert(name);
        }
    }
    match behind {
        _ if failed => Shown::Never,
        None => Shown::Yes,
        Some(flux::NAME) => Shown::NotYet(state.commit_stage().unwrap_or_default()),
        Some(layer) => Shown::NotYet(format!("commit {} is not applied by {layer}", short(sha))),
    }
}

/// An effect that the watches have not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The action's id.
    pub(crate) id: u32,
    /// A description of the action.
    pub(crate) action: String,
    pub(crate) effect: Effect,
    pub(crate) sent_us: u64,
    /// Whether the phase of the action has ended.
    pub(crate) carried: bool,
}

impl Expected {
    /// The effect of an action that was sent now.
    pub(crate) fn new(id: u32, action: String, effect: Effect, sent_us: u64) -> Self {
        Self { id, action, effect, sent_us, carried: false }
    }

    /// What the watches have shown of it.
    pub(crate) fn shown(&self, state: &State) -> Shown {
        self.effect.shown(state, self.sent_us)
    }
}

impl State {
    /// Expects the effect of an action.
    pub(crate) fn expect(&mut self, expected: Expected) {
        self.expected.push(expected);
    }

    /// Expects the effect of the action of that id no more.
    pub(crate) fn expect_no_more(&mut self, id: u32) {
        self.expected.retain(|expected| expected.id != id);
    }

    /// The effect of the action of that id, while it is expected.
    pub(crate) fn expected(&self, id: u32) -> Option<&Expected> {
        self.expected.iter().find(|expected| expected.id == id)
    }

    /// Ends a phase. The next one waits for its commits too, unless Flux fails: a scenario may end a phase while Git is down, and go on. What the phase
    /// before has left is forgotten.
    pub(crate) fn end_phase(&mut self) {
        let flux_fails = self.source_failure.is_some() || !self.flux_failures.is_empty();
        let is_commit = |expected: &Expected| matches!(expected.effect, Effect::Commit { .. });
        self.expected.retain(|expected| !is_commit(expected) || !(expected.carried || flux_fails));
        self.expected.iter_mut().for_each(|expected| expected.carried = true);
    }

    /// After the last phase no commit is waited for.
    pub(crate) fn end_phases(&mut self) {
        self.expected.retain(|expected| !matches!(expected.effect, Effect::Commit { .. }));
    }

    /// What is missing until every action has shown its effect; `None` where nothing is.
    pub(crate) fn missing_effects(&self) -> Option<String> {
        let missing = self.expected.iter().filter_map(|expected| match expected.shown(self) {
            Shown::Yes | Shown::Never => None,
            Shown::NotYet(missing) => Some(format!("`{}` has no effect yet: {missing}", expected.action)),
        });
        let missing: Vec<String> = missing.collect();
        (!missing.is_empty()).then(|| missing.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use harness_record::Event;
    use harness_record::event::{AzureFactKind, EventKind, ObjectKind, Reached, attribute};
    use rstest::rstest;

    use super::*;
    use crate::state::tests::{fact, milestone, of_root, with_attributes};

    fn expected(effect: Effect) -> Expected {
        Expected::new(1, "the action".to_owned(), effect, 10)
    }

    fn commit(layers: &[&str]) -> Effect {
        Effect::Commit { sha: "new".to_owned(), layers: layers.iter().map(|&layer| layer.to_owned()).collect() }
    }

    /// A milestone of the layer `apps`.
    fn of_layer(reached: Reached, revision: &str) -> Event {
        let mut event = of_root(ObjectKind::Kustomization, reached, revision);
        if let EventKind::Milestone(milestone) = &mut event.kind {
            milestone.object.name = "apps".to_owned();
            milestone.object.uid = "apps".to_owned();
        }
        event
    }

    fn root(reached: Reached) -> Event {
        of_root(ObjectKind::Kustomization, reached, "main@sha1:new")
    }

    /// A commit that Flux has fetched, and these events after it.
    fn after(events: impl IntoIterator<Item = Event>) -> State {
        let mut state = State { pushed: "new".to_owned(), ..State::default() };
        state.apply(&of_root(ObjectKind::Kustomization, Reached::Healthy, "main@sha1:old"));
        state.apply(&of_root(ObjectKind::GitRepository, Reached::Fetched, "main@sha1:new"));
        events.into_iter().for_each(|event| state.apply(&event));
        state
    }

    #[rstest]
    #[case::not_applied(&[], vec![], Shown::NotYet("commit new is fetched, not applied".to_owned()))]
    #[case::applied(&[], vec![root(Reached::Applied)], Shown::Yes)]
    #[case::refused(&[], vec![root(Reached::Failed)], Shown::Never)]
    #[case::a_layer_follows(&["apps"], vec![root(Reached::Applied), of_layer(Reached::Applied, "main@sha1:old")],
        Shown::NotYet("commit new is not applied by apps".to_owned()))]
    #[case::every_layer(&["apps"], vec![root(Reached::Applied), of_layer(Reached::Applied, "main@sha1:new")], Shown::Yes)]
    #[case::a_layer_fails(&["apps", "monitoring"], vec![root(Reached::Applied), of_layer(Reached::Failed, "main@sha1:new")],
        Shown::Never)]
    fn a_commit_has_its_effect_when_every_kustomization_has_applied_it(
        #[case] layers: &[&str],
        #[case] events: Vec<Event>,
        #[case] expected_outcome: Shown,
    ) {
        assert_eq!(expected(commit(layers)).shown(&after(events)), expected_outcome);
    }

    #[test]
    fn a_newer_commit_takes_the_place_of_an_older_one() {
        let mut state = after([]);
        state.pushed = "newer".to_owned();
        assert_eq!(expected(commit(&[])).shown(&state), Shown::Never);
    }

    #[test]
    fn a_commit_is_in_what_the_image_automation_pushes_on_top_of_it() {
        let push = harness_record::event::ActionStamps {
            what: harness_record::event::ActionKind::Push { id: None, revision: "robot".to_owned() },
            phase: "p".to_owned(),
            intended_us: 20,
            sent_us: Some(20),
            acked_us: Some(20),
            error: None,
        };
        let applied = of_root(ObjectKind::Kustomization, Reached::Applied, "main@sha1:robot");
        let state = after([Event { at_us: 20, kind: EventKind::Action(push) }, applied]);
        assert_eq!(expected(commit(&[])).shown(&state), Shown::Yes);
    }

    fn claim(uid: &str, reached: Reached) -> Event {
        milestone(ObjectKind::NodeClaim, uid, reached, "")
    }

    fn uids(uids: &[&str]) -> BTreeSet<String> {
        uids.iter().map(|&uid| uid.to_owned()).collect()
    }

    #[rstest]
    #[case::deletions(Effect::NodeClaimDeletions { uids: uids(&["a", "b"]) },
        vec![claim("a", Reached::Created), claim("b", Reached::Created), claim("a", Reached::Deleting)],
        vec![claim("b", Reached::Deleted)])]
    #[case::drift(Effect::Drift { uids: uids(&["a", "b"]) },
        vec![claim("a", Reached::Created), claim("b", Reached::Created)], vec![claim("b", Reached::Drifted)])]
    #[case::the_pod(Effect::PodDeletion { uid: "p".to_owned() },
        vec![milestone(ObjectKind::Pod, "p", Reached::Ready, "web")],
        vec![milestone(ObjectKind::Pod, "p", Reached::Deleting, "web")])]
    fn an_effect_shows_when_the_watch_does(
        #[case] effect: Effect,
        #[case] before: Vec<Event>,
        #[case] then: Vec<Event>,
    ) {
        let mut state = State::default();
        before.iter().for_each(|event| state.apply(event));
        assert!(matches!(expected(effect.clone()).shown(&state), Shown::NotYet(_)));
        then.iter().for_each(|event| state.apply(event));
        assert_eq!(expected(effect).shown(&state), Shown::Yes);
    }

    #[test]
    fn a_loss_counts_from_the_action_that_causes_it() {
        let loss = |state: &State| expected(Effect::Loss(Loss::Eviction)).shown(state);
        let evicted = |occurred_us| {
            let mut event = fact(AzureFactKind::SpotEvicted, "vm");
            if let EventKind::Azure(fact) = &mut event.kind {
                fact.occurred_us = occurred_us;
            }
            event
        };
        let mut state = State::default();
        state.apply(&evicted(9));
        assert!(matches!(loss(&state), Shown::NotYet(_)), "one of before");
        state.apply(&fact(AzureFactKind::VmCrashed, "other"));
        assert!(matches!(loss(&state), Shown::NotYet(_)), "another kind");
        state.apply(&evicted(11));
        assert_eq!(loss(&state), Shown::Yes);
    }

    #[test]
    fn an_autoscaler_shows_a_load_by_what_it_has_read() {
        let load = |state: &State| expected(Effect::Load { workload: "web".to_owned() }).shown(state);
        let mut state = State::default();
        state.set_autoscaler("web", 1, "10".to_owned(), 5);
        state.set_autoscaler("web", 2, "10".to_owned(), 12);
        assert!(matches!(load(&state), Shown::NotYet(_)), "its decision on the load of before");
        state.set_autoscaler("web", 2, "20".to_owned(), 15);
        assert_eq!(load(&state), Shown::Yes);
    }

    /// Before, the end of the phase ended the wait for the commit, and the next phase looked at what was before it.
    #[test]
    fn the_next_phase_waits_for_a_commit_too_and_the_one_after_it_does_not() {
        let mut state = after([]);
        state.expect(expected(commit(&[])));
        let missing = Some("`the action` has no effect yet: commit new is fetched, not applied".to_owned());
        state.end_phase();
        assert_eq!(state.missing_effects(), missing);
        state.end_phase();
        assert_eq!(state.missing_effects(), None);
    }

    #[rstest]
    #[case::git_is_down(of_root(ObjectKind::GitRepository, Reached::Failed, "").kind)]
    #[case::flux_refuses(EventKind::Reason(harness_record::event::Reason {
        kind: "Kustomization".to_owned(),
        name: flux::NAME.to_owned(),
        reason: "HealthCheckFailed".to_owned(),
        message: "not ready".to_owned(),
        severity: "Warning".to_owned(),
    }))]
    fn a_commit_that_flux_fails_at_ends_with_its_phase(#[case] mut failure: EventKind) {
        if let EventKind::Milestone(milestone) = &mut failure {
            milestone.attributes.insert(attribute::SAYS.to_owned(), "503".to_owned());
        }
        let mut state =
            after([Event { at_us: 10, kind: failure }, milestone(ObjectKind::Pod, "p", Reached::Ready, "web")]);
        state.expect(expected(commit(&[])));
        state.expect(Expected { id: 2, ..expected(Effect::PodDeletion { uid: "p".to_owned() }) });
        state.end_phase();
        let missing = state.missing_effects().unwrap();
        assert_eq!(missing, "`the action` has no effect yet: the pod is not seen to be deleted");
    }

    #[rstest]
    #[case::newer(3, None, Shown::Never)]
    #[case::autoscaled(1, Some(2), Shown::Never)]
    #[case::too_many(1, None, Shown::NotYet("1 pod of web not seen to be deleted".to_owned()))]
    #[case::autoscaled_down(1, Some(1), Shown::NotYet("1 pod of web not seen to be deleted".to_owned()))]
    fn fewer_replicas_show_in_the_pods_that_stay(
        #[case] asked: u32,
        #[case] autoscaled: Option<u32>,
        #[case] shown: Shown,
    ) {
        let mut state = State::default();
        for uid in ["a", "b", "c"] {
            state.apply(&milestone(ObjectKind::Pod, uid, Reached::Scheduled, "web"));
        }
        state.apply(&milestone(ObjectKind::Pod, "c", Reached::Deleting, "web"));
        state.ask_for_replicas("web", asked);
        if let Some(replicas) = autoscaled {
            state.set_autoscaler("web", replicas, String::new(), 0);
        }
        let effect = expected(Effect::ScaleDown { workload: "web".to_owned(), to: 1 });
        assert_eq!(effect.shown(&state), shown);
    }

    /// A Ready pod on the node `vm`.
    fn with_a_pod() -> State {
        let mut state = State::default();
        let node = BTreeMap::from([(attribute::NODE.to_owned(), "vm".to_owned())]);
        state.apply(&with_attributes(milestone(ObjectKind::Pod, "p", Reached::Scheduled, "web"), 1, &node));
        state.apply(&milestone(ObjectKind::Pod, "p", Reached::Ready, "web"));
        state.apply(&node_reached(Reached::Ready));
        state
    }

    fn node_reached(reached: Reached) -> Event {
        let mut event = milestone(ObjectKind::Node, "n", reached, "");
        if let EventKind::Milestone(milestone) = &mut event.kind {
            milestone.object.name = "vm".to_owned();
        }
        event
    }

    /// Until the API server has marked such pods, "all pods Ready" held: after an eviction it was reached after 5 microseconds.
    #[rstest]
    #[case::evicted(fact(AzureFactKind::SpotEvicted, "vm"))]
    #[case::crashed(fact(AzureFactKind::VmCrashed, "vm"))]
    #[case::node_not_ready(node_reached(Reached::NotReady))]
    #[case::node_deleted(node_reached(Reached::Deleted))]
    fn a_pod_on_a_lost_node_is_not_ready(#[case] loss: Event) {
        let mut state = with_a_pod();
        assert_eq!(state.ready_pods(), BTreeMap::from([("web", 1)]));
        state.apply(&loss);
        assert_eq!(state.ready_pods(), BTreeMap::new());
    }

    #[test]
    fn a_pod_on_a_vm_with_a_notice_is_ready_and_does_not_stay() {
        let mut state = with_a_pod();
        state.apply(&fact(AzureFactKind::SpotNotice, "vm"));
        assert_eq!(state.ready_pods(), BTreeMap::from([("web", 1)]));
        assert_eq!(state.ready_pods_on_notice(), BTreeMap::from([("web", 1)]));
        state.apply(&fact(AzureFactKind::VmAccepted, "vm"));
        assert_eq!(state.ready_pods_on_notice(), BTreeMap::new(), "another VM of the same name");
    }

    #[test]
    fn a_vm_that_runs_again_is_not_lost() {
        let mut state = with_a_pod();
        state.apply(&fact(AzureFactKind::VmCrashed, "vm"));
        state.apply(&node_reached(Reached::NotReady));
        assert_eq!(state.ready_pods(), BTreeMap::new());
        state.apply(&node_reached(Reached::Ready));
        assert_eq!(state.ready_pods(), BTreeMap::from([("web", 1)]));
    }
}
