//! Control of a cluster's components, whoever runs them.

use std::fmt::Debug;

use futures::future::BoxFuture;
use harness_plan::Capability;

use crate::local::{ComponentUsage, ControlClient, Failure, LocalError, Status};

/// What runs a cluster's components, and takes orders about them.
pub trait ComponentControl: Debug + Send + Sync {
    /// What runs now.
    fn status(&self) -> BoxFuture<'_, Result<Status, LocalError>>;
    /// CPU time and memory of each process.
    fn usage(&self) -> BoxFuture<'_, Result<Vec<ComponentUsage>, LocalError>>;
    /// Ends when a component has died that nobody stopped.
    fn failed(&self) -> BoxFuture<'_, Failure>;
    /// Kills a component, which stays dead until [`ComponentControl::restart`].
    fn kill<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), LocalError>>;
    /// Starts a component again.
    fn restart<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), LocalError>>;
    /// Asks a component to end, and waits until it has.
    fn stop<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), LocalError>>;
    /// Waits until a component is ready.
    fn component_ready<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), LocalError>>;
    /// Waits until the provisioner knows this version of the control plane.
    fn told_version<'a>(&'a self, version: &'a str) -> BoxFuture<'a, Result<(), LocalError>>;
    /// Starts what a capability needs, and waits until it is ready.
    fn provide(&self, capability: Capability) -> BoxFuture<'_, Result<(), LocalError>>;
}

/// The supervisor of a local cluster, over its socket.
impl ComponentControl for ControlClient {
    fn status(&self) -> BoxFuture<'_, Result<Status, LocalError>> {
        Box::pin(Self::status(self))
    }

    fn usage(&self) -> BoxFuture<'_, Result<Vec<ComponentUsage>, LocalError>> {
        Box::pin(Self::usage(self))
    }

    fn failed(&self) -> BoxFuture<'_, Failure> {
        Box::pin(Self::failed(self))
    }

    fn kill<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), LocalError>> {
        Box::pin(Self::kill(self, component))
    }

    fn restart<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), LocalError>> {
        Box::pin(Self::restart(self, component))
    }

    fn stop<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), LocalError>> {
        Box::pin(Self::stop(self, component))
    }

    fn component_ready<'a>(&'a self, component: &'a str) -> BoxFuture<'a, Result<(), LocalError>> {
        Box::pin(Self::component_ready(self, component))
    }

    fn told_version<'a>(&'a self, version: &'a str) -> BoxFuture<'a, Result<(), LocalError>> {
        Box::pin(Self::told_version(self, version))
    }

    fn provide(&self, capability: Capability) -> BoxFuture<'_, Result<(), LocalError>> {
        Box::pin(Self::provide(self, capability))
    }
}
