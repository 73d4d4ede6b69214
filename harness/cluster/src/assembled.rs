//! A cluster that is put together from parts: a control plane, GitOps, a provisioner, and control of the components.

use std::collections::BTreeSet;
use std::sync::Arc;

use harness_azure::control::Client as AzureClient;
use harness_plan::Capability;
use http::{Request, Response};
use hyper::body::Bytes;
use kube::Client;
use kube::client::Body;
use tower::{BoxError, Service};

use crate::client::{RequestCount, SocketClock, measuring_client_of};
use crate::component_control::ComponentControl;
use crate::git::GitRemote;

/// The parts of a cluster, for [`crate::Cluster::assembled`].
#[derive(Debug)]
pub struct Assembled {
    /// The cluster's name.
    pub name: String,
    /// Which kind of target it is, for the event log.
    pub target: &'static str,
    /// Where the API server is.
    pub control_plane: ControlPlane,
    /// The repository of the node configuration, which the cluster's Flux follows.
    pub git: Option<GitRemote>,
    /// The simulated Azure that the cluster's provisioner uses.
    pub azure: Option<AzureClient>,
    /// Control of the components.
    pub components: Arc<dyn ComponentControl>,
    /// What the cluster offers beyond what follows from its parts.
    pub offers: BTreeSet<Capability>,
    /// What is not real, in words, for every report.
    pub simulated: Vec<String>,
    /// Component and version of what runs.
    pub versions: Vec<(String, String)>,
}

impl Assembled {
    /// What a scenario may ask of it.
    pub(crate) fn capabilities(&self) -> BTreeSet<Capability> {
        let gitops = self.git.as_ref().map(|_| Capability::Gitops);
        let azure = self.azure.as_ref().map(|_| Capability::SimulatedAzure);
        self.offers.iter().copied().chain(gitops).chain(azure).collect()
    }
}

/// An API server, and the client that measures it.
#[derive(Clone)]
pub struct ControlPlane {
    client: Client,
    requests: RequestCount,
    /// Not counted: watches.
    watches: Client,
}

impl std::fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControlPlane").field("requests", &self.requests.get()).finish_non_exhaustive()
    }
}

impl ControlPlane {
    /// An API server in this process.
    pub fn in_process<S, B>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Send + Clone + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (client, requests) = measuring_client_of(service.clone());
        Self { client, requests, watches: Client::new(service, "default") }
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// There is no socket whose reads could wait for their handler: the lag is 0.
    pub(crate) fn watch_client(&self) -> (Client, Arc<SocketClock>) {
        (self.watches.clone(), Arc::new(SocketClock::new()))
    }

    pub(crate) fn requests_sent(&self) -> u64 {
        self.requests.get()
    }
}
