//! `harness compare`.

use std::path::Path;

use harness_record::compare::{Side, Thresholds, compare as compare_sides};

use crate::args::Compare;
use crate::commands::report;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::Exit;

pub(crate) fn compare(args: &Compare, console: &Console) -> Result<Exit, CliError> {
    folders(&args.before, &args.after, console)
}

/// Compares the latencies of two runs, from their logs.
pub(crate) fn folders(before: &Path, after: &Path, console: &Console) -> Result<Exit, CliError> {
    let (_, before) = report::read(before)?;
    let (_, after) = report::read(after)?;
    let comparison = compare_sides(&Side::from(&before), &Side::from(&after), Thresholds::default());
    if console.json() {
        console.json_data(&comparison)?;
    } else {
        console.data(&harness_report::console::comparison(&comparison, console.width(), console.colour_out))?;
    }
    Ok(Exit(comparison.exit_code()))
}
