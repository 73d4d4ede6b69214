//! The runs, one after another. Whatever becomes of one, the next begins on a cluster that is as it was before.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use harness_record::RunResult;
use harness_record::compare::{Comparison, MeasuredRun};
use harness_report::several::{Became, One, Trouble};
use jiff::Timestamp;

use crate::args::Run;
use crate::commands::compare::{self, Baseline};
use crate::commands::report as one_report;
use crate::commands::run::{self as one_run, Place};
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, INCONCLUSIVE, INTERRUPTED, LEFT, PASS, TARGET_FAILED};
use crate::folder;
use crate::signals::Interrupts;

use super::clusters::{After, Clusters};
use super::file::{State, Suite, Told};
use super::report::{self, exit_of};
use super::select::{self, Item};

/// What a run takes besides its phases: preparation and cleanup. For the estimate of what is left, nothing else.
const AROUND_A_RUN: Duration = Duration::from_secs(25);

pub(crate) async fn run(args: Run, console: &Console) -> Result<Exit, CliError> {
    if args.keep {
        let why =
            "--keep leaves everything of a run on the cluster, where the next one would meet it; use it with one run";
        return Err(CliError::Usage(why.to_owned()));
    }
    // Everything is checked before anything is touched.
    let names = select::names(&args)?;
    let baseline = Baseline::read(&args)?;
    let seed = one_run::seed(&args, baseline.as_ref(), &names.iter().map(String::as_str).collect::<Vec<_>>(), console)?;
    let items = select::items(&args, seed, console)?;
    let now = Timestamp::now();
    let id = folder::run_id(now, seed);
    let out = folder::create(args.out.as_deref(), &id)?;
    let mut suite = Suite::new(&id, now, items.iter().map(|item| item.entry.clone()).collect());
    suite.command = command(&args, seed);
    suite.profile = args.planned.profile.to_string();
    suite.target = args.target.as_str().to_owned();
    suite.seed = seed;
    suite.save(&out)?;
    let interrupts = Interrupts::listen(console).map_err(CliError::Signals)?;

    let mut going = Going {
        args: &args,
        out: &out,
        clusters: Clusters::new(&args.local, &id, &out, args.repeat > 1, console),
        baseline: baseline.as_ref(),
        measured: BTreeMap::new(),
        comparisons: Vec::new(),
        interrupts: &interrupts,
        console,
        began: Instant::now(),
        stopped: None,
    };
    let mut outcome = Ok(());
    for (index, item) in items.iter().enumerate() {
        outcome = going.next(index, &items, item, &mut suite).await;
        if outcome.is_err() {
            break;
        }
    }
    // Whatever went wrong, the cluster goes.
    suite.left = going.clusters.end().await;
    outcome?;
    suite.save(&out)?;
    if let Some(baseline) = &baseline {
        let not_compared = names.iter().filter(|name| !baseline.has(name));
        let not_compared = not_compared.map(|name| format!("{name}: {} has no run of it", baseline.folder().display()));
        compare::write(&out, going.comparisons, not_compared.collect())?;
    }
    report::write_and_show(&out, &suite, console)
}

struct Going<'a> {
    args: &'a Run,
    out: &'a Path,
    clusters: Clusters<'a>,
    interrupts: &'a Interrupts,
    console: &'a Console,
    baseline: Option<&'a Baseline>,
    /// The runs that have ended, by scenario.
    measured: BTreeMap<String, Vec<MeasuredRun>>,
    /// With the baseline, of the scenarios whose runs have all ended.
    comparisons: Vec<Comparison>,
    began: Instant,
    /// Why no further run is begun.
    stopped: Option<State>,
}

/// A run that has ended, or could not be begun.
enum Ended {
    Ran(Box<(harness_plan::Plan, RunResult)>),
    NotRun(State),
    /// Begun, and there is no log to report on.
    Broke(CliError),
}

impl Going<'_> {
    async fn next(&mut self, index: usize, items: &[Item], item: &Item, suite: &mut Suite) -> Result<(), CliError> {
        if self.interrupts.interrupt.is_cancelled() && self.stopped.is_none() {
            self.stopped = Some(State::NotRun { reason: "interrupted".to_owned(), exit_code: INTERRUPTED.0 });
        }
        let place = format!("[{}/{}]", index + 1, items.len());
        let mut troubles = Vec::new();
        let ended = match (&self.stopped, &item.planned) {
            (Some(why), Some(_)) => Ended::NotRun(why.clone()),
            (_, None) => Ended::NotRun(item.entry.state.clone()),
            (None, Some(planned)) => {
                self.console.say(&format!("\n{place} {}  {}", item.entry.name, self.progress(index, items)));
                if let Some(entry) = suite.scenarios.get_mut(index) {
                    entry.state = State::Running;
                }
                suite.save(self.out)?;
                let ended = self.one(planned, &self.out.join(&item.entry.name)).await;
                self.look(&ended, &mut troubles).await;
                let last = !items.iter().skip(index + 1).any(|later| later.scenario == item.scenario);
                self.against_baseline(&item.scenario, &ended, last, &mut troubles);
                ended
            }
        };
        let state = match &ended {
            Ended::Ran(_) => State::Ran,
            Ended::NotRun(state) => state.clone(),
            Ended::Broke(error) => {
                troubles.push(Told { exit_code: error.exit().0, what: error.to_string() });
                State::NotRun { reason: "there is no log of it".to_owned(), exit_code: error.exit().0 }
            }
        };
        let told: Vec<Trouble> = troubles.iter().map(Trouble::from).collect();
        let became = match (&ended, &state) {
            (Ended::Ran(ran), _) => Became::Ran(&ran.0, &ran.1),
            (_, State::NotRun { reason, .. }) => Became::NotRun(reason),
            _ => Became::NotRun("its turn did not come"),
        };
        let exit = exit_of(&became, &state, &troubles);
        let one = One { name: &item.entry.name, group: &item.entry.group, became, troubles: &told, exit_code: exit.0 };
        let said = harness_report::console::ended(&one, self.console.width(), self.console.colour_err);
        self.console.say(&format!("{place} {said}"));
        if let Some(entry) = suite.scenarios.get_mut(index) {
            entry.state = state;
            entry.troubles = troubles;
        }
        suite.took_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        suite.save(self.out)
    }

    /// How long this one takes, how long all have taken, and how long they may take on.
    fn progress(&self, index: usize, items: &[Item]) -> String {
        let of = |items: &[Item]| -> Duration {
            items
                .iter()
                .filter(|item| item.planned.is_some())
                .map(|item| item.expected.as_duration() + AROUND_A_RUN)
                .sum()
        };
        let text = |duration: Duration| harness_report::text::duration(duration.as_secs().saturating_mul(1_000_000));
        let this = of(items.get(index..=index).unwrap_or_default());
        let rest = of(items.get(index..).unwrap_or_default());
        format!("about {}; {} so far, about {} left", text(this), text(self.began.elapsed()), text(rest))
    }

    async fn one(&mut self, planned: &one_run::Planned, folder: &Path) -> Ended {
        let cluster = tokio::select! {
            biased;
            () = self.interrupts.interrupt.cancelled() => {
                return Ended::NotRun(State::NotRun { reason: "interrupted".to_owned(), exit_code: INTERRUPTED.0 });
            }
            cluster = self.clusters.lend() => cluster,
        };
        let cluster = match cluster {
            Ok(cluster) => cluster,
            Err(error) => {
                let state = State::NotRun { reason: error.to_string(), exit_code: TARGET_FAILED.0 };
                // The next would fare no better.
                self.stopped = Some(state.clone());
                return Ended::NotRun(state);
            }
        };
        let run_id = folder::run_id(Timestamp::now(), planned.plan.seed);
        let carried_out = async {
            let out = folder::create(Some(folder), &run_id)?;
            let place = Place { run_id, out: out.clone(), cluster, throwaway: false, keep: false };
            one_run::carry_out(planned, place, self.interrupts, self.console).await?;
            one_report::write(&out)
        };
        match carried_out.await {
            Ok(result) => Ended::Ran(Box::new((planned.plan.clone(), result))),
            Err(error) => Ended::Broke(error),
        }
    }

    /// Looks at the cluster, unless everything is about to end anyway.
    async fn look(&mut self, ended: &Ended, troubles: &mut Vec<Told>) {
        let failed = match ended {
            Ended::Ran(ran) => ran.1.exit_code == TARGET_FAILED.0,
            Ended::Broke(_) => true,
            Ended::NotRun(_) => return,
        };
        if self.interrupts.interrupt.is_cancelled() {
            return;
        }
        let (left, goes_on) = match self.clusters.after(failed).await {
            After::Clean => return,
            After::Replaced(None) => {
                self.console.say("the target failed: the next run gets a fresh cluster");
                return;
            }
            After::Replaced(Some(left)) => (left, true),
            After::Spoilt(left) => (left, false),
        };
        let what = format!("after the run the cluster is not as it was before: {left}");
        self.console.error(&what);
        troubles.push(Told { exit_code: LEFT.0, what });
        if goes_on {
            self.console.say("the next run gets a fresh cluster");
            return;
        }
        let name = &self.args.local.cluster;
        let reason = format!(
            "the cluster `{name}` is not as it was before ({left}); it is not ours to replace: \
             take it down with `harness down --cluster {name}`, or leave --cluster out"
        );
        self.console.error(&reason);
        self.stopped = Some(State::NotRun { reason, exit_code: INCONCLUSIVE.0 });
    }

    /// Compares the runs of a scenario with those of the baseline, once all of them have ended.
    fn against_baseline(&mut self, scenario: &str, ended: &Ended, last: bool, troubles: &mut Vec<Told>) {
        let Some(baseline) = self.baseline else { return };
        if let Ended::Ran(ran) = ended {
            self.measured.entry(scenario.to_owned()).or_default().push(MeasuredRun::from(&ran.1));
        }
        if !last {
            return;
        }
        if !baseline.has(scenario) {
            self.console.say(&format!("{scenario}: not compared, {} has no run of it", baseline.folder().display()));
            return;
        }
        let Some(runs) = self.measured.remove(scenario) else { return };
        let comparison = baseline.compare(scenario, &runs);
        let width = self.console.width();
        self.console.say(&harness_report::console::comparison(&comparison, width, self.console.colour_err));
        if comparison.exit_code != PASS.0 {
            let what =
                format!("compared with {}: {} {}", baseline.folder().display(), comparison.reason, comparison.advice);
            troubles.push(Told { exit_code: comparison.exit_code, what: what.trim().to_owned() });
        }
        self.comparisons.push(comparison);
    }
}

/// The command that repeats all of it, with the seed.
fn command(args: &Run, seed: u64) -> String {
    let mut words = vec!["harness".to_owned(), "run".to_owned()];
    if args.all {
        words.push("--all".to_owned());
    }
    if let Some(group) = args.group {
        words.extend(["--group".to_owned(), group.as_str().to_owned()]);
    }
    words.extend(args.scenarios.iter().cloned());
    if args.repeat > 1 {
        words.extend(["--repeat".to_owned(), args.repeat.to_string()]);
    }
    one_run::in_words(words, &args.planned, seed)
}
