//! The simulated Azure without sockets: its endpoints are functions of the same process.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use crate::arm::{Reply, dispatch};
use crate::config::{Config, Secret};
use crate::control;
use crate::simulator::{Error, new_world};
use crate::world::World;

/// A simulated Azure that listens nowhere. It is the one of [`crate::Simulator`] in all else: a test on paused time can use it, since no
/// socket is waited for. Stops when it is dropped.
#[derive(Debug)]
pub struct InProcess {
    world: Arc<World>,
}

impl InProcess {
    /// Starts it. With a Kubernetes client the Nodes of its VMs are created.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Catalogue`].
    pub fn start(config: Config, kube: Option<kube::Client>) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self { world: new_world(config, kube)? })
    }

    /// What it was started with.
    pub fn config(&self) -> &Config {
        &self.world.config
    }

    /// A client of its control endpoint.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn control(&self) -> Result<control::Client, control::ControlError> {
        let router = control::router(Arc::clone(&self.world));
        control::Client::in_process(router, self.world.config.control_token.clone())
    }

    /// An access token for Azure Resource Manager, as the managed identity endpoint gives it out.
    pub fn token(&self) -> Secret {
        self.world.tokens.issue()
    }

    /// A call of Azure Resource Manager. `None` where a fault closes the connection without an answer.
    pub async fn arm(&self, request: Request<Full<Bytes>>) -> Option<Response<Full<Bytes>>> {
        dispatch(&self.world, request).await.map(Reply::into_response)
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.world.stop.cancel();
    }
}
