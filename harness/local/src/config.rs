//! The configuration of a local cluster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness_azure::Config as AzureConfig;
use harness_azure::catalogue::DEFAULT_REGION;
use serde::{Deserialize, Serialize};

use harness_catalogue::Component;
use harness_components::{self as components, BinDir};
use harness_simulation::ClusterParts;

use super::azure_cloud::AzureCloud;
use super::error::LocalError;
use super::state_dir::{StateDir, default_state_root, write_private};

/// The variable with the provision mode of new local clusters.
const PROVISION_MODE_VARIABLE: &str = "HARNESS_PROVISION_MODE";
/// The provision modes that the simulated Azure can answer, the default first. In the other modes of the provider it creates VMs and
/// network interfaces itself.
pub(crate) const PROVISION_MODES: [&str; 2] = ["aksmachineapi", "aksmachineapiheaderbatch"];

/// The choices for one local cluster. Written to its folder, from which its supervisor and later commands read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LocalConfig {
    /// The cluster's name: its folder, its context in kubeconfigs and its name in the simulated Azure.
    pub name: String,
    /// The folder of the components' executables.
    pub bin_dir: PathBuf,
    /// The files of the custom resources that the components need.
    pub crds: Vec<PathBuf>,
    /// The folder below which each cluster has its own.
    pub state_root: PathBuf,
    /// The executable that understands `internal exec` and `internal supervise`; by default this program itself.
    pub helper: PathBuf,
    /// The simulated Azure: names, location, credentials and its behaviour at first.
    pub azure: AzureConfig,
    /// How the NAP controller asks for machines: one call a machine (`aksmachineapi`, the default) or one call for all that
    /// it wants within a second (`aksmachineapiheaderbatch`).
    pub provision_mode: String,
    /// The cloud in which the NAP controller believes that it runs.
    #[serde(default = "AzureCloud::of_before")]
    pub cloud: AzureCloud,
    /// How long the whole start may take.
    pub start_timeout: Duration,
    /// Keeps the executables in the cache until the supervisor has locked them.
    #[serde(skip)]
    components: Option<BinDir>,
}

impl LocalConfig {
    /// The defaults for a cluster of that name from these components; the provision mode is that of
    /// `HARNESS_PROVISION_MODE`, if it is set.
    pub fn new(name: impl Into<String>, components: &BinDir) -> Self {
        let name = name.into();
        let resource_group = format!("{name}-rg");
        let azure = AzureConfig {
            resource_group,
            cluster_name: name.clone(),
            kubernetes_version: api_server_version().trim_start_matches('v').to_owned(),
            cluster: ClusterParts::Aks,
            ..AzureConfig::default()
        };
        let config = Self {
            name,
            bin_dir: components.folder().to_owned(),
            crds: components.crds().to_vec(),
            state_root: default_state_root(),
            // Through /proc the same file is found even when it has been rebuilt or removed meanwhile.
            helper: PathBuf::from("/proc/self/exe"),
            azure,
            provision_mode: std::env::var(PROVISION_MODE_VARIABLE).unwrap_or_else(|_| PROVISION_MODES[0].to_owned()),
            cloud: AzureCloud::default(),
            // A warm start takes some ten seconds on two cores; a busy or cold machine several times that.
            start_timeout: Duration::from_secs(120),
            components: Some(components.clone()),
        };
        config.in_region(DEFAULT_REGION)
    }

    /// The same in another Azure region, which [`LocalConfig::validate`] checks.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        // How AKS names the group of a cluster's nodes.
        self.azure.node_resource_group = format!("MC_{}_{}_{region}", self.azure.resource_group, self.name);
        region.clone_into(&mut self.azure.location);
        self
    }

    /// The same with a NAP controller that is told of another cloud.
    #[must_use]
    pub fn in_cloud(self, cloud: AzureCloud) -> Self {
        Self { cloud, ..self }
    }

    /// The same with other parts of AKS.
    #[must_use]
    pub fn with_parts(mut self, parts: ClusterParts) -> Self {
        self.azure.cluster = parts;
        self
    }

    /// The folder of this cluster.
    pub fn state(&self) -> StateDir {
        StateDir::at(self.state_root.join(&self.name))
    }

    /// Checks the name, the provision mode and that every component is there.
    ///
    /// # Errors
    /// [`LocalError::Name`], [`LocalError::ProvisionMode`] or [`LocalError::MissingComponent`].
    pub fn validate(&self) -> Result<(), LocalError> {
        validate_name(&self.name)?;
        if !PROVISION_MODES.contains(&self.provision_mode.as_str()) {
            let modes = PROVISION_MODES.join(" or ");
            return Err(LocalError::ProvisionMode { given: self.provision_mode.clone(), modes });
        }
        for path in Component::ALL.iter().map(|it| self.bin_dir.join(it.binary())).chain(self.crds.iter().cloned()) {
            if !path.exists() {
                return Err(LocalError::MissingComponent { path });
            }
        }
        Ok(())
    }

    /// Writes the configuration where the supervisor reads it.
    pub(crate) fn save(&self) -> Result<(), LocalError> {
        let path = self.state().config_file();
        let text = serde_json::to_vec_pretty(self).map_err(LocalError::content(&path))?;
        write_private(&path, text)
    }

    /// Keeps the executables in the cache as long as the value lives, when they are from there.
    pub(crate) fn hold_components(&mut self) {
        self.components = components::locate(None).ok().filter(|found| found.folder() == self.bin_dir);
    }

    /// Reads the configuration of the cluster in `state`.
    pub(crate) fn load(state: &StateDir) -> Result<Self, LocalError> {
        let path = state.config_file();
        let text = std::fs::read(&path).map_err(LocalError::file("read", &path))?;
        serde_json::from_slice(&text).map_err(LocalError::content(path))
    }
}

/// The API server's pinned version, which the managed cluster has as well.
fn api_server_version() -> &'static str {
    Component::KubeApiserver.module().version()
}

/// Checks a cluster's name, which must be a folder, a DNS label and part of Azure resource names.
///
/// # Errors
/// [`LocalError::Name`].
pub fn validate_name(name: &str) -> Result<(), LocalError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let valid = (1..=40).contains(&name.len())
        && name.chars().all(allowed)
        && edge(name.chars().next())
        && edge(name.chars().last());
    if valid { Ok(()) } else { Err(LocalError::Name { name: name.to_owned() }) }
}

/// Folders below the state root that hold a cluster, by name.
pub(crate) fn cluster_folders(state_root: &Path) -> Vec<(String, StateDir)> {
    let Ok(entries) = std::fs::read_dir(state_root) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            validate_name(&name).ok()?;
            entry.path().is_dir().then(|| (name, StateDir::at(entry.path())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_a_folder_and_a_dns_label_are_refused() {
        for good in ["harness", "a", "run-0199", "9"] {
            assert!(validate_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a/b", "..", "a.b", &"x".repeat(41)] {
            assert!(validate_name(bad).is_err(), "{bad}");
        }
    }

    /// A folder with empty files by the components' names.
    fn components(root: &Path) -> BinDir {
        std::fs::create_dir(root.join("crds")).unwrap();
        for component in Component::ALL {
            let path = root.join(component.name());
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        for file in harness_catalogue::MODULES.iter().flat_map(|module| module.crds) {
            std::fs::write(root.join("crds").join(file.file), "").unwrap();
        }
        components::locate(Some(root)).unwrap()
    }

    #[test]
    fn the_configuration_survives_its_file() {
        let temp = tempfile::tempdir().unwrap();
        let mut config = LocalConfig::new("t", &components(temp.path()));
        config.state_root = temp.path().to_owned();
        StateDir::create(config.state().root()).unwrap();
        config.save().unwrap();
        let back = LocalConfig::load(&config.state()).unwrap();
        assert_eq!(back.azure.control_token, config.azure.control_token);
        assert_eq!(back.azure.node_resource_group, "MC_t-rg_t_eastus");
        assert_eq!(back.crds, config.crds);
    }

    /// Otherwise the controller of such a cluster would be started again for each price, to read a list that it does not read.
    #[test]
    fn a_cluster_of_before_there_was_a_choice_is_in_the_custom_cloud() {
        let temp = tempfile::tempdir().unwrap();
        let components = components(temp.path());
        for cloud in [AzureCloud::Public, AzureCloud::Custom] {
            let mut config = LocalConfig::new("t", &components).in_cloud(cloud);
            config.state_root = temp.path().to_owned();
            StateDir::create(config.state().root()).unwrap();
            config.save().unwrap();
            assert_eq!(LocalConfig::load(&config.state()).unwrap().cloud, cloud);
            let mut of_before = serde_json::to_value(&config).unwrap();
            of_before.as_object_mut().unwrap().remove("cloud").unwrap();
            assert_eq!(serde_json::from_value::<LocalConfig>(of_before).unwrap().cloud, AzureCloud::Custom);
        }
    }

    #[test]
    fn a_missing_component_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let config = LocalConfig::new("t", &components(temp.path()));
        config.validate().unwrap();
        assert_eq!(config.azure.kubernetes_version, "1.36.3");
        let other = LocalConfig { provision_mode: "bootstrappingclient".to_owned(), ..config.clone() };
        assert!(other.validate().unwrap_err().to_string().contains("bootstrappingclient"));
        std::fs::remove_file(temp.path().join("etcd")).unwrap();
        let error = config.validate().unwrap_err();
        assert!(error.to_string().contains("etcd"), "{error}");
    }
}
