//! Every scenario and every counter-case on real local clusters, with one report over all of them. `ci/catalogue.sh` starts it.
//!
//! It drives the `harness` binary as a user would. Each run is a process with a cluster of its own, so no run sees leaks of
//! another; or all of them share one, in one order or in several whose verdicts are compared. A few lanes start the runs, longest first. `harness report` makes the index over all of them, in which counter-cases and
//! flaky runs are marked.

mod args;
mod cluster;
mod counter_case;
mod failure;
mod interrupts;
mod jobs;
mod judge;
mod lanes;
mod orders;
mod process;
mod suite;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use clap::Parser as _;

use crate::args::{Args, Order};
use crate::cluster::SharedCluster;
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
    let (lanes, shared) = args.clusters();
    if args.list {
        println!("{}", jobs::listed(&jobs, lanes));
        return Ok(harness_suite::ExitCode::Passed);
    }
    let seed = args.seed.unwrap_or_else(orders::new_seed);
    eprintln!("seed {seed}; the same again: {}", command(args, seed));
    let started_at = jiff::Timestamp::now();
    let id = format!("catalogue-{}", started_at.strftime("%Y%m%d-%H%M%S"));
    let out = args.out.clone().unwrap_or_else(|| Path::new("reports").join(&id));
    fresh(&out)?;
    let interrupts = Interrupts::listen("the runs to clean up (interrupt again to abandon the cleanup)");
    let interrupts = interrupts.map_err(Failure::Signals)?;
    components(&args.harness)?;
    let cluster = shared.then(|| SharedCluster::up(&args.harness)).transpose()?;
    let catalogue = Catalogue { args, jobs: &jobs, seed, id: &id, lanes, cluster: cluster.as_ref(), interrupts };
    let exit_code = match args.orders {
        None => catalogue.run(args.order == Order::Random, 1, &out)?.exit_code,
        Some(orders) => catalogue.compare(orders.get(), &out)?,
    };
    if let Some(cluster) = cluster {
        cluster.down()?;
    }
    Ok(exit_code)
}

/// What is run, and how.
struct Catalogue<'a> {
    args: &'a Args,
    jobs: &'a [Job],
    seed: u64,
    id: &'a str,
    lanes: usize,
    cluster: Option<&'a SharedCluster>,
    interrupts: Interrupts,
}

/// How one pass over everything ended.
struct Pass {
    exit_code: harness_suite::ExitCode,
    outcomes: BTreeMap<String, Outcome>,
}

impl Catalogue<'_> {
    /// Runs everything once, in the order of its number if that is random, and writes the reports.
    fn run(&self, random: bool, number: u32, out: &Path) -> Result<Pass, Failure> {
        let jobs = if random { orders::shuffled(self.jobs, self.seed, number) } else { self.jobs.to_vec() };
        if random {
            let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
            eprintln!("order {number}: {}", names.join(", "));
        }
        let (began, started_at, lanes) = (Instant::now(), jiff::Timestamp::now(), self.lanes);
        let about = jobs::text(jobs::makespan(&jobs, lanes));
        eprintln!("{}, {lanes} at a time: about {about}", jobs::counted(jobs.len(), "run"));
        let processes = Processes::new(self.args.harness.clone(), out.to_owned(), self.seed, self.interrupts.clone());
        let processes = processes.on(self.cluster.map(|cluster| cluster.name.clone()));
        let live = Live {
            processes,
            cluster: self.cluster,
            interrupts: self.interrupts.clone(),
            began,
            outcomes: Mutex::default(),
        };
        let repeats = self.cluster.is_none();
        let states = lanes::run(&jobs, lanes, repeats, &live);
        let whole = Whole {
            jobs: &jobs,
            states: &states,
            id: self.id,
            started_at,
            took: began.elapsed(),
            profile: self.args.profile.as_str(),
            seed: self.seed,
            command: &command(self.args, self.seed),
        };
        whole.report(out, &self.args.harness)?;
        let totals = Totals::of(&jobs, &states);
        eprintln!("{}, took {}", totals.text(FLAKY_MAX), jobs::text(whole.took));
        let outcomes = live.outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Pass { exit_code: totals.exit_code(FLAKY_MAX), outcomes })
    }

    /// Runs everything in several random orders. The worst exit code, and at least 1 where a verdict depends on the order.
    fn compare(&self, orders: u32, out: &Path) -> Result<harness_suite::ExitCode, Failure> {
        let (mut exit_code, mut outcomes) = (harness_suite::ExitCode::Passed, Vec::new());
        for number in 1..=orders {
            let pass = self.run(true, number, &out.join(format!("order-{number}")))?;
            if pass.exit_code == harness_suite::ExitCode::Interrupted {
                return Ok(pass.exit_code);
            }
            if pass.exit_code != harness_suite::ExitCode::Passed {
                exit_code = pass.exit_code;
            }
            outcomes.push(pass.outcomes);
        }
        let differences = orders::differences(&outcomes);
        for line in &differences {
            eprintln!("DEPENDS ON THE ORDER: {line}");
        }
        if !differences.is_empty() {
            return Ok(harness_suite::ExitCode::Failed);
        }
        eprintln!("the same verdicts in {} (seed {})", jobs::counted(orders as usize, "order"), self.seed);
        Ok(exit_code)
    }
}

/// Real runs; progress goes to stderr.
struct Live<'a> {
    processes: Processes,
    /// The cluster that all runs share, if they do.
    cluster: Option<&'a SharedCluster>,
    interrupts: Interrupts,
    began: Instant,
    /// The last outcome of each run.
    outcomes: Mutex<BTreeMap<String, Outcome>>,
}

impl Runner for Live<'_> {
    fn run(&self, job: &Job, attempt: u32) -> Outcome {
        let outcome = self.processes.run(job, attempt);
        if let Some(cluster) =
            self.cluster.filter(|_| outcome.exit_code == Some(u8::from(harness_suite::ExitCode::TargetFailed).into()))
        {
            eprintln!("the target failed: the runs that follow get a fresh cluster");
            // Where it does not come up, they say so, each for itself.
            if let Err(failure) = cluster.replace() {
                eprintln!("error: {failure}");
            }
        }
        lanes::locked(&self.outcomes).insert(job.name.clone(), outcome.clone());
        outcome
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
fn command(args: &Args, seed: u64) -> String {
    let mut words = vec!["ci/catalogue.sh".to_owned(), format!("--profile {}", args.profile.as_str())];
    if !args.only.is_empty() {
        words.push(format!("--only {}", args.only.join(",")));
    }
    if args.no_counter_cases {
        words.push("--no-counter-cases".to_owned());
    }
    if args.order == Order::Random {
        words.push("--order random".to_owned());
    }
    if args.one_cluster {
        words.push("--one-cluster".to_owned());
    }
    words.extend(args.orders.map(|orders| format!("--orders {orders}")));
    words.push(format!("--seed {seed}"));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_that_nobody_gave_is_in_the_command_that_repeats_it() {
        let args = Args::try_parse_from(["catalogue", "--only", "spot", "--orders", "3"]).unwrap();
        // It was 7 each time.
        assert_eq!(args.seed, None);
        assert_eq!(args.clusters(), (1, true));
        assert_eq!(command(&args, 42), "ci/catalogue.sh --profile default --only spot --orders 3 --seed 42");
        let again = Args::try_parse_from(command(&args, 42).split(' ')).unwrap();
        assert_eq!((again.seed, again.orders), (Some(42), args.orders));
        assert!(Args::try_parse_from(["catalogue", "--one-cluster", "--lanes", "2"]).is_err());
    }
}
