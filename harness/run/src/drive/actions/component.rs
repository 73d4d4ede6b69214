//! Killing and starting components.

use harness_plan::Component;

use crate::drive::context::Context;
use crate::error::ActionError;

/// Kills a component with SIGKILL.
pub(super) async fn kill(component: Component, context: &Context) -> Result<(), ActionError> {
    Ok(context.cluster.kill(component.name()).await?)
}

/// Starts a component again.
pub(super) async fn start(component: Component, context: &Context) -> Result<(), ActionError> {
    Ok(context.cluster.restart(component.name()).await?)
}

/// Starts a component unless it is known to run: a restart of one that runs does no harm.
pub(super) async fn undo(component: Component, context: &Context) -> Result<(), ActionError> {
    let status = context.cluster.status().await;
    let runs = status
        .is_ok_and(|status| status.components.iter().any(|it| it.name == component.name() && it.process.is_some()));
    if runs { Ok(()) } else { start(component, context).await }
}
