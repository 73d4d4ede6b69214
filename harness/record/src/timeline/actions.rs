//! Actions with their stamps.

use std::collections::BTreeMap;
use std::sync::Arc;

use harness_plan::{Action, Plan};

use crate::event::{ActionKind, ActionStamps};

/// Every action, in the order of the log, beside the plan's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actions {
    planned: Arc<BTreeMap<u32, Action>>,
    pub(crate) all: Vec<ActionStamps>,
}

impl Actions {
    /// Nothing was done yet of this plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        let actions = plan.phases.iter().flat_map(|phase| &phase.actions);
        let planned = actions.map(|planned| (planned.id, planned.action.clone())).collect();
        Self { planned: Arc::new(planned), all: Vec::new() }
    }

    pub(crate) fn apply(&mut self, action: &ActionStamps) {
        self.all.push(action.clone());
    }

    /// The plan's action that was done.
    pub(crate) fn planned(&self, done: &ActionStamps) -> Option<&Action> {
        self.planned.get(&done.what.id()?)
    }

    /// Those that are the plan's, with the plan's action.
    pub(crate) fn of_plan(&self) -> impl Iterator<Item = (&ActionStamps, &Action)> {
        self.all.iter().filter_map(|done| Some((done, self.planned(done)?)))
    }

    /// What an action did, in words.
    pub(crate) fn describe(&self, done: &ActionStamps) -> String {
        match (&done.what, self.planned(done)) {
            (ActionKind::Push { revision, .. }, _) => format!("push {}", revision.get(..12).unwrap_or(revision)),
            (ActionKind::ReceiverCall { receiver }, _) => format!("call receiver {receiver}"),
            (ActionKind::Planned(_), Some(action)) => action.to_string(),
            // A plan of another run lies beside the log.
            (ActionKind::Planned(id), None) => format!("action {id}"),
        }
    }

    /// From intended to sent, microseconds, of what was sent.
    pub(crate) fn send_lags_us(&self) -> impl Iterator<Item = u64> {
        self.all.iter().filter_map(|action| Some(action.sent_us?.saturating_sub(action.intended_us)))
    }
}

/// A push that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Push<'a> {
    pub(crate) commit: &'a str,
    pub(crate) acked_us: u64,
    /// The phase that it belongs to.
    pub(crate) phase: &'a str,
}

/// Every push that was answered, the first one first.
pub(crate) fn pushes(actions: &Actions) -> Vec<Push<'_>> {
    let mut pushes: Vec<Push<'_>> = actions
        .all
        .iter()
        .filter_map(|action| match (&action.what, action.acked_us) {
            (ActionKind::Push { revision, .. }, Some(acked_us)) => {
                Some(Push { commit: revision, acked_us, phase: &action.phase })
            }
            _ => None,
        })
        .collect();
    // Stable: one is pushed after another, so that the log has them in their order too.
    pushes.sort_by_key(|push| push.acked_us);
    pushes
}
