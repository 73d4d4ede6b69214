//! The command line of each component.

use harness_azure::Config as AzureConfig;
use harness_catalogue::Component;

use super::error::LocalError;
use super::layout::Layout;
use super::nap::{self, AzureAddresses};
use super::pki::PkiFiles;
use super::process::Launch;
use super::{control_plane, flux_processes, image_registry, kwok};

/// What the command lines of one cluster's components are made from.
#[derive(Clone)]
pub(crate) struct Commands {
    pub(crate) layout: Layout,
    pub(crate) azure: AzureConfig,
    pub(crate) addresses: AzureAddresses,
    pub(crate) provision_mode: String,
}

impl Commands {
    /// How to start a component. Writes the files and makes the folders that it needs.
    pub(crate) fn launch(&self, component: Component) -> Result<Launch, LocalError> {
        let layout = &self.layout;
        let files = PkiFiles::new(&layout.state);
        Ok(match component {
            Component::Etcd => control_plane::etcd(layout, &files),
            Component::KubeApiserver => control_plane::api_server(layout, &files),
            Component::KubeControllerManager => control_plane::controller_manager(layout, &files),
            Component::KubeScheduler => control_plane::scheduler(layout, &files),
            Component::Kwok => kwok::kubelets(layout)?,
            Component::KwokLeases => kwok::leases(layout)?,
            Component::SourceController => flux_processes::source_controller(layout)?,
            Component::KustomizeController => flux_processes::kustomize_controller(layout),
            Component::NotificationController => flux_processes::notification_controller(layout),
            Component::ImageReflectorController => flux_processes::image_reflector_controller(layout)?,
            Component::ImageAutomationController => flux_processes::image_automation_controller(layout),
            Component::ImageRegistry => image_registry::registry(layout)?,
            Component::Karpenter => nap::karpenter(layout, &self.azure, &self.addresses, &self.provision_mode),
        })
    }
}
