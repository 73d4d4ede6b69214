//! Starting and stopping the whole.

use std::net::SocketAddr;

use crate::config::{Config, Secret};
use crate::tls::TlsError;

/// A running simulated Azure. Stops when it is dropped; [`Simulator::shutdown`] also waits until it has stopped.
#[derive(Debug)]
pub struct Simulator {
    config: Config,
    ca_pem: String,
    arm: SocketAddr,
    identity: SocketAddr,
    control: SocketAddr,
}

/// The simulated Azure could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is invalid.
    #[error("the simulated Azure's configuration is invalid: {0}")]
    Config(String),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A port could not be taken.
    #[error(
        "cannot listen on 127.0.0.1:{port} for the simulated Azure's {what}; choose another port or 0 for a free one"
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
    /// Starts it. Without a Kubernetes client no Nodes are made until one is given with [`Simulator::attach`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn start(config: Config, kube: Option<kube::Client>) -> Result<Self, Error> {
        let _ = kube;
        Err(Error::Config(format!("not yet: {}", config.cluster_name)))
    }

    /// Gives it the Kubernetes client, or another one. VMs that have booted meanwhile get their Nodes now.
    pub fn attach(&self, kube: kube::Client) {
        drop(kube);
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

    /// The control endpoint's bearer token.
    pub fn control_token(&self) -> &Secret {
        &self.config.control_token
    }

    /// The CA that signed the ARM endpoint's certificate, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// What it was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Stops the listeners and the fleet, and waits until they have stopped. Nodes stay as they are.
    pub async fn shutdown(self) {}
}
