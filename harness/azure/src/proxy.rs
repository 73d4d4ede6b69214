//! The way into this Azure for a client that believes it is talking to the public cloud: a proxy on loopback.
//!
//! A client that honours `HTTPS_PROXY` asks it for a tunnel to `management.azure.com` or `prices.azure.com`, and finds the simulated Azure at its end, with a
//! certificate for that name. No other host can be reached through it: whatever else a client wants is refused, counted and told as a fact.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use harness_tls::{Admission, TlsAcceptor, serve_connection};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;

use crate::arm::{self, Outage};
use crate::retail;
use crate::world::World;

/// The host of Resource Manager in the public cloud.
const RESOURCE_MANAGER: &str = "management.azure.com";

/// The hosts that are answered, which the certificate must name.
pub(crate) const HOSTS: [&str; 2] = [RESOURCE_MANAGER, retail::HOST];

/// What is at the end of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    ResourceManager,
    Prices,
}

impl End {
    /// The end of a tunnel to `HOST:443`; `None` where there is none.
    fn of(target: &str) -> Option<Self> {
        let host = target.strip_suffix(":443")?;
        if host.eq_ignore_ascii_case(RESOURCE_MANAGER) {
            Some(Self::ResourceManager)
        } else if host.eq_ignore_ascii_case(retail::HOST) {
            Some(Self::Prices)
        } else {
            None
        }
    }
}

#[derive(Clone)]
struct Proxy {
    world: Arc<World>,
    tls: TlsAcceptor,
}

/// The endpoint.
pub(crate) fn router(world: Arc<World>, tls: TlsAcceptor) -> Router {
    Router::new().fallback(answer).with_state(Proxy { world, tls })
}

async fn answer(State(proxy): State<Proxy>, request: Request) -> Response {
    let target = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let end = (request.method() == Method::CONNECT).then(|| End::of(&target)).flatten();
    let Some(end) = end else { return refuse(&proxy.world, &request) };
    let world = Arc::clone(&proxy.world);
    world.tasks.spawn(async move {
        match hyper::upgrade::on(request).await {
            Ok(stream) => proxy.serve(end, TokioIo::new(stream)).await,
            // The client has gone before it had its tunnel.
            Err(error) => tracing::debug!(%error, target, "no tunnel"),
        }
    });
    StatusCode::OK.into_response()
}

impl Proxy {
    async fn serve(self, end: End, stream: TokioIo<hyper::upgrade::Upgraded>) {
        let Self { world, tls } = self;
        let stop = world.stop.clone();
        match end {
            End::ResourceManager => {
                let outage = Outage(Arc::clone(&world));
                if outage.admits_connection() {
                    serve_connection(stream, tls, outage, arm::service(world), stop).await;
                }
            }
            End::Prices => {
                let service = TowerToHyperService::new(retail::router(world));
                serve_connection(stream, tls, (), service, stop).await;
            }
        }
    }
}

fn refuse(world: &World, request: &Request) -> Response {
    // Without its query, which may hold a secret.
    let uri = request.uri();
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let target = format!("{authority}{}", uri.path());
    if world.unmodelled(request.method().as_str(), &target) {
        tracing::warn!(method = %request.method(), target, "a host that is not simulated was asked for and refused");
    }
    let message = format!(
        "{target} is not simulated, and nothing else can be reached from here; the simulated Azure answers {}\n",
        HOSTS.join(" and ")
    );
    (StatusCode::FORBIDDEN, message).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("management.azure.com:443", Some(End::ResourceManager))]
    #[case("Prices.Azure.com:443", Some(End::Prices))]
    #[case("management.azure.com:80", None)]
    #[case("management.azure.com", None)]
    #[case("management.azure.com.example.org:443", None)]
    #[case("login.microsoftonline.com:443", None)]
    #[case("", None)]
    fn a_tunnel_ends_at_one_of_two_hosts(#[case] target: &str, #[case] end: Option<End>) {
        assert_eq!(End::of(target), end);
    }
}
