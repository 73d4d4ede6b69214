//! Faults of the Git server.

use harness_simulation::GitFault;

use crate::drive::context::Context;
use crate::error::ActionError;

/// Makes the Git server fail in this way from now on.
pub(super) async fn act(fault: GitFault, context: &Context) -> Result<(), ActionError> {
    Ok(context.cluster.set_git_fault(Some(fault)).await?)
}

/// Ends the fault; nothing happens where there is none.
pub(super) async fn undo(context: &Context) -> Result<(), ActionError> {
    Ok(context.cluster.set_git_fault(None).await?)
}
