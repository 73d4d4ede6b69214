//! Replacing pods: one is deleted, and its Deployment creates another.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use harness_plan::Replace;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Preconditions};

use crate::drive::context::Context;
use crate::hub::Hub;
use crate::state::Effect;

/// How many pods are tried: one may be gone before it can be deleted.
const TRIES: u32 = 3;

/// UIDs of the pods that the run has deleted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replaced(Arc<Mutex<HashSet<String>>>);

#[derive(Debug, thiserror::Error)]
pub(super) enum ReplaceError {
    #[error("no Ready pod of {0} is left to replace")]
    NoPod(String),
    #[error("{TRIES} pods of {0} were gone before they could be deleted")]
    Gone(String),
    #[error(transparent)]
    Delete(#[from] kube::Error),
}

/// Deletes the workload's oldest Ready pod that was not deleted before.
pub(super) async fn act(replace: &Replace, replaced: &Replaced, context: &Context) -> Result<Effect, ReplaceError> {
    let workload = replace.workload();
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &context.namespace());
    for _ in 0..TRIES {
        let chosen = replaced.choose(workload, &context.hub);
        let (name, uid) = chosen.ok_or_else(|| ReplaceError::NoPod(workload.to_owned()))?;
        let parameters = DeleteParams {
            // A pod of the same name would be another one.
            preconditions: Some(Preconditions { uid: Some(uid.clone()), resource_version: None }),
            ..DeleteParams::default()
        };
        match pods.delete(&name, &parameters).await {
            Ok(_) => return Ok(Effect::PodDeletion { uid }),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ReplaceError::Gone(workload.to_owned()))
}

impl Replaced {
    /// Chooses a pod under one lock, so that two actions of the same moment take two pods.
    fn choose(&self, workload: &str, hub: &Hub) -> Option<(String, String)> {
        let mut replaced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, uid) = hub.read(|state| {
            let (name, uid) = state.oldest_ready_pod(workload, |uid| !replaced.contains(uid))?;
            Some((name.to_owned(), uid.to_owned()))
        })?;
        replaced.insert(uid.clone());
        Some((name, uid))
    }
}
