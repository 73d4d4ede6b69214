//! The HTTPS listener: accepts, admits, serves HTTP/1.1, and stops.

use std::error::Error;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
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
    /// Whether a connection gets a handshake. One that does not is closed immediately, as if the server had just ended.
    fn admits_connection(&self) -> bool {
        true
    }

    /// Whether the client with this certificate is served.
    fn admits_client(&self, _certificate: Option<&CertificateDer<'_>>) -> bool {
        true
    }
}

/// Admits every client that completes the handshake.
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
                // Small answers to many polls: do not wait for more to send.
                let _ = stream.set_nodelay(true);
                tasks.spawn(serve_connection(stream, tls, admission, service, stop));
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection that has been accepted, such as a tunnel through a proxy, until it ends or `stop`.
pub async fn serve_connection<C, S, B>(
    stream: C,
    tls: TlsAcceptor,
    admission: impl Admission,
    service: S,
    stop: CancellationToken,
) where
    C: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authority, Pair, Usage, install_crypto, server_config};
    use hyper::service::service_fn;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, RootCertStore};
    use std::convert::Infallible;
    use std::future::pending;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::Notify;
    use tokio_rustls::TlsConnector;

    /// Longer than any answer takes; a test that waits for it fails.
    const LIMIT: Duration = Duration::from_secs(10);

    /// When the service answers a request.
    #[derive(Clone, Copy)]
    enum Answers {
        AtOnce,
        OnRelease,
        Never,
    }

    struct Server {
        address: SocketAddr,
        ca: Authority,
        /// A request has reached the service.
        reached: Arc<Notify>,
        release: Arc<Notify>,
        stop: CancellationToken,
        tasks: TaskTracker,
    }

    impl Server {
        /// A server that accepts client certificates of its own authority only.
        async fn start(admission: impl Admission, answers: Answers) -> Self {
            let ca = Authority::new("test-ca").unwrap();
            let pair = ca.server("test", &[], Usage::Server).unwrap();
            let tls = server_config(&pair.certificate, &pair.key, Some(&ca.pem())).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (reached, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let (entered, released) = (reached.clone(), release.clone());
            let service = service_fn(move |_| {
                let (entered, released) = (entered.clone(), released.clone());
                async move {
                    entered.notify_one();
                    match answers {
                        Answers::AtOnce => {}
                        Answers::OnRelease => released.notified().await,
                        Answers::Never => pending().await,
                    }
                    Ok::<_, Infallible>(Response::new("served".to_owned()))
                }
            });
            let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
            tasks.spawn(serve(listener, tls, admission, service, (stop.clone(), tasks.clone())));
            Self { address, ca, reached, release, stop, tasks }
        }

        fn client(&self) -> Pair {
            self.ca.client("test-client", &[]).unwrap()
        }

        /// The server's answer to one request; the error or the empty answer of a connection that it closes.
        async fn answer(&self, client: Option<&Pair>) -> std::io::Result<String> {
            install_crypto();
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(self.ca.pem().as_bytes()).unwrap()).unwrap();
            let builder = ClientConfig::builder().with_root_certificates(roots);
            let config = match client {
                None => builder.with_no_client_auth(),
                Some(pair) => {
                    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
                    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
                    builder.with_client_auth_cert(vec![certificate], key).unwrap()
                }
            };
            let exchange = async {
                let stream = TcpStream::connect(self.address).await?;
                let name = ServerName::try_from("localhost").unwrap();
                let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
                stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await?;
                Ok(answer)
            };
            tokio::time::timeout(LIMIT, exchange).await.expect("the server neither answers nor closes the connection")
        }

        /// Waits until every task of the server has ended.
        async fn ended(&self) {
            self.tasks.close();
            tokio::time::timeout(LIMIT, self.tasks.wait()).await.expect("a task outlives the server");
        }
    }

    fn is_served(answer: &std::io::Result<String>) -> bool {
        answer.as_ref().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200") && answer.ends_with("served"))
    }

    /// Admits no connection, or no client but the one with this certificate.
    #[derive(Clone)]
    enum Admits {
        NoConnection,
        Only(CertificateDer<'static>),
    }

    impl Admission for Admits {
        fn admits_connection(&self) -> bool {
            matches!(self, Self::Only(_))
        }

        fn admits_client(&self, certificate: Option<&CertificateDer<'_>>) -> bool {
            matches!(self, Self::Only(only) if certificate == Some(only))
        }
    }

    #[tokio::test]
    async fn a_client_needs_a_certificate_of_the_authority() {
        let server = Server::start((), Answers::AtOnce).await;
        let served = server.answer(Some(&server.client())).await;
        assert!(is_served(&served), "{served:?}");
        let without = server.answer(None).await;
        assert!(without.is_err(), "{without:?}");
        let stranger = Authority::new("other-ca").unwrap().client("test-client", &[]).unwrap();
        let stranger = server.answer(Some(&stranger)).await;
        assert!(stranger.is_err(), "{stranger:?}");
    }

    #[tokio::test]
    async fn a_connection_that_is_not_admitted_gets_no_handshake() {
        let server = Server::start(Admits::NoConnection, Answers::AtOnce).await;
        let refused = server.answer(Some(&server.client())).await;
        assert!(refused.is_err(), "{refused:?}");
    }

    #[tokio::test]
    async fn a_client_that_is_not_admitted_gets_no_answer() {
        // The admission must name a certificate before the server, and with it the authority, exists.
        let other = Authority::new("other-ca").unwrap().client("other", &[]).unwrap();
        let other = CertificateDer::from_pem_slice(other.certificate.as_bytes()).unwrap();
        let server = Server::start(Admits::Only(other), Answers::AtOnce).await;
        let refused = server.answer(Some(&server.client())).await;
        assert!(!is_served(&refused), "{refused:?}");
        let reached = tokio::time::timeout(Duration::from_millis(20), server.reached.notified()).await;
        assert!(reached.is_err(), "the request reached the service");
    }

    #[tokio::test]
    async fn a_request_in_flight_is_answered_when_the_server_stops() {
        let server = Server::start((), Answers::OnRelease).await;
        let client = server.client();
        let stop = async {
            server.reached.notified().await;
            server.stop.cancel();
            // The listener closes first.
            while TcpStream::connect(server.address).await.is_ok() {
                tokio::task::yield_now().await;
            }
            server.release.notify_one();
        };
        let (answer, ()) = tokio::join!(server.answer(Some(&client)), stop);
        assert!(is_served(&answer), "{answer:?}");
        server.ended().await;
    }

    #[tokio::test]
    async fn a_request_that_outlasts_the_grace_period_is_cut_off() {
        let server = Server::start((), Answers::Never).await;
        let client = server.client();
        let stop = async {
            server.reached.notified().await;
            server.stop.cancel();
        };
        let (answer, ()) = tokio::join!(server.answer(Some(&client)), stop);
        assert!(!is_served(&answer), "{answer:?}");
        server.ended().await;
    }
}
