//! A running local cluster, from the side of the command that uses it.

use std::path::{Path, PathBuf};

use harness_azure::control::Client as AzureClient;

use super::config::LocalConfig;
use super::control_client::ControlClient;
use super::error::LocalError;
use super::process::Process;
use super::state_dir::StateDir;
use super::{karpenter, kubeconfig, teardown, versions};
use harness_components::control::{Status, TeardownReport};
use harness_gitops::git::GitRemote;

/// One running local cluster.
pub struct Local {
    /// Its configuration.
    pub config: LocalConfig,
    /// The control of its components.
    pub control: ControlClient,
    /// How to reach the API server with the rights of a run.
    pub kube_config: kube::Config,
    /// The controls of the simulated Azure.
    pub azure: AzureClient,
    /// The repository that Flux applies; its requests are not subject to the faults of the Git server.
    pub git: GitRemote,
    pub(crate) state: StateDir,
    /// As it was when the cluster came up, or was attached to.
    pub(crate) status: Status,
    /// The supervisor, when it is this process's child.
    _process: Option<Process>,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The clients carry credentials.
        f.debug_struct("Local")
            .field("name", &self.config.name)
            .field("state", &self.state.root())
            .finish_non_exhaustive()
    }
}

impl Local {
    pub(crate) async fn new(
        config: LocalConfig,
        state: StateDir,
        control: ControlClient,
        status: Status,
        process: Option<Process>,
    ) -> Result<Self, LocalError> {
        let path = state.kubeconfig("harness");
        let kube_config = kubeconfig::config(&path).await?;
        let url = status.endpoints.get("azure-control").cloned().unwrap_or_default();
        let azure = AzureClient::new(url, config.azure.control_token.clone()).map_err(LocalError::AzureControl)?;
        let git = GitRemote::new(status.endpoints.get("git").cloned().unwrap_or_default())?.exempt_from_faults();
        Ok(Self { config, state, control, status, kube_config, azure, git, _process: process })
    }

    /// The address of one of its endpoints; empty where there is none of that name.
    pub fn endpoint(&self, name: &str) -> String {
        self.status.endpoints.get(name).cloned().unwrap_or_default()
    }

    /// The variables with which any Kubernetes or Azure SDK client uses this cluster and its simulated Azure.
    pub fn env(&self) -> Vec<(String, String)> {
        let azure = &self.config.azure;
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        [
            ("KUBECONFIG", path(self.state.kubeconfig("admin"))),
            ("AZURE_ENVIRONMENT_FILEPATH", path(karpenter::environment_file(&self.state))),
            ("SSL_CERT_FILE", path(karpenter::azure_ca_file(&self.state))),
            ("IDENTITY_ENDPOINT", self.endpoint("identity")),
            ("IDENTITY_HEADER", azure.identity_header.expose().to_owned()),
            ("AZURE_SUBSCRIPTION_ID", azure.subscription_id.clone()),
            ("AZURE_TENANT_ID", azure.tenant_id.clone()),
            ("AZURE_RESOURCE_GROUP", azure.resource_group.clone()),
            ("AZURE_CLUSTER_NAME", azure.cluster_name.clone()),
            ("AZURE_LOCATION", azure.location.clone()),
            ("PROVISION_MODE", self.config.provision_mode.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// Component and version of what runs, read from the executables.
    pub async fn versions(&self) -> Vec<(String, String)> {
        let bin_dir = self.config.bin_dir.clone();
        // Reads some hundred megabytes of executables where no manifest lists the versions.
        let mut all = tokio::task::spawn_blocking(move || versions::read(&bin_dir)).await.unwrap_or_default();
        all.extend(self.status.versions.iter().map(|(name, version)| (name.clone(), version.clone())));
        all
    }

    /// Stops everything in order, checks for leaks, and removes the folder; with `logs_to` the logs are moved there first.
    pub async fn teardown(self, logs_to: Option<&Path>) -> TeardownReport {
        teardown::teardown(&self.config.name, &self.state, &self.control, logs_to).await
    }
}
