//! `harness run`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use harness_cluster::Cluster;
use harness_plan::Plan;
use harness_record::compare::MeasuredRun;
use harness_run::Options;
use jiff::Timestamp;

use crate::args::{Planned as PlannedArgs, Run};
use crate::commands::compare::{self, Baseline};
use crate::commands::report;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::Exit;
use crate::folder;
use crate::live::LiveView;
use crate::shell;
use crate::signals::Interrupts;
use crate::source::{self, Tree};
use crate::suite;
use crate::target::{self, ForRun};

/// A scenario that is ready to be run.
pub(crate) struct Planned {
    /// As it was asked for: a name, or a file.
    pub(crate) name: String,
    pub(crate) plan: Plan,
    pub(crate) tree: Tree,
    /// What it was planned with.
    pub(crate) args: PlannedArgs,
}

/// Where a run goes.
pub(crate) struct Place {
    pub(crate) run_id: String,
    /// The run's folder; it exists.
    pub(crate) out: PathBuf,
    pub(crate) cluster: Cluster,
    /// Whether the cluster goes with the run.
    pub(crate) throwaway: bool,
    /// Whether everything stays as it is in the end.
    pub(crate) keep: bool,
}

pub(crate) async fn run(args: Run, console: &Console) -> Result<Exit, CliError> {
    match args.scenarios.as_slice() {
        [name] if args.repeat == 1 => single(name, &args, console).await,
        _ => suite::run(args, console).await,
    }
}

async fn single(name: &str, args: &Run, console: &Console) -> Result<Exit, CliError> {
    // Everything is checked before anything is touched.
    let scenario = source::scenario(name)?;
    let baseline = Baseline::read(args)?;
    let seed = seed(args, baseline.as_ref(), &[scenario.name()], console)?;
    let tree = source::tree_for(&scenario, args.planned.node_config.as_deref(), console)?;
    let plan = source::plan(&scenario, name, &args.planned, seed, &tree)?;
    let planned = Planned { name: name.to_owned(), plan, tree, args: args.planned.clone() };
    let interrupts = Interrupts::listen(console).map_err(CliError::Signals)?;
    let run_id = folder::run_id(Timestamp::now(), seed);
    let out = folder::create(args.out.as_deref(), &run_id)?;
    let ForRun { cluster, throwaway } = tokio::select! {
        cluster = target::for_run(&args.local, &run_id, args.keep, console) => cluster?,
        () = interrupts.interrupt.cancelled() => return Err(CliError::Interrupted),
    };
    if !throwaway {
        target::with_flux(&cluster).await?;
    }
    let place = Place { run_id, out: out.clone(), cluster, throwaway, keep: args.keep };
    carry_out(&planned, place, &interrupts, console).await?;
    let result = report::write(&out)?;
    report::show(&result, &out, console)?;
    if let (0, Some(baseline)) = (result.exit_code, &baseline) {
        let comparison = baseline.compare(scenario.name(), &[MeasuredRun::from(&result)]);
        if !console.json() {
            console.data(&harness_report::console::comparison(&comparison, console.width(), console.colour_out))?;
        }
        let exit = Exit(comparison.exit_code);
        compare::write(&out, vec![comparison], Vec::new())?;
        console.say(&format!("comparison: {}", out.join("comparison.json").display()));
        return Ok(exit);
    }
    Ok(Exit(result.exit_code))
}

/// The seed of a command: the one that is given, the baseline's, or one that is drawn. A baseline that could not be compared is refused.
pub(crate) fn seed(
    args: &Run,
    baseline: Option<&Baseline>,
    scenarios: &[&str],
    console: &Console,
) -> Result<u64, CliError> {
    let theirs = baseline.and_then(|baseline| baseline.seed(scenarios));
    let seed = args.planned.seed.or(theirs).unwrap_or_else(source::draw_seed);
    let whose = if args.planned.seed.is_none() && theirs.is_some() { " (the baseline's)" } else { "" };
    console.say(&format!("seed {seed}{whose}"));
    if let Some(baseline) = baseline {
        baseline.check(scenarios, args, seed)?;
    }
    Ok(seed)
}

/// Runs one scenario on a cluster, with a live view of it. What came out is in the log, in the run's folder.
pub(crate) async fn carry_out(
    planned: &Planned,
    place: Place,
    interrupts: &Interrupts,
    console: &Console,
) -> Result<(), CliError> {
    let Place { run_id, out, cluster, throwaway, keep } = place;
    let plan = &planned.plan;
    write_plan(&out, plan)?;
    say_what_cannot_be_tested(plan, console);
    // Removed at the end of this function, whatever the run made of it.
    let copy = planned.tree.copy()?;
    let view = Arc::new(LiveView::start(plan, console));
    let watching = view.clone();
    let options = Options {
        run_id,
        out,
        tree: harness_run::Tree { folder: copy.path().to_owned(), files: planned.tree.files.clone() },
        command: command(planned),
        keep,
        throwaway,
        on_event: Box::new(move |event| watching.take(event)),
        interrupt: interrupts.interrupt.clone(),
        abandon: interrupts.abandon.clone(),
    };
    let executed = harness_run::execute(plan, cluster, options).await;
    view.end();
    Ok(executed?)
}

fn write_plan(out: &Path, plan: &Plan) -> Result<(), CliError> {
    let path = out.join("plan.json");
    let text = serde_json::to_string_pretty(plan)
        .map_err(|error| CliError::Unreadable { path: path.clone(), reason: error.to_string() })?;
    std::fs::write(&path, text + "\n").map_err(|source| CliError::Write { path, source })
}

fn say_what_cannot_be_tested(plan: &Plan, console: &Console) {
    for class in &plan.node_config.classes {
        if let Some(reason) = &class.untestable {
            console.say(&format!("not tested: NodePool {} ({}): {reason}", class.name, class.at));
        }
    }
}

/// The command that repeats the run, as typed, with the seed.
fn command(planned: &Planned) -> String {
    in_words(vec!["harness".to_owned(), "run".to_owned(), planned.name.clone()], &planned.args, planned.plan.seed)
}

/// A command with what decides a plan.
pub(crate) fn in_words(mut words: Vec<String>, args: &PlannedArgs, seed: u64) -> String {
    words.extend(["--profile".to_owned(), args.profile.to_string()]);
    for set in &args.set {
        words.extend(["--set".to_owned(), set.clone()]);
    }
    if let Some(path) = &args.node_config {
        words.extend(["--node-config".to_owned(), path.display().to_string()]);
    }
    words.extend(["--seed".to_owned(), seed.to_string()]);
    words.iter().map(|word| shell::word(word)).collect::<Vec<_>>().join(" ")
}
