//! Notifications that the run's webhook received.

use super::*;
use harness_record::EventKind;

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.phase("good", 1, 20);
    scene.phase("bad", 20, 40);
    // The notification at 5 s is about a commit that is pushed later in that phase.
    for (at, revision) in [(3, "old"), (21, "abc")] {
        let push = ActionStamps {
            what: ActionKind::Push { id: None, revision: revision.to_owned() },
            phase: "good".to_owned(),
            intended_us: at * S,
            sent_us: Some(at * S),
            acked_us: Some(at * S),
            error: None,
        };
        scene.builder.at(at * S, EventKind::Action(push));
    }
    for (at, path, severity, reason, name) in [
        (5, "/all", "info", "ReconciliationSucceeded", "node-config"),
        (25, "/all", "error", "BuildFailed", "node-config"),
        (26, "/errors", "error", "BuildFailed", "node-config"),
        (30, "/all", "info", "ReconciliationSucceeded", "apps"),
    ] {
        let notification = Notification {
            path: path.to_owned(),
            kind: "Kustomization".to_owned(),
            namespace: "flux-system".to_owned(),
            name: name.to_owned(),
            severity: severity.to_owned(),
            reason: reason.to_owned(),
            message: format!("what {name} says"),
            revision: "main@sha1:abc".to_owned(),
            controller: "kustomize-controller".to_owned(),
        };
        scene.builder.at(at * S, EventKind::Notified(notification));
    }
    scene
}

fn notified(filter: NotificationFilter, reason: Option<&str>, at_most: Option<u32>, phases: &[&str]) -> Check {
    Check::Notified(Notified {
        notification: NotificationPattern { filter, reason: reason.map(str::to_owned), message_contains: None },
        bounds: Bounds { at_least: at_most.is_none().then_some(1), at_most },
        phases: names(phases),
    })
}

fn about(name: Option<&str>) -> NotificationFilter {
    let about = ObjectRef { kind: "Kustomization".to_owned(), name: name.map(str::to_owned) };
    NotificationFilter { about: Some(about), ..NotificationFilter::default() }
}

#[rstest]
#[case::any(notified(NotificationFilter::default(), None, None, &[]), Pass, "4 times")]
#[case::of_its_object(notified(about(Some("apps")), None, None, &[]), Pass, "1 time")]
#[case::of_its_kind(notified(about(None), None, None, &["good"]), Pass, "1 time")]
#[case::of_another_object(notified(about(Some("monitoring")), None, None, &[]), Fail, "0 times")]
#[case::of_its_severity(
    notified(NotificationFilter { severity: Some(Severity::Error), ..about(None) }, None, None, &[]), Pass, "2 times"
)]
#[case::at_its_path(
    notified(NotificationFilter { path: Some("/errors".to_owned()), ..about(None) }, Some("BuildFailed"), None, &["bad"]),
    Pass,
    "1 time"
)]
#[case::at_no_other_path(
    notified(NotificationFilter { path: Some("/errors".to_owned()), ..about(None) }, None, Some(0), &["good"]),
    Pass,
    "0 times"
)]
#[case::of_the_newest_commit(
    notified(NotificationFilter { newest: true, ..about(None) }, None, None, &[]), Pass, "3 times"
)]
#[case::of_no_commit_of_its_phase(
    notified(NotificationFilter { newest: true, ..about(None) }, None, None, &["good"]), Fail, "0 times"
)]
#[case::too_often(notified(about(None), Some("BuildFailed"), Some(1), &[]), Fail, "2 times")]
fn counts(#[case] check: Check, #[case] verdict: Verdict, #[case] observed: &str) {
    is(&scene().check(check), verdict, observed);
}

#[test]
fn says_who_and_what() {
    let result = scene().check(notified(about(Some("apps")), None, None, &["bad"]));
    assert_eq!(result.evidence, "apps at 30.0s; in bad (20.0s to 40.0s); it says: what apps says");
}
