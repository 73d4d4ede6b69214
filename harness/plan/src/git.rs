//! What the Git server does wrong on purpose.

use std::fmt;

use serde::{Deserialize, Serialize};

use harness_units::Span;

/// A fault of the Git server that the harness runs. It holds for everybody but the run itself, whose own commits go through: what is
/// asked is how Flux bears it. One fault is there at a time: another one takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GitFault {
    /// Every request is answered 503.
    Unavailable,
    /// Every request is answered so much later. A fetch is two requests or three.
    Slow(Span),
    /// Every request is answered 401: the server demands credentials that nobody has.
    WrongCredentials,
}

impl fmt::Display for GitFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable => f.write_str("git unavailable"),
            Self::Slow(span) => write!(f, "git slow by {span}"),
            Self::WrongCredentials => f.write_str("git demands other credentials"),
        }
    }
}
