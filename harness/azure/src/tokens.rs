//! The tokens that the managed identity endpoint gives out.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Secret;

/// How long a token is valid.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);
/// How many tokens are remembered; the oldest is forgotten first.
const TOKENS_KEPT: usize = 1_024;

/// The tokens that were given out.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    given: Mutex<VecDeque<(Secret, Instant)>>,
}

impl Tokens {
    pub(crate) fn issue(&self) -> Secret {
        let token = Secret::random();
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.len() == TOKENS_KEPT {
            given.pop_front();
        }
        given.push_back((token.clone(), Instant::now()));
        token
    }

    /// Whether this endpoint gave the token out and it is still valid.
    pub(crate) fn knows(&self, token: &str) -> bool {
        self.given
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .any(|(t, at)| t.matches(token) && at.elapsed() < TOKEN_LIFE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_given_tokens_are_known_and_their_number_is_bounded() {
        let tokens = Tokens::default();
        let first = tokens.issue();
        assert!(tokens.knows(first.expose()));
        assert!(!tokens.knows("made-up"));
        for _ in 0..TOKENS_KEPT {
            tokens.issue();
        }
        assert!(!tokens.knows(first.expose()));
    }
}
