//! Notifications of Flux.

use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope, during};
use crate::{Bounds, EventPattern, NotificationFilter, OccurrenceKind};

/// Flux sent this many notifications to the run's webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notified {
    /// Which notifications are counted.
    #[serde(flatten)]
    pub notification: NotificationPattern,
    /// How many (default: at least 1).
    #[serde(flatten)]
    pub bounds: Bounds,
    /// Only in these phases (default: in all of them).
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
}

/// Notifications of Flux. Every given key must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationPattern {
    /// Their object, severity and address.
    #[serde(flatten)]
    pub filter: NotificationFilter,
    /// Only with this reason, such as ReconciliationSucceeded or BuildFailed (default: any).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only where the message contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_contains: Option<String>,
}

impl NotificationPattern {
    /// The events that are counted.
    pub fn pattern(&self) -> EventPattern {
        EventPattern {
            code: self.reason.clone(),
            message_contains: self.message_contains.clone(),
            notification: Some(self.filter.clone()),
            ..EventPattern::any(OccurrenceKind::Notified)
        }
    }
}

impl Expected for Notified {
    fn scope(&self) -> Scope<'_> {
        Scope::of_phases(&self.phases)
    }

    fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        if !facts.has_webhook {
            let hint = "let the run listen: `webhook: {}`";
            return vec![Problem::new(&[], "nothing listens for notifications", hint)];
        }
        self.bounds.problems("there are always at least 0 notifications")
    }
}

impl fmt::Display for Notified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}{}", self.bounds.or_once(), self.notification.pattern(), during(&self.phases))
    }
}
