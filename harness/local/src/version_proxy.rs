//! The API server as the NAP controller sees it after an upgrade of the control plane.
//!
//! NAP takes the version of the control plane from `GET /version` (`pkg/providers/kubernetesversion` of the provider), with
//! the client that it also uses for everything else. The API server here cannot say another version: its `--version` may
//! only change what follows the patch number (component-base `version/dynamic.go`), there is no later release to start,
//! and a restart would cut every watch that measures. So this proxy stands between NAP and the API server, and only while
//! the managed cluster's version is not that of the start: it passes everything through and answers `/version` with the
//! managed cluster's version. What is real: the controller, its reading of the version, the drift, the new nodes. What is
//! not: the API server, which stays as it is, and says so to everybody else.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use harness_tls::{Admission, CertificateDer, serve, server_config};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use kube::client::Body;
use rustls_pki_types::pem::PemObject;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::error::{BoxedError, LocalError};

/// Bytes of a request's body at most. The API server itself takes 3 MiB.
const BODY_LIMIT: usize = 8 << 20;

/// What the proxy is made from, as PEM. It serves under the API server's own name.
pub(crate) struct Identity {
    /// The cluster's authority, which signed both sides.
    pub(crate) ca: String,
    /// The API server's certificate.
    pub(crate) certificate: String,
    /// Its key.
    pub(crate) key: String,
    /// The certificate of the one client that is let in.
    pub(crate) client: String,
}

/// A running proxy; it ends when it is dropped.
pub(crate) struct VersionProxy {
    address: SocketAddr,
    version: watch::Sender<String>,
    _stop: DropGuard,
}

/// Admits one client: any of the cluster passes the handshake, and behind it are the rights of one.
#[derive(Clone)]
struct OnlyClient(CertificateDer<'static>);

impl Admission for OnlyClient {
    fn admits_client(&self, certificate: Option<&CertificateDer<'_>>) -> bool {
        let admitted = certificate == Some(&self.0);
        if !admitted {
            tracing::warn!("the version proxy has refused a client that is not the NAP controller");
        }
        admitted
    }
}

impl VersionProxy {
    /// Listens on a free loopback port, admits the client that shows `identity.client`, and asks through `upstream`, which must have
    /// that client's rights and no others. `version` is without `v`.
    pub(crate) async fn start(identity: &Identity, upstream: kube::Client, version: &str) -> Result<Self, LocalError> {
        let tls = server_config(&identity.certificate, &identity.key, Some(&identity.ca))?;
        let client = CertificateDer::from_pem_slice(identity.client.as_bytes())
            .map_err(|source| harness_tls::TlsError::Parse { what: "client certificate", source })?;
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|source| LocalError::Port { source })?;
        let address = listener.local_addr().map_err(|source| LocalError::Port { source })?;
        let (sender, version) = watch::channel(version.to_owned());
        let service = service_fn(move |request| {
            let (upstream, version) = (upstream.clone(), version.borrow().clone());
            async move { Ok::<_, Infallible>(answer(&upstream, &version, request).await) }
        });
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, tls, OnlyClient(client), service, (stop.clone(), TaskTracker::new())));
        Ok(Self { address, version: sender, _stop: stop.drop_guard() })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Answers with another version from now on.
    pub(crate) fn announce(&self, version: &str) {
        self.version.send_replace(version.to_owned());
    }
}

async fn answer(upstream: &kube::Client, version: &str, request: Request<Incoming>) -> Response<Body> {
    match forward(upstream, version, request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!(%error, "the version proxy cannot forward a request");
            let mut response = Response::new(Body::from(error.to_string().into_bytes()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    }
}

async fn forward(
    upstream: &kube::Client,
    version: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxedError> {
    let asks_for_version = request.uri().path() == "/version";
    let (mut parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT).collect().await?.to_bytes();
    strip(&mut parts.headers);
    parts.headers.remove(HOST);
    parts.version = Version::HTTP_11;
    let response = upstream.send(Request::from_parts(parts, Body::from(body))).await?;
    let (mut parts, body) = response.into_parts();
    strip(&mut parts.headers);
    if !asks_for_version || parts.status != StatusCode::OK {
        return Ok(Response::from_parts(parts, body));
    }
    let changed = replace_version(&body.collect_bytes().await?, version)?;
    parts.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(changed)))
}

/// Headers that are about one connection, not about the request.
fn strip(headers: &mut HeaderMap) {
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
}

/// Replaces the version in the API server's answer to `/version`.
fn replace_version(answer: &[u8], version: &str) -> Result<Vec<u8>, serde_json::Error> {
    let mut info: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(answer)?;
    let mut numbers = version.split('.');
    for key in ["major", "minor"] {
        info.insert(key.to_owned(), numbers.next().unwrap_or_default().into());
    }
    info.insert("gitVersion".to_owned(), format!("v{version}").into());
    serde_json::to_vec(&info)
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_tls::{Authority, Pair, Usage};
    use serde_json::{Value, json};

    #[test]
    fn only_the_version_is_changed() {
        let answer = json!({"major": "1", "minor": "36", "gitVersion": "v1.36.3", "platform": "linux/amd64"});
        let changed = replace_version(answer.to_string().as_bytes(), "1.37.0").unwrap();
        let changed: Value = serde_json::from_slice(&changed).unwrap();
        assert_eq!(changed, json!({"major": "1", "minor": "37", "gitVersion": "v1.37.0", "platform": "linux/amd64"}));
        assert!(replace_version(b"<html>", "1.37.0").is_err());
    }

    /// An API server that repeats what it was asked.
    fn upstream() -> kube::Client {
        let service = tower::service_fn(async |request: Request<Body>| {
            let said = match request.uri().path() {
                "/version" => json!({"gitVersion": "v1.36.3", "platform": "linux/amd64"}),
                path => {
                    let host = request.headers().contains_key(HOST);
                    let (method, path) = (request.method().to_string(), path.to_owned());
                    let body = request.into_body().collect_bytes().await.unwrap();
                    json!({"method": method, "path": path, "host": host, "body": String::from_utf8_lossy(&body)})
                }
            };
            let mut response = Response::new(Body::from(said.to_string().into_bytes()));
            if said["path"] == "/missing" {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            Ok::<_, Infallible>(response)
        });
        kube::Client::new(service, "default")
    }

    #[tokio::test]
    async fn one_client_gets_through_and_hears_the_version_that_is_to_be_said() {
        let ca = Authority::new("test-ca").unwrap();
        let server = ca.server("kube-apiserver", &[], Usage::Server).unwrap();
        let (karpenter, other) = (ca.client("karpenter", &[]).unwrap(), ca.client("kwok", &[]).unwrap());
        let identity = Identity {
            ca: ca.pem(),
            certificate: server.certificate,
            key: server.key,
            client: karpenter.certificate.clone(),
        };
        let proxy = VersionProxy::start(&identity, upstream(), "1.36.4").await.unwrap();
        let client = |pair: Option<&Pair>| {
            let root = reqwest::Certificate::from_pem(ca.pem().as_bytes()).unwrap();
            let mut builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
            if let Some(pair) = pair {
                let pem = format!("{}{}", pair.certificate, pair.key);
                builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
            }
            builder.build().unwrap()
        };
        let nap = client(Some(&karpenter));
        let version = async || {
            let answer = nap.get(format!("{}/version", proxy.url())).send().await.unwrap();
            answer.json::<Value>().await.unwrap()
        };
        assert_eq!(version().await["gitVersion"], "v1.36.4");
        assert_eq!(version().await["platform"], "linux/amd64");
        proxy.announce("1.36.5");
        assert_eq!(version().await["gitVersion"], "v1.36.5");

        let posted = nap.post(format!("{}/api/v1/nodes", proxy.url())).body("a node").send().await.unwrap();
        let posted: Value = posted.json().await.unwrap();
        assert_eq!(posted, json!({"method": "POST", "path": "/api/v1/nodes", "host": false, "body": "a node"}));
        assert_eq!(nap.get(format!("{}/missing", proxy.url())).send().await.unwrap().status(), 404);

        for stranger in [client(None), client(Some(&other))] {
            assert!(stranger.get(format!("{}/version", proxy.url())).send().await.is_err());
        }
    }
}
