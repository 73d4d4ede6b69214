//! Flux's objects: a revision is fetched, applied and healthy, or it fails.
//!
//! Each milestone carries its revision, since an object shows several at once: the one that is in force and the one that was tried.

use harness_record::event::{ObjectKind, Reached, attribute};
use jiff::Timestamp;
use kube::core::Object;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, find, holds};
use super::milestones::{Candidate, Observed};

/// The part of a GitRepository that is read.
pub(crate) type GitRepository = Object<Spec, GitRepositoryStatus>;
/// The part of a Kustomization that is read.
pub(crate) type Kustomization = Object<Spec, KustomizationStatus>;

/// Characters of a message that are kept.
const MESSAGE_MAX: usize = 500;

/// The conditions of a GitRepository that say what is wrong, the most basic first
/// (source-controller `internal/controller/gitrepository_controller.go`, `gitRepositoryReadyCondition`).
const SOURCE_FAILURES: [&str; 3] = ["StorageOperationFailed", "FetchFailed", "IncludeUnavailable"];

/// Reasons of a Ready that is False while nothing has failed: another revision takes the place of the one whose health was checked.
const SUPERSEDED: &str = "HealthCheckCanceled";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Spec {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct GitRepositoryStatus {
    artifact: Option<Artifact>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Artifact {
    revision: String,
    last_update_time: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct KustomizationStatus {
    conditions: Vec<Condition>,
    last_applied_revision: String,
    last_attempted_revision: String,
}

/// A failure, with its reason and its message.
fn failure(reached: Reached, condition: &Condition, revision: &str) -> Candidate {
    let reason = condition.reason.clone().unwrap_or_default();
    let message = condition.message.as_deref().unwrap_or_default().chars().take(MESSAGE_MAX).collect();
    let failure = Candidate::of(reached, condition.last_transition_time, format!("{reason} {revision}"))
        .with(attribute::REASON, reason)
        .with(attribute::SAYS, message);
    if revision.is_empty() { failure } else { failure.with(attribute::REVISION, revision.to_owned()) }
}

impl GitRepositoryStatus {
    fn failure(&self) -> Option<&Condition> {
        SOURCE_FAILURES.iter().find_map(|kind| holds(&self.conditions, kind))
    }
}

impl Observed for GitRepository {
    const KIND: ObjectKind = ObjectKind::GitRepository;

    fn milestones(&self) -> Vec<Candidate> {
        let Some(status) = &self.status else { return Vec::new() };
        let fetched = status.artifact.as_ref().map(|artifact| {
            Candidate::of(Reached::Fetched, artifact.last_update_time, artifact.revision.clone())
                .with(attribute::REVISION, artifact.revision.clone())
        });
        let failed = status.failure().map(|condition| failure(Reached::Failed, condition, ""));
        fetched.into_iter().chain(failed).collect()
    }

    fn is_healthy(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.failure().is_none())
    }
}

impl KustomizationStatus {
    /// The revision whose health is being checked: its objects are applied. Flux sets `lastAppliedRevision` only after the checks; while
    /// they run, and after they have failed, the condition's message names the revision (kustomize-controller
    /// `internal/controller/kustomization_controller.go`, `checkHealth`).
    fn checked(&self) -> Option<&str> {
        let messages = self.conditions.iter().filter_map(|condition| condition.message.as_deref());
        messages.filter(|message| message.starts_with("Running health checks for revision ")).find_map(revision_in)
    }

    /// The revision of the newest attempt. Until the manifests exist, only the message names it.
    fn attempted(&self) -> &str {
        let progress = find(&self.conditions, "Reconciling").and_then(|condition| condition.message.as_deref());
        progress.and_then(revision_in).unwrap_or(&self.last_attempted_revision)
    }

    fn applied(&self) -> Vec<Candidate> {
        let applied = |revision: &str| {
            Candidate::of(Reached::Applied, None, revision.to_owned()).with(attribute::REVISION, revision.to_owned())
        };
        let done = (!self.last_applied_revision.is_empty()).then(|| applied(&self.last_applied_revision));
        // The revision that is checked now was applied after the one that passed its checks, and is applied again when Flux goes back to it.
        done.into_iter().chain(self.checked().map(|revision| applied(revision).recurring())).collect()
    }

    fn healthy(&self) -> Option<Candidate> {
        let ready = holds(&self.conditions, "Ready")?;
        // Ready of the previous revision is still True while the next one is applied.
        let current = ready.message.as_deref().is_some_and(|message| message.contains(&self.last_applied_revision));
        (current && !self.last_applied_revision.is_empty()).then(|| {
            let revision = self.last_applied_revision.clone();
            Candidate::of(Reached::Healthy, ready.last_transition_time, revision.clone())
                .with(attribute::REVISION, revision)
                .recurring()
        })
    }

    /// Flux waits for a dependency that is not ready and for an artifact that does not exist yet: it has not tried the revision itself.
    fn failed(&self) -> Option<Candidate> {
        let ready = find(&self.conditions, "Ready").filter(|ready| ready.status == "False")?;
        let message = ready.message.as_deref().unwrap_or_default();
        match ready.reason.as_deref().unwrap_or_default() {
            SUPERSEDED => None,
            "DependencyNotReady" => Some(failure(Reached::Waiting, ready, "")),
            "ArtifactFailed"
                if message.contains("retrying in") || message.contains("not found") && !message.contains("path") =>
            {
                Some(failure(Reached::Waiting, ready, ""))
            }
            _ => Some(failure(Reached::Failed, ready, self.attempted())),
        }
    }
}

/// `... for revision REVISION with a timeout of ...`.
fn revision_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once(" for revision ")?;
    rest.split_whitespace().next()
}

impl Observed for Kustomization {
    const KIND: ObjectKind = ObjectKind::Kustomization;

    fn milestones(&self) -> Vec<Candidate> {
        let Some(status) = &self.status else { return Vec::new() };
        let mut milestones = status.applied();
        milestones.extend(status.healthy());
        milestones.extend(status.failed());
        milestones
    }

    fn is_healthy(&self) -> bool {
        self.status.as_ref().is_some_and(|status| holds(&status.conditions, "Ready").is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    const OLD: &str = "main@sha1:old";
    const NEW: &str = "main@sha1:new";

    fn kustomization(status: &Value) -> Kustomization {
        serde_json::from_value(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "node-config", "uid": "u"}, "spec": {}, "status": status,
        }))
        .unwrap()
    }

    fn reached(object: &impl Observed) -> Vec<(Reached, String)> {
        let revision = |milestone: &Candidate| milestone.attribute(attribute::REVISION).unwrap_or_default().to_owned();
        object.milestones().into_iter().map(|it| (it.reached, revision(&it))).collect()
    }

    fn progress(reason: &str, doing: &str) -> Value {
        let message = format!("{doing} for revision {NEW} with a timeout of 2m0s");
        json!({"type": "Reconciling", "status": "True", "reason": reason, "message": message})
    }

    #[test]
    fn a_revision_is_applied_while_its_health_is_checked() {
        let checking = kustomization(&json!({
            "lastAppliedRevision": OLD,
            "conditions": [
                progress("Progressing", "Running health checks"),
                {"type": "Ready", "status": "Unknown", "reason": "Progressing", "message": "Reconciliation in progress"},
            ],
        }));
        let expected = [(Reached::Applied, OLD.to_owned()), (Reached::Applied, NEW.to_owned())];
        assert_eq!(reached(&checking), expected);
        assert!(!checking.is_healthy());
    }

    #[test]
    fn a_revision_is_healthy_when_ready_names_it() {
        let done = kustomization(&json!({
            "lastAppliedRevision": NEW,
            "conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded",
                            "message": "Applied revision: main@sha1:new"}],
        }));
        assert_eq!(reached(&done), [(Reached::Applied, NEW.to_owned()), (Reached::Healthy, NEW.to_owned())]);
        assert!(done.is_healthy());
    }

    #[rstest]
    #[case::not_built("BuildFailed", "Building manifests", &[])]
    #[case::refused("ReconciliationFailed", "Detecting drift", &[])]
    #[case::never_healthy("HealthCheckFailed", "Running health checks", &[(Reached::Applied, NEW)])]
    #[case::before_it_was_attempted("ArtifactFailed", "Fetching manifests", &[])]
    fn a_failure_names_the_revision_that_was_tried(
        #[case] reason: &str,
        #[case] doing: &str,
        #[case] applied: &[(Reached, &str)],
    ) {
        let failed = kustomization(&json!({
            "lastAppliedRevision": OLD, "lastAttemptedRevision": OLD,
            "conditions": [
                progress("ProgressingWithRetry", doing),
                {"type": "Ready", "status": "False", "reason": reason, "message": "it does not work"},
            ],
        }));
        let mut expected = vec![(Reached::Applied, OLD.to_owned())];
        expected.extend(applied.iter().map(|(reached, revision)| (*reached, (*revision).to_owned())));
        expected.push((Reached::Failed, NEW.to_owned()));
        assert_eq!(reached(&failed), expected);
        let failure = failed.milestones().pop().unwrap();
        assert_eq!(
            (failure.attribute(attribute::REASON), failure.attribute(attribute::SAYS)),
            (Some(reason), Some("it does not work"))
        );
    }

    #[rstest]
    #[case::dependency(
        "DependencyNotReady",
        "dependency 'flux-system/infrastructure' is not ready",
        Some(Reached::Waiting)
    )]
    #[case::artifact("ArtifactFailed", "Source artifact not found, retrying in 5s", Some(Reached::Waiting))]
    #[case::superseded("HealthCheckCanceled", "New reconciliation triggered by GitRepository/x/y", None)]
    fn a_revision_that_was_not_tried_has_not_failed(
        #[case] reason: &str,
        #[case] message: &str,
        #[case] expected: Option<Reached>,
    ) {
        let held = kustomization(&json!({
            "conditions": [{"type": "Ready", "status": "False", "reason": reason, "message": message}],
        }));
        let expected: Vec<(Reached, String)> = expected.map(|reached| (reached, String::new())).into_iter().collect();
        assert_eq!(reached(&held), expected);
    }

    #[test]
    fn a_source_that_fails_keeps_what_it_has_fetched() {
        let repository = |conditions: Value| -> GitRepository {
            serde_json::from_value(json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
                "metadata": {"name": "node-config", "uid": "u"}, "spec": {},
                "status": {"artifact": {"revision": OLD}, "conditions": conditions},
            }))
            .unwrap()
        };
        let down = repository(json!([
            {"type": "FetchFailed", "status": "True", "reason": "GitOperationFailed", "message": "failed to checkout: 503"},
            {"type": "Ready", "status": "False", "reason": "GitOperationFailed", "message": "failed to checkout: 503"},
        ]));
        assert_eq!(reached(&down), [(Reached::Fetched, OLD.to_owned()), (Reached::Failed, String::new())]);
        assert!(!down.is_healthy());
        let up = repository(json!([{"type": "Ready", "status": "True", "reason": "Succeeded"}]));
        assert_eq!(reached(&up), [(Reached::Fetched, OLD.to_owned())]);
        assert!(up.is_healthy());
    }
}
