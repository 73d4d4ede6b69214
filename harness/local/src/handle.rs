//! A running local cluster, from the side of the command that uses it.

use std::path::{Path, PathBuf};

use harness_azure::control::Client as AzureClient;

use super::config::LocalConfig;
use super::control_client::ControlClient;
use super::error::LocalError;
use super::process::Process;
use super::state_dir::StateDir;
use super::{kubeconfig, nap, teardown, versions};
use harness_components::control::{Status, TeardownReport};
use harness_gitops::git::GitRemote;
use harness_kubernetes::{RequestCount, measuring_client};

/// One running local cluster.
pub struct Local {
    /// What it was made from.
    pub config: LocalConfig,
    /// The control of its components.
    pub control: ControlClient,
    /// For watches.
    pub kube_config: kube::Config,
    /// A client with the run's rights: it neither retries nor limits its rate.
    pub client: kube::Client,
    /// How many requests the client and its clones have sent.
    pub requests: RequestCount,
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
        let (client, requests) = measuring_client(kube_config.clone()).map_err(LocalError::client("harness"))?;
        let url = status.endpoints.get("azure-control").cloned().unwrap_or_default();
        let azure = AzureClient::new(url, config.azure.control_token.clone()).map_err(LocalError::AzureControl)?;
        let git = GitRemote::new(status.endpoints.get("git").cloned().unwrap_or_default())?.past_faults();
        Ok(Self { config, state, control, status, kube_config, client, requests, azure, git, _process: process })
    }

    /// The address of one of its endpoints; empty where there is none of that name.
    pub fn endpoint(&self, name: &str) -> String {
        self.status.endpoints.get(name).cloned().unwrap_or_default()
    }

    /// Whatever a shell needs so that any Kubernetes or Azure SDK client uses this cluster and its Azure.
    pub fn env(&self) -> Vec<(String, String)> {
        let azure = &self.config.azure;
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        [
            ("KUBECONFIG", path(self.state.kubeconfig("admin"))),
            ("AZURE_ENVIRONMENT_FILEPATH", path(nap::environment_file(&self.state))),
            ("SSL_CERT_FILE", path(nap::azure_ca_file(&self.state))),
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
        // Reads some hundred megabytes of executables where no manifest tells.
        let mut all = tokio::task::spawn_blocking(move || versions::read(&bin_dir)).await.unwrap_or_default();
        all.extend(self.status.versions.iter().map(|(name, version)| (name.clone(), version.clone())));
        all
    }

    /// Stops everything in order, verifies that nothing is left, and removes the folder; with `logs_to` the logs are moved there first.
    pub async fn teardown(self, logs_to: Option<&Path>) -> TeardownReport {
        teardown::teardown(&self.config.name, &self.state, &self.control, logs_to).await
    }
}
