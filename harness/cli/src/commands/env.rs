//! `harness env`: `eval "$(harness env)"` and use the cluster with any client.

use harness_cluster::local;

use crate::args::Named;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, PASS};
use crate::shell;

pub(crate) async fn env(args: Named, console: &Console) -> Result<Exit, CliError> {
    let root = local::default_state_root();
    let Some(cluster) = local::attach(&root, &args.cluster).await? else {
        return Err(CliError::NotUp { name: args.cluster });
    };
    let variables = cluster.env();
    if console.json() {
        let map: std::collections::BTreeMap<_, _> = variables.into_iter().collect();
        console.json_data(&map)?;
    } else {
        let lines: Vec<String> =
            variables.iter().map(|(name, value)| format!("export {name}={}", shell::quoted(value))).collect();
        console.data(&lines.join("\n"))?;
    }
    Ok(PASS)
}
