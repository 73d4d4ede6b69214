//! A running local cluster, from the side of the command that uses it.

use std::path::{Path, PathBuf};

use harness_azure::control::Client as AzureClient;

use super::config::LocalConfig;
use super::control_client::ControlClient;
use super::error::LocalError;
use super::process::Process;
use super::state_dir::StateDir;
use super::status::{Status, TeardownReport};
use super::{kubeconfig, launch, nap, versions};
use crate::client::{RequestCount, measuring_client};
use crate::git::GitRemote;

/// Everything that is known about one running local cluster.
pub(crate) struct Local {
    pub(crate) config: LocalConfig,
    pub(crate) state: StateDir,
    pub(crate) control: ControlClient,
    pub(crate) status: Status,
    pub(crate) kube_config: kube::Config,
    pub(crate) client: kube::Client,
    pub(crate) requests: RequestCount,
    pub(crate) azure: AzureClient,
    pub(crate) git: GitRemote,
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
        let (client, requests) = measuring_client(kube_config.clone())
            .map_err(|error| LocalError::Client { identity: "harness".to_owned(), reason: error.to_string() })?;
        let url = status.endpoints.get("azure-control").cloned().unwrap_or_default();
        let azure = AzureClient::new(url, config.azure.control_token.clone())
            .map_err(|error| LocalError::Azure { reason: error.to_string() })?;
        let git = GitRemote::new(status.endpoints.get("git").cloned().unwrap_or_default())
            .map_err(|error| LocalError::Git { reason: error.to_string() })?
            .past_faults();
        Ok(Self { config, state, control, status, kube_config, client, requests, azure, git, _process: process })
    }

    pub(crate) fn endpoint(&self, name: &str) -> String {
        self.status.endpoints.get(name).cloned().unwrap_or_default()
    }

    /// What a shell needs so that any Kubernetes or Azure SDK client uses this cluster and its Azure.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
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

    pub(crate) async fn versions(&self) -> Vec<(String, String)> {
        let bin_dir = self.config.bin_dir.clone();
        // Reads some hundred megabytes of executables where no manifest tells.
        let mut all = tokio::task::spawn_blocking(move || versions::read(&bin_dir)).await.unwrap_or_default();
        all.extend(self.status.versions.iter().map(|(name, version)| (name.clone(), version.clone())));
        all
    }

    pub(crate) async fn teardown(self, logs_to: Option<&Path>) -> TeardownReport {
        launch::teardown(&self.config.name, &self.state, &self.control, logs_to).await
    }
}
