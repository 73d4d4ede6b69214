//! `harness plan`.

use crate::args::Plan;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, PASS};
use crate::source;

/// Without `--seed` a plan is printed for this one, so that two prints can be compared.
const SEED: u64 = 0;

pub(crate) fn plan(args: &Plan, console: &Console) -> Result<Exit, CliError> {
    let scenario = source::scenario(&args.scenario)?;
    let tree = source::tree_for(&scenario, args.planned.node_config.as_deref(), console)?;
    let seed = args.planned.seed.unwrap_or(SEED);
    let plan = source::plan(&scenario, &args.scenario, &args.planned, seed, &tree)?;
    console.json_data(&plan)?;
    Ok(PASS)
}
