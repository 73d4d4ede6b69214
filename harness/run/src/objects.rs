//! Objects of the cluster by their address, whatever their kind.

use harness_plan::ObjectAddress;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::{GroupVersion, GroupVersionKind};
use kube::discovery::{Scope, pinned_kind};

use crate::{RunError, labels};

/// In an address: the namespace of the run.
const RUN_NAMESPACE: &str = "{namespace}";

/// A kind whose plural follows the rule.
pub(crate) fn resource(group: &str, version: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

/// Where an object is, as the API server knows it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    resource: ApiResource,
    namespace: Option<String>,
    pub(crate) name: String,
}

/// An address that leads nowhere.
#[derive(Debug, thiserror::Error)]
enum AddressError {
    #[error("`{0}` is not an apiVersion: write `group/version` or `v1`")]
    ApiVersion(String),
    #[error("the API server does not serve {0}")]
    Group(String),
    #[error("the API server does not serve {kind} of {api_version}")]
    Kind { kind: String, api_version: String },
    #[error("a {0} has a namespace: name it")]
    NeedsNamespace(String),
    #[error("a {0} has no namespace: leave it out")]
    HasNoNamespace(String),
    #[error(transparent)]
    Discovery(kube::Error),
}

impl Place {
    /// Asks the API server how it serves the kind.
    ///
    /// # Errors
    /// The kind is not served, or a namespace is missing or should not be given.
    pub(crate) async fn of(at: &ObjectAddress, run_id: &str, client: &Client) -> Result<Self, RunError> {
        Self::locate(at, run_id, client).await.map_err(RunError::failed(format!("look at the {at}")))
    }

    async fn locate(at: &ObjectAddress, run_id: &str, client: &Client) -> Result<Self, AddressError> {
        let ObjectAddress { api_version, kind, namespace, name } = at;
        let version: GroupVersion = api_version.parse().map_err(|_| AddressError::ApiVersion(api_version.clone()))?;
        let found = pinned_kind(client, &GroupVersionKind::gvk(&version.group, &version.version, kind)).await;
        let (resource, capabilities) = found.map_err(|error| match error {
            kube::Error::Discovery(_) => AddressError::Kind { kind: kind.clone(), api_version: api_version.clone() },
            kube::Error::Api(status) if status.code == 404 => AddressError::Group(api_version.clone()),
            error => AddressError::Discovery(error),
        })?;
        let namespace = namespace.as_ref().map(|name| match name.as_str() {
            RUN_NAMESPACE => labels::namespace(run_id),
            name => name.to_owned(),
        });
        match (&capabilities.scope, &namespace) {
            (Scope::Namespaced, None) => Err(AddressError::NeedsNamespace(kind.clone())),
            (Scope::Cluster, Some(_)) => Err(AddressError::HasNoNamespace(kind.clone())),
            _ => Ok(Self { resource, namespace, name: name.clone() }),
        }
    }

    /// The API of its kind, in its namespace.
    pub(crate) fn api(&self, client: Client) -> Api<DynamicObject> {
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &self.resource),
            None => Api::all_with(client, &self.resource),
        }
    }

    /// Whether it is a GitRepository or a Kustomization of Flux.
    pub(crate) fn is_of_flux(&self) -> bool {
        self.resource.group.ends_with(".toolkit.fluxcd.io")
            && matches!(self.resource.kind.as_str(), "GitRepository" | "Kustomization")
    }

    /// Its kind.
    pub(crate) fn kind(&self) -> &str {
        &self.resource.kind
    }

    /// Its namespace; `None` where its kind has none.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.resource.kind, self.name),
            None => write!(f, "{} {}", self.resource.kind, self.name),
        }
    }
}
