//! `harness run`.

use std::path::Path;
use std::sync::Arc;

use harness_run::Options;
use harness_scenario::plan::Plan;
use jiff::Timestamp;

use crate::args::Run;
use crate::commands::{compare, report};
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, PASS};
use crate::folder;
use crate::live::LiveView;
use crate::shell;
use crate::signals::Interrupts;
use crate::source::{self, Tree};
use crate::target::{self, ForRun};

pub(crate) async fn run(args: Run, console: &Console) -> Result<Exit, CliError> {
    let seed = args.planned.seed.unwrap_or_else(source::draw_seed);
    console.say(&format!("seed {seed}"));
    // Everything is checked before anything is touched.
    let planned = args
        .scenarios
        .iter()
        .map(|name| {
            let scenario = source::scenario(name)?;
            let tree = source::tree_for(&scenario, args.planned.node_config.as_deref(), console)?;
            Ok((name, source::plan(&scenario, name, &args.planned, seed, &tree)?, tree))
        })
        .collect::<Result<Vec<(&String, Plan, Tree)>, CliError>>()?;
    if planned.len() > 1 && args.out.is_some() {
        return Err(CliError::Usage(
            "--out names the folder of one run; leave it out to run several scenarios".to_owned(),
        ));
    }
    let interrupts = Interrupts::listen(console).map_err(CliError::Signals)?;
    let mut worst = PASS;
    for (name, plan, tree) in &planned {
        let exit = one(plan, name, &args, tree, &interrupts, console).await?;
        worst = if worst == PASS { exit } else { worst };
        if interrupts.interrupt.is_cancelled() {
            break;
        }
    }
    Ok(worst)
}

async fn one(
    plan: &Plan,
    name: &str,
    args: &Run,
    tree: &Tree,
    interrupts: &Interrupts,
    console: &Console,
) -> Result<Exit, CliError> {
    let run_id = folder::run_id(Timestamp::now(), plan.seed);
    let out = folder::create(args.out.as_deref(), &run_id)?;
    write_plan(&out, plan)?;
    say_what_cannot_be_tested(plan, console);
    // Removed at the end of this function, whatever the run made of it.
    let copy = tree.copy()?;
    let ForRun { cluster, throwaway } = tokio::select! {
        cluster = target::for_run(&args.local, &run_id, args.keep, console) => cluster?,
        () = interrupts.interrupt.cancelled() => return Err(CliError::Interrupted),
    };
    let view = Arc::new(LiveView::start(plan, console));
    let watching = view.clone();
    let options = Options {
        run_id,
        out: out.clone(),
        tree: harness_run::Tree { folder: copy.path().to_owned(), files: tree.files.clone() },
        command: command(name, args, plan.seed),
        keep: args.keep,
        throwaway,
        on_event: Box::new(move |event| watching.take(event)),
        interrupt: interrupts.interrupt.clone(),
        abandon: interrupts.abandon.clone(),
    };
    let executed = harness_run::execute(plan, cluster, options).await;
    view.end();
    executed?;
    let result = report::write(&out)?;
    report::show(&result, &out, console)?;
    if let (0, Some(baseline)) = (result.exit_code, &args.baseline) {
        return compare::folders(baseline, &out, console);
    }
    Ok(Exit(result.exit_code))
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
fn command(name: &str, args: &Run, seed: u64) -> String {
    let mut words = vec!["harness".to_owned(), "run".to_owned(), name.to_owned()];
    words.extend(["--profile".to_owned(), args.planned.profile.to_string()]);
    for set in &args.planned.set {
        words.extend(["--set".to_owned(), set.clone()]);
    }
    if let Some(path) = &args.planned.node_config {
        words.extend(["--node-config".to_owned(), path.display().to_string()]);
    }
    words.extend(["--seed".to_owned(), seed.to_string()]);
    words.iter().map(|word| shell::word(word)).collect::<Vec<_>>().join(" ")
}
