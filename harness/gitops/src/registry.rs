//! Pushing a minimal image to a registry (OCI distribution specification 1.0, "Push").

use std::error::Error;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};

/// One request; everything is on loopback and a few hundred bytes.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image could not be pushed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {image} in the registry {registry}: {source}")]
pub struct PublishError {
    doing: &'static str,
    image: String,
    registry: String,
    source: Box<dyn Error + Send + Sync>,
}

/// Pushes an image whose only layer is an empty archive to `image:tag` of the registry at `registry` (host and port, plain HTTP), and returns
/// its digest. Images of different tags have different digests.
///
/// # Errors
/// When the registry does not answer, or refuses.
pub async fn publish(registry: &str, image: &str, tag: &str) -> Result<String, PublishError> {
    harness_tls::install_crypto();
    let failed = |error: reqwest::Error| publish_error("build a client to push", registry, image, error);
    let http = Client::builder().no_proxy().timeout(REQUEST_LIMIT).build().map_err(failed)?;
    let push = Push { http, registry, image };
    // Two blocks of zeros are the end of an archive (POSIX pax).
    let layer = vec![0_u8; 1024];
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"Labels": {"org.opencontainers.image.version": tag}},
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest(&config), "size": config.len()},
        "layers": [{"mediaType": LAYER, "digest": digest(&layer), "size": layer.len()}],
    });
    let manifest = manifest.to_string().into_bytes();
    push.blob(layer).await?;
    push.blob(config).await?;
    let name = digest(&manifest);
    let url = format!("http://{registry}/v2/{image}/manifests/{tag}");
    let request = push.http.put(url).header(CONTENT_TYPE, MANIFEST).body(manifest);
    push.send("push the manifest of", request, StatusCode::CREATED).await?;
    Ok(name)
}

struct Push<'a> {
    http: Client,
    registry: &'a str,
    image: &'a str,
}

impl Push<'_> {
    async fn blob(&self, content: Vec<u8>) -> Result<(), PublishError> {
        let doing = "push a blob of";
        let url = format!("http://{}/v2/{}/blobs/uploads/", self.registry, self.image);
        let upload = self.send(doing, self.http.post(&url), StatusCode::ACCEPTED).await?;
        let location = upload.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| self.error(doing, "its answer has no location for the upload"))?;
        // A relative one is allowed.
        let mut location = upload.url().join(location).map_err(|error| self.error(doing, error))?;
        location.query_pairs_mut().append_pair("digest", &digest(&content));
        let request = self.http.put(location).header(CONTENT_TYPE, "application/octet-stream").body(content);
        self.send(doing, request, StatusCode::CREATED).await.map(drop)
    }

    async fn send(
        &self,
        doing: &'static str,
        request: RequestBuilder,
        expected: StatusCode,
    ) -> Result<Response, PublishError> {
        let answer = request.send().await.map_err(|error| self.error(doing, error))?;
        let status = answer.status();
        if status == expected {
            return Ok(answer);
        }
        let body: String = answer.text().await.unwrap_or_default().chars().take(300).collect();
        Err(self.error(doing, format!("{status}: {body}")))
    }

    fn error(&self, doing: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> PublishError {
        publish_error(doing, self.registry, self.image, source)
    }
}

fn publish_error(
    doing: &'static str,
    registry: &str,
    image: &str,
    source: impl Into<Box<dyn Error + Send + Sync>>,
) -> PublishError {
    PublishError { doing, image: image.to_owned(), registry: registry.to_owned(), source: source.into() }
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(content))
}
