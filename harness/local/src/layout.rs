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

/// The folders and ports of one cluster.
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
        format!("https://{}", self.ports.address(Component::KubeApiserver, Port::Main))
    }

    /// A launch of a component without arguments.
    pub(crate) fn launch(&self, component: Component) -> Launch {
        let name = component.name();
        let mut env: BTreeMap<String, OsString> = BTreeMap::new();
        env.insert("GOGC".into(), GOGC.into());
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
