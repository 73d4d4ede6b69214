//! Running components: their state, what they use, and orders about them.

mod status;
mod usage;

use std::fmt::Debug;

use futures::future::BoxFuture;

pub use status::{ComponentStatus, Failure, Phase, ProcessRef, Status, StepTiming, TeardownReport};
pub use usage::{ComponentUsage, own_usage, read_usage, start_ticks};

/// A request to control a component has failed.
#[derive(Debug, thiserror::Error)]
#[error("{by} did not {doing}: {reason}")]
pub struct ControlError {
    /// Who: "the supervisor of cluster \"dev\"".
    pub by: String,
    /// What it was asked for, as a verb phrase.
    pub doing: String,
    /// What came back.
    pub reason: String,
}

/// What runs a cluster's components, and takes orders about them.
pub trait ComponentControl: Debug + Send + Sync {
    /// What runs now.
    fn status(&self) -> BoxFuture<'_, Result<Status, ControlError>>;
    /// CPU time and memory of each process.
    fn usage(&self) -> BoxFuture<'_, Result<Vec<ComponentUsage>, ControlError>>;
    /// Waits until a component ends without being stopped.
    fn failed(&self) -> BoxFuture<'_, Failure>;
    /// Kills a component, which stays dead until [`ComponentControl::restart`].
    fn kill<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>>;
    /// Starts a component again.
    fn restart<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>>;
    /// Asks a component to end, and waits until it has.
    fn stop<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>>;
    /// Waits until a component is ready.
    fn component_ready<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>>;
    /// Waits until the provisioner has been given this version of the control plane (without `v`).
    fn version_announced<'a>(&'a self, version: &'a str) -> BoxFuture<'a, Result<(), ControlError>>;
    /// Starts a component that runs only on demand, and waits until it is ready. Does nothing if it runs already.
    fn start_on_demand<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), ControlError>>;
}
