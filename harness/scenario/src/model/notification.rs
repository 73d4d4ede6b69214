//! Notifications of Flux, and images for its automation.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Setting;
use harness_plan::{Happening, NotificationFilter, ObjectRef, Severity, What};
use harness_yaml::Located;

/// Notifications, how many, and in which phases.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Notified")]
pub struct NotifiedSpec {
    /// Only about this object (default: any). Without a name, about any of the kind.
    #[serde(default)]
    pub about: Option<ObjectRef>,
    /// Only of this severity (default: any).
    #[serde(default)]
    pub severity: Option<Severity>,
    /// Only with this reason, such as ReconciliationSucceeded or BuildFailed (default: any).
    #[serde(default)]
    pub reason: Option<String>,
    /// Only where the message contains this.
    #[serde(default)]
    pub says: Option<String>,
    /// Only what was sent to this path of the webhook, such as /errors (default: any).
    #[serde(default)]
    #[schemars(regex(pattern = "^/"))]
    pub path: Option<String>,
    /// Only about the newest commit that was pushed in the same phase before it (default: false). Of a commit before, some may still be on
    /// their way.
    #[serde(default)]
    pub newest: bool,
    /// No fewer (default: 1 where there is no `atMost`).
    #[serde(default)]
    pub at_least: Option<Setting<u32>>,
    /// No more.
    #[serde(default)]
    pub at_most: Option<Setting<u32>>,
    /// Only in these phases (default: in all of them).
    #[serde(default, rename = "in")]
    pub phases: Vec<Located<String>>,
}

impl NotifiedSpec {
    /// What is counted, without how often and where.
    pub fn happening(&self) -> Happening {
        Happening {
            code: self.reason.clone(),
            says: self.says.clone(),
            notification: Some(NotificationFilter {
                about: self.about.clone(),
                severity: self.severity,
                path: self.path.clone(),
                newest: self.newest,
            }),
            ..Happening::any(What::Notified)
        }
    }
}
