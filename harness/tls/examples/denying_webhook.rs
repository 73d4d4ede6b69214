//! An admission webhook that denies every request, for `ci/record.sh`.
//!
//! `denying_webhook AUTHORITY_FILE` listens on a free port of loopback, writes the certificate of its authority (PEM) to the file, prints its URL, and serves
//! until it is killed.

use std::error::Error;

use http::Response;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use harness_tls::{Authority, Usage, serve, server_config};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let file = std::env::args_os().nth(1).ok_or("usage: denying_webhook AUTHORITY_FILE")?;
    let authority = Authority::new("denying-webhook-ca")?;
    let pair = authority.server("denying-webhook", &[], Usage::Server)?;
    let tls = server_config(&pair.certificate, &pair.key, None)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    std::fs::write(file, authority.pem())?;
    println!("https://{}", listener.local_addr()?);
    serve(listener, tls, (), service_fn(deny), (CancellationToken::new(), TaskTracker::new())).await;
    Ok(())
}

/// Answers an AdmissionReview of `admission.k8s.io/v1`.
async fn deny(request: http::Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
    let review: Value = serde_json::from_slice(&request.into_body().collect().await?.to_bytes())?;
    let answer = json!({
        "apiVersion": review["apiVersion"],
        "kind": review["kind"],
        "response": {
            "uid": review["request"]["uid"],
            "allowed": false,
            "status": {"message": "pods need an owner's label"},
        },
    });
    let body = Full::new(Bytes::from(serde_json::to_vec(&answer)?));
    Ok(Response::builder().header("content-type", "application/json").body(body)?)
}
