//! Filters for notifications, and the Receiver that notifies Flux of a commit.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ObjectRef;

/// Notifications that Flux sends to the run's webhook. Every given key must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationFilter {
    /// Only about this object (default: any). Without a name, about any of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<ObjectRef>,
    /// Only of this severity (default: any).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Only what was sent to this path of the webhook, such as /errors (default: any).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^/"))]
    pub path: Option<String>,
    /// Only about the newest commit that was pushed in the same phase before it (default: false). Notifications about an earlier commit may
    /// still be on their way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub newest: bool,
}

impl NotificationFilter {
    /// What is given, as pairs of a key and its value, for a text.
    pub(crate) fn narrowed(&self) -> [(&'static str, Option<String>); 4] {
        let about = self.about.as_ref().map(|about| match &about.name {
            Some(name) => format!("{}/{name}", about.kind),
            None => about.kind.clone(),
        });
        [
            ("about", about),
            ("severity", self.severity.map(|severity| severity.as_str().to_owned())),
            ("path", self.path.clone()),
            ("of", self.newest.then(|| "the newest commit".to_owned())),
        ]
    }
}

/// How bad an event of Flux is (fluxcd/pkg `apis/event/v1beta1`).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "NotificationSeverity")]
#[strum(serialize_all = "kebab-case")]
pub enum Severity {
    /// Something was done.
    Info,
    /// Something failed.
    Error,
}

impl Severity {
    /// As Flux and scenarios write it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A Flux Receiver, whose Git host the run plays.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receiver {
    /// The Receiver's name, in `flux-system`.
    pub name: String,
    /// The token of its Secret, with which a Git host signs its calls. A wrong one is refused. It guards nothing but this cluster.
    pub token: String,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("name", &self.name).finish_non_exhaustive()
    }
}
