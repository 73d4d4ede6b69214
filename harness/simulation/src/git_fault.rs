//! What the Git server does wrong on purpose.

use std::fmt;

use harness_units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use harness_yaml::Problem;

/// A fault of the Git server that the harness runs. It holds for everybody but the run itself, whose own commits go through: the question
/// is how Flux copes. There is one fault at a time; another one takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GitFault {
    /// Every request is answered 503.
    Unavailable,
    /// Every request is answered this much later. A fetch is two or three requests.
    Slow(Span),
    /// Every request is answered 401: the server demands credentials that nobody has.
    WrongCredentials,
}

impl GitFault {
    /// What the types cannot rule out.
    pub fn problems(self) -> Vec<Problem> {
        match self {
            Self::Slow(Span::ZERO) => {
                vec![Problem::new(&["slow"], "the Git server is slower by 0s", "give a duration above 0s")]
            }
            Self::Unavailable | Self::Slow(_) | Self::WrongCredentials => Vec::new(),
        }
    }
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
