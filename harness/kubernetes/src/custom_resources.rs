//! Waiting for custom resources: a definition that was applied is not at once something that can be asked for.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use serde_json::Value;
use tokio::time::Instant;

use crate::client::REQUESTS_AT_ONCE;
use crate::error::ApiError;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Waits until every one of `crds` has the condition `Established` and its objects can be listed. Between the two the server refuses every
/// request with 429, "storage is (re)initializing" (`apiserver/pkg/storage/cacher/cacher.go`): for seconds, where it is short of CPU.
pub async fn custom_resources_served(client: &Client, crds: &[Value], limit: Duration) -> Result<(), ApiError> {
    let deadline = Instant::now() + limit;
    stream::iter(crds)
        .map(|crd| served(client, crd, deadline, limit))
        .buffer_unordered(REQUESTS_AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

async fn served(client: &Client, crd: &Value, deadline: Instant, limit: Duration) -> Result<(), ApiError> {
    let name = crd["metadata"]["name"].as_str().unwrap_or_default();
    let object = format!("CustomResourceDefinition {name}");
    let late = |wanted, last| {
        let waited_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        ApiError::Wait { object: object.clone(), wanted, waited_ms, last }
    };
    let definitions = definitions(client);
    loop {
        let current = definitions.get(name).await.map_err(ApiError::request("read", &object))?;
        if is_established(&current.data) {
            break;
        }
        if Instant::now() >= deadline {
            return Err(late("established", format!("conditions {}", current.data["status"]["conditions"])));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource_of(crd));
    while let Err(error) = objects.list_metadata(&ListParams::default().limit(1)).await {
        if Instant::now() >= deadline {
            return Err(late("served", error.to_string()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// The API of CRDs.
pub fn definitions(client: &Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    Api::all_with(client.clone(), &ApiResource::from_gvk(&kind))
}

/// Whether the API server has taken a CRD in.
pub fn is_established(crd: &Value) -> bool {
    let mut conditions = crd["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}

/// What a CRD defines, in the version that is stored.
fn resource_of(crd: &Value) -> ApiResource {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let versions = crd["spec"]["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let stored = versions.iter().find(|version| version["storage"] == true);
    let kind = GroupVersionKind::gvk(
        &text(&crd["spec"]["group"]),
        &stored.map(|version| text(&version["name"])).unwrap_or_default(),
        &text(&crd["spec"]["names"]["kind"]),
    );
    ApiResource::from_gvk_with_plural(&kind, &text(&crd["spec"]["names"]["plural"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, Response};
    use kube::client::Body;
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tower::service_fn;

    fn crd(established: bool) -> Value {
        let status = if established { "True" } else { "False" };
        serde_json::json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.example.com"},
            "spec": {
                "group": "example.com", "names": {"kind": "Widget", "plural": "widgets"},
                "versions": [{"name": "v1", "storage": true}],
            },
            "status": {"conditions": [{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": status}]},
        })
    }

    fn json(status: u16, value: &Value) -> Response<Body> {
        Response::builder().status(status).body(Body::from(value.to_string().into_bytes())).unwrap()
    }

    /// An API server that establishes the CRD after it was read `reads` times, and refuses the first `lists` lists of its objects.
    fn server(reads: usize, lists: usize) -> Client {
        let (read, listed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let service = service_fn(move |request: Request<Body>| {
            let answer = match request.uri().path() {
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com" => {
                    json(200, &crd(read.fetch_add(1, Ordering::SeqCst) >= reads))
                }
                "/apis/example.com/v1/widgets" if listed.fetch_add(1, Ordering::SeqCst) >= lists => json(
                    200,
                    &serde_json::json!({
                        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": {}, "items": [],
                    }),
                ),
                "/apis/example.com/v1/widgets" => json(
                    429,
                    &serde_json::json!({
                        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": 429,
                        "reason": "TooManyRequests", "message": "storage is (re)initializing",
                    }),
                ),
                path => panic!("unexpected request of {path}"),
            };
            async move { Ok::<_, Infallible>(answer) }
        });
        Client::new(service, "default")
    }

    #[tokio::test]
    async fn custom_resources_are_served_once_established_and_listed() {
        custom_resources_served(&server(1, 1), &[crd(false)], Duration::from_secs(10)).await.unwrap();
    }

    #[tokio::test]
    async fn a_wait_that_runs_out_names_the_state_that_was_not_reached() {
        let waits = [(usize::MAX, 0, "established", "Established"), (0, usize::MAX, "served", "(re)initializing")];
        for (reads, lists, expected, seen) in waits {
            let error =
                custom_resources_served(&server(reads, lists), &[crd(false)], Duration::ZERO).await.unwrap_err();
            let ApiError::Wait { object, wanted, last, .. } = &error else { panic!("{error}") };
            assert_eq!((object.as_str(), *wanted), ("CustomResourceDefinition widgets.example.com", expected));
            assert!(last.contains(seen), "{last}");
        }
    }

    #[tokio::test]
    async fn a_crd_that_does_not_exist_is_an_error_and_not_waited_for() {
        let service = service_fn(|_: Request<Body>| async {
            let status = serde_json::json!({
                "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": 404,
                "reason": "NotFound", "message": "not found",
            });
            Ok::<_, Infallible>(json(404, &status))
        });
        let client = Client::new(service, "default");
        let error = custom_resources_served(&client, &[crd(false)], Duration::from_secs(60)).await.unwrap_err();
        assert!(matches!(error, ApiError::Request { doing: "read", .. }), "{error}");
    }

    #[test]
    fn what_a_crd_defines_is_asked_for_in_the_version_that_is_stored() {
        let crd = serde_json::json!({"spec": {
            "group": "karpenter.azure.com",
            "names": {"kind": "AKSNodeClass", "plural": "aksnodeclasses"},
            "versions": [{"name": "v1alpha2", "storage": false}, {"name": "v1beta1", "storage": true}],
        }});
        let resource = resource_of(&crd);
        assert_eq!(resource.api_version, "karpenter.azure.com/v1beta1");
        assert_eq!(resource.plural, "aksnodeclasses");
    }
}
