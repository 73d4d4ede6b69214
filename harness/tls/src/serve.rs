//! The HTTPS listener: accepts, admits, serves HTTP/1.1, and stops.

use std::error::Error;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a client may take for the TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(20);
/// How long a client may take for the headers of its next request: Go keeps idle connections open for minutes.
const IDLE_LIMIT: Duration = Duration::from_secs(300);
/// How long a request that is being answered may take once the server stops.
const STOP_GRACE: Duration = Duration::from_millis(500);
/// The pause after a failed accept: out of file descriptors, of which others close in a moment.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Which connections a server admits, beyond what TLS demands.
pub trait Admission: Clone + Send + Sync + 'static {
    /// Whether a connection gets a handshake. One that does not is closed at once, as by a server that is not there.
    fn admits_connection(&self) -> bool {
        true
    }

    /// Whether the client with this certificate is served.
    fn admits_client(&self, _certificate: Option<&CertificateDer<'_>>) -> bool {
        true
    }
}

/// Everybody who passes the handshake.
impl Admission for () {}

/// Serves every connection in a task of `tasks`, until `stop`. A service that fails closes its connection without an answer.
pub async fn serve<S, B>(
    listener: TcpListener,
    tls: TlsAcceptor,
    admission: impl Admission,
    service: S,
    (stop, tasks): (CancellationToken, TaskTracker),
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) if admission.admits_connection() => {
                let (tls, admission, service, stop) = (tls.clone(), admission.clone(), service.clone(), stop.clone());
                tasks.spawn(connection(stream, tls, admission, service, stop));
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection<S, B>(
    stream: TcpStream,
    tls: TlsAcceptor,
    admission: impl Admission,
    service: S,
    stop: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // Small answers to many polls: do not wait for more to send.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await else { return };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    if !admission.admits_client(certificate) {
        return;
    }
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    tokio::select! {
        // A client that disconnects in the middle of a watch is ordinary, and so is a refused call.
        _ = served.as_mut() => {}
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(STOP_GRACE, served).await;
        }
    }
}
