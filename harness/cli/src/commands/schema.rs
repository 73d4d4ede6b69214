//! `harness schema`.

use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, PASS};

pub(crate) fn schema(console: &Console) -> Result<Exit, CliError> {
    console.json_data(&harness_scenario::scenario_schema())?;
    Ok(PASS)
}
