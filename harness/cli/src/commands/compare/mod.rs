//! `harness compare`, and what `harness run --baseline` does with a baseline.

mod baseline;
mod sides;

use std::path::Path;

use harness_record::compare::{Comparison, Comparisons, MeasuredRun, Thresholds, compare as compare_runs};

use crate::args::Compare;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::Exit;

pub(crate) use baseline::Baseline;

pub(crate) fn compare(args: &Compare, console: &Console) -> Result<Exit, CliError> {
    let (before, after) = (sides::read(&args.before)?, sides::read(&args.after)?);
    let all = by_scenario(&before, &after);
    if all.comparisons.is_empty() {
        return Err(CliError::Usage(format!(
            "{} has runs of {}, {} of {}: there is nothing to compare",
            args.before.display(),
            scenarios(&before).join(", "),
            args.after.display(),
            scenarios(&after).join(", ")
        )));
    }
    if console.json() {
        console.json_data(&all)?;
    } else {
        console.data(&harness_report::console::comparisons(&all, console.width(), console.colour_out))?;
    }
    Ok(Exit(all.exit_code))
}

/// The names of the runs' scenarios, each once, in the order of the runs.
fn scenarios(runs: &[MeasuredRun]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for run in runs {
        if !names.contains(&run.scenario) {
            names.push(run.scenario.clone());
        }
    }
    names
}

fn of(runs: &[MeasuredRun], scenario: &str) -> Vec<MeasuredRun> {
    runs.iter().filter(|run| run.scenario == scenario).cloned().collect()
}

/// Compares scenario by scenario.
fn by_scenario(before: &[MeasuredRun], after: &[MeasuredRun]) -> Comparisons {
    let (mut comparisons, mut not_compared) = (Vec::new(), Vec::new());
    for scenario in scenarios(before) {
        let later = of(after, &scenario);
        if later.is_empty() {
            not_compared.push(format!("{scenario}: the later side has no run of it"));
        } else {
            comparisons.push(compare_runs(&of(before, &scenario), &later, Thresholds::default()));
        }
    }
    let only_after = scenarios(after).into_iter().filter(|scenario| before.iter().all(|run| run.scenario != *scenario));
    not_compared.extend(only_after.map(|scenario| format!("{scenario}: the earlier side has no run of it")));
    Comparisons::new(comparisons, not_compared)
}

/// Writes `comparison.json` and `comparison.md` into a folder.
pub(crate) fn write(folder: &Path, comparisons: Vec<Comparison>, not_compared: Vec<String>) -> Result<(), CliError> {
    let all = Comparisons::new(comparisons, not_compared);
    let path = folder.join("comparison.json");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| CliError::Write { path, source }
    };
    let json = serde_json::to_string_pretty(&all).map_err(|error| failed(&path)(error.into()))?;
    std::fs::write(&path, json + "\n").map_err(failed(&path))?;
    let path = folder.join("comparison.md");
    std::fs::write(&path, harness_report::comparison::markdown(&all)).map_err(failed(&path))
}
