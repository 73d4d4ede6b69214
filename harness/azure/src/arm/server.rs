//! The https listener.

use std::sync::Arc;

use bytes::Bytes;
use harness_tls::{Admission, TlsAcceptor};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::TcpListener;

use super::dispatch::{Dispatched, dispatch};
use crate::world::World;

/// Closes connections while a fault refuses them.
#[derive(Clone)]
struct Faults(Arc<World>);

impl Admission for Faults {
    fn admits_connection(&self) -> bool {
        !self.0.faults().refusing(&self.0.facts)
    }
}

/// A refused call closes its connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection refused by a fault")]
struct Refused;

/// Accepts until the simulator stops.
pub(crate) async fn serve(world: Arc<World>, listener: TcpListener, tls: TlsAcceptor) {
    let (stop, tasks, faults) = (world.stop.clone(), world.tasks.clone(), Faults(Arc::clone(&world)));
    let service = service_fn(move |request: Request<Incoming>| {
        let world = Arc::clone(&world);
        async move { answer(&world, request).await }
    });
    harness_tls::serve(listener, tls, faults, service, (stop, tasks)).await;
}

async fn answer(world: &Arc<World>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Refused> {
    match dispatch(world, request).await {
        Dispatched::Reply(reply) => Ok(reply.into_response()),
        Dispatched::Refuse => Err(Refused),
    }
}
