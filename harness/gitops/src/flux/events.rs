//! What Flux's controllers have warned of lately.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, ListParams};
use serde::Serialize;

use super::error::FluxError;
use super::kinds::ObjectRef;
use super::parts::is_flux_group;

/// How many are reported; the API server keeps an hour of them (`--event-ttl`).
const TOLD: usize = 20;

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
    warnings.truncate(TOLD);
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
