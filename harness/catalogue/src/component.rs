//! The processes of a local cluster.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use crate::modules::{Module, module_of};

/// An upstream process of a local cluster.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Component {
    /// The store of the API server.
    Etcd,
    /// The Kubernetes API server.
    KubeApiserver,
    /// The Kubernetes controllers.
    KubeControllerManager,
    /// The Kubernetes scheduler.
    KubeScheduler,
    /// Plays the kubelets of simulated nodes.
    Kwok,
    /// Renews the leases of simulated nodes, and reports a node as Ready again whose lease was late.
    KwokLeases,
    /// Fetches Git repositories for Flux.
    SourceController,
    /// Applies Flux Kustomizations.
    KustomizeController,
    /// Sends Flux's notifications, and receives the calls of Git hosts.
    NotificationController,
    /// Reads the tags of image repositories, and chooses one by a policy.
    ImageReflectorController,
    /// Commits the chosen tags to Git.
    ImageAutomationController,
    /// An OCI registry that images are pushed to.
    ImageRegistry,
    /// The node auto-provisioning controller of AKS, unmodified.
    Karpenter,
}

/// What a component listens for on a port of its own, on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Port {
    /// Its purpose: its API, or its artifacts.
    Main,
    /// Its peers.
    Peer,
    /// Its metrics.
    Metrics,
    /// Its health, and whether it is ready.
    Health,
    /// Events of other controllers.
    Events,
    /// Calls of Git hosts.
    Receiver,
}

/// The scheme of a readiness probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display)]
#[strum(serialize_all = "lowercase")]
pub enum Scheme {
    /// Plain.
    Http,
    /// With a certificate of the cluster's authority.
    Https,
}

/// A readiness probe, as the component's own manifests or documents name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The scheme.
    pub scheme: Scheme,
    /// The port.
    pub port: Port,
    /// The path; any status of success means ready.
    pub path: &'static str,
}

const fn http(port: Port, path: &'static str) -> Ready {
    Ready { scheme: Scheme::Http, port, path }
}

const fn https(port: Port, path: &'static str) -> Ready {
    Ready { scheme: Scheme::Https, port, path }
}

/// The groups in which components stop, in this order: writers stop before the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, VariantArray)]
pub enum Stage {
    /// What started on demand.
    OnDemand,
    /// Those that write because of Git or Azure.
    Writers,
    /// Kubernetes's own controllers.
    Controllers,
    /// The API server, which waits for open watches when it is asked to stop.
    ApiServer,
    /// The store.
    Store,
}

impl Stage {
    /// How long a component of it may take to stop before it is killed.
    #[must_use]
    pub const fn grace(self) -> Duration {
        Duration::from_millis(match self {
            Self::OnDemand | Self::Controllers | Self::Store => 400,
            Self::Writers => 600,
            Self::ApiServer => 1000,
        })
    }
}

/// When a component starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starts {
    /// With the cluster.
    WithCluster,
    /// When a run first needs it; it then stays. Each would cost every run memory and CPU time, and few runs need one.
    OnDemand,
}

impl Component {
    /// Every component.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Its name, also of its process and its log.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// What it is for, in a few words.
    #[must_use]
    pub const fn role(self) -> &'static str {
        match self {
            Self::Etcd => "store of the API server",
            Self::KubeApiserver => "Kubernetes API",
            Self::KubeControllerManager => "Kubernetes controllers",
            Self::KubeScheduler => "Kubernetes scheduler",
            Self::Kwok => "kubelets of simulated nodes",
            Self::KwokLeases => "heartbeats of simulated nodes",
            Self::SourceController => "Flux: fetches Git",
            Self::KustomizeController => "Flux: applies Kustomizations",
            Self::NotificationController => "Flux: notifications and webhooks",
            Self::ImageReflectorController => "Flux: reads image tags",
            Self::ImageAutomationController => "Flux: commits image tags",
            Self::ImageRegistry => "registry of images",
            Self::Karpenter => "AKS node auto-provisioning (NAP)",
        }
    }

    /// Returns the name of its executable.
    #[must_use]
    pub fn binary(self) -> &'static str {
        match self {
            // One program renews leases and plays kubelets; one process of it cannot do both at its own pace.
            Self::KwokLeases => Self::Kwok.name(),
            other => other.name(),
        }
    }

    /// The module that its executable is built from.
    #[must_use]
    pub fn module(self) -> &'static Module {
        module_of(self.binary())
    }

    /// The ports that it listens on.
    #[must_use]
    pub const fn ports(self) -> &'static [Port] {
        match self {
            Self::Etcd => &[Port::Main, Port::Peer, Port::Health],
            Self::KubeApiserver
            | Self::KubeControllerManager
            | Self::KubeScheduler
            | Self::Kwok
            | Self::KwokLeases
            | Self::ImageRegistry => &[Port::Main],
            Self::SourceController => &[Port::Main, Port::Metrics, Port::Health],
            Self::NotificationController => &[Port::Metrics, Port::Health, Port::Events, Port::Receiver],
            Self::KustomizeController
            | Self::ImageReflectorController
            | Self::ImageAutomationController
            | Self::Karpenter => &[Port::Metrics, Port::Health],
        }
    }

    /// Returns its readiness probe.
    #[must_use]
    pub const fn ready(self) -> Ready {
        match self {
            Self::KubeApiserver => https(Port::Main, "/readyz"),
            Self::KubeControllerManager | Self::KubeScheduler => https(Port::Main, "/healthz"),
            Self::Kwok | Self::KwokLeases => http(Port::Main, "/healthz"),
            // Its artifact server starts when its caches are filled.
            Self::SourceController => http(Port::Main, "/"),
            Self::ImageRegistry => http(Port::Main, "/v2/"),
            Self::Etcd
            | Self::KustomizeController
            | Self::NotificationController
            | Self::ImageReflectorController
            | Self::ImageAutomationController
            | Self::Karpenter => http(Port::Health, "/readyz"),
        }
    }

    /// Returns the group that it stops with.
    #[must_use]
    pub const fn stage(self) -> Stage {
        match self {
            Self::NotificationController
            | Self::ImageReflectorController
            | Self::ImageAutomationController
            | Self::ImageRegistry => Stage::OnDemand,
            Self::Kwok | Self::KwokLeases | Self::SourceController | Self::KustomizeController | Self::Karpenter => {
                Stage::Writers
            }
            Self::KubeControllerManager | Self::KubeScheduler => Stage::Controllers,
            Self::KubeApiserver => Stage::ApiServer,
            Self::Etcd => Stage::Store,
        }
    }

    /// Returns when it starts.
    #[must_use]
    pub const fn starts(self) -> Starts {
        match self.stage() {
            Stage::OnDemand => Starts::OnDemand,
            Stage::Writers | Stage::Controllers | Stage::ApiServer | Stage::Store => Starts::WithCluster,
        }
    }

    /// Returns its Kubernetes user; `None` if it is not a client of the API server.
    #[must_use]
    pub fn user(self) -> Option<&'static str> {
        match self {
            Self::Etcd | Self::KubeApiserver | Self::ImageRegistry => None,
            Self::KubeControllerManager => Some("system:kube-controller-manager"),
            Self::KubeScheduler => Some("system:kube-scheduler"),
            other => Some(other.name()),
        }
    }

    /// Whether Flux cannot apply a tree without it.
    #[must_use]
    pub const fn applies_trees(self) -> bool {
        matches!(self, Self::SourceController | Self::KustomizeController)
    }

    /// Whether it is one of Flux's controllers.
    #[must_use]
    pub const fn is_flux(self) -> bool {
        matches!(
            self,
            Self::SourceController
                | Self::KustomizeController
                | Self::NotificationController
                | Self::ImageReflectorController
                | Self::ImageAutomationController
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::modules::MODULES;

    #[test]
    fn every_component_is_built_from_one_module_and_every_binary_is_a_component() {
        for component in Component::ALL {
            let owners = MODULES.iter().filter(|module| module.binaries.iter().any(|it| it.name == component.binary()));
            assert_eq!(owners.count(), 1, "{component}");
        }
        let started: BTreeSet<&str> = Component::ALL.iter().map(|component| component.binary()).collect();
        let built: BTreeSet<&str> = MODULES.iter().flat_map(|module| module.binaries).map(|it| it.name).collect();
        assert_eq!(started, built);
    }

    #[test]
    fn every_probe_asks_a_port_of_its_component() {
        for component in Component::ALL {
            assert!(component.ports().contains(&component.ready().port), "{component}");
        }
    }

    #[test]
    fn flux_controllers_are_those_of_flux_modules() {
        for component in Component::ALL {
            assert_eq!(component.is_flux(), component.module().path.starts_with("github.com/fluxcd/"), "{component}");
        }
    }
}
