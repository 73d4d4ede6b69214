//! What of AKS is wanted in the cluster, and what is there.

use harness_simulation::ClusterParts;
use tokio::sync::watch;

/// What is wanted, what is there, and what went wrong last.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) wanted: watch::Sender<ClusterParts>,
    pub(crate) state: watch::Sender<State>,
}

/// What is there, and why it is not what is wanted.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// `None` while it is being changed.
    pub(crate) there: Option<ClusterParts>,
    pub(crate) trouble: Option<String>,
}

impl Parts {
    /// A cluster in which nothing is yet.
    pub(crate) fn new(wanted: ClusterParts) -> Self {
        let nothing = State { there: Some(ClusterParts::Bare), trouble: None };
        Self { wanted: watch::Sender::new(wanted), state: watch::Sender::new(nothing) }
    }

    /// What is wanted.
    pub(crate) fn wanted(&self) -> ClusterParts {
        *self.wanted.borrow()
    }

    /// From now on this is wanted.
    pub(crate) fn want(&self, parts: ClusterParts) {
        self.wanted.send_if_modified(|wanted| std::mem::replace(wanted, parts) != parts);
    }
}
