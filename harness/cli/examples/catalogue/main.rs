//! Every scenario and every counter-case on real local clusters, with one report over all of them. `ci/catalogue.sh` starts it.
//!
//! It drives the `harness` binary as a user would: each run is a process with a cluster of its own, so that none meets what another has
//! left. A few lanes take the runs, the longest first. The report is the one of `harness report` over several runs, where counter-cases
//! and flaky runs are marked.

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
use std::time::{Duration, Instant};

use clap::Parser as _;

use crate::args::Args;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::jobs::Job;
use crate::judge::Came;
use crate::lanes::{FLAKY_MAX, Runner, Said};
use crate::process::Processes;
use crate::suite::{Totals, Whole};

fn main() -> ExitCode {
    match catalogue(&Args::parse()) {
        Ok(exit_code) => ExitCode::from(exit_code),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn catalogue(args: &Args) -> Result<u8, Failure> {
    let jobs = jobs::all(args, harness_scenario::builtin_scenarios())?;
    let lanes = args.lanes.get();
    if args.list {
        println!("{}", jobs::listed(&jobs, lanes));
        return Ok(0);
    }
    fresh(&args.out)?;
    let interrupts = Interrupts::listen().map_err(Failure::Signals)?;
    components(&args.harness)?;
    let (began, started_at) = (Instant::now(), jiff::Timestamp::now());
    let counted = harness_report::text::counted(jobs.len() as u64, "run");
    eprintln!("{counted}, {lanes} at a time: about {}", jobs::text(jobs::makespan(&jobs, lanes)));
    let processes = Processes::new(args.harness.clone(), args.out.clone(), args.seed, interrupts.clone());
    let live = Live { processes, interrupts, began };
    let states = lanes::run(&jobs, lanes, &live);
    let whole = Whole {
        jobs: &jobs,
        states: &states,
        started_at,
        took: began.elapsed(),
        profile: args.profile.as_str(),
        seed: args.seed,
        command: &command(args),
    };
    whole.report(&args.out, &args.harness)?;
    let totals = Totals::of(&jobs, &states);
    eprintln!("{}, took {}", totals.text(FLAKY_MAX), jobs::text(whole.took));
    Ok(totals.exit_code(FLAKY_MAX))
}

/// Runs on the machine, and lines on stderr.
struct Live {
    processes: Processes,
    interrupts: Interrupts,
    began: Instant,
}

impl Runner for Live {
    fn run(&self, job: &Job, attempt: u32) -> Came {
        self.processes.run(job, attempt)
    }

    fn interrupted(&self) -> bool {
        self.interrupts.count() > 0
    }

    fn say(&self, what: &Said<'_>) {
        eprintln!("{:>7}  {}", jobs::text(self.began.elapsed()), line(what));
    }
}

/// What is said on the way, one line each.
fn line(what: &Said<'_>) -> String {
    match what {
        Said::Begins { job, attempt: 1 } => format!("{} begins, about {}", job.name, jobs::text(job.expected)),
        Said::Begins { job, .. } => format!("{} begins again, alone", job.name),
        Said::Ended { job, came, against, took, done, of } => {
            let word = ended(job, came, against);
            format!("{} {word}, took {} ({done} of {of} done)", job.name, jobs::text(*took))
        }
        Said::NotRepeated { wrong } => {
            format!("{wrong} went wrong, and at most {FLAKY_MAX} may be flaky: nothing is run again")
        }
    }
}

fn ended(job: &Job, came: &Came, against: &[String]) -> String {
    match (against, &job.counter_case) {
        ([], None) => "passed".to_owned(),
        ([], Some(_)) => {
            let why = came.reasons.first().map_or(String::new(), |reason| format!(": {reason}"));
            format!("failed as it must{why}")
        }
        ([main, rest @ ..], _) => {
            let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
            format!("WENT WRONG: {main}{more}")
        }
    }
}

/// The folders of runs have fixed names, and two catalogues must not be mixed.
fn fresh(out: &Path) -> Result<(), Failure> {
    match std::fs::read_dir(out) {
        Ok(mut entries) if entries.next().is_some() => Err(Failure::NotEmpty { folder: out.to_owned() }),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(out).map_err(Failure::file("create", out))
        }
        Err(source) => Err(Failure::File { action: "read", path: out.to_owned(), source }),
    }
}

/// So that no run pays for the build of the components, or fails for want of them.
fn components(harness: &Path) -> Result<(), Failure> {
    if std::env::var_os("HARNESS_BIN_DIR").is_some() {
        return Ok(());
    }
    let status = Command::new(harness).args(["components", "build"]).status();
    let status = status.map_err(|source| Failure::Spawn { program: harness.to_owned(), source })?;
    let what = "harness components build".to_owned();
    if status.success() { Ok(()) } else { Err(Failure::Ended { what, status: status.to_string() }) }
}

/// What repeats it.
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
