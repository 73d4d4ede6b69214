//! Faults of the Git server.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use harness_simulation::GitFault;

use super::Credentials;

/// The faults of the server, which affect every request except those of [`super::GitRemote::exempt_from_faults`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitFaults {
    /// Answer 503 to everything.
    pub unavailable: bool,
    /// Wait this long before anything else.
    pub delay: Duration,
    /// Demand these credentials and answer 401 without them.
    pub credentials: Option<Credentials>,
}

impl From<GitFault> for GitFaults {
    fn from(fault: GitFault) -> Self {
        let none = Self::default();
        match fault {
            GitFault::Unavailable => Self { unavailable: true, ..none },
            GitFault::Slow(delay) => Self { delay: delay.as_duration(), ..none },
            GitFault::WrongCredentials => {
                // No client has these.
                let password = uuid::Uuid::new_v4().to_string();
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
