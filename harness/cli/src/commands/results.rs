//! `harness report` and `harness compare`, and what `harness run` prints at its end.

use harness_record::Summary;
use harness_suite::{ExitCode, FolderReport, RunReport, SuiteReport, compare_folders, report_folder};

use crate::args::{Compare, Report};
use crate::console::Console;
use crate::error::CliError;

pub(super) fn report(args: &Report, console: &Console) -> Result<ExitCode, CliError> {
    match report_folder(&args.folder)? {
        FolderReport::Run(report) => {
            show_run(&report, console)?;
            Ok(report.exit_code)
        }
        FolderReport::Suite(report) => {
            show_suite(&report, console)?;
            Ok(report.exit_code)
        }
    }
}

pub(super) fn compare(args: &Compare, console: &Console) -> Result<ExitCode, CliError> {
    let comparisons = compare_folders(&args.before, &args.after)?;
    if console.json() {
        console.json_data(&comparisons)?;
    } else {
        let (width, colour) = (console.width(), console.colour_out);
        console.data(&harness_report::console::comparisons(&comparisons, width, colour))?;
    }
    Ok(comparisons.exit_code)
}

/// Prints what a run came to.
pub(super) fn show_run(report: &RunReport, console: &Console) -> Result<(), CliError> {
    let (width, colour) = (console.width(), console.colour_out);
    if console.json() {
        console.data(&Summary::from(&report.result).to_json()?)?;
    } else {
        console.data(&harness_report::console::summary(&report.result, width, colour))?;
    }
    for error in &report.unwritten {
        console.error(&error.to_string());
    }
    let html = report.folder.join("report.html");
    if !console.json() && html.is_file() {
        console.say(&format!("report: {}", html.display()));
    }
    if let Some(comparison) = &report.comparison {
        if !console.json() {
            console.data(&harness_report::console::comparison(comparison, width, colour))?;
        }
        console.say(&format!("comparison: {}", report.folder.join("comparison.json").display()));
    }
    Ok(())
}

/// Prints what the runs of a suite came to.
pub(super) fn show_suite(report: &SuiteReport, console: &Console) -> Result<(), CliError> {
    for failure in &report.failures {
        console.error(&failure.to_string());
    }
    if !report.record.leaks.is_empty() {
        console.error(&format!("left behind: {}", report.record.leaks.join(", ")));
    }
    if console.json() {
        console.data(&report.json)?;
    } else {
        let took_us = report.record.took_ms.saturating_mul(1000);
        let (width, colour) = (console.width(), console.colour_out);
        let table = harness_report::console::several(&report.outcomes(), took_us, report.exit_code, width, colour);
        console.data(&table)?;
    }
    console.say(&format!("report: {}", report.folder.join("index.html").display()));
    Ok(())
}
