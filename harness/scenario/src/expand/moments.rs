//! The tree over the course of the phases: what is in it before the first one, and after each push.

use std::ops::Range;

use super::edits::Edits;
use super::hand_changes::{HandChange, hand_changes};
use super::inputs::Inputs;
use super::pruning::Stays;
use super::pushes::{Push, pushes};
use crate::model::{PhaseSpec, ScenarioFile};
use harness_plan::{
    Action, ChangeKind, Check, Condition, Field, NotificationFilter, ObjectAddress, ObjectRef, OccurrenceKind,
    Severity as NotificationSeverity,
};
use harness_tree::{History, NodeConfigTree, NodePool, Placeholders, SourceFile, TreeReading, examine};
use harness_yaml::Diagnostic;

/// What Flux applies from one push to the next.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// The phase of the push, by its index.
    phase: usize,
    /// When, in microseconds since the start of that phase.
    at_us: u64,
    pub(super) pools: Vec<NodePool>,
    /// Pools that have left the tree, as they were, and that the cluster may still have.
    pub(super) leftovers: Vec<NodePool>,
    pub(super) objects: Vec<ObjectAddress>,
    /// Whether more may come of it than these objects.
    pub(super) open_ended: bool,
}

impl Moment {
    fn new(phase: usize, at_us: u64, tree: &NodeConfigTree) -> Self {
        let NodeConfigTree { pools, objects, open_ended, .. } = tree;
        let leftovers = Vec::new();
        Self { phase, at_us, pools: pools.clone(), leftovers, objects: objects.clone(), open_ended: *open_ended }
    }

    /// A pool that the cluster has or may still have.
    pub(super) fn pool(&self, name: &str) -> Option<&NodePool> {
        self.pools.iter().chain(&self.leftovers).find(|pool| pool.name == name)
    }
}

/// All of them, in the order of time. The first is before the first phase.
#[derive(Clone, Debug)]
pub(super) struct Moments(Vec<Moment>);

impl Moments {
    pub(super) fn all(&self) -> &[Moment] {
        &self.0
    }

    /// From the start of the run to the end of a phase.
    pub(super) fn until(&self, phase: usize) -> &[Moment] {
        let end = self.0.iter().skip(1).take_while(|moment| moment.phase <= phase).count();
        &self.0[..=end]
    }

    /// From the start of the run to a time in a phase.
    pub(super) fn until_time(&self, phase: usize, at_us: u64) -> &[Moment] {
        let is_before = |moment: &&Moment| (moment.phase, moment.at_us) <= (phase, at_us);
        &self.0[..=self.0.iter().skip(1).take_while(is_before).count()]
    }

    /// The phase, by its index, whose push has removed a pool that is gone for certain at a time in a later phase.
    pub(super) fn removed_by(&self, pool: &str, phase: usize, at_us: u64) -> Option<usize> {
        let so_far = self.until_time(phase, at_us);
        let last = so_far.iter().rposition(|moment| moment.pool(pool).is_some())?;
        // The push is where the tree lost it; the pool itself goes with the end of the phase.
        let push = so_far.iter().rposition(|moment| moment.pools.iter().any(|known| known.name == pool))?;
        (last + 1 < so_far.len()).then(|| so_far[push + 1].phase)
    }

    /// Those that are in force from a time in a phase to the end of the same or a later one, by their indices.
    pub(super) fn between(&self, phase: usize, at_us: u64, last: usize) -> Range<usize> {
        self.until_time(phase, at_us).len() - 1..self.until(last).len()
    }
}

/// Makes every push, and returns what is wrong with them. A commit that the API server refuses, or that makes a tree that cannot work, is an
/// error of the scenario, unless the scenario says that Flux fails at it: by a condition or an expectation about its phase, or about one
/// after it before the next push. Flux then goes on with what was in force.
pub(super) fn moments(inputs: &Inputs<'_>) -> (Moments, Vec<Diagnostic>) {
    let mut course = Course {
        inputs,
        history: History::new(inputs.tree.files.clone()),
        reading: TreeReading { tree: inputs.tree.clone(), accepted: true },
        moments: vec![Moment::new(0, 0, inputs.tree)],
        diagnostics: Vec::new(),
    };
    let mut by_hand = hand_changes(&inputs.bound.file).into_iter().peekable();
    for push in pushes(&inputs.bound.file.phases, inputs.seed) {
        let is_due = |change: &HandChange<'_>| (change.phase, change.at_us) < (push.phase, push.at_us);
        while let Some(change) = by_hand.next_if(is_due) {
            course.change(&change);
        }
        // What is wrong with the first of several commits is wrong with all of them.
        let is_said = course.diagnostics.iter().any(|(action, _)| *action == push.asked.mark.offset);
        if let Err(diagnostic) = course.push(&push)
            && !is_said
        {
            course.diagnostics.push((push.asked.mark.offset, diagnostic));
        }
    }
    by_hand.for_each(|change| course.change(&change));
    (
        Moments(with_leftovers(course.moments, &Stays::of(&inputs.bound.file))),
        course.diagnostics.into_iter().map(|(_, diagnostic)| diagnostic).collect(),
    )
}

/// Adds to each moment the pools that the cluster may have beside those of the tree. One that nothing keeps is pruned when the phase of the push
/// is over: within the phase nobody knows when. The start of the next phase is a moment of its own.
fn with_leftovers(moments: Vec<Moment>, stays: &Stays) -> Vec<Moment> {
    let mut all: Vec<Moment> = Vec::new();
    for mut moment in moments {
        let after = all.last().and_then(|last| after_its_phase(last, stays));
        all.extend(after.filter(|after| after.phase <= moment.phase));
        if let Some(last) = all.last() {
            let known = last.pools.iter().chain(&last.leftovers);
            let left = known.filter(|pool| !moment.pools.iter().any(|now| now.name == pool.name));
            moment.leftovers = left.cloned().collect();
        }
        all.push(moment);
    }
    let after = all.last().and_then(|last| after_its_phase(last, stays));
    all.extend(after);
    all
}

/// The start of the phase after the push, where something is pruned by then.
fn after_its_phase(moment: &Moment, stays: &Stays) -> Option<Moment> {
    let kept = moment.leftovers.iter().filter(|pool| stays.may_keep(pool, moment.phase));
    let leftovers: Vec<NodePool> = kept.cloned().collect();
    let is_pruned = leftovers.len() < moment.leftovers.len();
    is_pruned.then(|| Moment { phase: moment.phase + 1, at_us: 0, leftovers, ..moment.clone() })
}

struct Course<'a> {
    inputs: &'a Inputs<'a>,
    history: History<()>,
    /// The newest commit, whether Flux applies it or not.
    reading: TreeReading,
    moments: Vec<Moment>,
    /// With the offset of the action.
    diagnostics: Vec<(usize, Diagnostic)>,
}

impl Course<'_> {
    /// A patch of an object of the tree, which the API server takes or refuses; the tree stays as it is.
    fn change(&mut self, change: &HandChange<'_>) {
        let ChangeKind::Patch(patch) = change.kind else { return };
        let ObjectAddress { kind, name, namespace, .. } = change.at;
        let mut alike = self.reading.tree.objects.iter().filter(|known| known.kind == *kind && known.name == *name);
        // By its kind and name alone, since a patch of the tree says no more.
        if !matches!((alike.next(), alike.next()), (Some(known), None) if known.namespace == *namespace) {
            return;
        }
        let object = ObjectRef { kind: kind.clone(), name: Some(name.clone()) };
        let edits = Edits::by_hand(self.inputs.scenario, change.mark, object, patch.clone());
        let Ok(files) = edits.make(self.history.files(), &self.reading.tree) else { return };
        let after = examine(&self.inputs.tree.source, &files);
        for complaint in edits.complaints(&self.reading, &after, self.inputs.skus) {
            self.diagnostics.push((change.mark.offset, complaint.diagnostic));
        }
    }

    fn push(&mut self, push: &Push<'_>) -> Result<(), Diagnostic> {
        let mark = push.asked.mark;
        let edits = Edits::of_action(
            self.inputs.scenario,
            mark,
            push.action.as_str(),
            push.action.edits(),
            push.asked.variant.edits().len(),
        );
        let filled = |files: Vec<SourceFile>| {
            let filled = Placeholders::fill_for_a_plan(files);
            filled.map_err(|error| edits.error_of_all(error.to_string(), "correct the placeholder".to_owned()))
        };
        let impossible = |error: harness_tree::HistoryError, key: &[&str]| {
            let path: Vec<String> = key.iter().map(|key| (*key).to_owned()).collect();
            let hint = "commit something before it; the tree that the run starts with is not a commit of the scenario";
            edits.error(&path, false, error.to_string(), hint.to_owned())
        };
        let mut onto = None;
        match &push.action {
            Action::Revert(_) => {
                let before = self.history.newest().map_err(|error| impossible(error, &["revert"]))?.1.to_vec();
                self.history.replace_files(before);
                self.history.reverted();
            }
            Action::ForcePush(force) => {
                let (_, before) =
                    self.history.dropped(force.back).map_err(|error| impossible(error, &["forcePush", "back"]))?;
                let reading = examine(&self.inputs.tree.source, before);
                let files = filled(edits.make(before, &reading.tree)?)?;
                self.history.replace_files(files);
                self.history.rewritten(force.back, ());
                onto = Some(reading);
            }
            _ => {
                let files = filled(edits.make(self.history.files(), &self.reading.tree)?)?;
                let before = self.history.replace_files(files);
                self.history.committed((), before);
            }
        }
        if !push.stands_for_others {
            return Ok(());
        }
        let after = examine(&self.inputs.tree.source, self.history.files());
        let complaints = match &push.action {
            // It goes back to what has been looked at.
            Action::Revert(_) => Vec::new(),
            _ => edits.complaints(onto.as_ref().unwrap_or(&self.reading), &after, self.inputs.skus),
        };
        if after.accepted {
            self.moments.push(Moment::new(push.phase, push.at_us, &after.tree));
        }
        self.reading = after;
        let is_wanted = flux_is_to_fail(&self.inputs.bound.file, push.phase);
        for complaint in complaints.into_iter().filter(|complaint| !(complaint.shows && is_wanted)) {
            let mut diagnostic = complaint.diagnostic;
            if let Some(hint) = diagnostic.hint.as_mut().filter(|_| complaint.shows) {
                // What is asked, as in "did you mean `limits`?", has its end.
                hint.push_str(if hint.ends_with('?') { " Where" } else { "; where" });
                hint.push_str(MEANT);
            }
            self.diagnostics.push((mark.offset, diagnostic));
        }
        Ok(())
    }
}

const MEANT: &str = " Flux is to refuse it, say so in this phase: `until: {happened: {what: kustomization-failed}}`";

/// Whether a scenario says that Flux fails at what is pushed in a phase.
fn flux_is_to_fail(file: &ScenarioFile, pushed_in: usize) -> bool {
    let pushes = |phase: &PhaseSpec| phase.actions.iter().any(|action| action.variant.pushes());
    let rest = file.phases.get(pushed_in..).unwrap_or_default();
    let quiet = rest.iter().skip(1).take_while(|phase| !pushes(phase)).count();
    let about = || rest.iter().take(1 + quiet);
    let awaited = about().flat_map(|phase| &phase.until).flat_map(|until| &until.value.0);
    let is_about = |phases: &[String]| phases.is_empty() || about().any(|phase| phases.contains(&phase.name.value));
    awaited.into_iter().any(|condition| awaits_failure(condition, file))
        || file
            .expect
            .iter()
            .any(|expected| is_about(expected.variant.scope().phases) && expects_failure(&expected.variant, file))
}

fn awaits_failure(condition: &Condition, file: &ScenarioFile) -> bool {
    match condition {
        Condition::Happened(happened) => happened.pattern.what == OccurrenceKind::KustomizationFailed,
        Condition::Notified(notified) => is_of_errors(&notified.notification.filter),
        Condition::Field(field) => is_failure(field, file),
        Condition::Any(alternatives) => alternatives.iter().any(|condition| awaits_failure(condition, file)),
        Condition::AllPodsReady
        | Condition::NoPods
        | Condition::NoNodes
        | Condition::AllNodesReplaced
        | Condition::Settled(_)
        | Condition::Nodes(_)
        | Condition::ReadyPods(_)
        | Condition::InForce => false,
    }
}

fn expects_failure(check: &Check, file: &ScenarioFile) -> bool {
    match check {
        Check::Happened(happened) => {
            happened.pattern.what == OccurrenceKind::KustomizationFailed && happened.bounds.at_most != Some(0)
        }
        Check::Notified(notified) => is_of_errors(&notified.notification.filter) && notified.bounds.at_most != Some(0),
        Check::Field(expected) => is_failure(&expected.field, file),
        _ => false,
    }
}

fn is_of_errors(filter: &NotificationFilter) -> bool {
    filter.severity == Some(NotificationSeverity::Error)
}

/// Whether a field says that a Kustomization is not ready.
fn is_failure(field: &Field, file: &ScenarioFile) -> bool {
    let is_kustomization = file.objects.get(&field.object).is_some_and(|object| object.kind == "Kustomization");
    let value = field.value.is.as_ref().and_then(serde_json::Value::as_str);
    let (path, value) = (field.path.as_str(), value.unwrap_or_default());
    is_kustomization
        && path.starts_with("status.conditions[type=Ready].")
        && (value == "False" || value.ends_with("Failed"))
}
