//! The local target: the upstream control plane, Flux and NAP as processes, beside a simulated Azure.
//!
//! [`up`] and [`throwaway`] write a `LocalConfig` to the cluster's folder ([`StateDir`]) and start a *supervisor*: this program as a process
//! of its own (`supervisor`). It runs the simulated Azure, the Git server and the metrics APIs itself; `start` decides the order in which the
//! components start, `commands` their command lines, `registry` watches them, and `internal exec` prepares each process. A caller talks to
//! it through the control socket ([`ControlClient`], served by `control`). The kernel kills the components when the supervisor ends, however
//! it ends, and a throw-away supervisor when the process that started it ends; `teardown` checks that nothing stays.

mod azure_cloud;
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
mod flux_processes;
mod handle;
mod internal;
mod karpenter;
mod kubeconfig;
mod kubernetes_version;
mod launch;
mod layout;
mod log_line;
mod metrics_control;
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
mod step_timings;
mod supervisor;
mod teardown;
mod version_proxy;
mod versions;

pub use azure_cloud::AzureCloud;
pub use config::{LocalConfig, validate_name};
pub use control_client::ControlClient;
pub use declaration::declared;
pub use error::LocalError;
pub use handle::Local;
pub use internal::dispatch;
pub use launch::{attach, down, list, status, throwaway, up};
pub use metrics_control::MetricsControl;
pub use state_dir::{StateDir, default_state_root};
pub use supervisor::main as supervise;
