//! The path of every call: outage, token, route, throttling; then its handler.

use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;

use super::call::Call;
use super::reply::{Reply, bearer};
use super::route::{Route, route};
use crate::facts::FactKind;
use crate::world::World;
use harness_simulation::{ArmFaultMode, BadAnswer};

/// Bytes of a request body at most. Azure's own limit.
const BODY_LIMIT: usize = 4 << 20;

/// The name under which calls are counted that are not modelled.
const UNMODELLED: &str = "unmodelled";

/// The answer to a request. `None` where a fault closes the connection without one.
pub(crate) async fn dispatch<B>(world: &Arc<World>, request: Request<B>) -> Option<Reply>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    let base = called_at(&parts);
    let route = route(&method, &path);
    let operation = route.as_ref().map_or(UNMODELLED, |route| route.operation);
    let outage = world.faults().outage(&world.facts);
    let reply = match outage {
        Some(ArmFaultMode::Refused) => {
            // 0: no status was sent.
            world.counters.request(operation, 0);
            return None;
        }
        Some(ArmFaultMode::Unavailable) => Reply::unavailable(),
        None => answer(world, route, parts, body).await.unwrap_or_else(|refusal| refusal),
    };
    let status = reply.status.as_u16();
    world.counters.request(operation, status);
    tracing::debug!(%method, path, operation, status, "call");
    Some(reply.called_at(&base))
}

/// The address under which the caller knows this Azure: the public cloud's, through the proxy, or the one on loopback.
fn called_at(parts: &Parts) -> String {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    format!("https://{}", host.unwrap_or("localhost"))
}

async fn answer<B>(world: &Arc<World>, route: Option<Route>, parts: Parts, body: B) -> Result<Reply, Reply>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if !bearer(&parts.headers).is_some_and(|token| world.tokens.knows(token)) {
        return Err(Reply::unauthorized());
    }
    let Some(route) = route else { return Err(unmodelled(world, &parts.method, parts.uri.path())) };
    let throttle = world.faults().throttle(&world.facts, world.behaviour().seed, route.operation);
    if let Some(retry_after_s) = throttle {
        world.facts.push(FactKind::Throttled { operation: route.operation.to_owned(), retry_after_s });
        return Err(Reply::throttled(retry_after_s));
    }
    let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(|_| {
        Reply::error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestContentTooLarge",
            "The request content is too large, or its transfer was broken off.",
        )
    })?;
    let query = parts.uri.query().unwrap_or_default().to_owned();
    if !has_api_version(&query) {
        return Err(missing_api_version());
    }
    let bad = world.faults().bad_answer(&world.facts, world.behaviour().seed, route.operation);
    if bad == Some(BadAnswer::MissingApiVersion) {
        return Err(missing_api_version());
    }
    let as_of_ns = world.faults().as_of_ns(&world.facts, route.operation);
    let call = Call { names: route.names, headers: parts.headers, query, body: body.to_bytes(), as_of_ns };
    (route.check)(world, &call)?;
    let reply = (route.handler)(world, &call)?;
    Ok(if bad == Some(BadAnswer::Empty) { Reply::empty(StatusCode::OK) } else { reply })
}

fn missing_api_version() -> Reply {
    Reply::bad_request(
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )
}

fn unmodelled(world: &World, method: &Method, path: &str) -> Reply {
    if world.unmodelled(method.as_str(), path) {
        tracing::warn!(%method, path, "a call that is not modelled was answered as unknown");
    }
    Reply::unknown(method, path)
}

fn has_api_version(query: &str) -> bool {
    query
        .split('&')
        .any(|p| p.split_once('=').is_some_and(|(k, v)| k.eq_ignore_ascii_case("api-version") && !v.is_empty()))
}
