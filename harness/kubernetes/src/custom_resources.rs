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
