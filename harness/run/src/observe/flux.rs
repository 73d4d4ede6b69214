//! Flux: a revision is fetched, applied, healthy.

use std::collections::BTreeMap;

use harness_record::event::{ObjectKind, Reached, attribute};
use jiff::Timestamp;
use kube::core::Object;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, holds};
use super::known::{Look, Reading};

/// The part of a GitRepository that is read.
pub(crate) type GitRepository = Object<Spec, GitRepositoryStatus>;
/// The part of a Kustomization that is read.
pub(crate) type Kustomization = Object<Spec, KustomizationStatus>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Spec {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct GitRepositoryStatus {
    artifact: Option<Artifact>,
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
}

impl Reading for GitRepository {
    const KIND: ObjectKind = ObjectKind::GitRepository;

    fn looks(&self) -> Vec<Look> {
        let artifact = self.status.as_ref().and_then(|status| status.artifact.clone());
        artifact
            .map(|artifact| Look {
                reached: Reached::Fetched,
                server: artifact.last_update_time,
                which: artifact.revision,
            })
            .into_iter()
            .collect()
    }

    fn attributes(&self) -> BTreeMap<String, String> {
        let artifact = self.status.as_ref().and_then(|status| status.artifact.as_ref());
        artifact.map(|artifact| (attribute::REVISION.to_owned(), artifact.revision.clone())).into_iter().collect()
    }
}

impl KustomizationStatus {
    /// The revision whose objects are applied. Flux sets `lastAppliedRevision` only after the health checks; while they run, the
    /// condition's message names the revision (kustomize-controller `internal/controller/kustomization_controller.go`, `checkHealth`).
    fn applied(&self) -> Option<String> {
        let checking =
            self.conditions.iter().filter_map(|condition| condition.message.as_deref()).find_map(|message| {
                let revision = message.strip_prefix("Running health checks for revision ")?;
                Some(revision.split_whitespace().next().unwrap_or(revision).to_owned())
            });
        checking.or_else(|| (!self.last_applied_revision.is_empty()).then(|| self.last_applied_revision.clone()))
    }

    fn healthy(&self) -> Option<(String, Option<Timestamp>)> {
        let ready = holds(&self.conditions, "Ready")?;
        // A Ready of the revision before is still True while the next one is applied.
        let current = ready.message.as_deref().is_some_and(|message| message.contains(&self.last_applied_revision));
        (current && !self.last_applied_revision.is_empty())
            .then(|| (self.last_applied_revision.clone(), ready.last_transition_time))
    }
}

impl Reading for Kustomization {
    const KIND: ObjectKind = ObjectKind::Kustomization;

    fn looks(&self) -> Vec<Look> {
        let Some(status) = &self.status else {
            return Vec::new();
        };
        let applied = status.applied().map(|which| Look { reached: Reached::Applied, server: None, which });
        let healthy = status.healthy().map(|(which, server)| Look { reached: Reached::Healthy, server, which });
        applied.into_iter().chain(healthy).collect()
    }

    fn attributes(&self) -> BTreeMap<String, String> {
        let revision = self.status.as_ref().and_then(KustomizationStatus::applied);
        revision.map(|revision| (attribute::REVISION.to_owned(), revision)).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kustomization(status: serde_json::Value) -> Kustomization {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "node-config", "uid": "u"}, "spec": {}, "status": status,
        }))
        .unwrap()
    }

    fn reached(kustomization: &Kustomization) -> Vec<(Reached, String)> {
        kustomization.looks().into_iter().map(|look| (look.reached, look.which)).collect()
    }

    #[test]
    fn a_revision_is_applied_while_its_health_is_checked() {
        let checking = kustomization(serde_json::json!({
            "lastAppliedRevision": "main@sha1:old",
            "conditions": [
                {"type": "Reconciling", "status": "True", "reason": "Progressing",
                 "message": "Running health checks for revision main@sha1:new with a timeout of 2m0s"},
                {"type": "Ready", "status": "Unknown", "reason": "Progressing", "message": "Reconciliation in progress"},
            ],
        }));
        assert_eq!(reached(&checking), [(Reached::Applied, "main@sha1:new".to_owned())]);
    }

    #[test]
    fn a_revision_is_healthy_when_ready_names_it() {
        let done = kustomization(serde_json::json!({
            "lastAppliedRevision": "main@sha1:new",
            "conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded",
                            "message": "Applied revision: main@sha1:new"}],
        }));
        let new = "main@sha1:new".to_owned();
        assert_eq!(reached(&done), [(Reached::Applied, new.clone()), (Reached::Healthy, new)]);
    }
}
