//! A cluster that is up, of whatever target.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use harness_azure::control::{Client as AzureClient, ControlError, OperationStatus, Upgrade};
use harness_catalogue::Component;
use harness_components::control::{ComponentControl, ComponentUsage, Failure, Status, TeardownReport, own_usage};
use harness_gitops::flux::{Flux, FluxTarget, Manager, ReportLine};
use harness_gitops::git::GitRemote;
use harness_gitops::{receiver, registry};
use harness_kubernetes::SocketClock;
use harness_local::{AzureCloud, Local, MetricsControl};
use harness_plan::Capability;
use harness_simulation::{AzurePrice, GitFault, Simulated};

use crate::control_plane::ControlPlane;
use crate::error::ClusterError;
use crate::gitops::GitOps;
use crate::provisioner::Provisioner;

/// Where the supervisor takes orders about the Git server.
const GIT_FAULT: &str = "git-fault";
/// How often an upgrade that should be over is looked at.
const UPGRADE_POLL: Duration = Duration::from_millis(100);

/// The parts of a cluster. A part that is missing is a capability that is missing.
#[derive(Debug)]
pub struct Parts {
    /// The cluster's name.
    pub name: String,
    /// Which kind of target it is, as `--target` names it.
    pub target: &'static str,
    /// The API server.
    pub control_plane: ControlPlane,
    /// How a tree comes to it.
    pub gitops: GitOps,
    /// What makes its nodes.
    pub provisioner: Provisioner,
    /// Control of its components, where the harness has any.
    pub components: Option<Arc<dyn ComponentControl>>,
    /// The metrics that the HPA reads, where they can be set.
    pub metrics: Option<MetricsControl>,
    /// What is not real.
    pub simulated: BTreeSet<Simulated>,
    /// Component and version of what runs, as far as it is known without asking.
    pub versions: Vec<(String, String)>,
    /// The local cluster that these parts belong to, and that is taken down with them.
    pub local: Option<Box<Local>>,
}

/// A cluster that can be used. Targets differ in what they offer: ask [`Cluster::capabilities`].
#[derive(Debug)]
pub struct Cluster {
    parts: Parts,
}

impl Cluster {
    /// A cluster of these parts.
    pub fn new(parts: Parts) -> Self {
        Self { parts }
    }

    fn components(&self) -> Result<&dyn ComponentControl, ClusterError> {
        self.parts.components.as_deref().ok_or(ClusterError::Lacks { what: "components that can be controlled" })
    }

    fn simulated_azure(&self) -> Result<&AzureClient, ClusterError> {
        self.parts.provisioner.azure().ok_or(ClusterError::Lacks { what: "a simulated Azure" })
    }

    /// The cluster's name.
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// The Azure region that it is in, where the harness knows it: that of its simulated Azure.
    pub fn region(&self) -> Option<&str> {
        self.parts.local.as_ref().map(|local| local.config.azure.location.as_str())
    }

    /// A client for measuring: it neither retries a request nor limits its rate.
    pub fn client(&self) -> kube::Client {
        self.parts.control_plane.client()
    }

    /// A client for dry runs: where the cluster has a user for them it may send any object, and nothing but dry runs.
    ///
    /// # Errors
    /// [`ClusterError::Client`] when the certificates of the cluster cannot be used.
    pub fn dry_run_client(&self) -> Result<kube::Client, ClusterError> {
        let config = self.parts.local.as_ref().and_then(|local| local.dry_run_config.clone());
        let unusable = |source| ClusterError::Client { identity: "validate".to_owned(), source: Box::new(source) };
        config.map_or_else(|| Ok(self.client()), |config| kube::Client::try_from(config).map_err(unusable))
    }

    /// A client for one watch, with the clock of its socket.
    ///
    /// # Errors
    /// When the certificates of the cluster cannot be used.
    pub fn watch_client(&self) -> Result<(kube::Client, Arc<SocketClock>), kube::Error> {
        self.parts.control_plane.watch_client()
    }

    /// Which kind of target this is, as `--target` names it.
    pub fn target(&self) -> &'static str {
        self.parts.target
    }

    /// What a scenario may ask of this cluster.
    pub fn capabilities(&self) -> BTreeSet<Capability> {
        let mut offered = self.parts.gitops.capabilities();
        offered.extend(self.parts.provisioner.capabilities());
        offered.extend(self.parts.components.as_ref().map(|_| Capability::ComponentControl));
        offered.extend(self.parts.metrics.as_ref().map(|_| Capability::MetricsApi));
        offered
    }

    /// Starts what these capabilities need and does not run from the start, and waits until it is ready. It stays as long as the cluster does.
    ///
    /// # Errors
    /// When a component cannot be started or does not become ready, or the supervisor does not answer.
    pub async fn provide(&self, capabilities: &BTreeSet<Capability>) -> Result<(), ClusterError> {
        for component in capabilities.iter().flat_map(|capability| on_demand(*capability)) {
            self.components()?.start_on_demand(component.name()).await?;
        }
        Ok(())
    }

    /// Where Flux's notification controller takes the calls of Git hosts, without a path; [`Cluster::provide`] starts it.
    pub fn flux_receiver_url(&self) -> Option<String> {
        match &self.parts.gitops {
            GitOps::Supervised { receiver_url, .. } => Some(receiver_url.clone()),
            GitOps::Existing { .. } | GitOps::Absent => None,
        }
    }

    /// Calls a Flux Receiver as its Git host does after a push of the commit `revision`, with `token`; [`Cluster::provide`] starts the controller.
    ///
    /// # Errors
    /// When the Receiver is not Ready in time, refuses the call, or there is no notification controller.
    pub async fn call_receiver(&self, name: &str, token: &str, revision: &str) -> Result<(), ClusterError> {
        let lacks = ClusterError::Lacks { what: "a notification controller that the harness can call" };
        let url = self.flux_receiver_url().ok_or(lacks)?;
        Ok(receiver::call(&self.client(), &url, name, token, revision).await?)
    }

    /// Host and port of the image registry, which speaks plain HTTP; [`Cluster::provide`] starts it.
    pub fn image_registry(&self) -> Option<String> {
        match &self.parts.gitops {
            GitOps::Supervised { registry, .. } => Some(registry.clone()),
            GitOps::Existing { .. } | GitOps::Absent => None,
        }
    }

    /// Pushes a nearly empty image to the image registry and returns its digest.
    ///
    /// # Errors
    /// When there is no registry, or it does not take the image.
    pub async fn publish_image(&self, image: &str, tag: &str) -> Result<String, ClusterError> {
        let address = self.image_registry().ok_or(ClusterError::Lacks { what: "an image registry" })?;
        Ok(registry::publish(&address, image, tag).await?)
    }

    /// What is not real here, for every report.
    pub fn simulated(&self) -> &BTreeSet<Simulated> {
        &self.parts.simulated
    }

    /// The repository of the node configuration, if the harness can push to it.
    pub fn git(&self) -> Option<GitRemote> {
        self.parts.gitops.git().cloned()
    }

    /// Sets the fault of the Git server, or ends it. Requests through [`Cluster::git`] are not subject to it.
    ///
    /// # Errors
    /// When the Git server is not the harness's, or the supervisor does not answer.
    pub async fn set_git_fault(&self, fault: Option<GitFault>) -> Result<(), ClusterError> {
        let GitOps::Supervised { supervisor, .. } = &self.parts.gitops else {
            return Err(ClusterError::Lacks { what: "a Git server with faults" });
        };
        match fault {
            Some(fault) => supervisor.put(GIT_FAULT, &fault, "set the fault of the Git server").await?,
            None => supervisor.delete(GIT_FAULT, "end the fault of the Git server").await?,
        }
        Ok(())
    }

    /// Whether the Git server has a fault; one that is not the harness's has none that it knows of.
    ///
    /// # Errors
    /// When the supervisor does not answer.
    pub async fn has_git_fault(&self) -> Result<bool, ClusterError> {
        match &self.parts.gitops {
            GitOps::Supervised { supervisor, .. } => {
                Ok(supervisor.get(GIT_FAULT, "report the fault of the Git server").await?)
            }
            GitOps::Existing { .. } | GitOps::Absent => Ok(false),
        }
    }

    /// The controls of the simulated Azure, if Azure is simulated.
    pub fn azure(&self) -> Option<AzureClient> {
        self.parts.provisioner.azure().cloned()
    }

    /// The metrics that the HPA reads, if they can be set.
    pub fn metrics(&self) -> Option<MetricsControl> {
        self.parts.metrics.clone()
    }

    /// Flux's objects.
    pub fn flux(&self) -> Flux {
        Flux::new(&self.client())
    }

    /// Manages the cluster's Flux, and reports to `say` what is going on.
    ///
    /// # Errors
    /// When the target gives the harness no administrator's rights, or its manifests cannot be read.
    pub async fn flux_manager<'a>(&'a self, say: ReportLine<'a>) -> Result<Manager<'a>, ClusterError> {
        let lacks = || ClusterError::Lacks { what: "a Flux that the harness may manage" };
        let local = self.parts.local.as_deref().ok_or_else(lacks)?;
        let managed = FluxTarget {
            cluster: self.parts.name.clone(),
            target: self.parts.target,
            client: local.admin_client().await?,
            components: self.components()?,
            versions: self.versions().await.into_iter().collect::<BTreeMap<_, _>>(),
            git: self.git(),
            parts: local.flux_parts()?,
        };
        Ok(Manager::new(managed, say))
    }

    /// Requests that [`Cluster::client`] and its clones have sent.
    pub fn requests_sent(&self) -> u64 {
        self.parts.control_plane.requests_sent()
    }

    /// CPU time and memory of this process (`harness`), and of every process of the cluster that the harness controls: the supervisor's own, with the
    /// simulated Azure and the Git server in it, included.
    ///
    /// # Errors
    /// When the supervisor does not answer.
    pub async fn usage(&self) -> Result<Vec<ComponentUsage>, ClusterError> {
        let mut usages = match &self.parts.components {
            Some(components) => components.usage().await?,
            None => Vec::new(),
        };
        usages.extend(own_usage());
        Ok(usages)
    }

    /// Kills a component with SIGKILL and waits until its process has ended. It stays dead until [`Cluster::restart`].
    ///
    /// # Errors
    /// When there is no such component or the supervisor does not answer.
    pub async fn kill(&self, component: &str) -> Result<(), ClusterError> {
        Ok(self.components()?.kill(component).await?)
    }

    /// Starts a component again, killing it first when it runs. Returns when its process runs; it may need seconds
    /// until it works.
    ///
    /// # Errors
    /// When there is no such component, it cannot be started, or the supervisor does not answer.
    pub async fn restart(&self, component: &str) -> Result<(), ClusterError> {
        Ok(self.components()?.restart(component).await?)
    }

    /// Stops a component: asks it to end, and kills it when it has not after some seconds. It stays stopped until
    /// [`Cluster::restart`].
    ///
    /// # Errors
    /// When there is no such component or the supervisor does not answer.
    pub async fn stop(&self, component: &str) -> Result<(), ClusterError> {
        Ok(self.components()?.stop(component).await?)
    }

    /// Waits until a component answers its readiness probe.
    ///
    /// # Errors
    /// When it does not in time, there is no such component, or the supervisor does not answer.
    pub async fn wait_until_ready(&self, component: &str) -> Result<(), ClusterError> {
        Ok(self.components()?.component_ready(component).await?)
    }

    /// Azure publishes a newer version of every node image, and the NAP controller is started again so that it looks:
    /// it keeps the list of images for three days (`ImageExpirationInterval` in `pkg/providers/imagefamily`) or until the
    /// Kubernetes version changes, and a touched AKSNodeClass does not change that. Returns the version. Each NodeClaim is
    /// `Drifted` some seconds after the controller is back.
    ///
    /// # Errors
    /// When the simulated Azure or the supervisor does not answer, or the controller cannot be started.
    pub async fn publish_node_image(&self) -> Result<String, ClusterError> {
        let version = self.simulated_azure()?.publish_image().await?;
        self.components()?.restart(Component::Karpenter.name()).await?;
        Ok(version)
    }

    /// Whether the NAP controller reads Azure's price list, which it does only in the public cloud.
    pub fn reads_prices(&self) -> bool {
        self.parts.local.as_ref().is_some_and(|local| local.config.cloud == AzureCloud::Public)
    }

    /// VMs cost more or less from now on, and where the list shows it, the NAP controller is started again so that it reads it: otherwise it looks
    /// every 12 hours (`pricingUpdatePeriod` in `pkg/providers/pricing` of the provider). Returns whether it is going to read the list.
    ///
    /// # Errors
    /// When the simulated Azure or the supervisor does not answer, or the controller cannot be started.
    pub async fn set_azure_price(&self, price: &AzurePrice) -> Result<bool, ClusterError> {
        self.simulated_azure()?.set_price(price).await?;
        let is_listed = price.only.zone.is_none() && self.reads_prices();
        if is_listed {
            self.restart(Component::Karpenter.name()).await?;
        }
        Ok(is_listed)
    }

    /// Puts every price back to that of the start, for the next run on the same cluster. Returns whether any had been changed; the NAP controller is
    /// then started again, as in [`Cluster::set_azure_price`].
    ///
    /// # Errors
    /// As [`Cluster::set_azure_price`].
    pub async fn reset_azure_prices(&self) -> Result<bool, ClusterError> {
        let azure = self.simulated_azure()?;
        let changed = match azure.prices().await {
            // A cluster that an older harness has brought up has no prices that could change.
            Err(ControlError::Refused { status: 404, .. }) => return Ok(false),
            answer => answer?,
        };
        if changed.is_empty() {
            return Ok(false);
        }
        azure.reset_prices().await?;
        if self.reads_prices() && changed.iter().any(|price| price.only.zone.is_none()) {
            self.restart(Component::Karpenter.name()).await?;
        }
        Ok(true)
    }

    /// Upgrades the control plane to its next patch version, as a PUT of the managed cluster does, waits as long as that takes, and until the NAP
    /// controller runs with it. Returns the version, without `v`; `None` where the upgrade has failed or was aborted, which changes nothing. Each NodeClaim is `Drifted` some seconds after the
    /// controller is back; it then takes the newest node image as well.
    ///
    /// # Errors
    /// When the simulated Azure or the supervisor does not answer, or the controller cannot be started.
    pub async fn upgrade_kubernetes(&self) -> Result<Option<String>, ClusterError> {
        let azure = self.simulated_azure()?;
        let Upgrade { version, takes, operation } = azure.upgrade_kubernetes().await?;
        tokio::time::sleep(takes.as_duration()).await;
        loop {
            match azure.operation(&operation).await? {
                OperationStatus::InProgress => tokio::time::sleep(UPGRADE_POLL).await,
                OperationStatus::Succeeded => break,
                OperationStatus::Failed(_) | OperationStatus::Canceled => return Ok(None),
            }
        }
        self.components()?.version_announced(&version).await?;
        Ok(Some(version))
    }

    /// Puts the control plane back to the version of the start, for the next run on the same cluster; without an upgrade
    /// before it does nothing. Returns that version. An AKSNodeClass that has seen the upgrade keeps its version.
    ///
    /// # Errors
    /// As [`Cluster::upgrade_kubernetes`].
    pub async fn reset_kubernetes(&self) -> Result<String, ClusterError> {
        let version = self.simulated_azure()?.reset_kubernetes().await?;
        self.components()?.version_announced(&version).await?;
        Ok(version)
    }

    /// Ends when a component has died that nobody stopped, or the supervisor has ended; never where the harness controls no components. Meant for
    /// `select!`.
    pub async fn failed(&self) -> Failure {
        match &self.parts.components {
            Some(components) => components.failed().await,
            None => std::future::pending().await,
        }
    }

    /// What runs, as the supervisor sees it now.
    ///
    /// # Errors
    /// When the supervisor does not answer, or the harness controls no components.
    pub async fn status(&self) -> Result<Status, ClusterError> {
        Ok(self.components()?.status().await?)
    }

    /// Component and version of everything that runs.
    pub async fn versions(&self) -> Vec<(String, String)> {
        match &self.parts.local {
            Some(local) => local.versions().await,
            None => self.parts.versions.clone(),
        }
    }

    /// Names and values of the variables with which any Kubernetes or Azure SDK client can use this cluster and its
    /// Azure; none where the cluster is not local. `IDENTITY_HEADER` is a credential.
    pub fn env(&self) -> Vec<(String, String)> {
        self.parts.local.as_ref().map(|local| local.env()).unwrap_or_default()
    }

    /// Takes a local cluster down: stops everything in order, verifies that nothing is left and removes the cluster's folder. With `logs_to` the
    /// logs are moved there first. A cluster that is not the harness's stays as it is.
    pub async fn teardown(self, logs_to: Option<&Path>) -> TeardownReport {
        match self.parts.local {
            Some(local) => local.teardown(logs_to).await,
            None => TeardownReport::default(),
        }
    }
}

/// The components that a capability needs and that do not run from the start.
const fn on_demand(capability: Capability) -> &'static [Component] {
    match capability {
        Capability::FluxNotification => &[Component::NotificationController],
        Capability::ImageAutomation => &[Component::ImageReflectorController, Component::ImageAutomationController],
        Capability::ImageRegistry => &[Component::ImageRegistry],
        Capability::NodeAutoProvisioning
        | Capability::Gitops
        | Capability::SimulatedAzure
        | Capability::ComponentControl
        | Capability::MetricsApi => &[],
    }
}
