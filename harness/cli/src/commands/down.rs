//! `harness down`.

use harness_cluster::local;

use crate::args::Down;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, LEFT, PASS};

pub(crate) async fn down(args: Down, console: &Console) -> Result<Exit, CliError> {
    let root = local::default_state_root();
    let Some(report) = local::down(&root, &args.cluster, args.logs.as_deref()).await? else {
        console.say(&format!("`{}` is not up", args.cluster));
        return Ok(PASS);
    };
    if console.json() {
        console.json_data(&report)?;
    }
    if report.left.is_empty() {
        console.say(&format!(
            "`{}` is down after {:.1} s; nothing is left",
            args.cluster,
            report.duration_ms as f64 / 1e3
        ));
        return Ok(PASS);
    }
    console.error(&format!("left behind: {}", report.left.join(", ")));
    Ok(LEFT)
}
