//! Watches: a stream of the changes after a revision.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::stream::unfold;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::answer::Refusal;
use super::request::Call;
use super::select::Selectors;
use super::store::Change;
use super::{ApiServer, shown};

/// How often a quiet watch sends a bookmark.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// How a test breaks a watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Broken {
    #[default]
    No,
    /// The connection is reset.
    Reset,
}

struct Watch {
    server: ApiServer,
    call: Call,
    selectors: Selectors,
    revision: u64,
    waiting: VecDeque<Bytes>,
    changed: watch::Receiver<u64>,
    broken: watch::Receiver<Broken>,
    bookmark_at: Instant,
    ends_at: Instant,
    over: bool,
}

/// The body of a watch.
pub(super) fn stream(
    server: ApiServer,
    call: Call,
    broken: watch::Receiver<Broken>,
) -> impl Stream<Item = Result<Bytes, io::Error>> + Send {
    let selectors = Selectors::parse(call.parameter("labelSelector"), call.parameter("fieldSelector"));
    let seconds = call.parameter("timeoutSeconds").parse().unwrap_or(290);
    let now = Instant::now();
    let mut watch = Watch {
        changed: server.changed(),
        revision: call.parameter("resourceVersion").parse().unwrap_or(0),
        server,
        call,
        selectors,
        waiting: VecDeque::new(),
        broken,
        bookmark_at: now + BOOKMARK_EVERY,
        ends_at: now + Duration::from_secs(seconds),
        over: false,
    };
    if watch.call.parameter("sendInitialEvents") == "true" {
        watch.send_initial();
    }
    unfold(watch, |mut watch| async move { watch.next().await.map(|line| (line, watch)) })
}

impl Watch {
    fn send_initial(&mut self) {
        let kind = self.call.kind();
        let (objects, revision) =
            self.server.with(|store| (store.list(kind, &self.call.namespace, &self.selectors), store.revision()));
        for object in objects {
            self.push("ADDED", &shown(&object, self.call.metadata_only));
        }
        self.revision = revision;
        self.bookmark(json!({"k8s.io/initial-events-end": "true"}));
    }

    async fn next(&mut self) -> Option<Result<Bytes, io::Error>> {
        loop {
            if let Some(line) = self.waiting.pop_front() {
                return Some(Ok(line));
            }
            if self.over {
                return None;
            }
            self.changed.borrow_and_update();
            self.take_changes();
            if !self.waiting.is_empty() {
                continue;
            }
            tokio::select! {
                biased;
                // The sender exists as long as the server.
                _ = self.broken.changed() => {
                    self.over = true;
                    return Some(Err(io::Error::from(io::ErrorKind::ConnectionReset)));
                }
                changed = self.changed.changed() => self.over = changed.is_err(),
                () = sleep_until(self.ends_at) => self.over = true,
                () = sleep_until(self.bookmark_at) => {
                    self.bookmark_at += BOOKMARK_EVERY;
                    self.bookmark(json!({}));
                }
            }
        }
    }

    fn take_changes(&mut self) {
        let changes: Option<Vec<Change>> = self.server.with(|store| {
            let after = store.changes_after(self.revision)?;
            Some(after.filter(|change| change.kind == self.call.kind).cloned().collect())
        });
        let Some(changes) = changes else {
            let expired = Refusal::new(410, "Expired", format!("too old resource version: {}", self.revision));
            self.push("ERROR", &expired.status());
            self.over = true;
            return;
        };
        self.revision = self.revision.max(self.server.with(|store| store.revision()));
        for change in changes {
            if let Some(event) = self.event(&change) {
                self.push(event, &shown(&change.after, self.call.metadata_only));
            }
        }
    }

    /// What this watch sees of a change: an object that no longer matches is deleted for it.
    fn event(&self, change: &Change) -> Option<&'static str> {
        let place = &self.call.namespace;
        let is_mine = |object: &Arc<Value>| {
            (place.is_empty() || object["metadata"]["namespace"] == **place) && self.selectors.match_object(object)
        };
        let was = change.before.as_ref().is_some_and(is_mine);
        let is = !change.gone && is_mine(&change.after);
        match (was, is) {
            (false, true) => Some("ADDED"),
            (true, true) => Some("MODIFIED"),
            (true, false) => Some("DELETED"),
            (false, false) => None,
        }
    }

    fn bookmark(&mut self, annotations: Value) {
        let kind = self.call.kind();
        let metadata = json!({"resourceVersion": self.revision.to_string(), "annotations": annotations});
        let object = json!({"apiVersion": kind.api_version(), "kind": kind.kind, "metadata": metadata, "spec": {}});
        self.push("BOOKMARK", &object);
    }

    fn push(&mut self, event: &str, object: &Value) {
        self.waiting.push_back(Bytes::from(format!("{{\"type\":\"{event}\",\"object\":{object}}}\n")));
    }
}
