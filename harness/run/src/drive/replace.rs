//! Replacing pods: one is deleted, and its Deployment makes another.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Preconditions};

use super::Tools;
use crate::labels;

/// Pods that were gone before they could be deleted are passed over this often.
const TRIES: u32 = 3;

/// UIDs of the pods that the run has deleted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replaced(Arc<Mutex<HashSet<String>>>);

/// Deletes the workload's oldest Ready pod that was not deleted before. The error is in words, for the log.
pub(super) async fn replace(workload: &str, tools: &Tools) -> Result<(), String> {
    let pods: Api<Pod> = Api::namespaced(tools.client.clone(), &labels::namespace(&tools.run_id));
    for _ in 0..TRIES {
        let (name, uid) =
            choose(workload, tools).ok_or_else(|| format!("no Ready pod of {workload} is left to replace"))?;
        let parameters = DeleteParams {
            // A pod of the same name would be another one.
            preconditions: Some(Preconditions { uid: Some(uid), resource_version: None }),
            ..DeleteParams::default()
        };
        match pods.delete(&name, &parameters).await {
            Ok(_) => return Ok(()),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Err(format!("{TRIES} pods of {workload} were gone before they could be deleted"))
}

/// Chosen under one lock, so that two actions of the same moment take two pods.
fn choose(workload: &str, tools: &Tools) -> Option<(String, String)> {
    let mut replaced = tools.replaced.0.lock().unwrap_or_else(PoisonError::into_inner);
    let (name, uid) = tools.hub.read(|state| {
        let (name, uid) = state.oldest_ready_pod(workload, |uid| !replaced.contains(uid))?;
        Some((name.to_owned(), uid.to_owned()))
    })?;
    replaced.insert(uid.clone());
    Some((name, uid))
}
