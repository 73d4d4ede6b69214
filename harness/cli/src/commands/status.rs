//! `harness status`.

use harness_cluster::local::{self, Phase};

use crate::args::Named;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, PASS, TARGET_FAILED};

pub(crate) async fn status(args: Named, console: &Console) -> Result<Exit, CliError> {
    let root = local::default_state_root();
    let Some(status) = local::status(&root, &args.cluster).await? else {
        return Err(CliError::NotUp { name: args.cluster });
    };
    if console.json() {
        console.json_data(&status)?;
    } else {
        console.data(&text(&status))?;
    }
    Ok(if status.phase == Phase::Failed { TARGET_FAILED } else { PASS })
}

fn text(status: &local::Status) -> String {
    let mut lines = vec![format!("{}: {:?}, since {}", status.name, status.phase, status.started_at).to_lowercase()];
    lines.push(String::new());
    for component in &status.components {
        let state = match (&component.process, &component.last_exit) {
            (Some(process), _) => format!("running, pid {}", process.pid),
            (None, Some(exit)) => format!("stopped: {exit}"),
            (None, None) => "not started".to_owned(),
        };
        lines.push(format!("  {:<26} {state}", component.name));
    }
    lines.push(String::new());
    lines.extend(status.endpoints.iter().map(|(name, address)| format!("  {name:<26} {address}")));
    if let Some(failure) = &status.failure {
        lines.push(format!("\nfailed: {failure}"));
    }
    lines.join("\n")
}
