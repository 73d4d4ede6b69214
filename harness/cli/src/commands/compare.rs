//! `harness compare`.

use std::path::Path;

use harness_record::compare::{Comparison, Side, Thresholds, compare as compare_sides};

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
    let comparison = comparison(before, after)?;
    if console.json() {
        console.json_data(&comparison)?;
    } else {
        console.data(&harness_report::console::comparison(&comparison, console.width(), console.colour_out))?;
    }
    Ok(Exit(comparison.exit_code()))
}

/// The same without a word.
pub(crate) fn comparison(before: &Path, after: &Path) -> Result<Comparison, CliError> {
    let (_, before) = report::read(before)?;
    let (_, after) = report::read(after)?;
    Ok(compare_sides(&Side::from(&before), &Side::from(&after), Thresholds::default()))
}
