//! Faults of the Git server, as somebody orders them from another process.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use harness_azure::config::Secret;
use serde::{Deserialize, Serialize};

use super::Credentials;
use super::server::GitFaults;

/// What the Git server does wrong from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GitFault {
    /// Answer 503 to everything.
    Unavailable,
    /// Wait this long before anything else, milliseconds.
    SlowMs(u64),
    /// Answer 401 to everybody: the credentials that it demands are made up and told to nobody.
    WrongCredentials,
}

impl From<GitFault> for GitFaults {
    fn from(fault: GitFault) -> Self {
        let none = Self::default();
        match fault {
            GitFault::Unavailable => Self { unavailable: true, ..none },
            GitFault::SlowMs(delay) => Self { delay: Duration::from_millis(delay), ..none },
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
