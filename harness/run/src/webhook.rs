//! The webhook that Flux notifies: an HTTP server on loopback that stamps and enqueues notifications.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use harness_record::EventKind;
use harness_record::event::Notification;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::RunError;
use crate::clock::RunClock;
use crate::hub::Hub;

/// Notifications that may wait for the log; further ones are refused, and Flux sends them again.
const QUEUE: usize = 1_024;
/// Characters of a message that are kept.
const MESSAGE_MAX: usize = 1_000;

/// A running listener; it ends when it is dropped.
pub(crate) struct Webhook {
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

/// The state of the server. Connections outlive the listener, so it does not hold the hub, which the end of the log waits for.
#[derive(Clone)]
struct Inbox {
    clock: RunClock,
    queue: mpsc::Sender<(u64, Notification)>,
}

impl Webhook {
    /// Listens on a free loopback port and records notifications.
    pub(crate) async fn start(hub: Hub) -> Result<Self, RunError> {
        let failed = || RunError::failed("listen for notifications on 127.0.0.1");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed())?;
        let address = listener.local_addr().map_err(failed())?;
        let (queue, mut notifications) = mpsc::channel(QUEUE);
        let app = Router::new().fallback(receive).with_state(Inbox { clock: hub.clock, queue });
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!("cannot receive notifications any more: {error}");
            }
        });
        let recording = tokio::spawn(async move {
            while let Some((at_us, notification)) = notifications.recv().await {
                hub.record_at(at_us, EventKind::Notified(notification));
            }
        });
        Ok(Self { address, tasks: [serving, recording] })
    }

    /// Its address, without a closing `/`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it and waits until it has dropped the hub.
    pub(crate) async fn stop(mut self) {
        for task in &mut self.tasks {
            task.abort();
            // Aborted: there is no other outcome.
            let _ = task.await;
        }
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn receive(State(inbox): State<Inbox>, address: Uri, body: Bytes) -> StatusCode {
    let at_us = inbox.clock.now_us();
    match inbox.queue.try_send((at_us, parse(address.path(), &body))) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The body of the generic Provider (fluxcd/pkg `apis/event/v1beta1`, `Event`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FluxEvent {
    involved_object: InvolvedObject,
    severity: String,
    message: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    metadata: Option<std::collections::BTreeMap<String, Value>>,
    #[serde(default)]
    reporting_controller: String,
}

#[derive(Deserialize)]
struct InvolvedObject {
    kind: String,
    #[serde(default)]
    namespace: String,
    name: String,
}

fn parse(path: &str, body: &[u8]) -> Notification {
    let Ok(event) = serde_json::from_slice::<FluxEvent>(body) else {
        let message = truncate(&String::from_utf8_lossy(body));
        return Notification { path: path.to_owned(), message, ..Notification::default() };
    };
    // The controllers put the group of the object before the key; the notification controller removes it.
    let revision = event.metadata.unwrap_or_default().into_iter().find_map(|(key, value)| {
        let key = key.rsplit_once('/').map_or(key.as_str(), |(_, key)| key);
        (key == "revision").then(|| value.as_str().map(str::to_owned)).flatten()
    });
    Notification {
        path: path.to_owned(),
        kind: event.involved_object.kind,
        namespace: event.involved_object.namespace,
        name: event.involved_object.name,
        severity: event.severity,
        reason: event.reason,
        message: truncate(&event.message),
        revision: revision.unwrap_or_default(),
        controller: event.reporting_controller,
    }
}

fn truncate(message: &str) -> String {
    message.chars().take(MESSAGE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_flux_is_parsed_and_anything_else_is_kept_as_text() {
        let body = serde_json::json!({
            "involvedObject": {"kind": "Kustomization", "namespace": "flux-system", "name": "apps", "uid": "u",
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "resourceVersion": "1"},
            "severity": "error", "timestamp": "2026-03-01T10:00:00Z", "message": "no such file",
            "reason": "BuildFailed", "metadata": {"revision": "main@sha1:abc"},
            "reportingController": "kustomize-controller", "reportingInstance": "host",
        });
        let parsed = parse("/errors", body.to_string().as_bytes());
        let expected = Notification {
            path: "/errors".to_owned(),
            kind: "Kustomization".to_owned(),
            namespace: "flux-system".to_owned(),
            name: "apps".to_owned(),
            severity: "error".to_owned(),
            reason: "BuildFailed".to_owned(),
            message: "no such file".to_owned(),
            revision: "main@sha1:abc".to_owned(),
            controller: "kustomize-controller".to_owned(),
        };
        assert_eq!(parsed, expected);
        let other = parse("/chat", b"{\"text\": \"hello\"}");
        assert_eq!((other.path.as_str(), other.kind.as_str()), ("/chat", ""));
        assert_eq!(other.message, "{\"text\": \"hello\"}");
    }

    #[tokio::test]
    async fn a_notification_is_in_the_log_with_its_path() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let (sender, mut recorded) = mpsc::unbounded_channel();
        let on_event = Box::new(move |_: &_| sender.send(()).unwrap());
        let (hub, log) = Hub::open(&path, RunClock::start(), on_event).unwrap();
        let webhook = Webhook::start(hub.clone()).await.unwrap();
        let mut connection = tokio::net::TcpStream::connect(webhook.address).await.unwrap();
        let request = "POST /chat HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 15];
        connection.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 200 OK");
        let recorded = tokio::time::timeout(std::time::Duration::from_secs(10), recorded.recv()).await;
        recorded.expect("the notification is recorded");
        // The connection is still open; the log ends nevertheless.
        webhook.stop().await;
        drop(hub);
        log.finish().await.unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(r#""notified":{"path":"/chat","message":"hello"}"#), "{text}");
    }
}
