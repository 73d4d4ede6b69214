//! What a cluster holds before anybody uses it: custom resources, namespaces, access rules, Flux's two objects.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::Value;

use super::error::LocalError;
use super::karpenter;
use harness_kubernetes::{ApiError, REQUESTS_AT_ONCE, custom_resources_served};

const NAMESPACES: &str = include_str!("../../../kind-config/rbac/namespaces.yaml");
const ACCESS: &str = include_str!("../../../kind-config/rbac/components.yaml");
const FLUX: &str = include_str!("../../../kind-config/flux/node-config.yaml");
const METRICS: &str = include_str!("../../../kind-config/metrics/apiservices.yaml");

/// Who applied it, in `managedFields`.
pub(crate) const FIELD_MANAGER: &str = "harness-bootstrap";

/// The pause between two reads of an object that does not exist yet.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Applies namespaces first, then access rules.
pub(crate) async fn access(client: &kube::Client) -> Result<(), LocalError> {
    apply_all(client, &namespaces()?).await?;
    apply_all(client, &access_rules()?).await
}

/// Applies the CRDs in `files` and waits until the server serves them all.
pub(crate) async fn custom_resources(
    client: &kube::Client,
    files: &[PathBuf],
    limit: Duration,
) -> Result<(), LocalError> {
    let objects = crds(files)?;
    apply_all(client, &objects).await?;
    Ok(custom_resources_served(client, &objects, limit).await?)
}

/// Applies Flux's GitRepository and Kustomization for the repository at `url`.
pub(crate) async fn flux(client: &kube::Client, url: &str) -> Result<(), LocalError> {
    apply_all(client, &flux_objects(url)?).await
}

/// Flux's GitRepository and Kustomization for the repository at `url`.
pub(crate) fn flux_objects(url: &str) -> Result<Vec<Value>, LocalError> {
    let mut objects = documents("kind-config/flux/node-config.yaml", FLUX)?;
    for object in &mut objects {
        if object["kind"] == "GitRepository" {
            object["spec"]["url"] = Value::from(url);
        }
    }
    Ok(objects)
}

/// The namespaces of the cluster's own parts.
pub(crate) fn namespaces() -> Result<Vec<Value>, LocalError> {
    documents("kind-config/rbac/namespaces.yaml", NAMESPACES)
}

/// What each part of the cluster may do.
pub(crate) fn access_rules() -> Result<Vec<Value>, LocalError> {
    documents("kind-config/rbac/components.yaml", ACCESS)
}

/// The CRDs in `files`.
pub(crate) fn crds(files: &[PathBuf]) -> Result<Vec<Value>, LocalError> {
    let mut objects = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(path).map_err(LocalError::file("read", path))?;
        objects.extend(documents(&path.to_string_lossy(), &text)?);
    }
    Ok(objects)
}

/// Registers the metrics APIs on `port` of 127.0.0.1, whose certificate is signed by the authority `ca_pem`. They are available some
/// moments later: nothing waits for that.
pub(crate) async fn metrics_apis(client: &kube::Client, port: u16, ca_pem: &str) -> Result<(), LocalError> {
    let mut objects = documents("kind-config/metrics/apiservices.yaml", METRICS)?;
    for object in &mut objects {
        if object["kind"] == "Service" {
            object["spec"]["ports"] = serde_json::json!([{"port": port}]);
        } else {
            object["spec"]["service"]["port"] = Value::from(port);
            object["spec"]["caBundle"] = Value::from(STANDARD.encode(ca_pem));
        }
    }
    // The Service first: an APIService without one is looked at again only after a while.
    let (service, apis) = objects.split_at(1.min(objects.len()));
    apply_all(client, service).await?;
    apply_all(client, apis).await
}

/// Waits until Flux has applied the tree that is in the repository.
pub(crate) async fn flux_applied(client: &kube::Client, limit: Duration) -> Result<(), LocalError> {
    let kind = GroupVersionKind::gvk("kustomize.toolkit.fluxcd.io", "v1", "Kustomization");
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "flux-system", &ApiResource::from_gvk(&kind));
    let object = "Kustomization flux-system/node-config";
    let started = Instant::now();
    loop {
        let current = api.get("node-config").await.map_err(ApiError::request("read", object))?;
        let (status, message) = condition(&current.data, "Ready");
        if status == "True" {
            return Ok(());
        }
        if started.elapsed() > limit {
            let last = format!("Ready={status}: {message}");
            let waited_ms = started.elapsed().as_millis() as u64;
            return Err(ApiError::Wait { object: object.into(), wanted: "ready", waited_ms, last }.into());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Creates the NAP controller's service account and returns a token for it.
pub(crate) async fn karpenter_token(client: &kube::Client) -> Result<String, LocalError> {
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), karpenter::NAMESPACE);
    let object = format!("ServiceAccount {}/{}", karpenter::NAMESPACE, karpenter::SERVICE_ACCOUNT);
    let account = serde_json::json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": karpenter::SERVICE_ACCOUNT, "namespace": karpenter::NAMESPACE},
    });
    api.patch(karpenter::SERVICE_ACCOUNT, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(&account))
        .await
        .map_err(ApiError::request("apply", &object))?;
    let request = TokenRequest {
        spec: TokenRequestSpec {
            // Longer than any cluster exists: the file is not renewed.
            expiration_seconds: Some(365 * 24 * 3600),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let answer = api
        .create_token_request(karpenter::SERVICE_ACCOUNT, &PostParams::default(), &request)
        .await
        .map_err(ApiError::request("request a token of", &object))?;
    Ok(answer.status.map(|status| status.token).unwrap_or_default())
}

/// The documents of a YAML file.
fn documents(name: &str, text: &str) -> Result<Vec<Value>, LocalError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(LocalError::content(name))?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

async fn apply_all(client: &kube::Client, objects: &[Value]) -> Result<(), LocalError> {
    stream::iter(objects)
        .map(|object| apply(client, object))
        .buffer_unordered(REQUESTS_AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// Server-side apply of one object. The kinds used here have regular plurals.
async fn apply(client: &kube::Client, object: &Value) -> Result<(), LocalError> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
    let name = text(&object["metadata"]["name"]);
    let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    api.patch(&name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(object))
        .await
        .map_err(ApiError::request("apply", format!("{kind} {name}")))?;
    Ok(())
}

/// Status and message of a condition; `Unknown` when it is absent.
fn condition(object: &Value, kind: &str) -> (String, String) {
    let found = object["status"]["conditions"]
        .as_array()
        .and_then(|conditions| conditions.iter().find(|condition| condition["type"] == kind));
    let text =
        |key: &str, absent: &str| found.and_then(|condition| condition[key].as_str()).unwrap_or(absent).to_owned();
    (text("status", "Unknown"), text("message", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_manifests_are_whole() {
        for (name, text, count) in
            [("namespaces", NAMESPACES, 3), ("access", ACCESS, 37), ("flux", FLUX, 2), ("metrics", METRICS, 4)]
        {
            let objects = documents(name, text).unwrap();
            assert_eq!(objects.len(), count, "{name}");
            for object in objects {
                assert!(object["apiVersion"].is_string() && object["kind"].is_string(), "{name}: {object}");
                assert!(object["metadata"]["name"].is_string(), "{name}: {object}");
            }
        }
    }

    #[test]
    fn the_registered_apis_are_those_that_are_served() {
        let objects = documents("metrics", METRICS).unwrap();
        assert_eq!(objects[0]["metadata"]["name"], harness_metrics::SERVICE);
        assert_eq!(objects[0]["metadata"]["namespace"], harness_metrics::NAMESPACE);
        for (group, version) in harness_metrics::APIS {
            let name = format!("{version}.{group}");
            let object = objects.iter().find(|object| object["metadata"]["name"] == name.as_str()).unwrap();
            assert_eq!((&object["spec"]["group"], &object["spec"]["version"]), (&group.into(), &version.into()));
            assert_eq!(object["spec"]["service"]["name"], harness_metrics::SERVICE);
            assert_eq!(object["spec"]["service"]["namespace"], harness_metrics::NAMESPACE);
        }
        assert_eq!(objects.len(), 1 + harness_metrics::APIS.len());
    }

    #[test]
    fn every_bound_role_exists() {
        let objects = documents("access", ACCESS).unwrap();
        let roles: Vec<&Value> = objects.iter().filter(|o| o["kind"] == "ClusterRole" || o["kind"] == "Role").collect();
        for binding in objects.iter().filter(|o| !o["roleRef"].is_null()) {
            let wanted = &binding["roleRef"]["name"];
            let known = wanted == "cluster-admin" || roles.iter().any(|role| &role["metadata"]["name"] == wanted);
            assert!(known, "{wanted} is bound and not defined");
        }
    }

    #[test]
    fn a_missing_condition_is_unknown() {
        let object =
            serde_json::json!({"status": {"conditions": [{"type": "Ready", "status": "False", "message": "no"}]}});
        assert_eq!(condition(&object, "Ready"), ("False".into(), "no".into()));
        assert_eq!(condition(&object, "Healthy").0, "Unknown");
    }
}
