//! One watch: stamp and enqueue.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::StreamExt;
use futures::future::poll_fn;
use harness_cluster::client::SocketClock;
use harness_record::EventKind;
use harness_record::event::Audit;
use kube::Resource;
use kube::api::Api;
use kube::runtime::{WatchStreamExt, watcher};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::hub::Hub;

/// What a watch hands on, with the moment at which it was seen.
pub(crate) struct Stamped<K> {
    /// Microseconds since the run began.
    pub(crate) at_us: u64,
    pub(crate) event: watcher::Event<K>,
}

/// Observations that may wait for the interpreter.
pub(crate) const QUEUE: usize = 16_384;
/// How often the lags are handed to the log.
const AUDIT_EVERY: Duration = Duration::from_secs(1);
/// Lags in one line of the log; what comes beyond it within a second is folded into the largest.
const LAGS_PER_LINE: usize = 2_000;

/// Watches until the queue's reader is gone or the task is aborted. Errors are events: the watch lists again, with backoff.
pub(crate) async fn watch<K>(
    name: &'static str,
    api: Api<K>,
    config: watcher::Config,
    socket: Arc<SocketClock>,
    queue: mpsc::Sender<Stamped<K>>,
    hub: Hub,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut stream = std::pin::pin!(watcher(api, config).default_backoff());
    let mut lags = Lags::default();
    let lost = AtomicU64::new(0);
    let mut audit = tokio::time::interval(AUDIT_EVERY);
    loop {
        let next = poll_fn(|cx| match stream.poll_next_unpin(cx) {
            Poll::Pending => {
                socket.caught_up();
                Poll::Pending
            }
            ready => ready,
        });
        tokio::select! {
            biased;
            seen = next => match seen {
                Some(Ok(event)) => {
                    let at_us = hub.clock.now_us();
                    lags.push(socket.lag_us());
                    match queue.try_send(Stamped { at_us, event }) {
                        Ok(()) => {}
                        Err(mpsc::error::TrySendError::Full(_)) => {
                            lost.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(mpsc::error::TrySendError::Closed(_)) => return,
                    }
                }
                Some(Err(error)) => hub.record(EventKind::Audit(Audit::WatchRestarted {
                    watch: name.to_owned(),
                    error: error.to_string(),
                })),
                None => return,
            },
            _ = audit.tick() => {
                if let Some(lag_us) = lags.take() {
                    hub.record(EventKind::Audit(Audit::WatchLag { lag_us }));
                }
                let lost = lost.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    hub.record(EventKind::Audit(Audit::QueueOverflow { queue: format!("watch {name}"), lost }));
                }
            }
        }
    }
}

/// The lags since the last line of the log.
#[derive(Default)]
struct Lags(VecDeque<u64>);

impl Lags {
    fn push(&mut self, lag_us: u64) {
        if self.0.len() < LAGS_PER_LINE {
            self.0.push_back(lag_us);
        } else if let Some(last) = self.0.back_mut() {
            *last = lag_us.max(*last);
        }
    }

    fn take(&mut self) -> Option<Vec<u64>> {
        (!self.0.is_empty()).then(|| self.0.drain(..).collect())
    }
}
