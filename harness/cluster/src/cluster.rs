//! A cluster that is up, whatever target it came from.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use harness_azure::control::{Client as AzureClient, ControlError};
use harness_plan::Capability;

use crate::assembled::Assembled;
use crate::client::SocketClock;
use crate::component_control::ComponentControl;
use crate::flux::{Flux, Parts};
use crate::git::GitRemote;
use crate::images;
use crate::local::{ComponentUsage, Failure, Local, LocalError, Status, TeardownReport};
use crate::metrics::MetricsControl;
use crate::receiver;
use harness_simulation::GitFault;

/// Where the supervisor takes orders about the Git server.
const GIT_FAULT: &str = "git-fault";

/// A cluster that can be used. Targets differ in what they offer: ask [`Cluster::capabilities`].
#[derive(Debug)]
pub struct Cluster {
    target: Target,
}

/// Where the cluster came from. Each target is three choices: control plane, GitOps and provisioner.
#[derive(Debug)]
enum Target {
    Local(Box<Local>),
    Assembled(Box<Assembled>),
}

fn azure_failed(error: ControlError) -> LocalError {
    LocalError::AzureControl { reason: error.to_string() }
}

impl Cluster {
    pub(crate) fn local(local: Local) -> Self {
        Self { target: Target::Local(Box::new(local)) }
    }

    /// A cluster of these parts. A part that is missing is a capability that is missing.
    pub fn assembled(parts: Assembled) -> Self {
        Self { target: Target::Assembled(Box::new(parts)) }
    }

    fn local_target(&self) -> Option<&Local> {
        match &self.target {
            Target::Local(local) => Some(local),
            Target::Assembled(_) => None,
        }
    }

    fn components(&self) -> &dyn ComponentControl {
        match &self.target {
            Target::Local(local) => &local.control,
            Target::Assembled(parts) => parts.components.as_ref(),
        }
    }

    /// For what only a local cluster has.
    fn needs_local(&self, what: &'static str) -> Result<&Local, LocalError> {
        self.local_target().ok_or(LocalError::NotLocal { what })
    }

    /// The cluster's name.
    pub fn name(&self) -> &str {
        match &self.target {
            Target::Local(local) => &local.config.name,
            Target::Assembled(parts) => &parts.name,
        }
    }

    /// A client for measuring: it neither retries a request nor limits its rate.
    pub fn client(&self) -> kube::Client {
        match &self.target {
            Target::Local(local) => local.client.clone(),
            Target::Assembled(parts) => parts.control_plane.client(),
        }
    }

    /// A client for one watch, with the clock of its socket, as [`crate::client::watch_client`] makes it.
    ///
    /// # Errors
    /// The certificates of the cluster cannot be used.
    pub fn watch_client(&self) -> Result<(kube::Client, Arc<SocketClock>), kube::Error> {
        match &self.target {
            Target::Local(local) => crate::client::watch_client(local.kube_config.clone()),
            Target::Assembled(parts) => Ok(parts.control_plane.watch_client()),
        }
    }

    /// Which kind of target this is, as `--target` names it.
    pub fn target(&self) -> &'static str {
        match &self.target {
            Target::Local(_) => "local",
            Target::Assembled(parts) => parts.target,
        }
    }

    /// What a scenario may ask of this cluster.
    pub fn capabilities(&self) -> BTreeSet<Capability> {
        match &self.target {
            Target::Local(local) => {
                let mut offered = BTreeSet::from([
                    Capability::NodeAutoProvisioning,
                    Capability::Gitops,
                    Capability::SimulatedAzure,
                    Capability::ComponentControl,
                    Capability::MetricsApi,
                    Capability::FluxNotification,
                    Capability::ImageAutomation,
                ]);
                offered.extend(local.config.docker_registry.is_some().then_some(Capability::ImageRegistry));
                offered
            }
            Target::Assembled(parts) => parts.capabilities(),
        }
    }

    /// Starts what these capabilities need and is not there from the start, and waits until it is ready. It stays as long as the
    /// cluster does.
    ///
    /// # Errors
    /// When a process cannot be started or does not become ready, or the supervisor does not answer.
    pub async fn provide(&self, capabilities: &BTreeSet<Capability>) -> Result<(), LocalError> {
        for capability in capabilities.iter().filter(|capability| capability.is_on_demand()) {
            self.components().provide(*capability).await?;
        }
        Ok(())
    }

    /// Where Flux's notification controller takes the calls of Git hosts, without a path; [`Cluster::provide`] starts it.
    pub fn flux_receiver_url(&self) -> Option<String> {
        let local = self.local_target()?;
        self.capabilities().contains(&Capability::FluxNotification).then(|| local.endpoint("flux-receiver"))
    }

    /// Calls a Flux Receiver as its Git host does after a push of the commit `revision`, with `token`; [`Cluster::provide`] starts the controller.
    ///
    /// # Errors
    /// When the Receiver is not Ready in time, refuses the call, or there is no notification controller.
    pub async fn call_receiver(&self, name: &str, token: &str, revision: &str) -> Result<(), String> {
        let url =
            self.flux_receiver_url().ok_or("this target has no notification controller that the harness can call")?;
        let called = receiver::call(&self.client(), &url, name, token, revision).await;
        called.map_err(|error| error.to_string())
    }

    /// Host and port of the image registry, which speaks plain HTTP; [`Cluster::provide`] starts it.
    pub fn image_registry(&self) -> Option<String> {
        let local = self.local_target()?;
        self.capabilities().contains(&Capability::ImageRegistry).then(|| local.endpoint("image-registry"))
    }

    /// Pushes an image of nearly nothing to the image registry and returns its digest.
    ///
    /// # Errors
    /// In words: when there is no registry, or it does not take the image.
    pub async fn publish_image(&self, image: &str, tag: &str) -> Result<String, String> {
        let registry = self.image_registry().ok_or("this target has no image registry")?;
        images::publish(&registry, image, tag).await.map_err(|error| error.to_string())
    }

    /// What would let this machine offer a capability that is missing, where anything would.
    pub fn remedy(&self, lacking: Capability) -> Option<&'static str> {
        match (&self.target, lacking) {
            (Target::Local(_), Capability::ImageRegistry) => {
                Some("install docker-registry, for example `apt-get install docker-registry`")
            }
            (Target::Local(_) | Target::Assembled(_), _) => None,
        }
    }

    /// What is not real here, for every report.
    pub fn simulated(&self) -> Vec<String> {
        match &self.target {
            Target::Local(_) => vec![
                "Azure Resource Manager and the VM fleet".into(),
                "kubelets (kwok)".into(),
                "upgrades of the control plane (NAP is told the new version, the API server stays as it is)".into(),
            ],
            Target::Assembled(parts) => parts.simulated.clone(),
        }
    }

    /// The repository of the node configuration, if the harness can push to it.
    pub fn git(&self) -> Option<GitRemote> {
        match &self.target {
            Target::Local(local) => Some(local.git.clone()),
            Target::Assembled(parts) => parts.git.clone(),
        }
    }

    /// Lets the Git server do something wrong from now on, or nothing any more. Requests through [`Cluster::git`] go past it.
    ///
    /// # Errors
    /// When the supervisor does not answer.
    pub async fn set_git_fault(&self, fault: Option<GitFault>) -> Result<(), LocalError> {
        let control = &self.needs_local("a Git server with faults")?.control;
        match fault {
            Some(fault) => control.put(GIT_FAULT, &fault, "set the fault of the Git server").await,
            None => control.delete(GIT_FAULT, "end the fault of the Git server").await,
        }
    }

    /// Whether the Git server does something wrong on purpose.
    ///
    /// # Errors
    /// When the supervisor does not answer.
    pub async fn has_git_fault(&self) -> Result<bool, LocalError> {
        self.needs_local("a Git server with faults")?.control.get(GIT_FAULT, "tell the fault of the Git server").await
    }

    /// The controls of the simulated Azure, if Azure is simulated.
    pub fn azure(&self) -> Option<AzureClient> {
        match &self.target {
            Target::Local(local) => Some(local.azure.clone()),
            Target::Assembled(parts) => parts.azure.clone(),
        }
    }

    /// The metrics that the HPA reads, if they can be set.
    pub fn metrics(&self) -> Option<MetricsControl> {
        let local = self.local_target()?;
        Some(MetricsControl::new(local.control.clone(), local.client.clone()))
    }

    /// Flux's objects.
    pub fn flux(&self) -> Flux {
        Flux::new(&self.client())
    }

    /// Requests that [`Cluster::client`] and its clones have sent.
    pub fn requests_sent(&self) -> u64 {
        match &self.target {
            Target::Local(local) => local.requests.get(),
            Target::Assembled(parts) => parts.control_plane.requests_sent(),
        }
    }

    /// CPU time and memory of every process of the cluster and of this one (`harness`), the supervisor's own (with the simulated Azure and the
    /// Git server in it) included.
    ///
    /// # Errors
    /// When the supervisor does not answer.
    pub async fn usage(&self) -> Result<Vec<ComponentUsage>, LocalError> {
        let mut usages = self.components().usage().await?;
        usages.extend(crate::local::own_usage());
        Ok(usages)
    }

    /// Kills a component with SIGKILL and waits until it is gone. It stays dead until [`Cluster::restart`].
    ///
    /// # Errors
    /// When there is no such component or the supervisor does not answer.
    pub async fn kill(&self, component: &str) -> Result<(), LocalError> {
        self.components().kill(component).await
    }

    /// Starts a component again, killing it first when it runs. Returns when its process runs; it may need seconds
    /// until it works.
    ///
    /// # Errors
    /// When there is no such component, it cannot be started, or the supervisor does not answer.
    pub async fn restart(&self, component: &str) -> Result<(), LocalError> {
        self.components().restart(component).await
    }

    /// Stops a component: asks it to end, and kills it when it has not after some seconds. It stays stopped until
    /// [`Cluster::restart`].
    ///
    /// # Errors
    /// When there is no such component or the supervisor does not answer.
    pub async fn stop(&self, component: &str) -> Result<(), LocalError> {
        self.components().stop(component).await
    }

    /// Waits until a component answers its readiness probe.
    ///
    /// # Errors
    /// When it does not in time, there is no such component, or the supervisor does not answer.
    pub async fn wait_until_ready(&self, component: &str) -> Result<(), LocalError> {
        self.components().component_ready(component).await
    }

    fn simulated_azure(&self) -> Result<AzureClient, LocalError> {
        self.azure().ok_or(LocalError::NotLocal { what: "a simulated Azure" })
    }

    /// A client with an administrator's rights, for what a run may not do. It retries, so that nothing should be measured with it.
    pub(crate) async fn admin_client(&self) -> Result<kube::Client, LocalError> {
        self.needs_local("an administrator's client")?.admin_client().await
    }

    /// What an installation of Flux consists of here.
    pub(crate) fn flux_parts(&self) -> Result<Parts, LocalError> {
        self.needs_local("the parts of a Flux installation")?.flux_parts()
    }

    /// Azure publishes a newer version of every node image, and the NAP controller is started again so that it looks:
    /// it keeps the list of images for three days (`ImageExpirationInterval` in `pkg/providers/imagefamily`) or until the
    /// Kubernetes version changes, and a touched AKSNodeClass does not change that. Returns the version. Each NodeClaim is
    /// `Drifted` some seconds after the controller is back.
    ///
    /// # Errors
    /// When the simulated Azure or the supervisor does not answer, or the controller cannot be started.
    pub async fn publish_node_image(&self) -> Result<String, LocalError> {
        let version = self.simulated_azure()?.publish_image().await.map_err(azure_failed)?;
        self.components().restart("karpenter").await?;
        Ok(version)
    }

    /// Upgrades the control plane to its next patch version, as a PUT of the managed cluster does, and waits until the NAP
    /// controller runs with it. Returns the version, without `v`. Each NodeClaim is `Drifted` some seconds after the
    /// controller is back; it then takes the newest node image as well.
    ///
    /// # Errors
    /// When the simulated Azure or the supervisor does not answer, or the controller cannot be started.
    pub async fn upgrade_kubernetes(&self) -> Result<String, LocalError> {
        let version = self.simulated_azure()?.upgrade_kubernetes().await.map_err(azure_failed)?;
        self.components().told_version(&version).await?;
        Ok(version)
    }

    /// Puts the control plane back to the version of the start, for the next run on the same cluster; without an upgrade
    /// before it does nothing. Returns that version. An AKSNodeClass that has seen the upgrade keeps its version.
    ///
    /// # Errors
    /// As [`Cluster::upgrade_kubernetes`].
    pub async fn reset_kubernetes(&self) -> Result<String, LocalError> {
        let version = self.simulated_azure()?.reset_kubernetes().await.map_err(azure_failed)?;
        self.components().told_version(&version).await?;
        Ok(version)
    }

    /// Ends when a component has died that nobody stopped, or the supervisor is gone. Meant for `select!`.
    pub async fn failed(&self) -> Failure {
        self.components().failed().await
    }

    /// What runs, as the supervisor sees it now.
    ///
    /// # Errors
    /// When the supervisor does not answer.
    pub async fn status(&self) -> Result<Status, LocalError> {
        self.components().status().await
    }

    /// Component and version of everything that runs, read from the executables.
    pub async fn versions(&self) -> Vec<(String, String)> {
        match &self.target {
            Target::Local(local) => local.versions().await,
            Target::Assembled(parts) => parts.versions.clone(),
        }
    }

    /// Names and values of the variables with which any Kubernetes or Azure SDK client can use this cluster and its
    /// Azure; none where the cluster is not local. `IDENTITY_HEADER` is a credential.
    pub fn env(&self) -> Vec<(String, String)> {
        self.local_target().map(Local::env).unwrap_or_default()
    }

    /// Stops everything in order, verifies that it is gone and removes the cluster's folder. With `logs_to` the logs
    /// are moved there first.
    pub async fn teardown(self, logs_to: Option<&Path>) -> TeardownReport {
        match self.target {
            Target::Local(local) => local.teardown(logs_to).await,
            // Each part ends with its owner.
            Target::Assembled(_) => TeardownReport::default(),
        }
    }
}
