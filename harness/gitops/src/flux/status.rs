//! The status of Flux on a cluster: controllers, every object, the deployed objects, and warnings.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, ListParams};
use serde::Serialize;

use super::controllers::ControllerState;
use super::deployed::{self, Count};
use super::error::FluxError;
use super::kinds::{self, ObjectRef};
use super::manager::Manager;
use super::object::{Found, ObjectState, list_objects};
use super::parts::is_flux_group;

/// The status of Flux on a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FluxStatus {
    /// The cluster's name.
    pub cluster: String,
    /// The kind of target, as `--target` names it.
    pub target: String,
    /// Whether nothing is wrong.
    pub ready: bool,
    /// What is wrong, a phrase each.
    pub troubles: Vec<String>,
    /// The controllers that the target has.
    pub controllers: Vec<ControllerState>,
    /// Every object of every kind that is served, sources first.
    pub objects: Vec<ObjectState>,
    /// The objects that the Kustomizations have applied and that exist, without Flux's own.
    pub deployed: Vec<Count>,
    /// Recent warnings, newest first.
    pub warnings: Vec<Warning>,
}

impl Manager<'_> {
    /// Looks at everything. Takes a second, in which the CPU time of the controllers is measured.
    ///
    /// # Errors
    /// When the API server or the target does not answer.
    pub async fn status(&self) -> Result<FluxStatus, FluxError> {
        let reading = self.reading().await?;
        let kinds = kinds::served(&self.target.client).await?;
        let found = list_objects(&self.target.client, &kinds).await?;
        let deployed = deployed::deployed(&self.target.client, &deployed::inventory(&found)).await?;
        let warnings = warnings(&self.target.client).await?;
        let controllers = self.controllers(reading).await?;
        let objects: Vec<ObjectState> = found.iter().map(Found::state).collect();
        let troubles = troubles(!kinds.is_empty(), &controllers, &objects);
        Ok(FluxStatus {
            cluster: self.target.cluster.clone(),
            target: self.target.target.to_owned(),
            ready: troubles.is_empty(),
            troubles,
            controllers,
            objects,
            deployed: deployed::counts(&deployed),
            warnings,
        })
    }
}

/// What is wrong.
fn troubles(installed: bool, controllers: &[ControllerState], objects: &[ObjectState]) -> Vec<String> {
    let mut troubles = Vec::new();
    if !installed {
        troubles.push("the cluster serves no Flux objects: `harness flux install` installs Flux".to_owned());
    }
    for controller in controllers.iter().filter(|controller| !controller.running) {
        let exit = controller.last_exit.as_ref().map(|exit| format!(" ({exit})")).unwrap_or_default();
        troubles.push(format!("{} does not run{exit}", controller.name));
    }
    for object in objects.iter().filter(|object| !object.is_fine()) {
        let said = match (object.deleting, object.reason.as_str()) {
            (true, _) => "is being deleted and waits for its finalizers".to_owned(),
            (_, "") => object.message.clone(),
            (_, reason) => format!("is not Ready: {reason}: {}", object.message.lines().next().unwrap_or_default()),
        };
        troubles.push(format!("{} {said}", object.object));
    }
    troubles
}

/// How many are reported; the API server keeps an hour of them (`--event-ttl`).
const WARNINGS_MAX: usize = 20;

/// One warning about a Flux object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// What it is about.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// The reason, such as `BuildFailed`.
    pub reason: String,
    /// The message.
    pub message: String,
    /// How often it occurred.
    pub count: i64,
    /// When it occurred last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
}

/// The newest warnings, newest first.
pub(super) async fn warnings(client: &kube::Client) -> Result<Vec<Warning>, FluxError> {
    let api: Api<Event> = Api::all(client.clone());
    let events = api
        .list(&ListParams::default().fields("type=Warning"))
        .await
        .map_err(FluxError::api("list", "every Event that is a warning"))?;
    let mut warnings: Vec<Warning> = events.items.into_iter().filter_map(warning).collect();
    warnings.sort_by_key(|warning| std::cmp::Reverse(warning.last_at));
    warnings.truncate(WARNINGS_MAX);
    Ok(warnings)
}

fn warning(event: Event) -> Option<Warning> {
    let about = event.involved_object;
    let api_version = about.api_version.unwrap_or_default();
    let (group, _) = api_version.split_once('/')?;
    if !is_flux_group(group) {
        return None;
    }
    let series = event.series.as_ref();
    let stamps = [
        series.and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0),
        event.last_timestamp.as_ref().map(|time| time.0),
        event.event_time.as_ref().map(|time| time.0),
        event.first_timestamp.as_ref().map(|time| time.0),
    ];
    Some(Warning {
        object: ObjectRef {
            group: group.to_owned(),
            kind: about.kind.unwrap_or_default(),
            namespace: about.namespace,
            name: about.name.unwrap_or_default(),
        },
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
        count: i64::from(series.and_then(|series| series.count).or(event.count).unwrap_or(1)),
        last_at: stamps.into_iter().flatten().max(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::flux::graph::tests::found;

    #[test]
    fn every_trouble_has_its_reason() {
        let broken = {
            let mut found = found("Kustomization", "apps", &json!({}), None);
            found.object.data["status"] = json!({"conditions": [
                {"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "kustomize build failed\nmore"},
            ]});
            found.state()
        };
        let fresh = found("GitRepository", "new", &json!({}), None).state();
        let controller = ControllerState {
            name: "source-controller".into(),
            running: false,
            pid: None,
            last_exit: Some("signal: 9 (SIGKILL)".into()),
            restarts: 0,
            version: None,
            cpu_millicores: None,
            cpu_ms: None,
            rss_bytes: None,
            rss_peak_bytes: None,
        };
        let troubles = troubles(true, &[controller], &[broken, fresh]);
        assert_eq!(
            troubles,
            [
                "source-controller does not run (signal: 9 (SIGKILL))",
                "Kustomization flux-system/apps is not Ready: BuildFailed: kustomize build failed",
                "GitRepository flux-system/new no controller has reported on it yet",
            ]
        );
        assert!(super::troubles(false, &[], &[])[0].contains("harness flux install"));
    }

    fn event(api_version: &str) -> Event {
        serde_json::from_value(json!({
            "metadata": {"name": "x", "namespace": "flux-system"}, "type": "Warning", "reason": "BuildFailed",
            "message": "kustomize build failed", "count": 3, "firstTimestamp": "2026-11-21T12:00:00Z",
            "lastTimestamp": "2026-11-21T12:05:00Z",
            "involvedObject": {"apiVersion": api_version, "kind": "Kustomization", "namespace": "flux-system", "name": "apps"},
        }))
        .unwrap()
    }

    #[test]
    fn only_what_is_about_flux_is_told_with_its_newest_moment() {
        let warning = warning(event("kustomize.toolkit.fluxcd.io/v1")).unwrap();
        assert_eq!((warning.count, warning.object.to_string().as_str()), (3, "Kustomization flux-system/apps"));
        assert_eq!(warning.last_at.unwrap().to_string(), "2026-11-21T12:05:00Z");
        assert_eq!(super::warning(event("kustomize.config.k8s.io/v1")), None);
        assert_eq!(super::warning(event("v1")), None);
    }
}
