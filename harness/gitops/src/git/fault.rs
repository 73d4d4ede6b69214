//! The fault of the Git server.

use std::sync::{Arc, PoisonError, RwLock};

use harness_simulation::GitFault;

/// Sets the fault of a running server, which affects every request except those of [`super::GitRemote::exempt_from_faults`]. Cheap to
/// clone; it does nothing once the server has ended.
#[derive(Debug, Clone, Default)]
pub struct GitFaultSwitch(Arc<RwLock<Option<GitFault>>>);

impl GitFaultSwitch {
    /// Replaces the fault; requests that came before keep the old one.
    pub fn set(&self, fault: Option<GitFault>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// The fault that is there now.
    #[must_use]
    pub fn get(&self) -> Option<GitFault> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
