//! Asking Flux to reconcile everything now: the source, then each Kustomization after those that it depends on.

use std::time::Duration;

use futures::future::try_join_all;
use harness_cluster::flux::{Flux, NAME};
use kube::api::{Api, DynamicObject, ListParams};
use tokio::time::Instant;

/// How long one object may take to answer. A Kustomization answers when its health checks are through.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Asks, in order, and waits for each answer. The error is in words, for the log.
pub(super) async fn reconcile(flux: &Flux) -> Result<(), String> {
    let stamp = flux.fetch_now().await.map_err(|error| format!("cannot ask for the GitRepository: {error}"))?;
    answered(&flux.sources(), NAME, &stamp).await?;
    // The root first: it may change what the layers are asked for.
    ask(flux, NAME).await?;
    let mut open = layers(flux).await?;
    while !open.is_empty() {
        let waits =
            |layer: &Layer| open.iter().any(|other| layer.needs.contains(&other.name) && other.name != layer.name);
        let (later, now): (Vec<Layer>, Vec<Layer>) = open.iter().cloned().partition(waits);
        // Layers that wait for each other are asked all the same: Flux says what is wrong with them.
        let (now, later) = if now.is_empty() { (later, Vec::new()) } else { (now, later) };
        try_join_all(now.iter().map(|layer| ask(flux, &layer.name))).await?;
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

async fn layers(flux: &Flux) -> Result<Vec<Layer>, String> {
    let found = flux.kustomizations().list(&ListParams::default()).await;
    let found = found.map_err(|error| format!("cannot list the Kustomizations: {error}"))?;
    Ok(found.items.iter().filter_map(layer).collect())
}

/// One that is suspended would never answer.
fn layer(object: &DynamicObject) -> Option<Layer> {
    let name = object.metadata.name.clone().filter(|name| name != NAME)?;
    let spec = &object.data["spec"];
    let needs = spec["dependsOn"].as_array().map_or(&[][..], Vec::as_slice);
    let needs = needs.iter().filter_map(|need| Some(need["name"].as_str()?.to_owned())).collect();
    (spec["suspend"] != true).then_some(Layer { name, needs })
}

async fn ask(flux: &Flux, name: &str) -> Result<(), String> {
    let stamp =
        flux.apply_now(name).await.map_err(|error| format!("cannot ask for the Kustomization {name}: {error}"))?;
    answered(&flux.kustomizations(), name, &stamp).await
}

async fn answered(api: &Api<DynamicObject>, name: &str, stamp: &str) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let object = api.get(name).await.map_err(|error| format!("cannot read {name}: {error}"))?;
        let status = &object.data["status"];
        if status["lastHandledReconcileAt"] == stamp {
            return Ok(());
        }
        if began.elapsed() >= ANSWER_LIMIT {
            let said = status["conditions"].as_array().map_or(&[][..], Vec::as_slice);
            let ready = said.iter().find(|condition| condition["type"] == "Ready");
            let last = ready.and_then(|ready| ready["message"].as_str()).unwrap_or("nothing");
            return Err(format!("{name} has not reconciled within {} s; it says: {last}", ANSWER_LIMIT.as_secs()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
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
    fn who_is_suspended_is_not_asked() {
        let needs = json!([{"name": "infrastructure"}]);
        let apps = layer(&object(json!({"dependsOn": needs}))).unwrap();
        assert_eq!((apps.name.as_str(), apps.needs), ("apps", vec!["infrastructure".to_owned()]));
        assert!(layer(&object(json!({"suspend": true}))).is_none());
    }
}
