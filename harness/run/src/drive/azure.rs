//! The simulated Azure, as the plan wants it. Errors are in words, for the log.

use harness_azure::control::{Client, ControlError};

/// Ends every fault; one that has ended by itself meanwhile is no error.
pub(crate) async fn clear_faults(azure: &Client) -> Result<(), String> {
    for state in azure.faults().await.map_err(|error| error.to_string())? {
        match azure.remove_fault(&state.fault.id).await {
            Ok(()) | Err(ControlError::Refused { status: 404, .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}
