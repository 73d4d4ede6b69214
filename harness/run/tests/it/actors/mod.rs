//! The real controllers as small actors: each reads everything and does the next thing that is due.
//!
//! An actor acts a fixed time after a change, so that the order of events is the same each time.

mod flux;
mod provisioner;
mod workloads;

use std::sync::Arc;
use std::time::Duration;

use harness_azure::InProcess;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::api::{ApiServer, set_conditions};
use crate::git::GitBranch;

/// How long after a change an actor reads the cluster.
const AFTER: [Duration; 3] = [Duration::from_millis(7), Duration::from_millis(11), Duration::from_millis(17)];
/// How often it does so without a change: grace periods and settling times pass silently.
const IDLE: Duration = Duration::from_millis(500);

/// The running actors. Dropping it ends them.
pub(crate) struct Actors(Vec<JoinHandle<()>>);

impl Drop for Actors {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Actors {
    pub(crate) fn start(api: &ApiServer, azure: &Arc<InProcess>, git: &GitBranch) -> Self {
        let mut workloads = workloads::Workloads::new(api.clone());
        let mut flux = flux::Flux::new(api.clone(), git.clone());
        let mut provisioner = provisioner::Provisioner::new(api.clone(), azure.clone());
        let [first, second, third] = AFTER;
        let (one, two, three) = (api.clone(), api.clone(), api.clone());
        Self(vec![
            tokio::spawn(async move {
                loop {
                    workloads.step();
                    next(&one, first).await;
                }
            }),
            tokio::spawn(async move {
                loop {
                    flux.step();
                    next(&two, second).await;
                }
            }),
            tokio::spawn(async move {
                loop {
                    provisioner.step().await;
                    next(&three, third).await;
                }
            }),
        ])
    }
}

async fn next(api: &ApiServer, after: Duration) {
    let mut changed = api.changed();
    // Nothing may change for long; then actions may be due by the clock.
    let _ = timeout(IDLE, changed.changed()).await;
    sleep(after).await;
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

fn has(object: &Value, condition: &str, status: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    conditions.iter().any(|one| one["type"] == condition && one["status"] == status)
}

/// Sets a condition that differs.
fn set_condition(
    api: &ApiServer,
    kind: &str,
    object: &Value,
    condition: &str,
    status: &str,
    reason: &str,
    message: &str,
) {
    let mut conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let same = |old: &Value| old["type"] == condition && old["status"] == status && old["message"] == message;
    if conditions.iter().any(same) {
        return;
    }
    let at = api.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let new =
        json!({"type": condition, "status": status, "reason": reason, "message": message, "lastTransitionTime": at});
    set_conditions(&mut conditions, &[new]);
    api.merge(kind, namespace(object), name(object), "status", &json!({"status": {"conditions": conditions}}));
}

/// The same object as it is now.
fn again(api: &ApiServer, kind: &str, object: &Value) -> Option<Arc<Value>> {
    api.get(kind, namespace(object), name(object))
}
