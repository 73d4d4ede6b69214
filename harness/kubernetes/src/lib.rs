//! Clients of an API server: for measuring, for one watch, and for waiting until custom resources are served; what a pod requests.

mod client;
mod custom_resources;
mod error;
mod pod_requests;

pub use client::{
    REQUESTS_AT_ONCE, RequestCount, SocketClock, measuring_client, measuring_client_of, measuring_config, watch_client,
};
pub use custom_resources::{custom_resources_served, definitions, is_established};
pub use error::{ApiError, innermost_reason, plain};
pub use pod_requests::pod_requests;
