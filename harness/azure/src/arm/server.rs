//! The https listener.

use std::sync::Arc;

use harness_tls::{Admission, TlsAcceptor};
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::TcpListener;

use super::dispatch::dispatch;
use super::reply::Reply;
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
        async move { dispatch(&world, request).await.map(Reply::into_response).ok_or(Refused) }
    });
    harness_tls::serve(listener, tls, faults, service, (stop, tasks)).await;
}
