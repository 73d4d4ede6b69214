//! The https listener of the aggregated APIs.
//!
//! Only the API server gets in: a client certificate of the front proxy's authority is demanded, and that authority has signed
//! one. The API server has authenticated and authorised the caller before it forwards the request, so the `X-Remote-*` headers
//! decide nothing more here.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::state::Shared;
use super::status::Refusal;
use super::{custom, discovery, external, resource};

/// How long a client may take for the TLS handshake or for the headers of a request.
const CLIENT_LIMIT: Duration = Duration::from_secs(20);
/// How long the API server may leave a connection without a request.
const IDLE_LIMIT: Duration = Duration::from_secs(300);

/// The files of the server's certificate, its key and the authority of its clients, all PEM.
pub(crate) struct ServerFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_authority: PathBuf,
}

/// A running server; it ends with the value.
pub(crate) struct MetricsServer {
    address: SocketAddr,
    _stop: DropGuard,
}

/// The server could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// A certificate or key could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Pem { path: PathBuf, source: rustls_pki_types::pem::Error },
    /// The certificates cannot be used.
    #[error("cannot use the certificates for TLS: {0}")]
    Tls(String),
    /// No port.
    #[error("cannot listen on 127.0.0.1: {0}")]
    Listen(std::io::Error),
}

impl MetricsServer {
    /// Listens on a free port of 127.0.0.1 and answers from `metrics` in the background.
    pub(crate) async fn start(metrics: Shared, files: &ServerFiles) -> Result<Self, ServerError> {
        let tls = TlsAcceptor::from(Arc::new(tls_config(files)?));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(ServerError::Listen)?;
        let address = listener.local_addr().map_err(ServerError::Listen)?;
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, tls, router(metrics), stop.clone()));
        Ok(Self { address, _stop: stop.drop_guard() })
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

/// Everything that is served.
pub(crate) fn router(metrics: Shared) -> Router {
    Router::new()
        .merge(discovery::router())
        .merge(resource::router())
        .merge(custom::router())
        .merge(external::router())
        .fallback(async || Refusal::not_found("the server could not find the requested resource"))
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
        .with_state(metrics)
}

fn tls_config(files: &ServerFiles) -> Result<ServerConfig, ServerError> {
    let tls = |error: &dyn std::fmt::Display| ServerError::Tls(error.to_string());
    let pem = |path: &Path| {
        let path = path.to_owned();
        move |source| ServerError::Pem { path, source }
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates(&files.client_authority)? {
        roots.add(authority).map_err(|error| tls(&error))?;
    }
    let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build().map_err(|error| tls(&error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(pem(&files.key))?;
    let mut config = ServerConfig::builder()
        .with_client_cert_verifier(clients)
        .with_single_cert(certificates(&files.certificate)?, key)
        .map_err(|error| tls(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerError> {
    let failed = |source| ServerError::Pem { path: path.to_owned(), source };
    CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, router: Router, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, tls.clone(), router.clone());
                let stop = stop.clone();
                tokio::spawn(async move { stop.run_until_cancelled(connection).await });
            }
            Err(error) => {
                // Out of file descriptors: others will be closed in a moment.
                tracing::warn!(%error, "the metrics server cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, router: Router) {
    let _ = stream.set_nodelay(true);
    // Who has no certificate of the front proxy ends here.
    let Ok(Ok(stream)) = tokio::time::timeout(CLIENT_LIMIT, tls.accept(stream)).await else { return };
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_LIMIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection of the metrics server ended");
    }
}
