//! The https listener, and what serves the connections of the proxy.

use std::sync::Arc;

use bytes::Bytes;
use harness_tls::{Admission, TlsAcceptor};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use tokio::net::TcpListener;

use super::dispatch::dispatch;
use super::reply::Reply;
use crate::world::World;

/// Closes connections while a fault refuses them.
#[derive(Clone)]
pub(crate) struct Outage(pub(crate) Arc<World>);

impl Admission for Outage {
    fn admits_connection(&self) -> bool {
        !self.0.faults().refusing(&self.0.facts)
    }
}

/// A refused call closes its connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection refused by a fault")]
pub(crate) struct Refused;

/// Resource Manager itself.
pub(crate) fn service(
    world: Arc<World>,
) -> impl Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Refused, Future: Send> + Clone + Send + 'static
{
    service_fn(move |request: Request<Incoming>| {
        let world = Arc::clone(&world);
        async move { dispatch(&world, request).await.map(Reply::into_response).ok_or(Refused) }
    })
}

/// Accepts until the simulator stops.
pub(crate) async fn serve(world: Arc<World>, listener: TcpListener, tls: TlsAcceptor) {
    let lifetime = (world.stop.clone(), world.tasks.clone());
    harness_tls::serve(listener, tls, Outage(Arc::clone(&world)), service(world), lifetime).await;
}
