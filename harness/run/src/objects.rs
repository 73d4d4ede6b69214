//! Objects of the cluster by their address, whatever their kind.

use harness_plan::ObjectAddress;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::{GroupVersion, GroupVersionKind};
use kube::discovery::{Scope, pinned_kind};

use crate::{RunError, labels};

/// In an address: the namespace of the run.
const RUN_NAMESPACE: &str = "{namespace}";

/// Where an object is, as the API server knows it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    resource: ApiResource,
    namespace: Option<String>,
    pub(crate) name: String,
}

impl Place {
    /// Asks the API server how it serves the kind.
    ///
    /// # Errors
    /// The kind is not served, or a namespace is missing or too much.
    pub(crate) async fn of(at: &ObjectAddress, run_id: &str, client: &Client) -> Result<Self, RunError> {
        let doing = || format!("look at the {at}");
        let wrong = |reason: String| RunError::Target { doing: doing(), reason };
        let version: GroupVersion =
            at.api_version.parse().map_err(|_| wrong(format!("`{}` is no apiVersion", at.api_version)))?;
        let kind = GroupVersionKind::gvk(&version.group, &version.version, &at.kind);
        let (resource, capabilities) = pinned_kind(client, &kind).await.map_err(|error| match error {
            kube::Error::Discovery(_) => {
                wrong(format!("the API server does not serve {} of {}", at.kind, at.api_version))
            }
            kube::Error::Api(status) if status.code == 404 => {
                wrong(format!("the API server does not serve {}", at.api_version))
            }
            error => RunError::kube(doing())(error),
        })?;
        let namespace = at.namespace.as_ref().map(|name| match name.as_str() {
            RUN_NAMESPACE => labels::namespace(run_id),
            name => name.to_owned(),
        });
        match (&capabilities.scope, &namespace) {
            (Scope::Namespaced, None) => Err(wrong(format!("a {} has a namespace: name it", at.kind))),
            (Scope::Cluster, Some(_)) => Err(wrong(format!("a {} has no namespace: leave it out", at.kind))),
            _ => Ok(Self { resource, namespace, name: at.name.clone() }),
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
