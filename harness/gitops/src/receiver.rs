//! Playing the Git host that calls a Flux Receiver after a push.

use std::error::Error;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use ring::hmac;
use serde_json::{Value, json};

use crate::flux::NAMESPACE;

/// How long a Receiver that was just applied may take to have its address.
const READY_LIMIT: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// The controller answers when it has asked every source to reconcile.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// A call could not be made, or the Receiver refused it.
#[derive(Debug, thiserror::Error)]
#[error("cannot call the Receiver {NAMESPACE}/{name}: {source}")]
pub struct ReceiverError {
    name: String,
    source: BoxedError,
}

type BoxedError = Box<dyn Error + Send + Sync>;

/// The Receiver was not Ready in time.
#[derive(Debug, thiserror::Error)]
#[error("it was not Ready within {} s; last seen: {last}", READY_LIMIT.as_secs())]
struct NotReady {
    last: String,
}

/// Calls the Receiver `name` as the Git host of its type does after a push of the commit `revision`, signed with `token`. `url` is where the
/// notification controller takes such calls, without a path.
///
/// The types are `generic`, `generic-hmac`, `github` and `gitlab` (notification-controller `internal/server/receiver_handlers.go`).
///
/// # Errors
/// When the Receiver is not Ready in time, is of another type, or refuses the call.
pub async fn call(
    client: &kube::Client,
    url: &str,
    name: &str,
    token: &str,
    revision: &str,
) -> Result<(), ReceiverError> {
    let failed = |source: BoxedError| ReceiverError { name: name.to_owned(), source };
    let receiver = wait_until_ready(client, name).await.map_err(|error| failed(error.into()))?;
    let kind = receiver["spec"]["type"].as_str().unwrap_or_default();
    let path = receiver["status"]["webhookPath"].as_str().unwrap_or_default();
    let payload = json!({"ref": "refs/heads/main", "after": revision}).to_string();
    let headers = headers(kind, token, payload.as_bytes())
        .ok_or_else(|| failed(format!("the harness does not know the calls of type {kind}").into()))?;
    harness_tls::install_crypto();
    let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_LIMIT).build();
    let mut request = http
        .map_err(|error| failed(error.into()))?
        .post(format!("{url}{path}"))
        .header("content-type", "application/json")
        .body(payload);
    for (header, value) in headers {
        request = request.header(header, value);
    }
    // The URL is made from the token.
    let answer = request.send().await.map_err(|error| failed(error.without_url().into()))?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(failed(format!("it answers {status}").into())) }
}

async fn wait_until_ready(client: &kube::Client, name: &str) -> Result<Value, NotReady> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("notification.toolkit.fluxcd.io", "v1", "Receiver"));
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &resource);
    let started = Instant::now();
    loop {
        let last = match api.get_opt(name).await {
            Ok(Some(receiver)) if is_ready(&receiver.data) => return Ok(receiver.data),
            Ok(Some(receiver)) => format!("conditions {}", receiver.data["status"]["conditions"]),
            Ok(None) => "it does not exist".to_owned(),
            Err(error) => error.to_string(),
        };
        if started.elapsed() >= READY_LIMIT {
            return Err(NotReady { last });
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

fn is_ready(receiver: &Value) -> bool {
    let conditions = receiver["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().any(|it| it["type"] == "Ready" && it["status"] == "True");
    ready && receiver["status"]["webhookPath"].as_str().is_some_and(|path| !path.is_empty())
}

/// What each Git host proves itself with; `None` for one that is not known here.
fn headers(kind: &str, token: &str, payload: &[u8]) -> Option<Vec<(&'static str, String)>> {
    let signed = || {
        let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
        hmac::sign(&key, payload).as_ref().iter().fold("sha256=".to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    Some(match kind {
        // Whoever knows the path, which is made from the token, may call.
        "generic" => Vec::new(),
        "generic-hmac" => vec![("X-Signature", signed())],
        "github" => vec![("X-GitHub-Event", "push".to_owned()), ("X-Hub-Signature-256", signed())],
        "gitlab" => vec![("X-Gitlab-Event", "Push Hook".to_owned()), ("X-Gitlab-Token", token.to_owned())],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_signs_in_its_own_way() {
        // The example of GitHub's documentation, "Validating webhook deliveries".
        let headers = headers("github", "It's a Secret to Everybody", b"Hello, World!").unwrap();
        let expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(headers[1], ("X-Hub-Signature-256", expected.to_owned()));
        assert_eq!(super::headers("gitlab", "t", b"").unwrap()[1], ("X-Gitlab-Token", "t".to_owned()));
        assert!(super::headers("generic", "t", b"").unwrap().is_empty());
        assert!(super::headers("nexus", "t", b"").is_none());
    }
}
