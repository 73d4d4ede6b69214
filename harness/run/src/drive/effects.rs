//! Waiting for what actions set in motion, in the background: actions are sent at their times whatever the cluster does.

use std::sync::{Arc, Mutex, PoisonError};

use harness_record::EventKind;
use harness_record::event::{ActionEffect, EffectOutcome};
use tokio::task::JoinSet;

use crate::hub::Hub;
use crate::state::{CARRIED_LIMIT, Expected, Shown};

/// The effects that are waited for. Cheap to clone; when the last clone is dropped, nothing is waited for any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effects(Arc<Mutex<JoinSet<()>>>);

impl Effects {
    /// Waits for the effect of an action and records what became of it.
    pub(super) fn expect(&self, expected: Expected, hub: &Hub) {
        hub.update(|state| state.expect(expected.clone()));
        let hub = hub.clone();
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have ended.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let outcome = wait(&expected, &hub).await;
            hub.record(EventKind::Effect(ActionEffect { action: expected.id, outcome }));
            hub.update(|state| state.expect_no_more(expected.id));
        });
    }
}

/// Waits until the watches have shown the effect, or it is known not to come, or it is not expected any more.
async fn wait(expected: &Expected, hub: &Hub) -> EffectOutcome {
    let mut outcome = EffectOutcome::NotSeen;
    let ended = hub.wait_until(|state| {
        outcome = match expected.shown(state) {
            Shown::Yes => EffectOutcome::Observed,
            Shown::Never => EffectOutcome::NeverComes,
            Shown::NotYet(_) => EffectOutcome::NotSeen,
        };
        outcome != EffectOutcome::NotSeen || state.expected(expected.id).is_none()
    });
    let limit = async {
        let limit = match expected.effect.limit() {
            Some(limit) => limit,
            None => {
                hub.wait_until(|state| state.expected(expected.id).is_none_or(|expected| expected.carried)).await;
                CARRIED_LIMIT
            }
        };
        tokio::time::sleep(limit).await;
    };
    tokio::select! {
        () = ended => {}
        () = limit => {}
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RunClock;
    use crate::state::Effect;
    use harness_record::event::{ObjectKind, Reached};
    use std::time::Duration;

    /// The outcome that the log gets.
    async fn outcome(then: impl FnOnce(&Hub, &Expected)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let (hub, log) = Hub::open(&path, RunClock::start(), Box::new(|_| {})).unwrap();
        let effects = Effects::default();
        hub.record(crate::state::tests::milestone(ObjectKind::Pod, "p", Reached::Ready, "web").kind);
        hub.wait_until(|state| state.pods() == 1).await;
        let effect = Effect::PodDeletion { uid: "p".to_owned() };
        let expected = Expected::new(7, "replace".to_owned(), effect, 0);
        effects.expect(expected.clone(), &hub);
        then(&hub, &expected);
        let ended = hub.wait_until(|state| state.expected(expected.id).is_none());
        tokio::time::timeout(Duration::from_secs(60), ended).await.expect("the wait has a limit");
        tokio::time::sleep(Duration::from_millis(10)).await;
        drop((hub, effects));
        log.finish().await.unwrap();
        std::fs::read_to_string(&path).unwrap().lines().last().unwrap().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_watch_shows_is_recorded() {
        let line = outcome(|hub, _| {
            hub.record(crate::state::tests::milestone(ObjectKind::Pod, "p", Reached::Deleting, "web").kind);
        });
        let line = line.await;
        assert!(line.contains(r#""effect":{"action":7,"outcome":"observed"}"#), "{line}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_never_shown_ends_at_its_limit() {
        let line = outcome(|_, _| {}).await;
        assert!(line.contains(r#""outcome":"not_seen""#), "{line}");
    }
}
