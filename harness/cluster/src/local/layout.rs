//! What every component's command line is made from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::flux_processes;
use super::image_registry;
use super::ports::Ports;
use super::process::Launch;
use super::state_dir::StateDir;

/// Every port that a cluster needs, by purpose.
pub(crate) const PORTS: [&str; 24] = [
    "etcd",
    "etcd-peer",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "kwok-leases",
    "source-controller",
    "source-controller-metrics",
    "source-controller-health",
    "kustomize-controller-metrics",
    "kustomize-controller-health",
    "karpenter-metrics",
    "karpenter-health",
    "git",
    flux_processes::EVENTS,
    flux_processes::RECEIVER,
    "notification-controller-metrics",
    "notification-controller-health",
    "image-reflector-controller-metrics",
    "image-reflector-controller-health",
    "image-automation-controller-metrics",
    "image-automation-controller-health",
    image_registry::NAME,
];

/// A garbage collector that runs less often: on two cores 1,000 pods were ready 8 % sooner, for more memory.
const GOGC: &str = "400";

/// Where things are and who listens where.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) bin_dir: PathBuf,
    pub(crate) state: StateDir,
    pub(crate) ports: Ports,
    /// Where Flux's controllers post their events.
    pub(crate) events_url: String,
}

impl Layout {
    /// The API server's address.
    pub(crate) fn api_url(&self) -> String {
        format!("https://{}", self.ports.address("kube-apiserver"))
    }

    /// A launch of `name` without arguments.
    pub(crate) fn launch(&self, name: &str) -> Launch {
        let mut env: BTreeMap<String, OsString> = BTreeMap::new();
        env.insert("GOGC".into(), GOGC.into());
        // Some libraries insist on a home and on a folder for temporary files; neither is the user's.
        env.insert("HOME".into(), self.state.data().into());
        env.insert("TMPDIR".into(), self.state.data().into());
        env.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
        // Never through the proxy of somebody's shell or system.
        env.insert("NO_PROXY".into(), "*".into());
        Launch {
            name: name.to_owned(),
            program: self.bin_dir.join(name),
            args: Vec::new(),
            env,
            service_account: None,
            keep: Vec::new(),
            log: self.state.log(name),
        }
    }
}
