//! The https listener.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::dispatch::{Dispatched, dispatch};
use crate::world::World;

/// How long a client may take for the TLS handshake or for the headers of a request.
const CLIENT_LIMIT: Duration = Duration::from_secs(20);

/// Accepts until the simulator stops.
pub(crate) async fn serve(world: Arc<World>, listener: TcpListener, tls: TlsAcceptor) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = world.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let tracked = world.tasks.clone();
                tracked.spawn(connection(Arc::clone(&world), stream, tls.clone()));
            }
            Err(error) => {
                // Out of file descriptors: others will be closed in a moment.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// A refused call closes its connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection refused by a fault")]
struct Refused;

async fn connection(world: Arc<World>, stream: TcpStream, tls: TlsAcceptor) {
    // Before the handshake, so that it looks like a server that is not there.
    if world.faults().refusing(&world.facts) {
        return;
    }
    // Small answers to many polls: do not wait for more to send.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(CLIENT_LIMIT, tls.accept(stream)).await else {
        return;
    };
    let service = service_fn({
        let world = Arc::clone(&world);
        move |request: Request<Incoming>| {
            let world = Arc::clone(&world);
            async move { answer(&world, request).await }
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CLIENT_LIMIT * 15)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    tokio::select! {
        // A client that goes away, and a refused call, end a connection with an error: both are ordinary.
        _ = served.as_mut() => {}
        () = world.stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(Duration::from_millis(500), served).await;
        }
    }
}

async fn answer(world: &Arc<World>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Refused> {
    match dispatch(world, request).await {
        Dispatched::Reply(reply) => Ok(reply.into_response()),
        Dispatched::Refuse => Err(Refused),
    }
}
