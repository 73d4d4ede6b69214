//! Components that start when a run first needs them, and then stay as long as the cluster does.

use std::time::Duration;

use harness_catalogue::{Component, Port, Starts};

use super::commands::Commands;
use super::error::LocalError;
use super::event_relay::Target;
use super::probes::Probes;
use super::registry::Registry;

/// How long a component may take to become ready: usually a second, and several on a machine that runs other clusters.
pub(crate) const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long a start may take, with those before it that it waits for.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(150);

/// Starts components on demand.
pub(crate) struct OnDemand {
    commands: Commands,
    registry: Registry,
    probes: Probes,
    events: Target,
    /// Two runs that ask at the same time must not start a process twice.
    turn: tokio::sync::Mutex<()>,
}

impl OnDemand {
    pub(crate) fn new(commands: Commands, registry: Registry, probes: Probes, events: Target) -> Self {
        Self { commands, registry, probes, events, turn: tokio::sync::Mutex::default() }
    }

    /// Starts a component and waits until it is ready. Does nothing if it runs already.
    pub(crate) async fn start(&self, component: Component) -> Result<(), LocalError> {
        let _turn = self.turn.lock().await;
        if component.starts() == Starts::WithCluster {
            return Ok(());
        }
        self.registry.start(component, self.commands.launch(component)?).await?;
        self.ready(component).await?;
        if component == Component::NotificationController {
            let address = self.commands.layout.ports.address(component, Port::Events);
            // Set already if this is a second start.
            let _ = self.events.set(format!("http://{address}/"));
        }
        Ok(())
    }

    /// Waits until a component that has been started answers its readiness probe.
    pub(crate) async fn ready(&self, component: Component) -> Result<(), LocalError> {
        self.probes.ready(&self.registry, &self.commands.layout, component, READY_LIMIT).await
    }
}
