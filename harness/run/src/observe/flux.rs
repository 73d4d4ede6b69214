//! Flux: a revision is fetched, applied, healthy, or failed.
//!
//! Each milestone carries the revision that it is about, since an object shows several of them at once: the one that is in force and the
//! one that was tried.

use std::collections::BTreeMap;

use harness_record::event::{ObjectKind, Reached, attribute};
use jiff::Timestamp;
use kube::core::Object;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, find, holds};
use super::known::{Look, Reading};

/// The part of a GitRepository that is read.
pub(crate) type GitRepository = Object<Spec, GitRepositoryStatus>;
/// The part of a Kustomization that is read.
pub(crate) type Kustomization = Object<Spec, KustomizationStatus>;

/// Characters of what an object says that are kept.
const SAYS_MAX: usize = 500;

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

/// What went wrong, with its reason and its words.
fn wrong(reached: Reached, condition: &Condition, revision: &str) -> Look {
    let reason = condition.reason.clone().unwrap_or_default();
    let says = condition.message.as_deref().unwrap_or_default().chars().take(SAYS_MAX).collect();
    let look = Look::of(reached, condition.last_transition_time, format!("{reason} {revision}"))
        .with(attribute::REASON, reason)
        .with(attribute::SAYS, says);
    if revision.is_empty() { look } else { look.with(attribute::REVISION, revision.to_owned()) }
}

impl GitRepositoryStatus {
    fn failure(&self) -> Option<&Condition> {
        SOURCE_FAILURES.iter().find_map(|kind| holds(&self.conditions, kind))
    }
}

impl Reading for GitRepository {
    const KIND: ObjectKind = ObjectKind::GitRepository;

    fn looks(&self) -> Vec<Look> {
        let Some(status) = &self.status else { return Vec::new() };
        let fetched = status.artifact.as_ref().map(|artifact| {
            Look::of(Reached::Fetched, artifact.last_update_time, artifact.revision.clone())
                .with(attribute::REVISION, artifact.revision.clone())
        });
        let failed = status.failure().map(|condition| wrong(Reached::Failed, condition, ""));
        fetched.into_iter().chain(failed).collect()
    }

    fn attributes(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn works(&self) -> bool {
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

    /// The revision that the newest attempt was about. Before the manifests are there only the message names it.
    fn attempted(&self) -> &str {
        let progress = find(&self.conditions, "Reconciling").and_then(|condition| condition.message.as_deref());
        progress.and_then(revision_in).unwrap_or(&self.last_attempted_revision)
    }

    fn applied(&self) -> Vec<Look> {
        let look = |revision: &str| {
            Look::of(Reached::Applied, None, revision.to_owned()).with(attribute::REVISION, revision.to_owned())
        };
        let done = (!self.last_applied_revision.is_empty()).then(|| look(&self.last_applied_revision));
        // What is checked now was applied after what was applied to the end, and comes again when an older revision does.
        done.into_iter().chain(self.checked().map(|revision| look(revision).newest())).collect()
    }

    fn healthy(&self) -> Option<Look> {
        let ready = holds(&self.conditions, "Ready")?;
        // A Ready of the revision before is still True while the next one is applied.
        let current = ready.message.as_deref().is_some_and(|message| message.contains(&self.last_applied_revision));
        (current && !self.last_applied_revision.is_empty()).then(|| {
            let revision = self.last_applied_revision.clone();
            Look::of(Reached::Healthy, ready.last_transition_time, revision.clone())
                .with(attribute::REVISION, revision)
                .newest()
        })
    }

    /// A dependency that is not ready, or an artifact that is not there, is waited for: the revision itself was not tried.
    fn wrong(&self) -> Option<Look> {
        let ready = find(&self.conditions, "Ready").filter(|ready| ready.status == "False")?;
        let says = ready.message.as_deref().unwrap_or_default();
        match ready.reason.as_deref().unwrap_or_default() {
            SUPERSEDED => None,
            "DependencyNotReady" => Some(wrong(Reached::Waiting, ready, "")),
            "ArtifactFailed"
                if says.contains("retrying in") || says.contains("not found") && !says.contains("path") =>
            {
                Some(wrong(Reached::Waiting, ready, ""))
            }
            _ => Some(wrong(Reached::Failed, ready, self.attempted())),
        }
    }
}

/// `... for revision REVISION with a timeout of ...`.
fn revision_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once(" for revision ")?;
    rest.split_whitespace().next()
}

impl Reading for Kustomization {
    const KIND: ObjectKind = ObjectKind::Kustomization;

    fn looks(&self) -> Vec<Look> {
        let Some(status) = &self.status else { return Vec::new() };
        let mut looks = status.applied();
        looks.extend(status.healthy());
        looks.extend(status.wrong());
        looks
    }

    fn attributes(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn works(&self) -> bool {
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

    fn reached(object: &impl Reading) -> Vec<(Reached, String)> {
        let revision = |look: &Look| look.told(attribute::REVISION).unwrap_or_default().to_owned();
        object.looks().into_iter().map(|look| (look.reached, revision(&look))).collect()
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
        assert!(!checking.works());
    }

    #[test]
    fn a_revision_is_healthy_when_ready_names_it() {
        let done = kustomization(&json!({
            "lastAppliedRevision": NEW,
            "conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded",
                            "message": "Applied revision: main@sha1:new"}],
        }));
        assert_eq!(reached(&done), [(Reached::Applied, NEW.to_owned()), (Reached::Healthy, NEW.to_owned())]);
        assert!(done.works());
    }

    #[rstest]
    #[case::not_built("BuildFailed", "Building manifests", &[])]
    #[case::refused("ReconciliationFailed", "Detecting drift", &[])]
    #[case::never_healthy("HealthCheckFailed", "Running health checks", &[(Reached::Applied, NEW)])]
    #[case::before_it_was_attempted("ArtifactFailed", "Fetching manifests", &[])]
    fn a_failure_is_of_the_revision_that_was_tried(
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
        let look = failed.looks().pop().unwrap();
        assert_eq!(
            (look.told(attribute::REASON), look.told(attribute::SAYS)),
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
    fn what_was_not_tried_has_not_failed(
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
    fn a_source_fails_and_keeps_what_it_has_fetched() {
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
        assert!(!down.works());
        let up = repository(json!([{"type": "Ready", "status": "True", "reason": "Succeeded"}]));
        assert_eq!(reached(&up), [(Reached::Fetched, OLD.to_owned())]);
        assert!(up.works());
    }
}
