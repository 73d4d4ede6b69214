//! How fast the harness is, what it costs and how exactly it measures, as figures beside their targets.
//!
//! It drives the `harness` binary as a user would and prints Markdown: a table of figures, targets and ratios, and the growth
//! curve. A target that is missed is not a failure: timings of a shared machine must not decide over a change. It exits with 1
//! only when something that it ran failed, and with 130 when it was interrupted.
//!
//! ```text
//! ci/benchmark.sh [--only ITEM] [--pods LIST] [--aa-runs N] [--repeat N] [--out DIR]
//! ```

mod aa;
mod args;
mod bursts;
mod curve;
mod decisions;
mod failure;
mod items;
mod machine;
#[path = "../../../record/tests/it/model.rs"]
mod model;
mod process;
mod rates;
mod repository;
mod sheet;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use tokio_util::sync::CancellationToken;

use crate::args::{Args, Item};
use crate::curve::Curve;
use crate::failure::Failure;
use crate::items::Bench;
use crate::process::{Runner, Task};
use crate::sheet::Sheet;

/// A first build of the components takes up to 20 minutes.
const COMPONENTS_LIMIT: Duration = Duration::from_secs(30 * 60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    match benchmark(args).await {
        Ok(failures) if failures.is_empty() => ExitCode::SUCCESS,
        Ok(failures) if failures.iter().any(|failure| matches!(failure, Failure::Interrupted)) => ExitCode::from(130),
        Ok(_) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the items that were asked for and prints the figures, even if some of them failed.
async fn benchmark(args: Args) -> Result<Vec<Failure>, Failure> {
    let interrupt = CancellationToken::new();
    interrupt_on_signals(interrupt.clone())?;
    // Deleted at the end unless something failed or the user named the folder.
    let (out, temporary) = match &args.out {
        Some(out) => (fresh(out)?, None),
        None => {
            let folder = tempfile::Builder::new().prefix("harness-benchmark-").tempdir();
            let folder = folder.map_err(|source| Failure::file("create", std::env::temp_dir(), source))?;
            (folder.path().to_owned(), Some(folder))
        }
    };
    let runner = Runner::new(args.harness.clone(), &out, interrupt)?;
    let facts = machine::facts(&args.harness);

    let mut bench = Bench { args: &args, runner: &runner, out: &out, sheet: Sheet::default(), curve: Curve::default() };
    let mut failures = Vec::new();
    if args.items().into_iter().any(Item::needs_components) {
        components(&runner).await?;
    }
    'all: for repeat in 1..=args.repeat.get() {
        for item in args.items() {
            eprintln!("{item}, {repeat} of {}", args.repeat);
            let done = match item {
                Item::Smoke => bench.smoke(repeat).await,
                Item::Warm => bench.warm(repeat).await,
                Item::Burst | Item::Growth => bench.bursts(item, repeat).await,
                Item::Accuracy => bench.accuracy(repeat).await,
                Item::Consolidation => bench.consolidation(repeat).await,
                Item::Catalogue => bench.catalogue(repeat).await,
                Item::Report => bench.report(repeat).await,
                Item::Validate => bench.validate(repeat).await,
                Item::Aa => bench.aa(repeat).await,
            };
            if let Err(failure) = done {
                eprintln!("error: {item}: {failure}");
                bench.sheet.failed(item, &failure);
                let interrupted = matches!(failure, Failure::Interrupted);
                failures.push(failure);
                if interrupted {
                    break 'all;
                }
            }
        }
    }

    let text = format!("{facts}\n{}\n{}", bench.sheet.markdown(), bench.curve.markdown());
    println!("{}", text.trim_end());
    match temporary {
        Some(folder) if !failures.is_empty() => eprintln!("logs and reports: {}", folder.keep().display()),
        Some(_) => {}
        None => {
            let path = out.join("benchmark.md");
            std::fs::write(&path, &text).map_err(|source| Failure::file("write", path, source))?;
            eprintln!("logs and reports: {}", out.display());
        }
    }
    Ok(failures)
}

/// Refuses a folder that is not empty: the runs' folders have fixed names, and the figures of two benchmarks must not be mixed.
fn fresh(out: &Path) -> Result<PathBuf, Failure> {
    let entries = match std::fs::read_dir(out) {
        Ok(entries) => entries.count(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(source) => return Err(Failure::file("read", out, source)),
    };
    if entries > 0 { Err(Failure::NotEmpty { folder: out.to_owned() }) } else { Ok(out.to_owned()) }
}

/// Builds the components, so that no item includes the build.
async fn components(runner: &Runner) -> Result<(), Failure> {
    if std::env::var_os("HARNESS_BIN_DIR").is_some() {
        return Ok(());
    }
    let task = Task::harness("components", COMPONENTS_LIMIT).args(["components", "build"]);
    runner.run(task).await.map(drop)
}

/// Makes Ctrl-C and SIGTERM end the current child, which cleans up after itself, and then the benchmark.
fn interrupt_on_signals(interrupt: CancellationToken) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(Failure::Signals);
    let (mut int, mut term) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
        }
        eprintln!("interrupted: waiting for the current run to clean up");
        interrupt.cancel();
    });
    Ok(())
}
