//! The GitOps of a target.

use std::collections::BTreeSet;

use harness_gitops::git::GitRemote;
use harness_local::ControlClient;
use harness_plan::Capability;

/// How a tree comes to a target.
#[derive(Clone, Debug)]
pub enum GitOps {
    /// Flux and the Git server are components of the target.
    Supervised {
        /// The repository that Flux follows; its requests are not subject to the faults of the Git server.
        git: GitRemote,
        /// Where Flux's notification controller takes the calls of Git hosts, without a path.
        receiver_url: String,
        /// Host and port of the image registry, which speaks plain HTTP.
        registry: String,
        /// Who sets the faults of the Git server.
        supervisor: ControlClient,
    },
    /// The cluster has a Flux of its own, which follows a repository that the harness can push to.
    Existing {
        /// The repository.
        git: GitRemote,
    },
    /// No tree comes to it.
    Absent,
}

impl GitOps {
    /// The repository that Flux follows.
    pub fn git(&self) -> Option<&GitRemote> {
        match self {
            Self::Supervised { git, .. } | Self::Existing { git } => Some(git),
            Self::Absent => None,
        }
    }

    pub(crate) fn capabilities(&self) -> BTreeSet<Capability> {
        match self {
            Self::Supervised { .. } => [
                Capability::Gitops,
                Capability::FluxNotification,
                Capability::ImageAutomation,
                Capability::ImageRegistry,
            ]
            .into(),
            Self::Existing { .. } => [Capability::Gitops].into(),
            Self::Absent => BTreeSet::new(),
        }
    }
}
