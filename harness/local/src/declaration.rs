//! What of a local cluster is simulated, declared in the cluster itself, for those who only have its kubeconfig.

use std::collections::BTreeSet;
use std::str::FromStr;

use harness_kubernetes::ApiError;
use harness_simulation::Simulated;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use strum::VariantArray;

use super::bootstrap::FIELD_MANAGER;

/// The ConfigMap, in a namespace that every cluster has from the start.
const NAMESPACE: &str = "kube-system";
const NAME: &str = "harness-simulated";
/// Its one key: names of [`Simulated`], comma separated.
const KEY: &str = "parts";

fn config_maps(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), NAMESPACE)
}

fn object() -> String {
    format!("ConfigMap {NAMESPACE}/{NAME}")
}

/// Declares everything that a local cluster simulates.
pub(crate) async fn declare(client: &Client) -> Result<(), ApiError> {
    let names: Vec<&str> = Simulated::VARIANTS.iter().map(|part| part.name()).collect();
    let declaration = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": {KEY: names.join(",")},
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let applied = config_maps(client).patch(NAME, &parameters, &Patch::Apply(&declaration)).await;
    applied.map(drop).map_err(ApiError::request("apply", object()))
}

/// What a cluster declares as simulated; nothing where it declares nothing, or does not let this client read it. Names that this version does
/// not know are left out.
///
/// # Errors
/// When the API server does not answer.
pub async fn declared(client: &Client) -> Result<BTreeSet<Simulated>, ApiError> {
    let found = match config_maps(client).get_opt(NAME).await {
        Err(kube::Error::Api(status)) if status.code == 403 => None,
        found => found.map_err(ApiError::request("read", object()))?,
    };
    let names = found.and_then(|map| map.data?.remove(KEY)).unwrap_or_default();
    Ok(names.split(',').filter_map(|name| Simulated::from_str(name).ok()).collect())
}
