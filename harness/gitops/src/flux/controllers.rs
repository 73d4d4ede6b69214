//! Flux's controllers on a target: whether they run, and their CPU time and memory.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::error::FluxError;
use super::manager::Manager;
use harness_components::control::ComponentUsage;

/// CPU time is measured over at least this long: the kernel counts in steps of 10 ms.
const WINDOW: Duration = Duration::from_secs(1);

/// One controller as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControllerState {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub running: bool,
    /// Its process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How its last process ended, where it does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_exit: Option<String>,
    /// How often it was started again.
    pub restarts: u32,
    /// Its upstream version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// CPU time that it used in the last second, in thousandths of a core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_millicores: Option<u64>,
    /// CPU time since its first start, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// Resident memory now, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss_bytes: Option<u64>,
    /// The highest resident memory so far, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss_peak_bytes: Option<u64>,
}

/// A controller and the action on it; in a dry run the action that would be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Handled {
    /// Its name.
    pub name: String,
    /// Whether it was started or stopped; otherwise it was in the wanted state already.
    pub changed: bool,
}

/// The first of two readings of CPU time.
pub(super) struct Reading {
    at: Instant,
    usages: Vec<ComponentUsage>,
}

impl Manager<'_> {
    /// The names of the controllers that do not run.
    pub(super) async fn stopped(&self) -> Result<Vec<String>, FluxError> {
        let status = self.target.components.status().await?;
        let runs = |name: &str| status.components.iter().any(|it| it.name == name && it.process.is_some());
        let names = self.target.parts.controllers.iter().map(|part| part.name.clone());
        Ok(names.filter(|name| !runs(name)).collect())
    }

    /// Begins to count CPU time.
    pub(super) async fn reading(&self) -> Result<Reading, FluxError> {
        Ok(Reading { at: Instant::now(), usages: self.target.components.usage().await? })
    }

    /// Returns the controllers, with the CPU time since that reading, at least a second ago.
    pub(super) async fn controllers(&self, first: Reading) -> Result<Vec<ControllerState>, FluxError> {
        tokio::time::sleep(WINDOW.saturating_sub(first.at.elapsed())).await;
        let elapsed = first.at.elapsed();
        let (now, status) = (self.target.components.usage().await?, self.target.components.status().await?);
        let versions = &self.target.versions;
        let of = |usages: &[ComponentUsage], name: &str| usages.iter().find(|usage| usage.name == name).cloned();
        let state = |name: &String| {
            let component = status.components.iter().find(|component| component.name == *name);
            let process = component.and_then(|component| component.process);
            let usage = of(&now, name).filter(|_| process.is_some());
            let before = of(&first.usages, name);
            ControllerState {
                name: name.clone(),
                running: process.is_some(),
                pid: process.map(|process| process.pid),
                last_exit: component.and_then(|component| component.last_exit.clone()),
                restarts: component.map_or(0, |component| component.restarts),
                version: versions.get(name).cloned(),
                cpu_millicores: usage
                    .as_ref()
                    .zip(before)
                    .map(|(now, before)| millicores(now.cpu_ms, before.cpu_ms, elapsed)),
                cpu_ms: usage.as_ref().map(|usage| usage.cpu_ms),
                rss_bytes: usage.as_ref().map(|usage| usage.rss_bytes),
                rss_peak_bytes: usage.as_ref().map(|usage| usage.rss_peak_bytes),
            }
        };
        Ok(self.target.parts.controllers.iter().map(|part| state(&part.name)).collect())
    }

    /// Starts the controllers that do not run, and waits until each is ready.
    pub(super) async fn start_controllers(&self, dry_run: bool) -> Result<Vec<Handled>, FluxError> {
        let stopped = self.stopped().await?;
        let mut handled = Vec::new();
        for part in &self.target.parts.controllers {
            let changed = stopped.contains(&part.name);
            if changed && !dry_run {
                self.report(&format!("starting {}", part.name));
                self.target.components.restart(&part.name).await?;
            }
            handled.push(Handled { name: part.name.clone(), changed });
        }
        if !dry_run {
            for part in &self.target.parts.controllers {
                self.target.components.component_ready(&part.name).await?;
            }
        }
        Ok(handled)
    }

    /// Stops the controllers that run, all at the same time.
    pub(super) async fn stop_controllers(&self, dry_run: bool) -> Result<Vec<Handled>, FluxError> {
        let stopped = self.stopped().await?;
        let running: Vec<&str> = self
            .target
            .parts
            .controllers
            .iter()
            .map(|part| part.name.as_str())
            .filter(|name| !stopped.iter().any(|it| it == name))
            .collect();
        if !dry_run {
            for name in &running {
                self.report(&format!("stopping {name}"));
            }
            futures::future::try_join_all(running.iter().map(|name| self.target.components.stop(name))).await?;
        }
        let handled = |name: &String| Handled { name: name.clone(), changed: running.contains(&name.as_str()) };
        Ok(self.target.parts.controllers.iter().map(|part| handled(&part.name)).collect())
    }
}

fn millicores(now_ms: u64, before_ms: u64, elapsed: Duration) -> u64 {
    now_ms.saturating_sub(before_ms) * 1000 / (elapsed.as_millis() as u64).max(1)
}
