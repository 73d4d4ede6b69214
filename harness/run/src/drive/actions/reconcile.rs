//! Asking Flux to reconcile everything now: the source, then each Kustomization after those that it depends on.

use std::time::Duration;

use futures::future::try_join_all;
use harness_cluster::flux::{Flux, NAME};
use kube::api::{Api, DynamicObject, ListParams};
use tokio::time::Instant;

use crate::RunError;
use crate::drive::context::Context;
use crate::error::ActionError;

/// How long one object may take to reconcile. A Kustomization has reconciled when its health checks have passed.
const RECONCILE_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
#[error("{name} has not reconciled within {} s; it says: {last}", RECONCILE_LIMIT.as_secs())]
struct NotReconciled {
    name: String,
    last: String,
}

/// Asks each object of Flux in turn to reconcile, and waits until it has.
pub(super) async fn act(context: &Context) -> Result<(), ActionError> {
    let flux = &context.cluster.flux();
    let stamp = flux.fetch_now().await.map_err(RunError::failed("ask for the GitRepository"))?;
    wait_until_reconciled(&flux.sources(), NAME, &stamp).await?;
    // The root first: it may change the layers.
    apply(flux, NAME).await?;
    let mut open = layers(flux).await?;
    while !open.is_empty() {
        let waits =
            |layer: &Layer| open.iter().any(|other| layer.needs.contains(&other.name) && other.name != layer.name);
        let (later, now): (Vec<Layer>, Vec<Layer>) = open.iter().cloned().partition(waits);
        // Layers that wait for each other are asked too: Flux says what is wrong with them.
        let (now, later) = if now.is_empty() { (later, Vec::new()) } else { (now, later) };
        try_join_all(now.iter().map(|layer| apply(flux, &layer.name))).await?;
        open = later;
    }
    Ok(())
}

/// A Flux Kustomization other than the root.
#[derive(Clone, Debug)]
struct Layer {
    name: String,
    needs: Vec<String>,
}

async fn layers(flux: &Flux) -> Result<Vec<Layer>, RunError> {
    let found = flux.kustomizations().list(&ListParams::default()).await;
    let found = found.map_err(RunError::failed("list the Kustomizations"))?;
    Ok(found.items.iter().filter_map(layer).collect())
}

/// `None` for one that is suspended: it would never reconcile.
fn layer(object: &DynamicObject) -> Option<Layer> {
    let name = object.metadata.name.clone().filter(|name| name != NAME)?;
    let spec = &object.data["spec"];
    let needs = spec["dependsOn"].as_array().map_or(&[][..], Vec::as_slice);
    let needs = needs.iter().filter_map(|need| Some(need["name"].as_str()?.to_owned())).collect();
    (spec["suspend"] != true).then_some(Layer { name, needs })
}

async fn apply(flux: &Flux, name: &str) -> Result<(), ActionError> {
    let doing = format!("ask for the Kustomization {name}");
    let stamp = flux.apply_now(name).await.map_err(RunError::failed(doing))?;
    wait_until_reconciled(&flux.kustomizations(), name, &stamp).await
}

async fn wait_until_reconciled(api: &Api<DynamicObject>, name: &str, stamp: &str) -> Result<(), ActionError> {
    let began = Instant::now();
    loop {
        let object = api.get(name).await.map_err(RunError::failed(format!("read {name}")))?;
        let status = &object.data["status"];
        if status["lastHandledReconcileAt"] == stamp {
            return Ok(());
        }
        if began.elapsed() >= RECONCILE_LIMIT {
            let conditions = status["conditions"].as_array().map_or(&[][..], Vec::as_slice);
            let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
            let last = ready.and_then(|ready| ready["message"].as_str()).unwrap_or("nothing").to_owned();
            return Err(NotReconciled { name: name.to_owned(), last }.into());
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(spec: serde_json::Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps"}, "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn a_suspended_kustomization_is_not_asked_to_reconcile() {
        let needs = json!([{"name": "infrastructure"}]);
        let apps = layer(&object(json!({"dependsOn": needs}))).unwrap();
        assert_eq!((apps.name.as_str(), apps.needs), ("apps", vec!["infrastructure".to_owned()]));
        assert!(layer(&object(json!({"suspend": true}))).is_none());
    }
}
