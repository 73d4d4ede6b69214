//! Clients of an API server: for measuring, for one watch, and for waiting until custom resources are served.

mod client;
mod custom_resources;
mod error;

pub use client::{
    REQUESTS_AT_ONCE, RequestCount, SocketClock, measuring_client, measuring_client_of, measuring_config, watch_client,
};
pub use custom_resources::{custom_resources_served, definitions, is_established};
pub use error::{ApiError, innermost_reason, plain};
