//! A phase's actions, each at its time.

use std::collections::BTreeMap;

use futures::future::join_all;
use harness_plan::{Action, Phase};
use harness_record::EventKind;
use harness_record::event::{ActionKind, ActionStamps};
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::actions::{Actions, Done, Subject};

/// The running drivers of a phase. Dropping it stops what has not been sent.
pub(crate) struct Driver {
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// An action with its intended time, in microseconds since the start of the run.
struct Due {
    id: u32,
    intended_us: u64,
    action: Action,
}

impl Driver {
    /// Starts to send the phase's actions; their times count from `began_us`.
    pub(crate) fn start(phase: &Phase, began_us: u64, actions: &Actions) -> Self {
        let mut in_turn: BTreeMap<Subject, Vec<Due>> = BTreeMap::new();
        let mut tasks = Vec::new();
        let mut spawn = |due: Vec<Due>, newest_replaces_others: bool| {
            tasks.push(tokio::spawn(drive(due, newest_replaces_others, phase.name.clone(), actions.clone())));
        };
        for planned in &phase.actions {
            let due = Due { id: planned.id, intended_us: began_us + planned.at_us, action: planned.action.clone() };
            match Subject::of(&due.action) {
                Some(subject) => in_turn.entry(subject).or_default().push(due),
                None => spawn(vec![due], false),
            }
        }
        for (subject, due) in in_turn {
            spawn(due, subject.newest_replaces_others());
        }
        Self { tasks }
    }

    /// Waits until every action was sent and answered.
    pub(crate) async fn finished(&mut self) {
        join_all(self.tasks.iter_mut()).await;
        self.tasks.clear();
    }

    /// Whether every action was sent and answered.
    pub(crate) fn is_finished(&self) -> bool {
        self.tasks.iter().all(JoinHandle::is_finished)
    }
}

/// Sends actions in their order, none before its time. One request is in flight at a time, since two could overtake each other. Each action
/// keeps its own intended time, so that a slow server shows as latency and not as a lower rate.
async fn drive(due: Vec<Due>, newest_replaces_others: bool, phase: String, actions: Actions) {
    let clock = actions.context.hub.clock;
    let mut rest = due.as_slice();
    while let Some(first) = rest.first() {
        sleep_until(clock.instant(first.intended_us)).await;
        let now_us = clock.now_us();
        let count = match newest_replaces_others {
            true => rest.partition_point(|due| due.intended_us <= now_us).max(1),
            false => 1,
        };
        let (batch, later) = rest.split_at(count);
        rest = later;
        send(batch, &phase, &actions).await;
    }
}

/// Sends the newest action of a batch for all of them.
async fn send(batch: &[Due], phase: &str, actions: &Actions) {
    let Some(newest) = batch.last() else { return };
    let hub = &actions.context.hub;
    let began_us = hub.clock.now_us();
    let outcome = actions.act(&newest.action).await;
    let ended_us = hub.clock.now_us();
    let (pushed, sent_us, acked_us) = match &outcome {
        Ok(Done { pushed: Some((commit, _)), .. }) => {
            (Some(&commit.sha), hub.clock.us_of(commit.sent.into()), Some(hub.clock.us_of(commit.acknowledged.into())))
        }
        Ok(Done { pushed: None, .. }) => (None, began_us, Some(ended_us)),
        Err(_) => (None, began_us, None),
    };
    for due in batch {
        let what = match pushed {
            Some(revision) => ActionKind::Push { id: Some(due.id), revision: revision.clone() },
            None => ActionKind::Planned(due.id),
        };
        hub.record_at(
            acked_us.unwrap_or(ended_us),
            EventKind::Action(ActionStamps {
                what,
                phase: phase.to_owned(),
                intended_us: due.intended_us,
                sent_us: Some(sent_us),
                acked_us,
                error: outcome.as_ref().err().map(|error| crate::error::describe(error.as_ref())),
            }),
        );
    }
    if let Ok(done) = outcome {
        actions.follow_up(done, (newest.id, &newest.action), sent_us, phase).await;
    }
}
