//! The command line of each component.

use harness_azure::Config as AzureConfig;
use harness_catalogue::Component;

use super::error::LocalError;
use super::layout::Layout;
use super::nap::{self, AzureAddresses};
use super::pki::PkiFiles;
use super::process::Launch;
use super::{control_plane, flux_processes, image_registry, kwok};

/// What the command lines of one cluster's components are made from.
#[derive(Clone)]
pub(crate) struct Commands {
    pub(crate) layout: Layout,
    pub(crate) azure: AzureConfig,
    pub(crate) addresses: AzureAddresses,
    pub(crate) provision_mode: String,
}

impl Commands {
    /// How to start a component. Writes the files and makes the folders that it needs.
    pub(crate) fn launch(&self, component: Component) -> Result<Launch, LocalError> {
        let layout = &self.layout;
        let files = PkiFiles::new(&layout.state);
        Ok(match component {
            Component::Etcd => control_plane::etcd(layout, &files),
            Component::KubeApiserver => control_plane::api_server(layout, &files),
            Component::KubeControllerManager => control_plane::controller_manager(layout, &files),
            Component::KubeScheduler => control_plane::scheduler(layout, &files),
            Component::Kwok => kwok::kubelets(layout)?,
            Component::KwokLeases => kwok::leases(layout)?,
            Component::SourceController => flux_processes::source_controller(layout)?,
            Component::KustomizeController => flux_processes::kustomize_controller(layout),
            Component::NotificationController => flux_processes::notification_controller(layout),
            Component::ImageReflectorController => flux_processes::image_reflector_controller(layout)?,
            Component::ImageAutomationController => flux_processes::image_automation_controller(layout),
            Component::ImageRegistry => image_registry::registry(layout)?,
            Component::Karpenter => nap::karpenter(layout, &self.azure, &self.addresses, &self.provision_mode),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Ports;
    use crate::state_dir::StateDir;
    use harness_catalogue::Port;
    use std::collections::BTreeSet;
    use std::ffi::OsStr;
    use std::path::{Path, PathBuf};

    /// Above every number that occurs in a command line for another reason.
    const FIRST_PORT: u16 = 41_001;

    fn commands(folder: &Path) -> Commands {
        let layout = Layout {
            bin_dir: PathBuf::from("/components"),
            state: StateDir::create(folder.join("cluster")).unwrap(),
            ports: Ports::consecutive(FIRST_PORT),
            events_url: "http://127.0.0.1:9/".to_owned(),
        };
        let addresses = AzureAddresses {
            arm: "https://127.0.0.1:8/".to_owned(),
            identity: "http://127.0.0.1:8/identity".to_owned(),
        };
        let azure = AzureConfig::default();
        Commands { layout, azure, addresses, provision_mode: "aksmachineapi".to_owned() }
    }

    fn ports_of(commands: &Commands, component: Component) -> BTreeSet<u16> {
        component.ports().iter().map(|port| commands.layout.ports.get(component, *port)).collect()
    }

    /// The ports of the cluster that a command line, its environment and the configuration files that it names mention.
    fn mentioned(commands: &Commands, launch: &Launch) -> BTreeSet<u16> {
        let all: BTreeSet<u16> = Component::ALL.iter().flat_map(|it| ports_of(commands, *it)).collect();
        let words = launch.args.iter().chain(launch.env.values()).map(|word| word.to_string_lossy().into_owned());
        let files = launch.args.iter().filter(|word| Path::new(word).extension() == Some(OsStr::new("yml")));
        let texts = words.chain(files.map(|path| std::fs::read_to_string(path).unwrap()));
        let mut found = BTreeSet::new();
        for text in texts {
            let numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
            found.extend(numbers.filter(|number| all.contains(number)));
        }
        found
    }

    #[test]
    fn every_component_is_started_from_its_binary_with_a_name_and_a_log_of_its_own() {
        let temp = tempfile::tempdir().unwrap();
        let commands = commands(temp.path());
        let mut logs = BTreeSet::new();
        for component in Component::ALL {
            let launch = commands.launch(*component).unwrap();
            assert_eq!(launch.name, component.name());
            assert_eq!(launch.program, Path::new("/components").join(component.binary()), "{component}");
            assert!(logs.insert(launch.log), "{component} shares its log");
        }
    }

    #[test]
    fn every_component_listens_on_its_own_ports_and_names_only_those_of_the_servers_that_it_calls() {
        let temp = tempfile::tempdir().unwrap();
        let commands = commands(temp.path());
        for component in Component::ALL {
            let mut expected = ports_of(&commands, *component);
            let called = match component {
                Component::KubeApiserver => Some(Component::Etcd),
                Component::Karpenter => Some(Component::KubeApiserver),
                _ => None,
            };
            expected.extend(called.map(|called| commands.layout.ports.get(called, Port::Main)));
            assert_eq!(mentioned(&commands, &commands.launch(*component).unwrap()), expected, "{component}");
        }
    }

    #[test]
    fn no_component_inherits_the_environment_of_the_user() {
        let temp = tempfile::tempdir().unwrap();
        let commands = commands(temp.path());
        for component in Component::ALL {
            let env = commands.launch(*component).unwrap().env;
            let data = commands.layout.state.data();
            for name in ["HOME", "TMPDIR"] {
                assert_eq!(env[name], data.as_os_str(), "{component} {name}");
            }
            assert_eq!(env["NO_PROXY"], "*", "{component}");
        }
    }
}
