//! `harness up`.

use std::time::Instant;

use harness_cluster::local;

use crate::args::Up;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, PASS};
use crate::target;

pub(crate) async fn up(args: Up, console: &Console) -> Result<Exit, CliError> {
    let name = args.local.cluster.clone();
    let config = target::local_config(&args.local, name.clone(), console).await?;
    console.say(&format!("starting the local cluster `{name}`"));
    let began = Instant::now();
    let cluster = local::up(config).await?;
    let took = began.elapsed();
    console.say(&format!("`{name}` is usable after {:.1} s; it stays until `harness down`", took.as_secs_f64()));
    console.say("use it from a shell: eval \"$(harness env)\"; run scenarios on it: harness run scale-burst");
    if console.json() {
        console.json_data(&cluster.status().await?)?;
    }
    Ok(PASS)
}
