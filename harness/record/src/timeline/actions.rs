//! Actions with their stamps.

use crate::event::{ActionKind, ActionStamps, Changed};

/// What an action did, in words.
pub(crate) fn described(what: &ActionKind) -> String {
    match what {
        ActionKind::Scale { workload, from, to } => format!("scale {workload} {from} -> {to}"),
        ActionKind::Replace { workload } => format!("replace a pod of {workload}"),
        ActionKind::Load { workload } => format!("load {workload}"),
        ActionKind::Push { revision } => format!("push {}", revision.get(..12).unwrap_or(revision)),
        ActionKind::Change { object, changed, paths, .. } => match changed {
            Changed::Patched => format!("patch {object} ({})", paths.join(", ")),
            changed => format!("{} {object}", changed.verb()),
        },
        ActionKind::Other(what) => what.clone(),
    }
}

/// Every action, in the order of the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actions {
    pub(crate) all: Vec<ActionStamps>,
}

impl Actions {
    pub(crate) fn apply(&mut self, action: &ActionStamps) {
        self.all.push(action.clone());
    }

    /// From intended to sent, microseconds, of what was sent.
    pub(crate) fn send_lags_us(&self) -> impl Iterator<Item = u64> {
        self.all.iter().filter_map(|action| Some(action.sent_us?.saturating_sub(action.intended_us)))
    }
}
