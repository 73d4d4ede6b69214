//! A running local cluster, from the side of the command that uses it.

use std::path::{Path, PathBuf};

use harness_azure::control::Client as AzureClient;

use super::config::LocalConfig;
use super::control_client::ControlClient;
use super::error::LocalError;
use super::process::Process;
use super::state_dir::StateDir;
use super::{bootstrap, karpenter, kubeconfig, teardown, versions};
use harness_components::control::{Status, TeardownReport};
use harness_gitops::flux::{ControllerPart, NAMESPACE, Parts, access_of, controller_names, is_flux_group};
use harness_gitops::git::GitRemote;

/// One running local cluster.
pub struct Local {
    /// Its configuration.
    pub config: LocalConfig,
    /// The control of its components.
    pub control: ControlClient,
    /// How to reach the API server with the rights of a run.
    pub kube_config: kube::Config,
    /// How to reach it to send dry runs of any object, and nothing else; `None` on a cluster of an older harness.
    pub dry_run_config: Option<kube::Config>,
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
        let kube_config = kubeconfig::config(&state.kubeconfig("harness")).await?;
        // A cluster that an older harness has brought up does not have it.
        let dry_run_config = kubeconfig::config(&state.kubeconfig("validate")).await.ok();
        let endpoint = |name: &str| status.endpoints.get(name).cloned().unwrap_or_default();
        let azure = AzureClient::new(endpoint("azure-control"), config.azure.control_token.clone());
        let azure = azure.map_err(LocalError::AzureControl)?;
        let git = GitRemote::new(endpoint("git"))?.exempt_from_faults();
        Ok(Self { config, state, control, status, kube_config, dry_run_config, azure, git, _process: process })
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
            // Not HTTPS_PROXY: in a shell that would cut off everything else.
            ("HARNESS_AZURE_PROXY", self.endpoint("azure-proxy")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// Component and version of what runs, read from the executables.
    pub async fn versions(&self) -> Vec<(String, String)> {
        let bin_dir = self.config.bin_dir.clone();
        // Reads some hundred megabytes of executables where no manifest lists the versions.
        let mut all = tokio::task::spawn_blocking(move || versions::read(&bin_dir)).await.unwrap_or_default();
        all.push(("azure-cloud".to_owned(), self.config.cloud.to_string()));
        all.extend(self.status.versions.iter().map(|(name, version)| (name.clone(), version.clone())));
        all
    }

    /// Stops everything in order, checks for leaks, and removes the folder; with `logs_to` the logs are moved there first.
    pub async fn teardown(self, logs_to: Option<&Path>) -> TeardownReport {
        teardown::teardown(&self.config.name, &self.state, &self.control, logs_to).await
    }

    /// The manifests and controllers of Flux on this cluster.
    ///
    /// # Errors
    /// When a file of a custom resource cannot be read.
    pub fn flux_parts(&self) -> Result<Parts, LocalError> {
        let names = controller_names();
        // Those that this cluster was started with.
        let started = self.status.components.iter().map(|component| component.name.as_str());
        let controllers = started
            .filter(|name| names.contains(name))
            .map(|name| ControllerPart { name: name.to_owned(), program: self.config.bin_dir.join(name) });
        let mut crds = bootstrap::crds(&self.config.crds)?;
        crds.retain(|crd| crd["spec"]["group"].as_str().is_some_and(is_flux_group));
        let mut namespaces = bootstrap::namespaces()?;
        namespaces.retain(|namespace| namespace["metadata"]["name"] == NAMESPACE);
        Ok(Parts {
            controllers: controllers.collect(),
            namespaces,
            access: access_of(&names, &bootstrap::access_rules()?),
            crds,
            objects: bootstrap::flux_objects(&self.endpoint("git"))?,
            field_manager: bootstrap::FIELD_MANAGER,
        })
    }

    /// A client with the rights of an administrator. It tries again what the server refuses for its load: it does not measure.
    ///
    /// # Errors
    /// When its kubeconfig cannot be used.
    pub async fn admin_client(&self) -> Result<kube::Client, LocalError> {
        let config = kubeconfig::config(&self.state.kubeconfig("admin")).await?;
        kube::Client::try_from(config).map_err(LocalError::client("admin"))
    }
}
