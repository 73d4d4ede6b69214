//! `harness validate`: everything that can be checked of scenarios and trees before anything runs.

mod files;
mod server;
mod show;

use std::collections::BTreeSet;

use harness_suite::{
    ExitCode, FluxBuildPool, FluxBuildProgram, FluxBuildSource, InputError, InvalidInput, LoadedScenario, Region,
    RegionalSkus,
};
use harness_tree::upstream::Upstream;
use harness_tree::validate::{Change, Undone, ValidationInputs, fix, validate as validate_tree};
use harness_tree::{Files, Finding, Severity, SourceFile};
use harness_yaml::Diagnostic;

use self::files::{Input, ManifestTree};
use self::server::Server;
use crate::args::{Format, Validate};
use crate::console::Console;
use crate::error::CliError;
use crate::progress::ConsoleProgress;
use crate::signals::Signals;

/// The stack of the thread that checks a tree: that of a main thread on Linux.
const STACK_BYTES: usize = 8 << 20;

/// The results for all paths.
#[derive(Default)]
struct Outcome {
    findings: Vec<Finding>,
    changes: Vec<Change>,
    undone: Vec<Undone>,
    /// The texts that the findings are about.
    texts: Vec<SourceFile>,
}

pub(super) async fn validate(args: &Validate, console: &Console) -> Result<ExitCode, CliError> {
    if args.print && console.format != Format::Text {
        return Err(CliError::PrintedFormat);
    }
    let mut signals = Signals::listen().map_err(CliError::Signals)?;
    let (mut server, mut outcome) = (None, Outcome::default());
    let checked = tokio::select! {
        checked = check(args, &mut server, console, &mut outcome) => Some(checked),
        () = signals.next() => None,
    };
    // A cluster that was started for this is taken down whatever happened.
    if let Some(server) = server {
        server.end(console).await;
    }
    let Some(checked) = checked else {
        // Half of the findings would look like all of them.
        console.say("interrupted: not everything was checked, so no finding is shown");
        return Ok(ExitCode::Interrupted);
    };
    let unreadable = checked?;
    show::show(&outcome, console)?;
    let worst = outcome.findings.iter().map(|finding| finding.severity).max();
    let refused = worst.is_some_and(|worst| worst == Severity::Error || args.strict && worst == Severity::Warning);
    Ok(if refused { ExitCode::InvalidInput } else { unreadable.unwrap_or(ExitCode::Passed) })
}

/// Checks every path. Returns the exit code where one could not be read.
async fn check(
    args: &Validate,
    server: &mut Option<Server>,
    console: &Console,
    outcome: &mut Outcome,
) -> Result<Option<ExitCode>, CliError> {
    let mut unreadable = None;
    let mut inputs = Vec::new();
    for path in &args.paths {
        match files::read(path, args.root.as_deref()) {
            Ok(input) => inputs.push(input),
            // Every path is checked, whatever is wrong with those before it.
            Err(error) => {
                error.show(console);
                unreadable = Some(error.exit_code());
            }
        }
    }
    let trees = inputs.iter().any(|input| matches!(input, Input::Tree(_)));
    if trees {
        *server = Server::find(args, console).await?;
    }
    // A single manifest is not a folder that Flux builds.
    let folders = inputs.iter().any(|input| matches!(input, Input::Tree(tree) if !tree.single));
    let flux_build = if folders { find_flux_build(args, console).await } else { None };
    for input in inputs {
        match input {
            Input::Scenario { file, text } => {
                unreadable = check_scenario(file, text, args.azure.region, console, outcome).or(unreadable);
            }
            Input::Tree(tree) => {
                check_tree(args, tree, server.as_mut(), flux_build.as_ref(), console, outcome).await?;
            }
        }
    }
    Ok(unreadable)
}

/// Computes on a thread of its own, so that a signal is seen meanwhile. The end of the process does not wait for it, as it would for one of the
/// runtime.
async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CliError> {
    let (running, ended) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let _running = running;
        work()
    });
    let thread = thread.map_err(CliError::Thread)?;
    // The sender is dropped, by a panic too.
    let _ = ended.await;
    Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

/// Returns the program that builds trees with Flux's own code. Where there is none, says why in one line: trees are then checked without it.
async fn find_flux_build(args: &Validate, console: &Console) -> Option<FluxBuildProgram> {
    let source = FluxBuildSource { bin_dir: args.local.bin_dir.clone(), may_build: !args.no_build };
    match FluxBuildProgram::find(&source, &ConsoleProgress::new(console)).await {
        Ok(program) => Some(program),
        Err(reason) => {
            console.say(&format!("trees are built without Flux's own code: {reason}"));
            None
        }
    }
}

/// Adds everything for which `harness plan` and `harness run` refuse a scenario in one profile or another, or what they note: it is what they say
/// themselves. Returns the exit code where something else than the scenario or its tree is in the way.
fn check_scenario(
    file: String,
    text: String,
    region: Option<Region>,
    console: &Console,
    outcome: &mut Outcome,
) -> Option<ExitCode> {
    let (problems, severity, texts) =
        match LoadedScenario::parse(&file, SourceFile::new(&file, &text)).and_then(|loaded| loaded.examine(region)) {
            Ok(notes) => (notes, Severity::Note, vec![SourceFile::new(&file, text)]),
            Err(InputError::Invalid(InvalidInput { problems, texts })) => (problems, Severity::Error, texts),
            Err(error) => {
                let error = CliError::from(error);
                error.show(console);
                return Some(error.exit_code());
            }
        };
    if severity == Severity::Note {
        show::valid(&file, problems.len(), console);
    }
    let finding = |problem: Diagnostic| {
        let text = texts.iter().find(|text| text.path == problem.file).map_or("", |text| &text.text);
        Finding { severity, ..Finding::from(problem) }.ending(text)
    };
    outcome.findings.extend(problems.into_iter().map(finding));
    outcome.texts.extend(texts);
    None
}

/// What a tree is checked with.
#[derive(Clone)]
struct Checks {
    files: Files,
    folder: String,
    skus: RegionalSkus,
    aks_defaults: bool,
}

impl Checks {
    fn inputs(&self) -> ValidationInputs<'_> {
        ValidationInputs { files: &self.files, folder: &self.folder, skus: &self.skus, aks_defaults: self.aks_defaults }
    }
}

async fn check_tree(
    args: &Validate,
    tree: ManifestTree,
    server: Option<&mut Server>,
    flux_build: Option<&FluxBuildProgram>,
    console: &Console,
    outcome: &mut Outcome,
) -> Result<(), CliError> {
    let checks = Checks {
        files: tree.repository.files.clone(),
        folder: tree.repository.folder.clone(),
        skus: RegionalSkus { region: args.azure.region },
        aks_defaults: !args.without_aks_defaults,
    };
    let (files, mut changes, mut undone, checked) = if args.fix {
        let checks = checks.clone();
        let fixed = compute(move || fix(&checks.inputs())).await?;
        files::write_changes(&tree, &fixed.files.loaded(), console)?;
        (fixed.files, fixed.changes, fixed.undone, Some(fixed.validation))
    } else {
        (checks.files.clone(), Vec::new(), Vec::new(), None)
    };
    let mut builder = flux_build.filter(|_| !tree.single).map(|program| program.pool(&tree.repository, args.print));
    let checks = Checks { files: files.clone(), ..checks };
    let (mut validation, failure) = compute(move || {
        let upstream = builder.as_mut().map(|builder| builder as &mut dyn Upstream);
        // What our own engine builds of the fixed files has been checked already.
        let validation = match (checked, upstream) {
            (Some(checked), None) => checked,
            (_, upstream) => validate_tree(&checks.inputs(), upstream),
        };
        (validation, builder.as_ref().and_then(FluxBuildPool::failure).map(ToString::to_string))
    })
    .await?;
    if let Some(failure) = failure {
        console.say(&format!("{failure}; the built-in engine builds the rest"));
    }
    let asked = server.is_some();
    if let Some(server) = server {
        server.check(&mut validation, &files).await?;
    }
    if tree.single {
        // A single manifest is not a tree.
        validation.findings.retain(|finding| finding.rule != "kustomization-missing");
    }
    if args.print {
        show::print(&tree, &validation, console)?;
    }
    show::summary(&tree.shown, &validation, changes.len(), asked, console);
    let found: BTreeSet<&str> = validation.findings.iter().map(|finding| finding.file.as_str()).collect();
    let shown = |path| Some(SourceFile::new(tree.shown_file(path), files.text_at(path)?));
    outcome.texts.extend(found.into_iter().filter_map(shown));
    for finding in &mut validation.findings {
        finding.file = tree.shown_file(&finding.file);
        finding.edits.iter_mut().for_each(|edit| edit.file = tree.shown_file(&edit.file));
    }
    changes.iter_mut().for_each(|change| change.file = tree.shown_file(&change.file));
    outcome.findings.append(&mut validation.findings);
    for undone in &mut undone {
        undone.file = tree.shown_file(&undone.file);
        undone.tried.iter_mut().for_each(|change| change.file = tree.shown_file(&change.file));
    }
    outcome.changes.append(&mut changes);
    outcome.undone.append(&mut undone);
    Ok(())
}
