//! A cluster made here: the upstream control plane, Flux and NAP as processes, beside a simulated Azure.
//!
//! [`up`] and [`throwaway`] start a *supervisor*: this same program as a process of its own, which runs the simulated
//! Azure and the Git server and owns every other process. The kernel kills the components when the supervisor ends,
//! however it ends, and a throw-away supervisor when the process that asked for it ends.

mod bootstrap;
mod config;
mod control;
mod control_client;
mod control_plane;
mod error;
mod event_relay;
mod exec;
mod flux_parts;
mod flux_processes;
mod git_control;
mod handle;
mod image_registry;
mod internal;
mod kubeconfig;
mod kubernetes_version;
mod kwok;
mod launch;
mod layout;
mod nap;
mod on_demand;
mod pki;
mod ports;
mod probes;
mod process;
mod registry;
mod sandbox;
mod start;
mod state_dir;
mod status;
mod steps;
mod supervisor;
mod tls;
mod usage;
mod version_proxy;
mod versions;

pub(crate) use bootstrap::FIELD_MANAGER as BOOTSTRAP_MANAGER;
pub use config::LocalConfig;
pub(crate) use control_client::ControlClient;
pub use error::LocalError;
pub(crate) use handle::Local;
pub use internal::dispatch;
pub use launch::{attach, down, list, status, throwaway, up};
#[cfg(test)]
pub(crate) use pki::test_certificates;
pub use state_dir::{StateDir, default_state_root};
pub use status::{ComponentStatus, Failure, Phase, ProcessRef, Status, StepTiming, TeardownReport};
pub use supervisor::main as supervise;
pub(crate) use tls::install_crypto;
pub use usage::ComponentUsage;
pub(crate) use usage::own as own_usage;

/// The processes of a local cluster besides its supervisor that run from its start, by the names that [`crate::Cluster::kill`] takes.
pub const PROCESSES: [&str; 9] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    kwok::KWOK_LEASES,
    "karpenter",
    "source-controller",
    "kustomize-controller",
];

/// The executables that a local cluster needs in its `bin_dir`.
pub const COMPONENTS: [&str; 11] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "karpenter",
    "source-controller",
    "kustomize-controller",
    flux_processes::NOTIFICATION,
    flux_processes::IMAGE_REFLECTOR,
    flux_processes::IMAGE_AUTOMATION,
];
