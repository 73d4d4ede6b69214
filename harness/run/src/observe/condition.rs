//! Conditions as every Kubernetes kind has them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::milestones::Readiness;

/// One condition of a status.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) last_transition_time: Option<Timestamp>,
}

/// The condition of that type.
pub(crate) fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

/// The condition of that type where it is True.
pub(crate) fn holds<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    find(conditions, kind).filter(|condition| condition.status == "True")
}

/// What the condition Ready says.
pub(crate) fn readiness(conditions: &[Condition]) -> Readiness {
    match holds(conditions, "Ready") {
        Some(ready) => Readiness::Ready { since: ready.last_transition_time },
        None => Readiness::NotReady,
    }
}
