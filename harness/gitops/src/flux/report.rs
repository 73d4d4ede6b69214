//! What came of a forced reconciliation.

use serde::Serialize;

use super::kinds::ObjectRef;
use super::order::Obstacle;

/// How it ended for one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "lowercase")]
pub enum Ending {
    /// Its controller has answered and it is Ready.
    Reconciled,
    /// Its controller has answered and it is not Ready.
    Failed,
    /// There was no final answer within the limit.
    #[strum(serialize = "timed out")]
    TimedOut,
    /// Not requested: the object is suspended.
    Suspended,
    /// Not requested: an object that it needs has failed, is missing, or needs it in turn.
    #[strum(serialize = "held back")]
    HeldBack,
    /// The object was deleted meanwhile: its Kustomization no longer contains it.
    Gone,
}

impl Ending {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether nothing went wrong.
    pub fn is_well(self) -> bool {
        matches!(self, Self::Reconciled | Self::Suspended | Self::Gone)
    }
}

/// What came of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reconciled {
    /// Which one.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// How it ended.
    pub ending: Ending,
    /// The value of the request, a timestamp; its controller repeats it in `status.lastHandledReconcileAt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<String>,
    /// From the request to the answer, in milliseconds.
    pub took_ms: u64,
    /// The reason of the condition `Ready`, or why it was not requested.
    pub reason: String,
    /// The message.
    pub message: String,
    /// What it has got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

impl Reconciled {
    /// An object that was not asked to reconcile.
    pub(super) fn not_asked(object: ObjectRef, ending: Ending, reason: &str, message: String) -> Self {
        let reason = reason.to_owned();
        Self { object, ending, requested_at: None, took_ms: 0, reason, message, revision: None }
    }

    /// One that can never have its turn.
    pub(super) fn blocked(object: ObjectRef, obstacle: &Obstacle) -> Self {
        let (reason, message) = match obstacle {
            Obstacle::Missing(need) => ("MissingDependency", format!("it needs {need}, which is not there")),
            Obstacle::Cycle(cycle) => {
                let names: Vec<String> = cycle.iter().map(ToString::to_string).collect();
                ("DependencyCycle", format!("it needs itself: {}", names.join(" -> ")))
            }
            Obstacle::Behind(need) => ("HeldBack", format!("it needs {need}, which was held back")),
        };
        Self::not_asked(object, Ending::HeldBack, reason, message)
    }
}

/// What came of all, in the order in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReconcileReport {
    /// Each object.
    pub objects: Vec<Reconciled>,
    /// Duration in milliseconds.
    pub took_ms: u64,
}

impl ReconcileReport {
    /// Whether nothing went wrong.
    pub fn is_well(&self) -> bool {
        self.objects.iter().all(|object| object.ending.is_well())
    }
}
