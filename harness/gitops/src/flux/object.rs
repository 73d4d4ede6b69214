//! Flux objects: the list of all, and the state of each, as its status reports it.

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use kube::api::{DynamicObject, ListParams};
use serde::Serialize;
use serde_json::Value;

use super::error::FluxError;
use super::kinds::{FluxKind, ObjectRef};

/// Whether an object is Ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// It is.
    Yes,
    /// It is not, as its controller reports.
    No,
    /// Its controller has no result yet, or has not seen the newest generation.
    Unknown,
    /// Its kind has no status: there is nothing that it could fail at.
    Static,
}

/// One Flux object, from its `spec` and `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectState {
    /// Which one.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// Whether it is Ready.
    pub ready: Ready,
    /// The reason of the condition `Ready`; empty where there is none.
    pub reason: String,
    /// Its message.
    pub message: String,
    /// What it has fetched, applied or chosen last, in the form of its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Whether it is suspended: its controller does not reconcile it.
    pub suspended: bool,
    /// Whether it is being deleted and waits for its finalizers.
    pub deleting: bool,
    /// The newest sign of a reconciliation in its status. A source that finds nothing new leaves none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_reconciled_at: Option<Timestamp>,
    /// The request that was answered last (`reconcile.fluxcd.io/requestedAt`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_request: Option<String>,
}

impl ObjectState {
    /// Reads an object of that kind.
    pub(super) fn read(kind: &FluxKind, object: &DynamicObject) -> Self {
        let (spec, status) = (&object.data["spec"], &object.data["status"]);
        let suspended = spec["suspend"] == true;
        let (mut ready, mut reason, mut message) = condition(status, "Ready");
        if !kind.has_status {
            ready = Ready::Static;
        } else if reason.is_empty() && ready == Ready::Unknown {
            "no controller has reported on it yet".clone_into(&mut message);
        } else if ready == Ready::Yes && !suspended && is_behind(object) {
            // Suspending an object changes its generation, which its controller then does not observe.
            ready = Ready::Unknown;
            "Outdated".clone_into(&mut reason);
            message = format!("its newest generation has not been looked at yet; before: {message}");
        }
        Self {
            object: kind.reference(object),
            ready,
            reason,
            message,
            revision: revision(status),
            suspended,
            deleting: object.metadata.deletion_timestamp.is_some(),
            last_reconciled_at: last_reconciled(object),
            last_handled_request: text(status, "/lastHandledReconcileAt"),
        }
    }

    /// Whether nothing is wrong with it.
    pub fn is_fine(&self) -> bool {
        matches!(self.ready, Ready::Yes | Ready::Static) && !self.deleting
    }
}

/// Whether the status speaks of an older generation.
fn is_behind(object: &DynamicObject) -> bool {
    let observed = object.data["status"]["observedGeneration"].as_i64();
    matches!((observed, object.metadata.generation), (Some(observed), Some(newest)) if observed < newest)
}

/// Status, reason and message of a condition.
pub(super) fn condition(status: &Value, kind: &str) -> (Ready, String, String) {
    let all = status["conditions"].as_array();
    let found = all.and_then(|all| all.iter().find(|condition| condition["type"] == kind));
    let text = |key: &str| found.and_then(|found| found[key].as_str()).unwrap_or_default();
    let ready = match text("status") {
        "True" => Ready::Yes,
        "False" => Ready::No,
        _ => Ready::Unknown,
    };
    (ready, text("reason").to_owned(), text("message").to_owned())
}

/// The status field of each kind that holds its revision: sources, Kustomizations, image automations and policies, and attempts.
const REVISIONS: [&str; 5] =
    ["/artifact/revision", "/lastAppliedRevision", "/lastPushCommit", "/latestRef/tag", "/lastAttemptedRevision"];

pub(super) fn revision(status: &Value) -> Option<String> {
    REVISIONS.iter().find_map(|pointer| text(status, pointer))
}

/// Stamps that a reconciliation leaves: of Kustomizations and HelmReleases, image scans, image automations, artifacts.
const STAMPS: [&str; 4] =
    ["/history/0/lastReconciled", "/lastScanResult/scanTime", "/lastAutomationRunTime", "/artifact/lastUpdateTime"];

fn last_reconciled(object: &DynamicObject) -> Option<Timestamp> {
    let status = &object.data["status"];
    let named = STAMPS.iter().filter_map(|pointer| text(status, pointer)?.parse().ok());
    let fields = object.metadata.managed_fields.iter().flatten();
    let written = fields
        .filter(|entry| entry.subresource.as_deref() == Some("status"))
        .filter_map(|entry| Some(entry.time.as_ref()?.0));
    named.chain(written).max()
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The number of requests in flight: the server has few cores, and more would only queue there.
pub(super) const PARALLEL: usize = 8;

/// One object with its kind.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) kind: FluxKind,
    pub(super) object: DynamicObject,
}

impl Found {
    pub(super) fn reference(&self) -> ObjectRef {
        self.kind.reference(&self.object)
    }

    pub(super) fn state(&self) -> ObjectState {
        ObjectState::read(&self.kind, &self.object)
    }
}

/// Lists the objects of these kinds, in the order of the kinds and then of names.
pub(super) async fn list_objects(client: &kube::Client, kinds: &[FluxKind]) -> Result<Vec<Found>, FluxError> {
    let lists: Vec<Vec<Found>> = stream::iter(kinds.iter().cloned())
        .map(|kind| async move {
            let list = kind.all(client).list(&ListParams::default()).await;
            let list = list.map_err(FluxError::api("list", format!("every {}", kind.kind)))?;
            let found = list.items.into_iter().map(|object| Found { kind: kind.clone(), object });
            Ok::<_, FluxError>(found.collect())
        })
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    let mut all: Vec<Found> = lists.into_iter().flatten().collect();
    // Stable: kinds keep their order.
    all.sort_by_key(|found| {
        let place = kinds.iter().position(|kind| *kind == found.kind);
        (place, found.object.metadata.namespace.clone(), found.object.metadata.name.clone())
    });
    Ok(all)
}

/// Reasons of "not Ready" that end by themselves: the controller retries within seconds
/// (kustomize-controller `internal/controller/kustomization_controller.go`).
const PASSING: [&str; 4] = ["DependencyNotReady", "ArtifactFailed", "HealthCheckCanceled", "Progressing"];

/// The progress of a requested reconciliation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The request is not answered yet, or the answer may still change.
    Waiting,
    /// It was answered, and the object is Ready.
    Done,
    /// It was answered, and the object is not Ready.
    Failed,
}

/// Returns the progress of the request `token` on an object. `newest` is the revision that its source has now: a controller whose cache
/// is behind may have answered with the one before.
pub(super) fn progress(state: &ObjectState, object: &DynamicObject, token: &str, newest: Option<&str>) -> Progress {
    if state.last_handled_request.as_deref() != Some(token) || state.deleting {
        return Progress::Waiting;
    }
    let status = &object.data["status"];
    match state.ready {
        Ready::Yes | Ready::Static => match (status["lastAppliedRevision"].as_str(), newest) {
            (Some(applied), Some(newest)) if applied != newest => Progress::Waiting,
            _ => Progress::Done,
        },
        Ready::Unknown => Progress::Waiting,
        Ready::No if condition(status, "Stalled").0 == Ready::Yes => Progress::Failed,
        Ready::No if PASSING.contains(&state.reason.as_str()) => Progress::Waiting,
        Ready::No => Progress::Failed,
    }
}

/// Whether a controller is reconciling an object at this moment.
pub(super) fn is_at_work(object: &DynamicObject) -> bool {
    let (reconciling, reason, _) = condition(&object.data["status"], "Reconciling");
    // After a failure the condition stays, as `ProgressingWithRetry`.
    reconciling == Ready::Yes && reason == "Progressing"
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::flux::kinds::tests::kind;

    fn object(spec: Value, status: Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system", "generation": 3},
            "spec": spec, "status": status,
        }))
        .unwrap()
    }

    fn conditions(status: &str, reason: &str) -> Value {
        json!([{"type": "Reconciling", "status": "True"},
               {"type": "Ready", "status": status, "reason": reason, "message": "said"}])
    }

    #[rstest]
    #[case(json!({}), json!({"conditions": conditions("True", "ReconciliationSucceeded"), "observedGeneration": 3}), Ready::Yes, true)]
    #[case(json!({}), json!({"conditions": conditions("True", "ReconciliationSucceeded"), "observedGeneration": 2}), Ready::Unknown, false)]
    #[case(json!({"suspend": true}), json!({"conditions": conditions("True", "ReconciliationSucceeded"), "observedGeneration": 2}), Ready::Yes, true)]
    #[case(json!({}), json!({"conditions": conditions("False", "BuildFailed"), "observedGeneration": 2}), Ready::No, false)]
    #[case(json!({}), json!({"conditions": conditions("Unknown", "Progressing")}), Ready::Unknown, false)]
    #[case(json!({}), json!({}), Ready::Unknown, false)]
    fn readiness_is_that_of_the_newest_generation(
        #[case] spec: Value,
        #[case] status: Value,
        #[case] ready: Ready,
        #[case] fine: bool,
    ) {
        let state = ObjectState::read(&kind("Kustomization"), &object(spec, status));
        assert_eq!((state.ready, state.is_fine()), (ready, fine), "{state:?}");
        assert_eq!(state.object.to_string(), "Kustomization flux-system/apps");
    }

    #[test]
    fn what_was_applied_outweighs_what_was_tried() {
        let status = json!({
            "conditions": conditions("False", "BuildFailed"), "lastAppliedRevision": "main@sha1:a",
            "lastAttemptedRevision": "main@sha1:b", "lastHandledReconcileAt": "t",
            "history": [{"lastReconciled": "2026-11-21T12:00:00Z"}, {"lastReconciled": "2026-11-21T11:00:00Z"}],
        });
        let state = ObjectState::read(&kind("Kustomization"), &object(json!({}), status));
        assert_eq!(state.revision.as_deref(), Some("main@sha1:a"));
        assert_eq!(state.last_reconciled_at.unwrap().to_string(), "2026-11-21T12:00:00Z");
        assert_eq!((state.reason.as_str(), state.last_handled_request.as_deref()), ("BuildFailed", Some("t")));
    }

    #[test]
    fn a_kind_without_a_status_cannot_fail_but_can_be_stuck() {
        let alert = FluxKind { has_status: false, ..kind("Alert") };
        let mut object = object(json!({}), Value::Null);
        assert!(ObjectState::read(&alert, &object).is_fine());
        object.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH));
        assert!(!ObjectState::read(&alert, &object).is_fine());
    }

    fn ready(status: &str, reason: &str) -> Value {
        json!({"type": "Ready", "status": status, "reason": reason})
    }

    #[rstest]
    #[case("now", json!([ready("True", "ReconciliationSucceeded")]), Progress::Done)]
    #[case("before", json!([ready("True", "ReconciliationSucceeded")]), Progress::Waiting)]
    #[case("now", json!([ready("Unknown", "Progressing")]), Progress::Waiting)]
    #[case("now", json!([ready("False", "BuildFailed")]), Progress::Failed)]
    #[case("now", json!([ready("False", "DependencyNotReady")]), Progress::Waiting)]
    #[case("now", json!([ready("False", "ArtifactFailed"), {"type": "Stalled", "status": "True"}]), Progress::Failed)]
    #[case("before", json!([ready("False", "BuildFailed")]), Progress::Waiting)]
    fn only_the_answer_counts(#[case] handled: &str, #[case] conditions: Value, #[case] expected: Progress) {
        let status = json!({"conditions": conditions, "lastHandledReconcileAt": handled, "observedGeneration": 3});
        let object = object(json!({}), status);
        let state = ObjectState::read(&kind("Kustomization"), &object);
        assert_eq!(progress(&state, &object, "now", None), expected);
    }

    #[rstest]
    #[case("main@sha1:a", Progress::Waiting)]
    #[case("main@sha1:b", Progress::Done)]
    fn an_answer_for_an_earlier_revision_does_not_count(#[case] applied: &str, #[case] expected: Progress) {
        let status = json!({
            "conditions": [ready("True", "ReconciliationSucceeded")], "lastHandledReconcileAt": "now",
            "lastAppliedRevision": applied,
        });
        let object = object(json!({}), status);
        let state = ObjectState::read(&kind("Kustomization"), &object);
        assert_eq!(progress(&state, &object, "now", Some("main@sha1:b")), expected);
    }

    #[rstest]
    #[case("Progressing", true)]
    #[case("ProgressingWithRetry", false)]
    fn a_failed_object_is_not_at_work(#[case] reason: &str, #[case] expected: bool) {
        let conditions = json!([{"type": "Reconciling", "status": "True", "reason": reason}]);
        assert_eq!(is_at_work(&object(json!({}), json!({"conditions": conditions}))), expected);
    }
}
