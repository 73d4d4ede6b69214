//! Faults of the Git server, as somebody orders them from another process.

use std::sync::{Arc, PoisonError, RwLock};

use harness_azure::config::Secret;
use harness_simulation::GitFault;

use super::Credentials;
use super::server::GitFaults;

impl From<GitFault> for GitFaults {
    fn from(fault: GitFault) -> Self {
        let none = Self::default();
        match fault {
            GitFault::Unavailable => Self { unavailable: true, ..none },
            GitFault::Slow(delay) => Self { delay: delay.as_duration(), ..none },
            GitFault::WrongCredentials => {
                let password = Secret::random().expose().to_owned();
                Self { credentials: Some(Credentials { username: "nobody".to_owned(), password }), ..none }
            }
        }
    }
}

/// Sets the faults of a running server. Cheap to clone; it does nothing once the server has ended.
#[derive(Debug, Clone, Default)]
pub struct GitFaultSwitch(Arc<RwLock<GitFaults>>);

impl GitFaultSwitch {
    /// Replaces the faults; requests that came before keep the old ones.
    pub fn set(&self, faults: GitFaults) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// The faults that are there now.
    #[must_use]
    pub fn get(&self) -> GitFaults {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
