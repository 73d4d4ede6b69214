//! The folders, ports and environment that the command lines of all components share.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use harness_catalogue::{Component, Port};

use super::ports::Ports;
use super::process::Launch;
use super::state_dir::StateDir;

/// A garbage collector that runs less often: on two cores 1,000 pods were ready 8 % sooner, for more memory.
const GOGC: &str = "400";

/// What each component needs in any case.
const LEAST_MEMORY_BYTES: u64 = 256 << 20;

/// The folders and ports of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// What there was for the whole cluster when it started, bytes; `None` where that is not known.
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) bin_dir: PathBuf,
    pub(crate) state: StateDir,
    pub(crate) ports: Ports,
    /// Where Flux's controllers post their events.
    pub(crate) events_url: String,
}

impl Layout {
    /// The API server's address.
    pub(crate) fn api_url(&self) -> String {
        format!("https://{}", self.ports.address(Component::KubeApiserver, Port::Main))
    }

    /// A launch of a component without arguments.
    pub(crate) fn launch(&self, component: Component) -> Launch {
        let name = component.name();
        let mut env: BTreeMap<String, OsString> = BTreeMap::new();
        env.insert("GOGC".into(), GOGC.into());
        if let Some(bytes) = self.memory_bytes {
            let limit = (bytes / 100 * memory_percent(component)).max(LEAST_MEMORY_BYTES);
            env.insert("GOMEMLIMIT".into(), limit.to_string().into());
        }
        // Some libraries need a home and a folder for temporary files; neither must be the user's.
        env.insert("HOME".into(), self.state.data().into());
        env.insert("TMPDIR".into(), self.state.data().into());
        env.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
        // Everything is on loopback, whatever proxy the user's shell or system configures.
        env.insert("NO_PROXY".into(), "*".into());
        Launch {
            name: name.to_owned(),
            program: self.bin_dir.join(component.binary()),
            args: Vec::new(),
            env,
            service_account: None,
            keep: Vec::new(),
            log: self.state.log(name),
        }
    }
}

/// From how much of the cluster's memory on a component collects garbage more often than [`GOGC`] says, percent: with 10,000 pods on 1,400 nodes, the peaks
/// without such a limit add up to 21 GB. Those that start on demand share what the others leave.
fn memory_percent(component: Component) -> u64 {
    match component {
        Component::KubeApiserver => 32,
        Component::Karpenter => 28,
        Component::Etcd | Component::KubeControllerManager | Component::KubeScheduler => 5,
        Component::Kwok => 4,
        Component::KwokLeases
        | Component::SourceController
        | Component::KustomizeController
        | Component::NotificationController
        | Component::ImageReflectorController
        | Component::ImageAutomationController
        | Component::ImageRegistry => 2,
    }
}
