//! The metrics that the horizontal pod autoscaler reads, said by the harness: `metrics.k8s.io`, `custom.metrics.k8s.io` and
//! `external.metrics.k8s.io` as aggregated APIs.
//!
//! On simulated kubelets nothing inside a pod runs, so nothing can be measured there. A run says how much load a workload has
//! ([`Load`], [`ExternalMetric`]) and the API says what a metrics server would see of it, pod by pod. Until a run has said
//! something, nothing is known: lists are empty and no pod is watched.

mod control;
mod custom;
mod discovery;
mod error;
mod external;
mod load;
mod loads;
mod model;
mod pod;
mod quantity;
mod query;
mod report;
mod resource;
mod selector;
mod server;
mod spread;
mod state;
mod status;
#[cfg(test)]
mod tests;
mod watch;

pub use control::routes;
pub use load::{Cap, DEFAULT_WINDOW_S, Demand, ExternalMetric, Load, WORKLOAD_LABEL};
pub use report::{DemandReport, WorkloadReport};
pub use server::{MetricsServer, ServerError, ServerIdentity};
pub use state::{Metrics, Shared};

/// The Service that stands for the server, in the cluster.
pub const SERVICE: &str = "harness-metrics";
/// The namespace of the Service.
pub const NAMESPACE: &str = "kube-system";
/// Group and version of each API, preferred first where there are several.
pub const APIS: [(&str, &str); 3] =
    [("metrics.k8s.io", "v1beta1"), ("custom.metrics.k8s.io", "v1beta2"), ("external.metrics.k8s.io", "v1beta1")];
