//! What this target brings to an installation of Flux.

use super::bootstrap;
use super::error::LocalError;
use super::handle::Local;
use super::kubeconfig;
use harness_gitops::flux::{ControllerPart, NAMESPACE, Parts, access_of, controller_names, is_flux_group};

impl Local {
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
