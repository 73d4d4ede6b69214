//! The command line of each component.

use harness_azure::Config as AzureConfig;
use harness_catalogue::{Component, Port};

use super::azure_cloud::AzureCloud;
use super::error::LocalError;
use super::karpenter::{self, AzureAddresses};
use super::layout::Layout;
use super::pki::PkiFiles;
use super::process::Launch;
use super::state_dir::{private_dir, write_private};
use super::{control_plane, flux_processes};

/// The second file explains why there are two processes.
const STAGES: &str = include_str!("../../../kind-config/kwok/stages.yaml");
const LEASES: &str = include_str!("../../../kind-config/kwok/leases.yaml");

/// Nodes with this annotation get leases, and their pods run. The simulated Azure puts it on its nodes.
const NODES: &str = "kwok.x-k8s.io/node=fake";

/// The inputs of the command lines of one cluster's components.
#[derive(Clone)]
pub(crate) struct Commands {
    pub(crate) layout: Layout,
    pub(crate) azure: AzureConfig,
    pub(crate) addresses: AzureAddresses,
    pub(crate) cloud: AzureCloud,
    pub(crate) provision_mode: String,
}

impl Commands {
    /// Returns how to start a component; writes the files and creates the folders that it needs.
    pub(crate) fn launch(&self, component: Component) -> Result<Launch, LocalError> {
        let layout = &self.layout;
        let files = PkiFiles::new(&layout.state);
        Ok(match component {
            Component::Etcd => control_plane::etcd(layout, &files),
            Component::KubeApiserver => control_plane::api_server(layout, &files),
            Component::KubeControllerManager => control_plane::controller_manager(layout, &files),
            Component::KubeScheduler => control_plane::scheduler(layout, &files),
            Component::Kwok => kwok(layout, component, STAGES, 0)?,
            // Every quarter of the 40 s of a lease.
            Component::KwokLeases => kwok(layout, component, LEASES, 40)?,
            Component::SourceController => flux_processes::source_controller(layout)?,
            Component::KustomizeController => flux_processes::kustomize_controller(layout),
            Component::NotificationController => flux_processes::notification_controller(layout),
            Component::ImageReflectorController => flux_processes::image_reflector_controller(layout)?,
            Component::ImageAutomationController => flux_processes::controller(layout, component),
            Component::ImageRegistry => image_registry(layout)?,
            Component::Karpenter => {
                karpenter::controller(layout, &self.azure, &self.addresses, (self.cloud, &self.provision_mode))
            }
        })
    }
}

/// kwok with these stages: one process plays the kubelets, one renews the node leases.
fn kwok(layout: &Layout, component: Component, stages: &str, lease_seconds: u32) -> Result<Launch, LocalError> {
    let name = component.name();
    let config = layout.state.root().join(format!("{name}.yaml"));
    write_private(&config, stages)?;
    let mut launch = layout.launch(component);
    launch.args = vec![
        format!("--kubeconfig={}", layout.state.kubeconfig(name).display()).into(),
        format!("--config={}", config.display()).into(),
        format!("--manage-nodes-with-annotation-selector={NODES}").into(),
        "--node-ip=127.0.0.1".into(),
        format!("--node-port={}", layout.ports.get(component, Port::Main)).into(),
        format!("--server-address={}", layout.ports.address(component, Port::Main)).into(),
        // Apart from the services' range; room for four million pods.
        "--cidr=10.64.0.0/10".into(),
        format!("--node-lease-duration-seconds={lease_seconds}").into(),
        // A line for each patched pod costs CPU time, and the watch records the same.
        "--v=WARN".into(),
    ];
    Ok(launch)
}

/// The image registry, the distribution project's, unmodified. Images are kept in the folder of the cluster and are removed with it.
fn image_registry(layout: &Layout) -> Result<Launch, LocalError> {
    let folder = layout.state.data().join("image-registry");
    private_dir(&folder)?;
    let storage = folder.join("images");
    private_dir(&storage)?;
    let configuration = serde_json::json!({
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": true}},
        "storage": {"filesystem": {"rootdirectory": storage}},
        "http": {"addr": layout.ports.address(Component::ImageRegistry, Port::Main)},
    });
    let path = folder.join("config.yml");
    let text = serde_saphyr::to_string(&configuration).map_err(LocalError::content(&path))?;
    write_private(&path, text)?;
    let mut launch = layout.launch(Component::ImageRegistry);
    // By default it exports traces over the network.
    launch.env.insert("OTEL_TRACES_EXPORTER".into(), "none".into());
    launch.args = vec!["serve".into(), path.into()];
    Ok(launch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Ports;
    use crate::state_dir::StateDir;
    use harness_catalogue::Stage;
    use std::collections::{BTreeMap, BTreeSet};
    use std::ffi::{OsStr, OsString};
    use std::path::{Path, PathBuf};

    /// Above every number that occurs in a command line for another reason.
    const FIRST_PORT: u16 = 41_001;

    fn commands(folder: &Path) -> Commands {
        let layout = Layout {
            memory_bytes: Some(8 << 30),
            bin_dir: PathBuf::from("/components"),
            state: StateDir::create(folder.join("cluster")).unwrap(),
            ports: Ports::consecutive(FIRST_PORT),
            events_url: "http://127.0.0.1:9/".to_owned(),
        };
        let addresses = AzureAddresses {
            arm: "https://127.0.0.1:8/".to_owned(),
            identity: "http://127.0.0.1:8/identity".to_owned(),
            proxy: "http://127.0.0.1:7".to_owned(),
        };
        let azure = AzureConfig::default();
        Commands { layout, azure, addresses, cloud: AzureCloud::Public, provision_mode: "aksmachineapi".to_owned() }
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
    fn the_memory_of_the_components_that_always_run_fits_the_machine() {
        let temp = tempfile::tempdir().unwrap();
        let commands = commands(temp.path());
        let limit = |component: &Component| {
            let limit = commands.launch(*component).unwrap().env["GOMEMLIMIT"].clone();
            limit.into_string().unwrap().parse::<u64>().unwrap()
        };
        let limits: Vec<u64> = Component::ALL.iter().filter(|it| it.stage() != Stage::OnDemand).map(limit).collect();
        assert!(limits.iter().all(|bytes| *bytes >= 256 << 20), "{limits:?}");
        assert!(limits.iter().sum::<u64>() < 8 << 30, "{limits:?}");
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
            // The NAP controller alone has a proxy: that of the simulated Azure.
            let (direct, proxy) = match component {
                Component::Karpenter => ("127.0.0.1,localhost", Some(commands.addresses.proxy.as_str())),
                _ => ("*", None),
            };
            assert_eq!(env["NO_PROXY"], direct, "{component}");
            for name in ["HTTPS_PROXY", "HTTP_PROXY"] {
                assert_eq!(env.get(name).map(|value| value.to_str().unwrap()), proxy, "{component} {name}");
            }
        }
    }

    /// `HARNESS_AZURE_CLOUD=custom`. With a cloud's name beside the file the controller does not start (`pkg/auth/config.go` of the provider), and with
    /// the proxy it would read Azure's own price list.
    #[test]
    fn in_the_custom_cloud_the_controller_has_the_file_of_that_cloud_and_neither_a_name_nor_a_proxy() {
        let temp = tempfile::tempdir().unwrap();
        let mut commands = commands(temp.path());
        let public = commands.launch(Component::Karpenter).unwrap().env;
        commands.cloud = AzureCloud::Custom;
        let custom = commands.launch(Component::Karpenter).unwrap().env;

        let file = karpenter::environment_file(&commands.layout.state);
        assert_eq!(custom["AZURE_ENVIRONMENT_FILEPATH"], file.as_os_str());
        assert_eq!(custom["NO_PROXY"], "*");
        for name in ["ARM_CLOUD", "HTTPS_PROXY", "HTTP_PROXY"] {
            assert!(!custom.contains_key(name), "{name}");
        }
        assert_eq!(public["ARM_CLOUD"], "AzurePublicCloud");
        assert!(!public.contains_key("AZURE_ENVIRONMENT_FILEPATH"));

        // All else is the same, also the authority that it trusts: Resource Manager's certificate is the simulated Azure's own in both.
        let of_the_cloud = ["AZURE_ENVIRONMENT_FILEPATH", "ARM_CLOUD", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"];
        assert_eq!(custom["SSL_CERT_FILE"], karpenter::azure_ca_file(&commands.layout.state).as_os_str());
        let rest = |mut env: BTreeMap<String, OsString>| {
            env.retain(|name, _| !of_the_cloud.contains(&name.as_str()));
            env
        };
        assert_eq!(rest(custom), rest(public));
    }
}
