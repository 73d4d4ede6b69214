//! The progress of a requested reconciliation.

use kube::api::DynamicObject;

use super::object::{ObjectState, Ready, condition};

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
    use serde_json::{Value, json};

    use super::*;
    use crate::flux::kinds::tests::kind;

    fn object(status: Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "spec": {}, "status": status,
            "metadata": {"name": "apps", "namespace": "flux-system", "generation": 1},
        }))
        .unwrap()
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
        let object =
            object(json!({"conditions": conditions, "lastHandledReconcileAt": handled, "observedGeneration": 1}));
        let state = ObjectState::read(&kind("Kustomization"), &object);
        assert_eq!(progress(&state, &object, "now", None), expected);
    }

    #[rstest]
    #[case("main@sha1:a", Progress::Waiting)]
    #[case("main@sha1:b", Progress::Done)]
    fn an_answer_for_an_earlier_revision_does_not_count(#[case] applied: &str, #[case] expected: Progress) {
        let object = object(json!({
            "conditions": [ready("True", "ReconciliationSucceeded")], "lastHandledReconcileAt": "now",
            "lastAppliedRevision": applied,
        }));
        let state = ObjectState::read(&kind("Kustomization"), &object);
        assert_eq!(progress(&state, &object, "now", Some("main@sha1:b")), expected);
    }

    #[rstest]
    #[case("Progressing", true)]
    #[case("ProgressingWithRetry", false)]
    fn a_failed_object_is_not_at_work(#[case] reason: &str, #[case] expected: bool) {
        let conditions = json!([{"type": "Reconciling", "status": "True", "reason": reason}]);
        assert_eq!(is_at_work(&object(json!({"conditions": conditions}))), expected);
    }
}
