//! The configuration of a simulator.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use harness_simulation::{Behaviour, ClusterParts};

use crate::catalogue::{CatalogueError, DEFAULT_REGION, catalogue};

/// Everything that is fixed for the lifetime of a simulator. Reads from and writes to JSON and YAML.
///
/// Every listener is on 127.0.0.1.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Config {
    /// Port of the Azure Resource Manager API (https); 0 takes a free one.
    pub arm_port: u16,
    /// Port of the managed identity endpoint (http); 0 takes a free one.
    pub identity_port: u16,
    /// Port of the control endpoint (http); 0 takes a free one.
    pub control_port: u16,
    /// Port of the proxy through which clients of the public cloud come (http); 0 takes a free one.
    pub proxy_port: u16,
    /// The subscription's id.
    pub subscription_id: String,
    /// The Entra tenant's id.
    pub tenant_id: String,
    /// The resource group of the managed cluster.
    pub resource_group: String,
    /// The resource group of the VMs (`MC_...`).
    pub node_resource_group: String,
    /// The managed cluster's name.
    pub cluster_name: String,
    /// The Azure region, such as `westeurope`: one of [`regions`](crate::catalogue::regions), with its zones, sizes and prices.
    pub location: String,
    /// The managed cluster's Kubernetes version, without `v`.
    pub kubernetes_version: String,
    /// The agent pool of mode Machines that node auto-provisioning puts its machines into.
    pub machines_pool: String,
    /// The subnet of the nodes; by default `aks-subnet` of `aks-vnet` in the node resource group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vnet_subnet_id: Option<String>,
    /// Certificates of the ARM endpoint.
    pub tls: TlsConfig,
    /// What a caller must send as `X-IDENTITY-HEADER` to be given a token.
    pub identity_header: Secret,
    /// The bearer token of the control endpoint.
    pub control_token: Secret,
    /// What the cluster has besides NAP's nodes, where the behaviour does not say: nothing unless it is asked for.
    pub cluster: ClusterParts,
    /// How it behaves at first.
    pub behaviour: Behaviour,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            arm_port: 0,
            identity_port: 0,
            control_port: 0,
            proxy_port: 0,
            subscription_id: "00000000-0000-4000-8000-000000000001".to_owned(),
            tenant_id: "00000000-0000-4000-8000-000000000002".to_owned(),
            resource_group: "harness-rg".to_owned(),
            node_resource_group: "MC_harness-rg_harness_eastus".to_owned(),
            cluster_name: "harness".to_owned(),
            location: DEFAULT_REGION.to_owned(),
            kubernetes_version: "1.36.3".to_owned(),
            machines_pool: "aksmanagedap".to_owned(),
            vnet_subnet_id: None,
            tls: TlsConfig::Generated,
            identity_header: Secret::random(),
            control_token: Secret::random(),
            cluster: ClusterParts::default(),
            behaviour: Behaviour::default(),
        }
    }
}

impl Config {
    /// What the ids of all subnets of the nodes' virtual network begin with, without the last `/`.
    pub(crate) fn subnets_id(&self) -> String {
        let id = self.subnet_id();
        id.rsplit_once('/').map_or_else(String::new, |(parent, _)| parent.to_owned())
    }

    /// The subnet of the nodes: the one given, or the default one.
    pub fn subnet_id(&self) -> String {
        self.vnet_subnet_id.clone().unwrap_or_else(|| {
            format!(
                "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/virtualNetworks/aks-vnet/subnets/aks-subnet",
                self.subscription_id, self.node_resource_group
            )
        })
    }

    /// The managed cluster's resource id.
    pub fn cluster_id(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ContainerService/managedClusters/{}",
            self.subscription_id, self.resource_group, self.cluster_name
        )
    }

    /// Checks names and the behaviour.
    ///
    /// # Errors
    /// [`ConfigError`] names the first key that is wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let named = [
            ("subscriptionId", &self.subscription_id),
            ("tenantId", &self.tenant_id),
            ("resourceGroup", &self.resource_group),
            ("nodeResourceGroup", &self.node_resource_group),
            ("clusterName", &self.cluster_name),
            ("location", &self.location),
            ("kubernetesVersion", &self.kubernetes_version),
            ("machinesPool", &self.machines_pool),
        ];
        for (key, value) in named {
            if value.is_empty() {
                return Err(ConfigError::Empty(key));
            }
            // Each of them becomes a segment of resource ids.
            if value.contains(['/', '?', '#']) || value.contains(char::is_whitespace) {
                return Err(ConfigError::ResourceId { key, value: value.clone() });
            }
        }
        if parse_version(&self.kubernetes_version).is_none() {
            return Err(ConfigError::Version(self.kubernetes_version.clone()));
        }
        catalogue(&self.location).map_err(ConfigError::Location)?;
        if self.resource_group.eq_ignore_ascii_case(&self.node_resource_group) {
            return Err(ConfigError::SameGroup);
        }
        if self.identity_header.expose().is_empty() || self.control_token.expose().is_empty() {
            return Err(ConfigError::Empty("identityHeader and controlToken"));
        }
        match self.behaviour.problems().first() {
            Some(problem) => Err(ConfigError::Behaviour(problem.to_string())),
            None => Ok(()),
        }
    }
}

/// Major, minor and patch of `v1.36.3`; a missing patch is 0.
pub(crate) fn parse_version(text: &str) -> Option<(u64, u64, u64)> {
    let mut parts = text.trim_start_matches('v').split('.').map(|p| p.parse::<u64>().ok());
    let (major, minor) = (parts.next()??, parts.next()??);
    let patch = match parts.next() {
        Some(patch) => patch?,
        None => 0,
    };
    parts.next().is_none().then_some((major, minor, patch))
}

/// The patch version after one, without `v`.
pub(crate) fn next_patch(version: &str) -> String {
    // A PUT keeps what can be parsed, and the configuration is checked when it is read.
    let (major, minor, patch) = parse_version(version).unwrap_or_default();
    format!("{major}.{minor}.{}", patch + 1)
}

/// A configuration that the simulated Azure cannot start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A required text is empty.
    #[error("{0}: must not be empty")]
    Empty(&'static str),
    /// A name that would break the resource ids that it is part of.
    #[error("{key}: `{value}` cannot be part of an Azure resource id; leave out `/`, `?`, `#` and white space")]
    ResourceId {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// Not a version.
    #[error("kubernetesVersion: `{0}` is not a version such as 1.36.3")]
    Version(String),
    /// Not a region of Azure, as far as the catalogue knows.
    #[error("location: {0}")]
    Location(#[source] CatalogueError),
    /// The nodes' resource group is the cluster's.
    #[error("nodeResourceGroup: must differ from resourceGroup")]
    SameGroup,
    /// The first problem of the behaviour.
    #[error("behaviour.{0}")]
    Behaviour(String),
    /// A fault of the behaviour that cannot be set.
    #[error("behaviour.faults: {0}")]
    Faults(String),
}

/// Where the ARM endpoint's certificate comes from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum TlsConfig {
    /// A temporary CA and a certificate are created at the start: for 127.0.0.1, localhost and the public cloud's hosts that the proxy answers.
    #[default]
    Generated,
    /// Given by the caller, from files or as text.
    #[serde(rename_all = "camelCase")]
    Given {
        /// The CA that clients must trust.
        ca: Pem,
        /// The server's certificate chain; must be valid for 127.0.0.1, and for `management.azure.com` and `prices.azure.com` where the proxy is used.
        cert: Pem,
        /// The server's private key (PKCS#8).
        key: PemKey,
    },
}

/// PEM text, or the file that holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Pem {
    /// The file.
    Path(PathBuf),
    /// The text itself.
    Text(String),
}

/// A private key as PEM text, or the file that holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum PemKey {
    /// The file.
    Path(PathBuf),
    /// The text itself.
    Text(Secret),
}

/// A text that never appears in a log or an error message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A fresh one, from the operating system's generator.
    pub fn random() -> Self {
        Self(format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple()))
    }

    /// The text, for the one place that has to send or compare it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares without telling by its duration how much of the beginning was right.
    pub fn matches(&self, other: &str) -> bool {
        self.0.len() == other.len() && self.0.bytes().zip(other.bytes()).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_survives_json_and_yaml() {
        let config = Config::default();
        let json = serde_json::to_string(&config).unwrap();
        let back: Config = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), json);
        let yaml: Config = serde_saphyr::from_str("location: westeurope\nbehaviour:\n  seed: 7\n").unwrap();
        assert_eq!((yaml.location.as_str(), yaml.behaviour.seed), ("westeurope", 7));
    }

    // Before, any word was a location, and the controller found no zones and no prices there.
    #[test]
    fn a_location_that_is_not_a_region_is_refused_with_the_one_that_may_be_meant() {
        let bad = Config { location: "westeurop".to_owned(), ..Config::default() };
        let error = bad.validate().unwrap_err().to_string();
        assert_eq!(error, "location: unknown Azure region `westeurop`; did you mean `westeurope`?");
        let good = Config { location: "swedencentral".to_owned(), ..Config::default() };
        assert!(good.validate().is_ok());
    }

    #[test]
    fn secrets_do_not_show_in_debug_text() {
        let config = Config { identity_header: Secret::new("hush-hush"), ..Config::default() };
        assert!(!format!("{config:?}").contains("hush-hush"));
        assert!(config.identity_header.matches("hush-hush"));
        assert!(!config.identity_header.matches("hush-husH"));
    }

    #[test]
    fn names_that_cannot_be_in_a_resource_id_are_refused() {
        let bad = Config { cluster_name: "a/b".to_owned(), ..Config::default() };
        assert!(matches!(bad.validate(), Err(ConfigError::ResourceId { key: "clusterName", .. })));
        assert!(Config::default().validate().is_ok());
        let bad = Config { kubernetes_version: "latest".to_owned(), ..Config::default() };
        assert!(matches!(bad.validate(), Err(ConfigError::Version(_))));
    }
}
