//! Upstream's end-to-end suites of the NAP controller on real local clusters, with a table of what became of each spec.
//! `ci/conformance.sh` starts it.
//!
//! The suites are upstream's, unchanged: programs of Ginkgo that read the variables of `harness env`. A dry run lists their specs; then each
//! spec is run alone, on a cluster that is started for it and taken down after it. Its result is a file, so that a second run does only what
//! is missing.

mod args;
mod data_plane;
mod failure;
mod ginkgo;
#[path = "../catalogue/interrupts.rs"]
mod interrupts;
mod process;
mod record;
mod spec;
mod table;
mod trial;
mod upstream;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser as _;
use harness_units::count;

use crate::args::{Again, Args};
use crate::data_plane::DataPlane;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::record::{Files, Record, write_json};
use crate::spec::Spec;
use crate::table::{Row, Table};
use crate::trial::Trials;
use crate::upstream::{Suites, absolute};

/// A first build of the components takes up to 20 minutes.
const COMPONENTS_LIMIT: Duration = Duration::from_secs(60 * 60);
/// The exit code after an interrupt.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match conformance(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            match failure {
                Failure::Interrupted => INTERRUPTED.into(),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// One spec, and what is known of it.
struct Item<'a> {
    spec: Spec,
    files: Files,
    /// What it needs, if it needs a data plane.
    needs: Option<&'a str>,
    record: Option<Record>,
}

impl Item<'_> {
    /// Whether it is to be run.
    fn is_due(&self, again: Option<Again>, with_data_plane: bool) -> bool {
        let has_result = self.record.as_ref().is_some_and(|record| !again.is_some_and(|again| again.includes(record)));
        !has_result && (self.needs.is_none() || with_data_plane)
    }
}

/// Whether every spec that needs no data plane passed or skipped itself.
fn conformance(args: &Args) -> Result<bool, Failure> {
    let interrupts = Interrupts::listen("the cluster to be taken down").map_err(Failure::Signals)?;
    let out = absolute(&args.out)?;
    let data_plane = DataPlane::read(&args.data_plane)?;
    let suites = Suites::new(&out, interrupts.clone())?;
    let mut items = items(args, &suites, &data_plane, &out)?;
    let outcome = if args.list { Ok(()) } else { run(args, &suites, &mut items, &out, interrupts) };
    let rows = items.iter().map(|item| Row::new(&item.spec, item.record.as_ref(), item.needs));
    let table = Table::new(suites.version(), rows.collect());
    let (markdown, json) = (out.join("conformance.md"), out.join("conformance.json"));
    std::fs::write(&markdown, table.markdown()).map_err(Failure::file("write", &markdown))?;
    write_json(&json, &table)?;
    print!("{}", table.markdown());
    eprintln!("{} ({}, {})", table.totals(), markdown.display(), json.display());
    outcome.map(|()| args.list || !table.failed())
}

/// The specs that were asked for, with the results that there are.
fn items<'a>(args: &Args, suites: &Suites, list: &'a DataPlane, out: &Path) -> Result<Vec<Item<'a>>, Failure> {
    let mut specs = Vec::new();
    for suite in suites.build(&args.suites)? {
        let own = suites.specs(&suite)?;
        if own.is_empty() {
            eprintln!("note: the suite {suite} has no spec today");
        }
        specs.extend(own);
    }
    list.check(specs.iter())?;
    let chosen = spec::named(specs).into_iter().filter(|(_, spec)| spec.text.contains(&args.only));
    let items = chosen.map(|(name, spec)| {
        let files = Files::new(out, &spec.suite, &name);
        Ok(Item { needs: list.reason(&spec), record: files.read(suites.version())?, files, spec })
    });
    let items: Vec<Item> = items.collect::<Result<_, Failure>>()?;
    if items.is_empty() && !args.only.is_empty() {
        return Err(Failure::NoSpec { text: args.only.clone() });
    }
    Ok(items)
}

/// Runs what is due, one after another: a cluster takes the whole of a small machine.
fn run(
    args: &Args,
    suites: &Suites,
    items: &mut [Item<'_>],
    out: &Path,
    interrupts: Interrupts,
) -> Result<(), Failure> {
    let trials = Trials {
        harness: absolute(&args.harness)?,
        cluster: format!("conformance-{}", std::process::id()),
        limit: args.limit.as_duration(),
        interrupts,
    };
    let due: Vec<&mut Item> = items.iter_mut().filter(|item| item.is_due(args.again, args.with_data_plane)).collect();
    if due.is_empty() {
        return Ok(());
    }
    // Missing ones would be built by the first cluster, within its limit.
    let mut build = Command::new(&trials.harness);
    let log = out.join("components.log");
    process::succeed(build.args(["components", "build"]), &log, COMPONENTS_LIMIT, || trials.interrupted())?;
    let of = due.len();
    eprintln!("{} to run", count(of, "spec"));
    let began = Instant::now();
    for (done, item) in due.into_iter().enumerate() {
        let judgement = trials.run(&suites.program(&item.spec.suite), &item.spec, &item.files)?;
        let record = Record::new(suites.version(), &item.spec, judgement);
        item.files.write(&record)?;
        let row = Row::new(&item.spec, Some(&record), item.needs);
        eprintln!("{:>6} s  {} of {of}  {row}", began.elapsed().as_secs(), done + 1);
        item.record = Some(record);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;
    use crate::record::tests::record;
    use crate::spec::tests::spec;

    #[test]
    fn only_what_is_missing_is_run() {
        let out = tempfile::tempdir().unwrap();
        let item = |outcome: Option<Outcome>, needs| Item {
            spec: spec("a", 94),
            files: Files::new(out.path(), "drift", "a-94"),
            needs,
            record: outcome.map(|outcome| record("a", outcome, None)),
        };
        let due = |outcome, again| item(outcome, None).is_due(again, false);
        assert!(due(None, None));
        assert!(!due(Some(Outcome::Failed), None));
        assert!(due(Some(Outcome::Failed), Some(Again::Failed)));
        assert!(!due(Some(Outcome::Passed), Some(Again::Failed)));
        assert!(due(Some(Outcome::Skipped), Some(Again::Skipped)));
        assert!(due(Some(Outcome::Passed), Some(Again::All)));
        assert!(!item(None, Some("a kubelet")).is_due(Some(Again::All), false));
        assert!(item(None, Some("a kubelet")).is_due(None, true));
    }
}
