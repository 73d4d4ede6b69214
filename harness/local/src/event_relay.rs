//! Where Flux's controllers post their events.
//!
//! A controller posts each event from within the reconciliation that it is about, and tries a refused post again after 1, 2, 4 and 8
//! seconds (`Recorder` in fluxcd/pkg `runtime/events`): without anybody who listens, every apply would take a quarter of a minute longer. The
//! notification controller starts only when a run asks for it, so this relay listens from the start. It takes events and drops
//! them, as the notification controller does where no Alert is about them; from the moment that it runs, it is handed each event, and
//! its answer, or that there is none, is the relay's.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::error::{BoxedError, LocalError};

/// How long the notification controller may take for its answer; a controller that posts waits 5 s.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A running relay; it ends when it is dropped.
pub(crate) struct EventRelay {
    address: SocketAddr,
    /// `http://127.0.0.1:PORT/` of the notification controller, once it has been started.
    target: Target,
    accepting: AbortHandle,
}

/// Who takes the events, once somebody does.
pub(crate) type Target = Arc<OnceLock<String>>;

#[derive(Clone)]
struct Relay {
    target: Target,
    http: reqwest::Client,
}

impl EventRelay {
    /// Listens on a free loopback port.
    pub(crate) async fn start() -> Result<Self, LocalError> {
        let failed = |source: BoxedError| LocalError::EventRelay { source };
        harness_tls::install_crypto();
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_LIMIT).build();
        let http = http.map_err(|error| failed(error.into()))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| failed(error.into()))?;
        let address = listener.local_addr().map_err(|error| failed(error.into()))?;
        let target = Target::default();
        let relay = Relay { target: Arc::clone(&target), http };
        let app = Router::new().fallback(take).with_state(relay);
        let accepting = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the relay of Flux's events failed");
            }
        })
        .abort_handle();
        Ok(Self { address, target, accepting })
    }

    /// What the controllers are given as `--events-addr`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Where to write the notification controller's address when it runs.
    pub(crate) fn target(&self) -> Target {
        Arc::clone(&self.target)
    }
}

impl Drop for EventRelay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn take(State(relay): State<Relay>, event: Bytes) -> Response {
    let Some(target) = relay.target.get() else { return StatusCode::ACCEPTED.into_response() };
    match relay.http.post(target).header(CONTENT_TYPE, "application/json").body(event).send().await {
        // 429 says that the same event was posted before, and must stay 429: it is not tried again.
        Ok(answer) => answer.status().into_response(),
        Err(error) => {
            tracing::debug!(%error, "the notification controller takes no event");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::routing::post;

    use super::*;

    async fn post_to(relay: &EventRelay, event: &str) -> StatusCode {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let sent = http.post(relay.url()).body(event.to_owned()).send().await;
        sent.unwrap().status()
    }

    #[tokio::test]
    async fn events_are_dropped_until_somebody_takes_them() {
        let relay = EventRelay::start().await.unwrap();
        assert_eq!(post_to(&relay, "early").await, StatusCode::ACCEPTED);

        let taken: Arc<Mutex<Vec<Bytes>>> = Arc::default();
        let by_taker = Arc::clone(&taken);
        let app = Router::new().route(
            "/",
            post(move |event: Bytes| async move {
                by_taker.lock().unwrap().push(event);
                StatusCode::TOO_MANY_REQUESTS
            }),
        );
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let taker = tokio::spawn(async move { axum::serve(listener, app).await });
        relay.target().set(format!("http://{address}/")).unwrap();
        assert_eq!(post_to(&relay, "late").await, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(*taken.lock().unwrap(), ["late"]);

        // A notification controller that was killed is missed, as it would be without a relay.
        taker.abort();
        assert!(taker.await.unwrap_err().is_cancelled());
        assert_eq!(post_to(&relay, "lost").await, StatusCode::BAD_GATEWAY);
    }
}
