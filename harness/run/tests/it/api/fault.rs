//! Scripted faults: what happens to the requests that a test names.

use std::time::Duration;

use super::request::{Call, Verb};

/// What happens instead of, or before, the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// The request is not carried out, and this is the answer.
    Refuse { code: u16, retry_after_s: Option<u64> },
    /// It is carried out late.
    Slow(Duration),
    /// It is neither carried out nor answered.
    Silence,
    /// It is carried out, and the connection breaks before the answer.
    Lost,
}

/// Which requests a fault hits.
pub(crate) type Matcher = Box<dyn Fn(&Call) -> bool + Send>;

/// An effect on the requests that match.
pub(crate) struct Fault {
    pub(crate) effect: Effect,
    matcher: Matcher,
    /// How many more times it occurs; `None` for ever.
    left: Option<u32>,
}

impl Fault {
    pub(crate) fn new(effect: Effect, matcher: impl Fn(&Call) -> bool + Send + 'static) -> Self {
        Self { effect, matcher: Box::new(matcher), left: None }
    }

    /// On requests of this verb about this kind.
    pub(crate) fn on(effect: Effect, verb: Verb, kind: &'static str) -> Self {
        Self::new(effect, move |call| call.verb == verb && call.kind == kind)
    }

    pub(crate) fn times(self, times: u32) -> Self {
        Self { left: Some(times), ..self }
    }

    pub(super) fn hits(&mut self, call: &Call) -> bool {
        if self.left == Some(0) || !(self.matcher)(call) {
            return false;
        }
        self.left = self.left.map(|left| left - 1);
        true
    }
}

pub(super) fn reason(code: u16) -> &'static str {
    match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    }
}
