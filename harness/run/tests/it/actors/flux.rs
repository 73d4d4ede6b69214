//! Flux: it fetches a commit on request or at its interval, applies it, checks its health, and prunes objects that are not in it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{again, has, name, namespace, set_condition, text};
use crate::api::{ApiServer, is_terminating};
use crate::git::GitBranch;

const INTERVAL: Duration = Duration::from_secs(60);
const NAMESPACE: &str = "flux-system";
const NAME: &str = "node-config";
const OWNER: &str = "kustomize.toolkit.fluxcd.io/name";
const REQUESTED: &str = "/metadata/annotations/reconcile.fluxcd.io~1requestedAt";

pub(super) struct Flux {
    api: ApiServer,
    git: GitBranch,
    looked: Instant,
    /// Generation and revision of the last apply.
    applied: Option<(u64, String)>,
}

impl Flux {
    /// Creates the two objects of an installation.
    pub(super) fn new(api: ApiServer, git: GitBranch) -> Self {
        let object = json!({"metadata": {"name": NAME}, "spec": {"interval": "1m0s"}});
        api.create("GitRepository", NAMESPACE, object.clone());
        api.create("Kustomization", NAMESPACE, object);
        Self { api, git, looked: Instant::now(), applied: None }
    }

    pub(super) fn step(&mut self) {
        self.fetch();
        self.apply();
    }

    fn fetch(&mut self) {
        let Some(source) = self.api.get("GitRepository", NAMESPACE, NAME) else { return };
        let requested = text(&source, REQUESTED).to_owned();
        let due = self.looked.elapsed() >= INTERVAL || source["status"]["artifact"].is_null();
        if (requested == text(&source, "/status/lastHandledReconcileAt") && !due) || source["spec"]["suspend"] == true {
            return;
        }
        self.looked = Instant::now();
        let Some(head) = self.git.head_now() else { return };
        let at = self.api.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let status = json!({"status": {
            "artifact": {"revision": format!("main@sha1:{}", head.sha), "lastUpdateTime": at},
            "lastHandledReconcileAt": requested,
        }});
        self.api.merge("GitRepository", NAMESPACE, NAME, "status", &status);
    }

    fn apply(&mut self) {
        let Some(root) = self.api.get("Kustomization", NAMESPACE, NAME) else { return };
        let Some(source) = self.api.get("GitRepository", NAMESPACE, NAME) else { return };
        let revision = text(&source, "/status/artifact/revision").to_owned();
        if revision.is_empty() || root["spec"]["suspend"] == true {
            return;
        }
        let generation = root["metadata"]["generation"].as_u64().unwrap_or(0);
        let requested = text(&root, REQUESTED).to_owned();
        let current = (generation, revision.clone());
        if self.applied.as_ref() != Some(&current) {
            match self.put_tree(&root) {
                Ok(()) => {}
                Err(why) => {
                    if !has(&root, "Ready", "False") {
                        set_condition(&self.api, "Kustomization", &root, "Ready", "False", "BuildFailed", &why);
                        let event = json!({
                            "metadata": {"name": format!("{NAME}.{}", &revision[10..])}, "type": "Warning",
                            "reason": "BuildFailed", "message": why,
                            "involvedObject": {"kind": "Kustomization", "namespace": NAMESPACE, "name": NAME},
                        });
                        self.api.create("Event", NAMESPACE, event);
                    }
                    return;
                }
            }
            self.applied = Some(current);
            let message = format!("Running health checks for revision {revision} with a timeout of 2m0s");
            set_condition(&self.api, "Kustomization", &root, "Reconciling", "True", "Progressing", &message);
            return;
        }
        let checks = root["spec"]["healthChecks"].as_array().cloned().unwrap_or_default();
        let healthy = checks.iter().all(|check| {
            self.api.get(text(check, "/kind"), "", text(check, "/name")).is_some_and(|it| has(&it, "Ready", "True"))
        });
        if !healthy {
            return;
        }
        let status = json!({"status": {
            "lastAppliedRevision": revision, "lastAttemptedRevision": revision, "lastHandledReconcileAt": requested,
            "conditions": [],
        }});
        let message = format!("Applied revision: {revision}");
        if text(&root, "/status/lastAppliedRevision") != revision
            || text(&root, "/status/lastHandledReconcileAt") != requested
            || has(&root, "Reconciling", "True")
        {
            self.api.merge("Kustomization", NAMESPACE, NAME, "status", &status);
            if let Some(root) = again(&self.api, "Kustomization", &root) {
                set_condition(&self.api, "Kustomization", &root, "Ready", "True", "ReconciliationSucceeded", &message);
            }
        }
    }

    /// The objects of the newest commit, each with the labels of the Kustomization.
    fn put_tree(&self, root: &Value) -> Result<(), String> {
        let Some(head) = self.git.head_now() else { return Ok(()) };
        let yaml = head.files.iter().filter(|(path, _)| path.ends_with(".yaml"));
        let mut objects = Vec::new();
        for (path, text) in yaml {
            let found: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| format!("{path}: {error}"))?;
            objects.extend(found);
        }
        let labels = root["spec"]["commonMetadata"]["labels"].as_object().cloned().unwrap_or_default();
        for object in &mut objects {
            for (key, value) in &labels {
                object["metadata"]["labels"][key] = value.clone();
            }
            object["metadata"]["labels"][OWNER] = json!(NAME);
            object["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/namespace"] = json!(NAMESPACE);
            let (kind, place, named) = (text(object, "/kind"), namespace(object), name(object));
            match self.api.get(kind, place, named) {
                Some(there) => {
                    let mut patch = object.clone();
                    // A label that the root no longer has is removed.
                    for key in there["metadata"]["labels"].as_object().into_iter().flat_map(|labels| labels.keys()) {
                        if object["metadata"]["labels"].get(key).is_none() {
                            patch["metadata"]["labels"][key] = Value::Null;
                        }
                    }
                    self.api.merge(kind, place, named, "", &patch);
                }
                None => drop(self.api.create(kind, place, object.clone())),
            }
        }
        for kind in ["NodePool", "AKSNodeClass", "ConfigMap", "Namespace"] {
            for there in self.api.list(kind, &format!("{OWNER}={NAME}")) {
                let kept = objects.iter().any(|it| it["kind"] == kind && name(it) == name(&there));
                if !kept && !is_terminating(&there) {
                    self.api.delete(kind, namespace(&there), name(&there), None);
                }
            }
        }
        Ok(())
    }
}
