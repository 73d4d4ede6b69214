//! Processes that start when a run first asks for what they offer, and then stay as long as the cluster does.
//!
//! Each would cost every run memory and a second or two of CPU time at the start, and few runs ask for one.

use std::path::PathBuf;
use std::time::Duration;

use harness_plan::Capability;

use super::error::LocalError;
use super::event_relay::Target;
use super::flux_processes;
use super::image_registry;
use super::layout::Layout;
use super::probes::Probes;
use super::process::Launch;
use super::registry::Registry;

/// How long one of them may take to become ready: a machine that is busy with other clusters needs a multiple of the usual second.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long the start of all processes of one capability may take.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(150);

/// The processes that may be started, by the names that [`crate::Cluster::kill`] takes.
pub(crate) const ON_DEMAND: [&str; 4] = [
    flux_processes::NOTIFICATION,
    flux_processes::IMAGE_REFLECTOR,
    flux_processes::IMAGE_AUTOMATION,
    image_registry::NAME,
];

/// Starts them.
pub(crate) struct OnDemand {
    layout: Layout,
    registry: Registry,
    probes: Probes,
    events: Target,
    docker_registry: Option<PathBuf>,
    /// Two runs that ask at the same time must not start a process twice.
    turn: tokio::sync::Mutex<()>,
}

impl OnDemand {
    pub(crate) fn new(
        layout: Layout,
        registry: Registry,
        probes: Probes,
        events: Target,
        docker_registry: Option<PathBuf>,
    ) -> Self {
        Self { layout, registry, probes, events, docker_registry, turn: tokio::sync::Mutex::default() }
    }

    /// Starts the processes of a capability and waits until they are ready. Those that run are left alone; what needs no process of its
    /// own is there already.
    pub(crate) async fn start(&self, capability: Capability) -> Result<(), LocalError> {
        let _turn = self.turn.lock().await;
        for launch in self.launches(capability)? {
            let name = launch.name.clone();
            self.registry.start(launch).await?;
            self.probes.ready(&self.registry, &self.layout, &name, READY_LIMIT).await?;
            if name == flux_processes::NOTIFICATION {
                // Set before, where it is started for the second time.
                let _ = self.events.set(format!("http://{}/", self.layout.ports.address(flux_processes::EVENTS)));
            }
        }
        Ok(())
    }

    fn launches(&self, capability: Capability) -> Result<Vec<Launch>, LocalError> {
        let layout = &self.layout;
        Ok(match capability {
            Capability::FluxNotification => vec![flux_processes::notification_controller(layout)],
            Capability::ImageAutomation => {
                vec![
                    flux_processes::image_reflector_controller(layout)?,
                    flux_processes::image_automation_controller(layout),
                ]
            }
            Capability::ImageRegistry => {
                let program = self.docker_registry.clone().ok_or(LocalError::NoRegistry)?;
                vec![image_registry::launch(layout, program)?]
            }
            _ => Vec::new(),
        })
    }
}
