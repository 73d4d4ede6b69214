//! Commits of Flux's image automation: pushes that are not the run's own, with the moment at which the watch showed them.

use harness_record::event::ActionKind;
use kube::core::Object;
use kube::runtime::watcher::Event;
use serde::{Deserialize, Serialize};

use super::watch::Stamped;
use crate::hub::Hub;

/// The part of an ImageUpdateAutomation that is read.
pub(super) type ImageUpdateAutomation = Object<Spec, Status>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Spec {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    last_push_commit: String,
}

/// The newest commit of each automation.
#[derive(Default)]
pub(super) struct Automations {
    pushed: std::collections::BTreeMap<String, String>,
}

impl Automations {
    /// Records a commit that is new. Returns true when the first list is complete.
    pub(super) fn ingest(&mut self, stamped: &Stamped<ImageUpdateAutomation>, hub: &Hub) -> bool {
        match &stamped.event {
            // The moment at which a listed commit was pushed is unknown.
            Event::InitApply(automation) => drop(self.new_commit(automation)),
            Event::Apply(automation) => {
                if let Some(revision) = self.new_commit(automation) {
                    let push = ActionKind::Push { id: None, revision };
                    hub.record_unplanned(push, &hub.phase(), stamped.at_us, Ok(stamped.at_us));
                }
            }
            Event::InitDone => return true,
            Event::Init | Event::Delete(_) => {}
        }
        false
    }

    fn new_commit(&mut self, automation: &ImageUpdateAutomation) -> Option<String> {
        let commit = &automation.status.as_ref()?.last_push_commit;
        let uid = automation.metadata.uid.clone()?;
        if commit.is_empty() || self.pushed.get(&uid) == Some(commit) {
            return None;
        }
        self.pushed.insert(uid, commit.clone());
        Some(commit.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RunClock;

    fn automation(commit: &str) -> ImageUpdateAutomation {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageUpdateAutomation",
            "metadata": {"name": "demo", "uid": "u"}, "spec": {}, "status": {"lastPushCommit": commit},
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn a_push_is_recorded_once_and_one_of_before_the_run_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let (hub, log) = Hub::open(&path, RunClock::start(), Box::new(|_| {})).unwrap();
        hub.start_phase("update");
        let mut automations = Automations::default();
        let seen = [
            (1, Event::InitApply(automation("aaa"))),
            (2, Event::InitDone),
            (3, Event::Apply(automation("aaa"))),
            (4, Event::Apply(automation("bbb"))),
            (5, Event::Apply(automation("bbb"))),
        ];
        let complete: Vec<bool> =
            seen.into_iter().map(|(at_us, event)| automations.ingest(&Stamped { at_us, event }, &hub)).collect();
        assert_eq!(complete, [false, true, false, false, false]);
        drop(hub);
        log.finish().await.unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let pushes: Vec<&str> = text.lines().filter(|line| line.contains("push")).collect();
        assert_eq!(pushes.len(), 1, "{text}");
        assert!(pushes[0].contains("bbb") && pushes[0].contains("\"phase\":\"update\""), "{}", pushes[0]);
    }
}
