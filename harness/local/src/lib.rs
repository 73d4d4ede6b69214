//! A cluster made here: the upstream control plane, Flux and NAP as processes, beside a simulated Azure.
//!
//! [`up`] and [`throwaway`] start a *supervisor*: this same program as a process of its own, which runs the simulated
//! Azure and the Git server and owns every other process. The kernel kills the components when the supervisor ends,
//! however it ends, and a throw-away supervisor when the process that asked for it ends.

mod bootstrap;
mod commands;
mod config;
mod control;
mod control_client;
mod control_plane;
mod declaration;
mod error;
mod event_relay;
mod exec;
mod flux_parts;
mod flux_processes;
mod handle;
mod image_registry;
mod internal;
mod kubeconfig;
mod kubernetes_version;
mod kwok;
mod launch;
mod layout;
mod metrics_control;
mod nap;
mod on_demand;
mod pki;
mod ports;
mod probes;
mod process;
mod registry;
mod sandbox;
mod shared;
mod start;
mod state_dir;
mod steps;
mod supervisor;
mod teardown;
mod version_proxy;
mod versions;

pub use config::LocalConfig;
pub use control_client::ControlClient;
pub use declaration::declared;
pub use error::LocalError;
pub use handle::Local;
pub use internal::dispatch;
pub use launch::{attach, down, list, status, throwaway, up};
pub use metrics_control::MetricsControl;
pub use state_dir::{StateDir, default_state_root};
pub use supervisor::main as supervise;
