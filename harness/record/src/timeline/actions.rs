//! Actions with their stamps.

use std::collections::BTreeMap;
use std::sync::Arc;

use harness_plan::{Action, Component, Plan};

use crate::event::{ActionEffect, ActionKind, ActionStamps, EffectOutcome};

/// Every action, in the order of the log, beside the plan's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actions {
    planned: Arc<BTreeMap<u32, Action>>,
    pub(crate) all: Vec<ActionStamps>,
    /// What became of the effects of the plan's actions, by id: the first that is known.
    effects: BTreeMap<u32, (u64, EffectOutcome)>,
}

impl Actions {
    /// No action of this plan has been done yet.
    pub(crate) fn of(plan: &Plan) -> Self {
        let planned = plan.actions().map(|planned| (planned.id, planned.action.clone())).collect();
        Self { planned: Arc::new(planned), all: Vec::new(), effects: BTreeMap::new() }
    }

    /// Notes what became of an action's effect.
    pub(crate) fn effect(&mut self, at_us: u64, effect: &ActionEffect) {
        self.effects.entry(effect.action).or_insert((at_us, effect.outcome));
    }

    /// What became of the action's effect, and when that was known.
    pub(crate) fn effect_of(&self, done: &ActionStamps) -> Option<(u64, EffectOutcome)> {
        self.effects.get(&done.what.id()?).copied()
    }

    /// The plan's action, where it is one.
    pub(crate) fn planned(&self, done: &ActionStamps) -> Option<&Action> {
        self.planned.get(&done.what.id()?)
    }

    /// The actions of the plan, each with what was planned.
    pub(crate) fn of_plan(&self) -> impl Iterator<Item = (&ActionStamps, &Action)> {
        self.all.iter().filter_map(|done| Some((done, self.planned(done)?)))
    }

    /// The actions of the plan that failed.
    pub(crate) fn undone(&self) -> impl Iterator<Item = &ActionStamps> {
        self.of_plan().map(|(done, _)| done).filter(|done| done.error.is_some())
    }

    /// The kills of components: the component, when, and when the plan started it again.
    pub(crate) fn kills(&self) -> impl Iterator<Item = (&Component, u64, Option<u64>)> {
        let sent_us = |action: &ActionStamps| action.sent_us.unwrap_or(action.intended_us);
        self.of_plan().filter_map(move |(action, planned)| {
            let Action::KillComponent(component) = planned else { return None };
            let at_us = sent_us(action);
            let again = self.of_plan().find(|(later, planned)| {
                let starts = matches!(planned, Action::StartComponent(started) if started == component);
                starts && later.error.is_none() && sent_us(later) >= at_us
            });
            action.error.is_none().then(|| (component, at_us, again.map(|(later, _)| sent_us(later))))
        })
    }

    /// A description of an action.
    pub(crate) fn describe(&self, done: &ActionStamps) -> String {
        match (&done.what, self.planned(done)) {
            (ActionKind::Push { revision, .. }, _) => format!("push {}", revision.get(..12).unwrap_or(revision)),
            (ActionKind::ReceiverCall { receiver }, _) => format!("call receiver {receiver}"),
            (ActionKind::Planned(_), Some(action)) => action.to_string(),
            // The plan beside the log is that of another run.
            (ActionKind::Planned(id), None) => format!("action {id}"),
        }
    }

    /// From intended to sent, microseconds, of what was sent.
    pub(crate) fn send_lags_us(&self) -> impl Iterator<Item = u64> {
        self.all.iter().filter_map(|action| Some(action.sent_us?.saturating_sub(action.intended_us)))
    }
}

/// An acknowledged push.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Push<'a> {
    pub(crate) commit: &'a str,
    pub(crate) acked_us: u64,
    /// The phase that it belongs to.
    pub(crate) phase: &'a str,
}

/// Every acknowledged push, the first one first.
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
    // Stable: pushes are sent one after another, so the log has them in their order.
    pushes.sort_by_key(|push| push.acked_us);
    pushes
}
