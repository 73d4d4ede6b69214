//! The metrics that the horizontal pod autoscaler reads, set by the harness: `metrics.k8s.io`, `custom.metrics.k8s.io` and
//! `external.metrics.k8s.io` as aggregated APIs.
//!
//! On simulated kubelets nothing inside a pod runs, so nothing can be measured there. A run sets the load of a workload
//! ([`Load`], [`ExternalMetric`]), and the APIs answer what a metrics server would measure, pod by pod. Until a run has set
//! a load, lists are empty and no pod is watched.

mod control;
mod custom;
mod discovery;
mod load;
mod loads;
mod model;
mod pod;
mod quantity;
mod request;
mod resource;
mod selector;
mod server;
mod spread;
mod state;
#[cfg(test)]
mod tests;
mod watch;

pub use control::routes;
pub use load::{Cap, DEFAULT_WINDOW_S, Demand, ExternalMetric, Load, WORKLOAD_LABEL};
pub use model::{DemandReport, WorkloadReport};
pub use server::{MetricsServer, ServerError, ServerIdentity};
pub use state::{Metrics, Shared};

/// The Service that stands for the server, in the cluster.
pub const SERVICE: &str = "harness-metrics";
/// The namespace of the Service.
pub const NAMESPACE: &str = "kube-system";
/// Group and version of each API, preferred first where there are several.
pub const APIS: [(&str, &str); 3] =
    [("metrics.k8s.io", "v1beta1"), ("custom.metrics.k8s.io", "v1beta2"), ("external.metrics.k8s.io", "v1beta1")];
