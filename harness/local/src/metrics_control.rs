//! The metrics APIs, as a run controls them.

use std::time::{Duration, Instant};

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::Api;

use harness_components::control::ControlError;
use harness_kubernetes::ApiError;
use harness_metrics::{APIS, ExternalMetric, Load, WorkloadReport};

use super::control_client::ControlClient;

/// The pause between two reads of the APIServices.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Sets what the metrics APIs of a cluster answer. Cheap to clone.
#[derive(Clone)]
pub struct MetricsControl {
    control: ControlClient,
    client: kube::Client,
}

impl std::fmt::Debug for MetricsControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client carries credentials.
        f.debug_struct("MetricsControl").finish_non_exhaustive()
    }
}

impl MetricsControl {
    /// The metrics of the cluster with this supervisor; the client waits for the APIs.
    pub fn new(control: ControlClient, client: kube::Client) -> Self {
        Self { control, client }
    }

    /// Replaces the load of a workload. When it returns, the next request of the HPA is answered with it. An empty load makes the
    /// workload's metrics unknown again.
    ///
    /// # Errors
    /// When the load is invalid, pods cannot be listed, or the supervisor does not answer.
    pub async fn set_load(&self, load: &Load) -> Result<(), ControlError> {
        self.control.put("metrics/load", load, "set the load of a workload").await
    }

    /// Sets one value of an external metric.
    ///
    /// # Errors
    /// When the metric is invalid or the supervisor does not answer.
    pub async fn set_external(&self, metric: &ExternalMetric) -> Result<(), ControlError> {
        self.control.put("metrics/external", metric, "set an external metric").await
    }

    /// Forgets all loads and external metrics.
    ///
    /// # Errors
    /// When the supervisor does not answer.
    pub async fn clear(&self) -> Result<(), ControlError> {
        self.control.delete("metrics", "clear the metrics").await
    }

    /// What each load became: pods that share it, what they use together, and the overload.
    ///
    /// # Errors
    /// When the supervisor does not answer.
    pub async fn report(&self) -> Result<Vec<WorkloadReport>, ControlError> {
        self.control.get("metrics", "report the load").await
    }

    /// Waits until the API server forwards requests to the metrics APIs. A cluster counts as usable before that.
    ///
    /// # Errors
    /// When they are not available within `limit`, or cannot be read.
    pub async fn available(&self, limit: Duration) -> Result<(), ApiError> {
        let services: Api<APIService> = Api::all(self.client.clone());
        let started = Instant::now();
        for (group, version) in APIS {
            let name = format!("{version}.{group}");
            let object = format!("APIService {name}");
            loop {
                let found = services.get_opt(&name).await.map_err(ApiError::request("read", &object))?;
                let last = match found.as_ref().map(availability) {
                    Some(Ok(())) => break,
                    Some(Err(condition)) => condition,
                    None => "it does not exist".to_owned(),
                };
                if started.elapsed() > limit {
                    let waited_ms = started.elapsed().as_millis() as u64;
                    return Err(ApiError::Wait { object, wanted: "available", waited_ms, last });
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
        Ok(())
    }
}

/// Whether the API server forwards to it; otherwise why not.
fn availability(service: &APIService) -> Result<(), String> {
    let conditions = service.status.as_ref().and_then(|status| status.conditions.as_ref());
    match conditions.into_iter().flatten().find(|condition| condition.type_ == "Available") {
        Some(condition) if condition.status == "True" => Ok(()),
        Some(condition) => Err(format!(
            "Available={}: {}",
            condition.status,
            condition.message.as_deref().or(condition.reason.as_deref()).unwrap_or("no reason given")
        )),
        None => Err("no condition yet".to_owned()),
    }
}
