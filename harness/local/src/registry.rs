//! The components of a running cluster: start, watch, kill, stop.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use harness_catalogue::Component;
use jiff::Timestamp;
use nix::sys::signal::Signal;
use tokio::sync::watch;

use super::error::LocalError;
use super::process::{Launch, Process, Spawner, log_tail};
use harness_components::control::{ComponentStatus, ComponentUsage, Failure, ProcessRef, read_usage};
use harness_components::free_bytes;

/// How many lines of a dead component's log are kept.
const TAIL_LINES: usize = 20;

/// Less than this is a full disk: databases and logs write more at a time.
const FULL_BYTES: u64 = 64 * 1024;

/// Starts components and reports the first one that ends without being stopped.
#[derive(Clone)]
pub(crate) struct Registry {
    spawner: Spawner,
    slots: Arc<Mutex<BTreeMap<Component, Slot>>>,
    failure: watch::Sender<Option<Failure>>,
}

struct Slot {
    launch: Launch,
    process: Process,
    reference: Option<ProcessRef>,
    /// Set before it is stopped on purpose; its end is then not a failure.
    stopping: bool,
    restarts: u32,
    /// CPU time of its earlier processes, in milliseconds.
    retired_cpu_ms: u64,
    retired_peak_bytes: u64,
}

impl Slot {
    /// CPU time and memory, those of its earlier processes included.
    fn usage(&self) -> ComponentUsage {
        let (name, pid) = (&self.launch.name, self.process.pid());
        let now = match self.process.exited() {
            None => read_usage(name, pid),
            // A dead process has no memory any more.
            Some(_) => self.process.last_usage(),
        };
        let nothing = ComponentUsage { name: name.clone(), pid, cpu_ms: 0, rss_bytes: 0, rss_peak_bytes: 0 };
        let now = now.unwrap_or(nothing);
        ComponentUsage {
            cpu_ms: now.cpu_ms + self.retired_cpu_ms,
            rss_peak_bytes: now.rss_peak_bytes.max(self.retired_peak_bytes),
            ..now
        }
    }
}

impl Registry {
    pub(crate) fn new(spawner: Spawner) -> Self {
        Self { spawner, slots: Arc::default(), failure: watch::channel(None).0 }
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<Component, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a component, for the first time or again. Does nothing if it runs already.
    pub(crate) async fn start(&self, component: Component, launch: Launch) -> Result<(), LocalError> {
        if self.runs(component) {
            return Ok(());
        }
        let process = self.spawner.spawn(&launch).await?;
        let reference = ProcessRef::of(process.pid());
        tracing::info!(%component, pid = process.pid(), "started");
        {
            let mut slots = self.slots();
            let before = slots.remove(&component);
            let used = before.as_ref().map(Slot::usage);
            let slot = Slot {
                launch,
                process: process.clone(),
                reference,
                stopping: false,
                restarts: before.map_or(0, |slot| slot.restarts + 1),
                retired_cpu_ms: used.as_ref().map_or(0, |used| used.cpu_ms),
                retired_peak_bytes: used.as_ref().map_or(0, |used| used.rss_peak_bytes),
            };
            slots.insert(component, slot);
        }
        self.watch(component, process);
        Ok(())
    }

    fn watch(&self, component: Component, process: Process) {
        let this = self.clone();
        tokio::spawn(async move {
            let exit = process.wait().await;
            let log = {
                let slots = this.slots();
                match slots.get(&component) {
                    Some(slot) if slot.process.pid() == process.pid() && !slot.stopping => slot.launch.log.clone(),
                    _ => return,
                }
            };
            let failure = Failure {
                component: component.name().to_owned(),
                reason: reason(&exit, &log, free_bytes(&log).ok()),
                log_tail: log_tail(&log, TAIL_LINES),
                at: Timestamp::now(),
            };
            tracing::error!(%component, exit, "ended unexpectedly");
            // The first failure is the cause; later ones are mostly its consequences.
            this.failure.send_if_modified(|current| {
                let first = current.is_none();
                current.get_or_insert(failure);
                first
            });
        });
    }

    /// Fires when a component has ended on its own.
    pub(crate) fn failures(&self) -> watch::Receiver<Option<Failure>> {
        self.failure.subscribe()
    }

    /// Forgets an earlier failure, before another attempt to start.
    pub(crate) fn forget_failure(&self) {
        self.failure.send_replace(None);
    }

    /// Whether a component runs.
    pub(crate) fn runs(&self, component: Component) -> bool {
        self.slots().get(&component).is_some_and(|slot| slot.process.exited().is_none())
    }

    /// Whether a component was ever started.
    pub(crate) fn knows(&self, component: Component) -> Result<(), LocalError> {
        let slots = self.slots();
        if slots.contains_key(&component) {
            return Ok(());
        }
        let started: Vec<&str> = slots.keys().map(|component| component.name()).collect();
        Err(LocalError::UnknownComponent { name: component.name().to_owned(), known: started.join(", ") })
    }

    /// Kills a component with SIGKILL, on purpose, and waits until its process has ended.
    pub(crate) async fn kill(&self, component: Component) -> Result<(), LocalError> {
        self.knows(component)?;
        let process = {
            let mut slots = self.slots();
            slots.get_mut(&component).map(|slot| {
                slot.stopping = true;
                slot.process.clone()
            })
        };
        if let Some(process) = process {
            process.signal(Signal::SIGKILL);
            process.wait().await;
            tracing::warn!(%component, "killed on request");
        }
        Ok(())
    }

    /// Starts a component again; one that still runs is killed first.
    pub(crate) async fn restart(&self, component: Component) -> Result<(), LocalError> {
        self.kill(component).await?;
        let launch = self.slots().get(&component).map(|slot| slot.launch.clone());
        match launch {
            Some(launch) => self.start(component, launch).await,
            None => self.knows(component),
        }
    }

    /// Stops one component by SIGTERM, and after `grace` by SIGKILL; does nothing if it has ended.
    pub(crate) async fn stop_one(&self, component: Component, grace: Duration) -> Result<(), LocalError> {
        self.knows(component)?;
        let (_, killed) = self.stop(&[component], grace).await;
        tracing::warn!(%component, killed = !killed.is_empty(), "stopped on request");
        Ok(())
    }

    /// Stops some components at the same time, each by SIGTERM and after `grace` by SIGKILL.
    /// Returns those that stopped and those that had to be killed; those that do not run are in neither.
    pub(crate) async fn stop(&self, components: &[Component], grace: Duration) -> (Vec<String>, Vec<String>) {
        let processes: Vec<(Component, Process)> = {
            let mut slots = self.slots();
            components
                .iter()
                .filter_map(|component| {
                    let slot = slots.get_mut(component)?;
                    slot.stopping = true;
                    slot.process.exited().is_none().then(|| (*component, slot.process.clone()))
                })
                .collect()
        };
        let ended = futures::future::join_all(
            processes.into_iter().map(|(component, process)| async move { (component, process.stop(grace).await) }),
        )
        .await;
        let (killed, stopped): (Vec<_>, Vec<_>) = ended.into_iter().partition(|(_, killed)| *killed);
        let names = |list: Vec<(Component, bool)>| list.into_iter().map(|(it, _)| it.name().to_owned()).collect();
        (names(stopped), names(killed))
    }

    /// The log of a component.
    pub(crate) fn tail(&self, component: Component) -> String {
        let log = self.slots().get(&component).map(|slot| slot.launch.log.clone());
        log.map(|log| log_tail(&log, TAIL_LINES).join("\n")).unwrap_or_default()
    }

    /// What each component does now.
    pub(crate) fn status(&self) -> Vec<ComponentStatus> {
        let slots = self.slots();
        let mut all: Vec<_> = slots.values().collect();
        all.sort_by_key(|slot| slot.process.started());
        all.into_iter()
            .map(|slot| {
                let exit = slot.process.exited();
                ComponentStatus {
                    name: slot.launch.name.clone(),
                    process: slot.reference.filter(|_| exit.is_none()),
                    restarts: slot.restarts,
                    last_exit: exit,
                }
            })
            .collect()
    }

    /// CPU time and memory of each component, its earlier processes included.
    pub(crate) fn usage(&self) -> Vec<ComponentUsage> {
        self.slots().values().map(Slot::usage).collect()
    }
}

/// What is said of a component that has ended on its own. A full disk may have cut the log that would say so.
fn reason(exit: &str, log: &Path, free_bytes: Option<u64>) -> String {
    let ended = format!("ended unexpectedly ({exit})");
    match (free_bytes, log.parent()) {
        (Some(..FULL_BYTES), Some(folder)) => format!("{ended}; the disk of {} is full", folder.display()),
        _ => ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Before, only the component's log said so, whose end the full disk had cut.
    #[rstest]
    #[case(Some(0), "ended unexpectedly (exit status: 1); the disk of /state/logs is full")]
    #[case(Some(FULL_BYTES), "ended unexpectedly (exit status: 1)")]
    #[case(None, "ended unexpectedly (exit status: 1)")]
    fn a_full_disk_is_said_of_a_component_that_ends(#[case] free_bytes: Option<u64>, #[case] expected: &str) {
        assert_eq!(reason("exit status: 1", Path::new("/state/logs/etcd.log"), free_bytes), expected);
    }
}
