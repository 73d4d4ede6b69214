//! Managing the Flux of a cluster: everything that `harness flux` does.

use std::collections::BTreeMap;

use harness_components::control::ComponentControl;
use kube::api::{Patch, PatchParams};
use serde_json::Value;

use super::error::{FluxError, is_missing};
use super::kinds::{FluxKind, ObjectRef};
use super::parts::Parts;
use crate::git::GitRemote;

/// Who writes, in `managedFields`.
const FIELD_MANAGER: &str = "harness-flux";

/// Takes the lines that report progress.
pub type ReportLine<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// The cluster whose Flux is managed.
pub struct FluxTarget<'a> {
    /// Its name.
    pub cluster: String,
    /// The kind of target that it is, as `--target` names it.
    pub target: &'static str,
    /// A client with an administrator's rights.
    pub client: kube::Client,
    /// Control of the controllers.
    pub components: &'a dyn ComponentControl,
    /// The version of each component.
    pub versions: BTreeMap<String, String>,
    /// The repository that Flux follows.
    pub git: Option<GitRemote>,
    /// What an installation consists of.
    pub parts: Parts,
}

/// The Flux of one cluster, with the rights to change it.
pub struct Manager<'a> {
    pub(super) target: FluxTarget<'a>,
    report: ReportLine<'a>,
}

impl std::fmt::Debug for Manager<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client carries credentials.
        f.debug_struct("Manager").field("cluster", &self.target.cluster).finish_non_exhaustive()
    }
}

impl<'a> Manager<'a> {
    /// Manages the Flux of a cluster, and reports its progress to `report`.
    pub fn new(target: FluxTarget<'a>, report: ReportLine<'a>) -> Self {
        Self { target, report }
    }

    pub(super) fn report(&self, line: &str) {
        (self.report)(line);
    }

    /// A merge patch; `false` if the object does not exist.
    pub(super) async fn merge(
        &self,
        kind: &FluxKind,
        object: &ObjectRef,
        doing: &'static str,
        patch: &Value,
    ) -> Result<bool, FluxError> {
        let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        match kind.api(&self.target.client, object).patch(&object.name, &parameters, &Patch::Merge(patch)).await {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(FluxError::api(doing, object.to_string())(error)),
        }
    }
}
