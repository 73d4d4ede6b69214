//! Changes by hand that the run or the API server refuses for certain. Patches of objects of the tree are looked at together with the
//! pushes, since what they come to depends on the tree of that moment.
//!
//! Much cannot be known: Flux creates what was deleted, and controllers create objects of their own, with the labels of those that they
//! are for. What may be theirs is left alone.

use super::hand_changes::{HandChange, hand_changes};
use super::inputs::Inputs;
use super::moments::{Moment, Moments};
use super::references::{DECLARED, FLUX_NAMESPACE, FLUX_OBJECTS, RUN_NAMESPACE, pruned};
use harness_plan::{ChangeKind, ObjectAddress};
use harness_tree::check_manifest;
use harness_yaml::{Diagnostic, Node, Problem};
use serde_json::Value;

/// Kinds that somebody declares, as those of `DECLARED`, but of which a cluster has some from the start.
const ALSO_DECLARED: [&str; 3] = ["ConfigMap", "Namespace", "ServiceAccount"];
/// Kinds whose objects may stay for a while after they are deleted: a controller finishes with them first.
const FINISHED_LATER: [&str; 4] = ["Ingress", "Namespace", "PersistentVolumeClaim", "Service"];

/// What is refused, in the order of time.
pub(super) fn refused(inputs: &Inputs<'_>, moments: &Moments) -> Vec<Diagnostic> {
    let changes = hand_changes(&inputs.bound.file);
    let file = inputs.scenario.file();
    let mut found = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        let (before, _) = changes.split_at(index);
        let problem = of_permanent(change).or_else(|| existing(change, before, inputs, moments)).or_else(|| {
            let is_created = changes.iter().any(|other| other.at == change.at && creates(other));
            let gone = || missing(change, before, moments).or_else(|| removed(change, inputs, moments));
            gone().or_else(|| foreign(change, is_created, moments))
        });
        if let Some(problem) = problem {
            let mark = inputs.scenario.mark_at(change.mark, &problem.path, problem.is_key);
            found.push(Diagnostic::new(file, mark, problem.message).with_hint(problem.hint));
            continue;
        }
        let (key, is_patch) = match change.kind {
            ChangeKind::Patch(_) => ("patch", true),
            ChangeKind::Create(_) => ("create", false),
            ChangeKind::Delete => continue,
        };
        let manifest = inputs.scenario.node_at(change.mark, &["change", key]);
        let Some(manifest) = manifest else { continue };
        let problems = check_manifest(file, change.at, manifest, is_patch);
        // What a patch makes of an object of the tree is checked as a part of the tree, where kustomize makes texts of annotations.
        let is_in_tree = is_patch && is_ever_in_tree(change.at, moments);
        found.extend(problems.into_iter().filter(|problem| !is_in_tree || is_of_annotation(problem, manifest)));
    }
    found
}

/// Whether a problem is that of the value of an annotation.
fn is_of_annotation(problem: &Diagnostic, manifest: &Node) -> bool {
    let values = manifest.entries_at(&["metadata", "annotations"]).iter().map(|entry| entry.value.mark);
    values.into_iter().any(|mark| (mark.line, mark.column) == (problem.line, problem.column))
}

fn creates(change: &HandChange<'_>) -> bool {
    matches!(change.kind, ChangeKind::Create(_))
}

fn deletes(change: &HandChange<'_>) -> bool {
    matches!(change.kind, ChangeKind::Delete)
}

/// The objects by which Flux applies the tree stay, and are there from the start.
fn of_permanent(change: &HandChange<'_>) -> Option<Problem> {
    let ObjectAddress { kind, name, namespace, .. } = change.at;
    let is_root =
        namespace.as_deref() == Some(FLUX_NAMESPACE) && FLUX_OBJECTS.contains(&(kind.as_str(), name.as_str()));
    let (message, hint) = match change.kind {
        ChangeKind::Delete => ("the run needs", "suspend it: `patch: {spec: {suspend: true}}`"),
        ChangeKind::Create(_) => ("every target has", "patch it"),
        ChangeKind::Patch(_) => return None,
    };
    is_root.then(|| Problem::new(&["change", "object"], format!("{message} the {}", change.at), hint))
}

/// What exists cannot be created.
fn existing(
    change: &HandChange<'_>,
    before: &[HandChange<'_>],
    inputs: &Inputs<'_>,
    moments: &Moments,
) -> Option<Problem> {
    let mut earlier = before.iter().filter(|earlier| earlier.at == change.at);
    let is_there = match earlier.next_back() {
        // Whatever else has been done to it: it may be gone for a moment.
        Some(last) => creates(last) && is_declared(change.at) && !is_ever_in_tree(change.at, moments),
        // A layer may be applied late.
        None => {
            let holds = |moment: &Moment| moment.objects.contains(change.at);
            inputs.tree.layers.is_empty() && moments.until_time(change.phase, change.at_us).iter().all(holds)
        }
    };
    (creates(change) && is_there).then(|| {
        let message = format!("the {} exists already when this is done", change.at);
        Problem::new(&["change", "create"], message, "patch it, or delete it before")
    })
}

/// What the scenario has created and deleted is gone.
fn missing(change: &HandChange<'_>, before: &[HandChange<'_>], moments: &Moments) -> Option<Problem> {
    let earlier: Vec<&HandChange<'_>> = before.iter().filter(|earlier| earlier.at == change.at).collect();
    let stays_a_while = |manifest: &Value| manifest.pointer("/metadata/finalizers").is_some();
    let [.., created, deleted] = earlier.as_slice() else { return None };
    let is_gone = matches!(created.kind, ChangeKind::Create(manifest) if !stays_a_while(manifest))
        && deletes(deleted)
        && is_declared(change.at)
        && !FINISHED_LATER.contains(&change.at.kind.as_str())
        && !is_ever_in_tree(change.at, moments);
    (is_gone && !creates(change)).then(|| {
        let message = format!("the {} is gone when this is done: the scenario has deleted it", change.at);
        Problem::new(&["change", "object"], message, "let this come before the deletion, or create it again")
    })
}

/// What Flux has pruned is gone too.
fn removed(change: &HandChange<'_>, inputs: &Inputs<'_>, moments: &Moments) -> Option<Problem> {
    let ObjectAddress { kind, name, .. } = change.at;
    if kind != "NodePool" || creates(change) {
        return None;
    }
    let removed_by = moments.removed_by(name, change.phase, change.at_us)?;
    Some(pruned(&["change", "object"], name, inputs, removed_by))
}

/// What neither the tree nor the run has made is not touched. In a namespace of the tree a controller may have made it.
fn foreign(change: &HandChange<'_>, is_created: bool, moments: &Moments) -> Option<Problem> {
    let ObjectAddress { name, namespace, .. } = change.at;
    let ours = |moment: &Moment| {
        moment.open_ended
            || may_hold(moment, change.at)
            || moment.objects.iter().any(|object| {
                object.namespace == *namespace && namespace.is_some()
                    || object.kind == "Namespace" && Some(&object.name) == namespace.as_ref()
            })
    };
    let is_of_harness =
        [FLUX_NAMESPACE, RUN_NAMESPACE].map(Some).contains(&namespace.as_deref()) || name == RUN_NAMESPACE;
    let is_foreign = !is_created && !is_of_harness && is_declared(change.at) && !moments.all().iter().any(ours);
    is_foreign.then(|| {
        let message =
            format!("neither the tree nor the scenario has made the {}, so that the run does not change it", change.at);
        Problem::new(&["change", "object"], message, "change what the tree holds, or what the scenario creates")
    })
}

fn is_declared(at: &ObjectAddress) -> bool {
    let is_of_kubernetes =
        at.api_version.split_once('/').is_none_or(|(group, _)| !group.contains('.') || group.ends_with(".k8s.io"));
    is_of_kubernetes && (DECLARED.contains(&at.kind.as_str()) || ALSO_DECLARED.contains(&at.kind.as_str()))
}

fn is_ever_in_tree(at: &ObjectAddress, moments: &Moments) -> bool {
    moments.all().iter().any(|moment| may_hold(moment, at))
}

fn may_hold(moment: &Moment, at: &ObjectAddress) -> bool {
    let group = |address: &'_ ObjectAddress| address.api_version.split_once('/').map(|(group, _)| group.to_owned());
    moment.objects.iter().any(|object| {
        // What names no namespace is in that of its Kustomization.
        let same_namespace = object.namespace == at.namespace || object.namespace.is_none();
        (&object.kind, &object.name) == (&at.kind, &at.name) && same_namespace && group(object) == group(at)
    })
}
