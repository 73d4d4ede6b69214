//! Clients that measure: no hidden retry, no hidden queue, and a stamp at the socket.
//!
//! kube retries 429, 503 and 504 up to 15 times behind the caller's back (`kube-client/src/client/retry.rs`), which would turn a
//! refused request into a slow one; here a refusal is seen and counted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Request, Response, Uri};
use hyper::body::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use tower::util::MapRequestLayer;
use tower::{BoxError, Service, ServiceBuilder};

/// Requests in flight at once where many are to be sent; the server has few cores, more would only queue there.
pub const REQUESTS_AT_ONCE: usize = 8;

/// When bytes were last read from the sockets of one client, and since when some have been waiting for their handler.
///
/// Watch lag is measured with it: from the read of an event's bytes off the socket (before TLS, HTTP and JSON) to the stamp of
/// the handler. While a handler is busy, everything that arrives is counted from the first byte that it has not yet caught
/// up with, so the lag is an upper bound.
#[derive(Debug)]
pub struct SocketClock {
    epoch: Instant,
    /// Nanoseconds after `epoch`; 0 before the first read.
    last_read_ns: AtomicU64,
    /// Nanoseconds after `epoch` of the first read since the handler last had nothing to do; 0 when it has nothing to do.
    waiting_since_ns: AtomicU64,
}

impl SocketClock {
    /// A clock of a connection from which nothing was read yet.
    #[expect(clippy::new_without_default, reason = "it begins to count: two of them differ")]
    pub fn new() -> Self {
        Self { epoch: Instant::now(), last_read_ns: AtomicU64::new(0), waiting_since_ns: AtomicU64::new(0) }
    }

    fn read(&self) {
        let now_ns = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1);
        self.last_read_ns.store(now_ns, Ordering::Relaxed);
        // Only the first read since the handler was idle counts.
        let _ = self.waiting_since_ns.compare_exchange(0, now_ns, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Microseconds from the read of the bytes that the handler is working on to now; 0 where nothing was read from a socket.
    pub fn lag_us(&self) -> u64 {
        let waiting = self.waiting_since_ns.load(Ordering::Relaxed);
        let since = if waiting == 0 { self.last_read_ns.load(Ordering::Relaxed) } else { waiting };
        if since == 0 {
            return 0;
        }
        let now_ns = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        now_ns.saturating_sub(since) / 1_000
    }

    /// The handler has nothing left to do: what is read from now on is new.
    pub fn caught_up(&self) {
        self.waiting_since_ns.store(0, Ordering::Relaxed);
    }
}

/// A configuration made fit for measuring.
pub fn measuring_config(mut config: Config) -> Config {
    config.default_retry = false;
    config
}

/// How many requests a client has sent. Every clone counts the same ones.
#[derive(Clone, Debug, Default)]
pub struct RequestCount(Arc<AtomicU64>);

impl RequestCount {
    /// Requests so far, those that failed included.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl RequestCount {
    fn layer(&self) -> MapRequestLayer<impl Fn(Request<Body>) -> Request<Body> + Clone + use<>> {
        let counting = self.clone();
        MapRequestLayer::new(move |request: Request<Body>| {
            counting.0.fetch_add(1, Ordering::Relaxed);
            request
        })
    }
}

/// A client for requests: no retries, and each request is counted.
///
/// # Errors
/// The configuration's certificates cannot be used.
pub fn measuring_client(config: Config) -> Result<(Client, RequestCount), kube::Error> {
    let sent = RequestCount::default();
    Ok((ClientBuilder::try_from(measuring_config(config))?.with_layer(&sent.layer()).build(), sent))
}

/// The same over an API server in this process.
pub fn measuring_client_of<S, B>(service: S) -> (Client, RequestCount)
where
    S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let sent = RequestCount::default();
    let service = ServiceBuilder::new().layer(sent.layer()).service(service);
    (Client::new(service, "default"), sent)
}

/// A client for one watch, with the clock of its socket. One watch, one client, one connection: no watch waits behind another.
///
/// # Errors
/// The configuration's certificates cannot be used.
pub fn watch_client(config: Config) -> Result<(Client, Arc<SocketClock>), kube::Error> {
    let clock = Arc::new(SocketClock::new());
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let connector = config.rustls_https_connector_with_connector(StampingConnector { http, clock: clock.clone() })?;
    let hyper: hyper_util::client::legacy::Client<_, Body> =
        hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .map_err(BoxError::from)
        .service(hyper);
    Ok((ClientBuilder::new(service, config.default_namespace).build(), clock))
}

/// Wraps what the HTTP connector opens in [`StampedStream`].
#[derive(Clone)]
struct StampingConnector {
    http: HttpConnector,
    clock: Arc<SocketClock>,
}

impl Service<Uri> for StampingConnector {
    type Response = StampedStream<<HttpConnector as Service<Uri>>::Response>;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let opening = self.http.call(uri);
        let clock = self.clock.clone();
        Box::pin(async move { Ok(StampedStream { stream: opening.await?, clock }) })
    }
}

/// A connection that tells the clock when bytes were read from it.
struct StampedStream<S> {
    stream: S,
    clock: Arc<SocketClock>,
}

impl<S: Connection> Connection for StampedStream<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl<S: Read + Unpin> Read for StampedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if outcome.is_ready() {
            self.clock.read();
        }
        outcome
    }
}

impl<S: Write + Unpin> Write for StampedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tower::service_fn;

    /// A server that refuses every request, one a connection, and counts them.
    async fn overloaded_server() -> (Config, Arc<AtomicU64>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let refused = Arc::new(AtomicU64::new(0));
        let count = refused.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                count.fetch_add(1, Ordering::SeqCst);
                let answer = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = stream.write_all(answer).await;
            }
        });
        (Config::new(url.parse().unwrap()), refused)
    }

    #[tokio::test]
    async fn a_refused_request_is_sent_once_and_counted() {
        let (config, refused) = overloaded_server().await;
        let (client, sent) = measuring_client(config).unwrap();
        client.apiserver_version().await.unwrap_err();
        assert_eq!((sent.get(), refused.load(Ordering::SeqCst)), (1, 1));
        client.clone().apiserver_version().await.unwrap_err();
        assert_eq!((sent.get(), refused.load(Ordering::SeqCst)), (2, 2), "a clone counts the same requests");
    }

    #[tokio::test]
    async fn requests_of_a_server_in_this_process_are_counted() {
        let answer = r#"{"major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "", "buildDate": "",
            "goVersion": "", "compiler": "", "platform": ""}"#;
        let service =
            service_fn(
                move |_| async move { Ok::<_, Infallible>(Response::new(Body::from(answer.as_bytes().to_vec()))) },
            );
        let (client, sent) = measuring_client_of(service);
        assert_eq!(client.apiserver_version().await.unwrap().git_version, "v1.36.0");
        assert_eq!(sent.get(), 1);
    }

    #[tokio::test]
    async fn the_clock_of_a_watch_counts_from_the_bytes_that_its_socket_received() {
        let (config, _) = overloaded_server().await;
        let (client, clock) = watch_client(config).unwrap();
        assert_eq!(clock.lag_us(), 0, "nothing was received yet");
        client.apiserver_version().await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert!(clock.lag_us() >= 2_000, "got {} us", clock.lag_us());
    }

    #[test]
    fn lag_counts_from_the_first_bytes_that_wait() {
        let clock = SocketClock::new();
        clock.read();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(5) {
            clock.read();
        }
        assert!(clock.lag_us() >= 5_000, "a busy handler counts from the first read, got {} us", clock.lag_us());
        clock.caught_up();
        clock.read();
        assert!(clock.lag_us() < 5_000, "an idle handler counts from the last read, got {} us", clock.lag_us());
    }
}
