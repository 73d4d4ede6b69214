//! The report over several runs, made from their folders: by the runs themselves, and again by `harness report`.

use std::path::Path;

use harness_record::RunResult;
use harness_report::several::{Became, One, Trouble};
use harness_scenario::plan::Plan;

use crate::commands::report as one_report;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, INCONCLUSIVE, LEFT, PASS};

use super::file::{Entry, State, Suite, Told};

/// `harness report` on the folder of several runs: every report in it again.
pub(crate) fn report(folder: &Path, console: &Console) -> Result<Exit, CliError> {
    let suite = Suite::read(folder)?;
    for entry in &suite.scenarios {
        let run = folder.join(&entry.name);
        if run.join("events.jsonl").is_file() {
            one_report::write(&run)?;
        }
    }
    write_and_show(folder, &suite, console)
}

/// What is known of one scenario.
struct Known<'a> {
    entry: &'a Entry,
    ran: Option<(Plan, RunResult)>,
    troubles: Vec<Trouble>,
}

/// Writes the reports over all of them and prints the table. Returns the exit code of the whole.
pub(crate) fn write_and_show(folder: &Path, suite: &Suite, console: &Console) -> Result<Exit, CliError> {
    let known = suite
        .scenarios
        .iter()
        .map(|entry| {
            let run = folder.join(&entry.name);
            // Also of one that was begun and never ended: its log says how far it came.
            let ran = if run.join("events.jsonl").is_file() { Some(one_report::read(&run)?) } else { None };
            Ok(Known { entry, ran, troubles: entry.troubles.iter().map(Trouble::from).collect() })
        })
        .collect::<Result<Vec<_>, CliError>>()?;
    let all: Vec<One<'_>> = known.iter().map(one).collect();
    let left = if suite.left.is_empty() { PASS } else { LEFT };
    let exit = all.iter().map(|one| Exit(one.exit_code)).fold(left, Exit::worse);
    write(folder, suite, &all)?;
    if !suite.left.is_empty() {
        console.error(&format!("left behind: {}", suite.left.join(", ")));
    }
    let took_us = suite.took_ms.saturating_mul(1000);
    console.data(&harness_report::console::several(&all, took_us, exit.0, console.width(), console.colour_out))?;
    Ok(exit)
}

fn one<'a>(known: &'a Known<'a>) -> One<'a> {
    let entry = known.entry;
    let became = match (&known.ran, &entry.state) {
        (Some((plan, result)), _) => Became::Ran(plan, result),
        (None, State::NotRun { reason, .. }) => Became::NotRun(reason),
        (None, State::Waiting) => Became::NotRun("the harness was killed before its turn came"),
        (None, State::Running | State::Ran) => Became::NotRun("there is no log of it"),
    };
    let exit = exit_of(&became, &entry.state, &entry.troubles);
    One { name: &entry.name, group: &entry.group, became, troubles: &known.troubles, exit_code: exit.0 }
}

/// The exit code of one: that of its run, or a worse one of what went wrong around it.
pub(crate) fn exit_of(became: &Became<'_>, state: &State, troubles: &[Told]) -> Exit {
    let own = match (became, state) {
        (Became::Ran(_, result), _) => result.exit_code,
        (Became::NotRun(_), State::NotRun { exit_code, .. }) => *exit_code,
        (Became::NotRun(_), _) => INCONCLUSIVE.0,
    };
    troubles.iter().map(|trouble| Exit(trouble.exit_code)).fold(Exit(own), Exit::worse)
}

fn write(folder: &Path, suite: &Suite, all: &[One<'_>]) -> Result<(), CliError> {
    let path = folder.join("junit.xml");
    let failed = |source: std::io::Error| CliError::Write { path: path.clone(), source };
    let title = format!("harness {} ({})", suite.id, suite.profile);
    let text = harness_report::several::junit(&title, all).map_err(|error| failed(std::io::Error::other(error)))?;
    std::fs::write(&path, text).map_err(failed)
}
