//! Managing the Flux of a cluster: everything that `harness flux` does.

use std::collections::BTreeMap;

use harness_components::control::ComponentControl;

use super::parts::Parts;
use crate::git::GitRemote;

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
}

/// Milliseconds since then.
pub(super) fn millis(since: std::time::Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
