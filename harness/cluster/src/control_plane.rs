//! The control plane of a target.

use std::sync::Arc;

use harness_kubernetes::{RequestCount, SocketClock, measuring_client, measuring_client_of, watch_client};
use http::{Request, Response};
use hyper::body::Bytes;
use kube::Client;
use kube::client::Body;
use tower::{BoxError, Service};

/// An API server, and the clients that measure it.
#[derive(Clone)]
pub struct ControlPlane {
    client: Client,
    requests: RequestCount,
    watches: Watches,
}

/// How watches reach the API server. They are not counted among the requests.
#[derive(Clone)]
enum Watches {
    /// Each over a connection of its own.
    Network(Box<kube::Config>),
    InProcess(Client),
}

impl std::fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The clients carry credentials.
        f.debug_struct("ControlPlane").field("requests", &self.requests.get()).finish_non_exhaustive()
    }
}

impl ControlPlane {
    /// An API server over the network.
    ///
    /// # Errors
    /// When the certificates of the configuration cannot be used.
    pub fn over_network(config: kube::Config) -> Result<Self, kube::Error> {
        let (client, requests) = measuring_client(config.clone())?;
        Ok(Self { client, requests, watches: Watches::Network(Box::new(config)) })
    }

    /// An API server in this process.
    pub fn in_process<S, B>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Send + Clone + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (client, requests) = measuring_client_of(service.clone());
        Self { client, requests, watches: Watches::InProcess(Client::new(service, "default")) }
    }

    /// A client for measuring: it neither retries a request nor limits its rate.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A client for one watch, with the clock of its socket. An API server in this process has no socket, and
    /// the lag is 0.
    ///
    /// # Errors
    /// When the certificates of the configuration cannot be used.
    pub fn watch_client(&self) -> Result<(Client, Arc<SocketClock>), kube::Error> {
        match &self.watches {
            Watches::Network(config) => watch_client((**config).clone()),
            Watches::InProcess(client) => Ok((client.clone(), Arc::new(SocketClock::new()))),
        }
    }

    /// Requests that [`ControlPlane::client`] and its clones have sent.
    pub fn requests_sent(&self) -> u64 {
        self.requests.get()
    }
}
