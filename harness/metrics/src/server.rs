//! The https listener of the aggregated APIs.
//!
//! Only the API server gets in: a client certificate of the front proxy's authority is demanded, and that authority has signed
//! one. The API server has authenticated and authorised the caller before it forwards the request, so the `X-Remote-*` headers
//! decide nothing more here.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use harness_tls::{TlsError, serve, server_config};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::request::Refusal;
use super::state::Shared;
use super::{custom, discovery, resource};

/// The server's certificate, its key, and the authority of its clients, all PEM.
#[derive(Clone, Copy)]
pub struct ServerIdentity<'a> {
    /// The certificate that it shows.
    pub certificate: &'a str,
    /// Its key; a secret.
    pub key: &'a str,
    /// The front proxy's authority.
    pub client_authority: &'a str,
}

/// A running server; it ends with the value.
#[derive(Debug)]
pub struct MetricsServer {
    address: SocketAddr,
    _stop: DropGuard,
}

/// The server of the metrics APIs could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Its certificates cannot be used.
    #[error("cannot start the server of the metrics APIs: {0}")]
    Tls(#[from] TlsError),
    /// It has no port.
    #[error("cannot listen on 127.0.0.1 for the metrics APIs: {0}")]
    Listen(#[source] std::io::Error),
}

impl MetricsServer {
    /// Listens on a free port of 127.0.0.1 and answers from `metrics` in the background.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn start(metrics: Shared, identity: ServerIdentity<'_>) -> Result<Self, ServerError> {
        let tls = server_config(identity.certificate, identity.key, Some(identity.client_authority))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(ServerError::Listen)?;
        let address = listener.local_addr().map_err(ServerError::Listen)?;
        let stop = CancellationToken::new();
        let service = TowerToHyperService::new(router(metrics));
        tokio::spawn(serve(listener, tls, (), service, (stop.clone(), TaskTracker::new())));
        Ok(Self { address, _stop: stop.drop_guard() })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

/// Everything that is served.
pub(crate) fn router(metrics: Shared) -> Router {
    Router::new()
        .merge(discovery::router())
        .merge(resource::router())
        .merge(custom::router())
        .fallback(async || Refusal::not_found("the server could not find the requested resource"))
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
        .with_state(metrics)
}
