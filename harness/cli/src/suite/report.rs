//! The report over several runs, made from their folders: by the runs themselves, and again by `harness report`.

use std::path::Path;

use harness_plan::Plan;
use harness_record::RunResult;
use harness_report::index::{self, Head};
use harness_report::several::{self, Became, One, Trouble};

use crate::commands::report as one_report;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, INCONCLUSIVE, LEFT, PASS, REGRESSION};

use super::file::{Entry, State, Suite, Told, replace};

/// `harness report` on the folder of several runs: every report in it again. A run whose reports cannot be made does not keep the others
/// from being reported.
pub(crate) fn report(folder: &Path, console: &Console) -> Result<Exit, CliError> {
    let suite = Suite::read(folder)?;
    let mut exit = PASS;
    for entry in &suite.scenarios {
        let run = folder.join(&entry.name);
        if run.join(LOG).is_file()
            && let Err(error) = one_report::write(&run)
        {
            error.show(console);
            exit = exit.worse(error.exit());
        }
    }
    Ok(exit.worse(write_and_show(folder, &suite, console)?))
}

/// The event log of a run.
const LOG: &str = "events.jsonl";

/// What is known of one scenario.
struct Known<'a> {
    entry: &'a Entry,
    /// Its result; `None` where it has no log, and why where the log cannot be read.
    ran: Option<Result<(Plan, RunResult), String>>,
    troubles: Vec<Trouble>,
}

/// Writes the reports over all of them and prints the table. Returns the exit code of the whole.
pub(crate) fn write_and_show(folder: &Path, suite: &Suite, console: &Console) -> Result<Exit, CliError> {
    let known: Vec<Known<'_>> = suite
        .scenarios
        .iter()
        .map(|entry| {
            let run = folder.join(&entry.name);
            // Also of one that was begun and never ended: its log says how far it came.
            let ran = run.join(LOG).is_file().then(|| one_report::read(&run).map_err(|error| error.to_string()));
            Known { entry, ran, troubles: entry.troubles.iter().map(Trouble::from).collect() }
        })
        .collect();
    let all: Vec<One<'_>> = known.iter().map(one).collect();
    let left = if suite.left.is_empty() { PASS } else { LEFT };
    let exit = all.iter().map(|one| Exit(one.exit_code)).fold(left, Exit::worse);
    let head = Head {
        title: suite.id.clone(),
        target: suite.target.clone(),
        profile: suite.profile.clone(),
        seed: Some(suite.seed),
        started_at: Some(suite.started_at),
        took_us: suite.took_ms.saturating_mul(1000),
        exit_code: exit.0,
        command: suite.command.clone(),
        left: suite.left.clone(),
    };
    let json = write(folder, &head, &all)?;
    if !suite.left.is_empty() {
        console.error(&format!("left behind: {}", suite.left.join(", ")));
    }
    if console.json() {
        console.data(&json)?;
    } else {
        let width = console.width();
        console.data(&harness_report::console::several(&all, head.took_us, exit.0, width, console.colour_out))?;
    }
    console.say(&format!("report: {}", folder.join("index.html").display()));
    Ok(exit)
}

fn one<'a>(known: &'a Known<'a>) -> One<'a> {
    let entry = known.entry;
    let became = match (&known.ran, &entry.state) {
        (Some(Ok((plan, result))), _) => match &entry.judgement {
            Some(judged) => Became::Judged(plan, result, judged.into()),
            None => Became::Ran(plan, result),
        },
        (Some(Err(reason)), _) => Became::NotRun(reason),
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
        (Became::Judged(_, _, judgement), _) if judgement.problems.is_empty() => PASS.0,
        // A counter-case that passes.
        (Became::Judged(_, result, _), _) if result.exit_code == PASS.0 => REGRESSION.0,
        (Became::Judged(_, result, _), _) => result.exit_code,
        (Became::NotRun(_), State::NotRun { exit_code, .. }) => *exit_code,
        (Became::NotRun(_), _) => INCONCLUSIVE.0,
    };
    troubles.iter().map(|trouble| Exit(trouble.exit_code)).fold(Exit(own), Exit::worse)
}

/// Writes `index.html`, `index.md`, `index.json` and `junit.xml`; one that fails does not keep the others from being written. Returns the
/// JSON.
fn write(folder: &Path, head: &Head, all: &[One<'_>]) -> Result<String, CliError> {
    let json = index::json(head, all).map_err(|error| error.to_string());
    let texts = [
        ("index.json", json.clone()),
        ("index.html", index::html(head, all).map_err(|error| error.to_string())),
        ("index.md", Ok(index::markdown(head, all))),
        ("junit.xml", several::junit(&format!("harness {}", head.title), all).map_err(|error| error.to_string())),
    ];
    let mut first_error = None;
    for (name, text) in texts {
        let path = folder.join(name);
        let written = match text {
            Ok(text) => replace(&path, &text),
            Err(reason) => Err(std::io::Error::other(reason)),
        };
        if let Err(source) = written {
            first_error.get_or_insert(CliError::Write { path, source });
        }
    }
    match (first_error, json) {
        (None, Ok(json)) => Ok(json),
        (Some(error), _) => Err(error),
        (None, Err(reason)) => Err(CliError::Unreadable { path: folder.join("index.json"), reason }),
    }
}
