//! One watch: it stamps and enqueues.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures::StreamExt;
use futures::future::poll_fn;
use harness_cluster::SocketClock;
use harness_record::EventKind;
use harness_record::event::Audit;
use kube::Resource;
use kube::api::Api;
use kube::runtime::{WatchStreamExt, watcher};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::error::describe;
use crate::hub::Hub;

/// An observation of a watch, with the moment at which it was seen.
pub(crate) struct Stamped<K> {
    /// Microseconds since the run started.
    pub(crate) at_us: u64,
    pub(crate) event: watcher::Event<K>,
}

/// Observations that may wait for the interpreter.
pub(crate) const QUEUE: usize = 16_384;
/// How often the lags are recorded.
const AUDIT_EVERY: Duration = Duration::from_secs(1);
/// The most lags in one event; of further ones within a second only the largest is kept.
const LAGS_PER_LINE: usize = 2_000;

/// Why a watch was interrupted last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    fn set(&self, error: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_owned());
    }

    /// The error; `None` where there was none.
    pub(crate) fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Watches until the queue is closed or the task is aborted. Errors are events: the watch lists again, with backoff.
pub(crate) async fn watch<K>(
    name: &'static str,
    api: Api<K>,
    config: watcher::Config,
    socket: Arc<SocketClock>,
    queue: mpsc::Sender<Stamped<K>>,
    trouble: Trouble,
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
                Some(Err(error)) => {
                    let error = describe(&error);
                    trouble.set(&error);
                    hub.record(EventKind::Audit(Audit::WatchRestarted { watch: name.to_owned(), error }));
                }
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

/// The lags since the last event.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RunClock;
    use axum::body::Body;
    use http::{Request, Response};
    use k8s_openapi::api::core::v1::Pod;
    use kube::Client;
    use serde_json::json;

    /// Lists this many pods; its watch is then quiet for ever.
    fn quiet_server(pods: usize) -> Client {
        let service = tower::service_fn(move |request: Request<kube::client::Body>| async move {
            if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
                let quiet = futures::stream::pending::<Result<&str, std::io::Error>>();
                return Ok::<_, std::convert::Infallible>(Response::new(Body::from_stream(quiet)));
            }
            let items: Vec<_> = (0..pods)
                .map(|n| json!({"metadata": {"name": format!("p{n}"), "uid": format!("u{n}"), "resourceVersion": "1"}}))
                .collect();
            let list =
                json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "1"}, "items": items});
            Ok(Response::new(Body::from(list.to_string())))
        });
        Client::new(service, "default")
    }

    /// What a watch with a queue of this size hands on before anything is read from it, and the audits in the log.
    async fn watched(pods: usize, size: usize) -> (usize, Vec<Audit>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let (hub, log) = Hub::open(&path, RunClock::start(), Box::new(|_| {})).unwrap();
        let (queue, mut observations) = mpsc::channel(size);
        let api: Api<Pod> = Api::all(quiet_server(pods));
        let socket = Arc::new(SocketClock::new());
        let watching = tokio::spawn(watch(
            "pods",
            api,
            watcher::Config::default(),
            socket,
            queue,
            Trouble::default(),
            hub.clone(),
        ));
        tokio::time::sleep(AUDIT_EVERY * 3).await;
        let mut handed_on = 0;
        while observations.try_recv().is_ok() {
            handed_on += 1;
        }
        watching.abort();
        let _aborted = watching.await;
        drop(hub);
        log.finish().await.unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let audits = text.lines().filter_map(|line| match serde_json::from_str(line).unwrap() {
            harness_record::Event { kind: EventKind::Audit(audit), .. } => Some(audit),
            _ => None,
        });
        (handed_on, audits.collect())
    }

    fn lost(audits: &[Audit]) -> Vec<(&str, u64)> {
        let lost = audits.iter().filter_map(|audit| match audit {
            Audit::QueueOverflow { queue, lost } => Some((queue.as_str(), *lost)),
            _ => None,
        });
        lost.collect()
    }

    #[tokio::test(start_paused = true)]
    async fn observations_that_do_not_fit_into_the_queue_are_counted_once() {
        let (handed_on, audits) = watched(5, 2).await;
        assert_eq!(handed_on, 2);
        // The start of the list, five pods and its end.
        assert_eq!(lost(&audits), [("watch pods", 5)]);
    }

    #[tokio::test(start_paused = true)]
    async fn every_observation_has_its_lag() {
        let (handed_on, audits) = watched(5, QUEUE).await;
        assert_eq!(handed_on, 7);
        assert!(lost(&audits).is_empty());
        let lags: usize = audits
            .iter()
            .map(|audit| match audit {
                Audit::WatchLag { lag_us } => lag_us.len(),
                _ => 0,
            })
            .sum();
        assert_eq!(lags, 7);
    }

    #[test]
    fn a_flood_of_lags_keeps_the_largest() {
        let mut lags = Lags::default();
        (0..LAGS_PER_LINE as u64 + 10).for_each(|lag_us| lags.push(lag_us));
        lags.push(3);
        let line = lags.take().unwrap();
        assert_eq!((line.len(), line.last()), (LAGS_PER_LINE, Some(&(LAGS_PER_LINE as u64 + 9))));
        assert!(lags.take().is_none());
    }
}
