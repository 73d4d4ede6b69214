//! Starting and stopping the whole.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::{Listener, ListenerExt};
use harness_tls::server_config;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::aks;
use crate::arm;
use crate::catalogue::{CatalogueError, catalogue};
use crate::config::{Config, ConfigError, Secret};
use crate::control;
use crate::facts::FactLog;
use crate::identity;
use crate::proxy;
use crate::tls::{self, TlsError};
use crate::world::{Kube, World};

/// How long [`Simulator::shutdown`] waits for connections and VM tasks to end.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// A running simulated Azure. Stops when it is dropped; [`Simulator::shutdown`] also waits until it has stopped.
#[derive(Debug)]
pub struct Simulator {
    world: Arc<World>,
    ca_pem: String,
    arm: SocketAddr,
    identity: SocketAddr,
    control: SocketAddr,
    proxy: SocketAddr,
}

/// The simulated Azure could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key of the configuration is wrong.
    #[error("cannot use the configuration of the simulated Azure: {0}")]
    Config(#[from] ConfigError),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The embedded catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A port could not be taken.
    #[error(
        "cannot listen on 127.0.0.1:{port} for the simulated Azure's {what}: {source}; choose another port, or 0 for a free one"
    )]
    Listen {
        /// Which endpoint.
        what: &'static str,
        /// The port.
        port: u16,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Simulator {
    /// Starts it. Without a Kubernetes client no Nodes are created until one is given with [`Simulator::attach`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn start(config: Config, kube: Option<kube::Client>) -> Result<Self, Error> {
        config.validate()?;
        let certificates = tls::load(&config.tls)?;
        let tls = server_config(&certificates.cert_pem, certificates.key_pem.expose(), None).map_err(TlsError::Use)?;
        let (arm_listener, arm) = listen("Azure Resource Manager", config.arm_port).await?;
        let (identity_listener, identity) = listen("managed identity endpoint", config.identity_port).await?;
        let (control_listener, control) = listen("control endpoint", config.control_port).await?;
        let (proxy_listener, proxy) = listen("proxy", config.proxy_port).await?;

        let world = new_world(config, kube)?;
        let tasks = world.tasks.clone();
        tasks.spawn(arm::serve(Arc::clone(&world), arm_listener, tls.clone()));
        for (what, listener, router) in [
            ("managed identity endpoint", identity_listener, identity::router(Arc::clone(&world))),
            ("control endpoint", control_listener, control::router(Arc::clone(&world))),
            ("proxy", proxy_listener, proxy::router(Arc::clone(&world), tls)),
        ] {
            tasks.spawn(serve(Arc::clone(&world), what, listener, router));
        }
        tracing::info!(%arm, %identity, %control, %proxy, location = world.config.location, "simulated Azure is up");
        Ok(Self { world, ca_pem: certificates.ca_pem, arm, identity, control, proxy })
    }

    /// Gives it the Kubernetes client, or another one. VMs that have booted meanwhile get their Nodes now.
    pub fn attach(&self, kube: kube::Client) {
        self.world.kube.send_replace(Some(Kube(kube)));
    }

    /// Waits until the cluster has what AKS puts into it: its API server must have been given.
    ///
    /// # Errors
    /// In words, when the API server refuses it or takes too long.
    pub async fn settled(&self) -> Result<(), String> {
        aks::settled(&self.world).await.map_err(|error| error.to_string())
    }

    /// `https://127.0.0.1:P/`: the Azure Resource Manager endpoint.
    pub fn arm_url(&self) -> String {
        format!("https://{}/", self.arm)
    }

    /// `http://127.0.0.1:P/identity`: the managed identity endpoint.
    pub fn identity_url(&self) -> String {
        format!("http://{}/identity", self.identity)
    }

    /// `http://127.0.0.1:P`: the control endpoint.
    pub fn control_url(&self) -> String {
        format!("http://{}", self.control)
    }

    /// `http://127.0.0.1:P`: the proxy. A client that expects Azure's public cloud needs this as its `HTTPS_PROXY`, and must trust
    /// [`Simulator::ca_pem`].
    pub fn proxy_url(&self) -> String {
        format!("http://{}", self.proxy)
    }

    /// The control endpoint's bearer token.
    pub fn control_token(&self) -> &Secret {
        &self.world.config.control_token
    }

    /// The CA that signed the ARM endpoint's certificate, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// What it was started with.
    pub fn config(&self) -> &Config {
        &self.world.config
    }

    /// The facts, for a reader in the same process.
    pub fn facts(&self) -> &FactLog {
        &self.world.facts
    }

    /// The control plane's Kubernetes version, without `v`, as the managed cluster reports it; an upgrade changes it.
    pub fn kubernetes_version(&self) -> watch::Receiver<String> {
        self.world.kubernetes.subscribe()
    }

    /// A client of its control endpoint.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn control(&self) -> Result<control::Client, control::ControlError> {
        control::Client::new(self.control_url(), self.control_token().clone())
    }

    /// The document that `AZURE_ENVIRONMENT_FILEPATH` must name: it describes this cloud to Azure SDK clients.
    pub fn environment_file(&self) -> String {
        let arm = self.arm_url();
        serde_json::json!({
            "name": "AzureHarness",
            "resourceManagerEndpoint": arm,
            "activeDirectoryEndpoint": format!("{arm}aad/"),
            "tokenAudience": arm,
        })
        .to_string()
    }

    /// The environment in which an Azure SDK client finds this Azure, besides `AZURE_ENVIRONMENT_FILEPATH`
    /// ([`Simulator::environment_file`]) and `SSL_CERT_FILE` ([`Simulator::ca_pem`]), which need a file each.
    /// `IDENTITY_HEADER` is among it: do not log it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let c = &self.world.config;
        vec![
            ("IDENTITY_ENDPOINT", self.identity_url()),
            ("IDENTITY_HEADER", c.identity_header.expose().to_owned()),
            ("AZURE_SUBSCRIPTION_ID", c.subscription_id.clone()),
            ("AZURE_TENANT_ID", c.tenant_id.clone()),
            ("AZURE_RESOURCE_GROUP", c.resource_group.clone()),
            ("AZURE_NODE_RESOURCE_GROUP", c.node_resource_group.clone()),
            ("AZURE_CLUSTER_NAME", c.cluster_name.clone()),
            ("AZURE_LOCATION", c.location.clone()),
            ("VNET_SUBNET_ID", c.subnet_id()),
        ]
    }

    /// Stops the listeners and the fleet, and waits until they have stopped. Nodes stay as they are.
    pub async fn shutdown(self) {
        self.world.stop.cancel();
        self.world.tasks.close();
        if tokio::time::timeout(SHUTDOWN_LIMIT, self.world.tasks.wait()).await.is_err() {
            tracing::warn!(
                left = self.world.tasks.len(),
                "the simulated Azure did not stop in time; its last requests to the API server are dropped"
            );
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.world.stop.cancel();
    }
}

/// The state of a new simulator; the configuration is valid.
pub(crate) fn new_world(config: Config, kube: Option<kube::Client>) -> Result<Arc<World>, Error> {
    let sold = catalogue(&config.location)?;
    let world = Arc::new(World::new(config, sold));
    if let Some(kube) = kube {
        world.kube.send_replace(Some(Kube(kube)));
    }
    world.tasks.spawn(aks::keep(Arc::clone(&world)));
    world.set_behaviour(world.config.behaviour.clone()).map_err(|error| ConfigError::Faults(error.to_string()))?;
    Ok(world)
}

async fn listen(what: &'static str, port: u16) -> Result<(TcpListener, SocketAddr), Error> {
    let refuse = |source| Error::Listen { what, port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(refuse)?;
    let address = listener.local_addr().map_err(refuse)?;
    Ok((listener, address))
}

/// Connections on which small answers to many polls do not wait for more to send, such as the NAP controller's, which come through the proxy.
fn undelayed(listener: TcpListener) -> impl Listener<Io = TcpStream, Addr = SocketAddr> {
    listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    })
}

async fn serve(world: Arc<World>, what: &'static str, listener: TcpListener, router: Router) {
    let stop = world.stop.clone();
    let served =
        axum::serve(undelayed(listener), router).with_graceful_shutdown(async move { stop.cancelled().await }).await;
    if let Err(error) = served {
        tracing::error!(%error, what, "an endpoint has stopped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Before, only the listener of Resource Manager itself did so, which the controller does not use in the public cloud.
    #[tokio::test]
    async fn small_answers_do_not_wait() {
        let (listener, address) = listen("proxy", 0).await.unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (accepted, from) = undelayed(listener).accept().await;
        assert_eq!((accepted.nodelay().unwrap(), from), (true, client.local_addr().unwrap()));
    }
}
