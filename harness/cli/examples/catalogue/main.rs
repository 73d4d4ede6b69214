//! Every scenario and every counter-case on real local clusters, with one report over all of them. `ci/catalogue.sh` starts it.
//!
//! It drives the `harness` binary as a user would. Each run is a process with a cluster of its own, so no run sees leaks of
//! another. A few lanes start the runs, longest first. `harness report` makes the index over all of them, in which counter-cases and
//! flaky runs are marked.

mod args;
mod counter_case;
mod failure;
mod interrupts;
mod jobs;
mod judge;
mod lanes;
mod process;
mod suite;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Parser as _;

use crate::args::Args;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::jobs::Job;
use crate::judge::Outcome;
use crate::lanes::{FLAKY_MAX, Progress, Runner};
use crate::process::Processes;
use crate::suite::{Totals, Whole};

fn main() -> ExitCode {
    match catalogue(&Args::parse()) {
        Ok(exit_code) => exit_code.into(),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn catalogue(args: &Args) -> Result<harness_suite::ExitCode, Failure> {
    let jobs = jobs::all(args, harness_scenario::builtin_scenarios())?;
    let lanes = args.lanes.get();
    if args.list {
        println!("{}", jobs::listed(&jobs, lanes));
        return Ok(harness_suite::ExitCode::Passed);
    }
    let started_at = jiff::Timestamp::now();
    let id = format!("catalogue-{}", started_at.strftime("%Y%m%d-%H%M%S"));
    let out = args.out.clone().unwrap_or_else(|| Path::new("reports").join(&id));
    fresh(&out)?;
    let interrupts = Interrupts::listen().map_err(Failure::Signals)?;
    components(&args.harness)?;
    let began = Instant::now();
    eprintln!(
        "{}, {lanes} at a time: about {}",
        jobs::counted(jobs.len(), "run"),
        jobs::text(jobs::makespan(&jobs, lanes))
    );
    let processes = Processes::new(args.harness.clone(), out.clone(), args.seed, interrupts.clone());
    let live = Live { processes, interrupts, began };
    let states = lanes::run(&jobs, lanes, &live);
    let whole = Whole {
        jobs: &jobs,
        states: &states,
        id: &id,
        started_at,
        took: began.elapsed(),
        profile: args.profile.as_str(),
        seed: args.seed,
        command: &command(args),
    };
    whole.report(&out, &args.harness)?;
    let totals = Totals::of(&jobs, &states);
    eprintln!("{}, took {}", totals.text(FLAKY_MAX), jobs::text(whole.took));
    Ok(totals.exit_code(FLAKY_MAX))
}

/// Real runs; progress goes to stderr.
struct Live {
    processes: Processes,
    interrupts: Interrupts,
    began: Instant,
}

impl Runner for Live {
    fn run(&self, job: &Job, attempt: u32) -> Outcome {
        self.processes.run(job, attempt)
    }

    fn interrupted(&self) -> bool {
        self.interrupts.count() > 0
    }

    fn say(&self, what: &Progress<'_>) {
        eprintln!("{:>7}  {}", jobs::text(self.began.elapsed()), line(what));
    }
}

/// One line of progress.
fn line(what: &Progress<'_>) -> String {
    match what {
        Progress::Started { job, attempt: 1 } => format!("{} started, about {}", job.name, jobs::text(job.expected)),
        Progress::Started { job, .. } => format!("{} started again, alone", job.name),
        Progress::Ended { job, outcome, problems, took, done, of } => {
            let word = ended(job, outcome, problems);
            format!("{} {word}, took {} ({done} of {of} done)", job.name, jobs::text(*took))
        }
        Progress::NotRepeated { wrong } => {
            format!("{wrong} runs went wrong and at most {FLAKY_MAX} may be flaky: not repeating any")
        }
    }
}

fn ended(job: &Job, outcome: &Outcome, problems: &[String]) -> String {
    match (problems, &job.counter_case) {
        ([], None) => "passed".to_owned(),
        ([], Some(_)) => {
            let why = outcome.reasons.first().map_or(String::new(), |reason| format!(": {reason}"));
            format!("failed as expected{why}")
        }
        ([main, rest @ ..], _) => {
            let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
            format!("WENT WRONG: {main}{more}")
        }
    }
}

/// Runs have fixed folder names, and the results of two catalogues must not mix.
fn fresh(out: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(out).map_err(Failure::file("create", out))?;
    match std::fs::read_dir(out).map_err(Failure::file("read", out))?.next() {
        None => Ok(()),
        Some(_) => Err(Failure::NotEmpty { folder: out.to_owned() }),
    }
}

/// Builds missing components first, so that no run has to.
fn components(harness: &Path) -> Result<(), Failure> {
    if std::env::var_os("HARNESS_BIN_DIR").is_some() {
        return Ok(());
    }
    let status = Command::new(harness).args(["components", "build"]).status();
    let status = status.map_err(|source| Failure::Spawn { program: harness.to_owned(), source })?;
    let what = "harness components build".to_owned();
    if status.success() { Ok(()) } else { Err(Failure::Ended { what, status: status.to_string() }) }
}

/// The command that repeats it.
fn command(args: &Args) -> String {
    let mut words = vec!["ci/catalogue.sh".to_owned(), format!("--profile {}", args.profile.as_str())];
    if !args.only.is_empty() {
        words.push(format!("--only {}", args.only.join(",")));
    }
    if args.no_counter_cases {
        words.push("--no-counter-cases".to_owned());
    }
    words.push(format!("--seed {}", args.seed));
    words.join(" ")
}
