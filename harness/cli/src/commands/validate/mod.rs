//! `harness validate`: everything that can be checked of scenarios and trees before anything runs.

mod files;
mod server;
mod show;

use std::collections::BTreeSet;

use harness_suite::{
    ExitCode, FluxBuildProgram, FluxBuildSource, FluxBuilder, InputError, InvalidInput, LoadedScenario, Region,
    RegionalSkus, TreeRepository,
};
use harness_tree::upstream::Upstream;
use harness_tree::validate::{Change, Undone, ValidationInputs, fix, validate as validate_tree};
use harness_tree::{Finding, Severity, SourceFile};
use harness_yaml::Diagnostic;

use self::files::{Input, ManifestTree};
use self::server::Server;
use crate::args::{Format, Validate};
use crate::console::Console;
use crate::error::CliError;
use crate::progress::ConsoleProgress;

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
    let mut server = if trees { Server::find(args, console).await? } else { None };
    // A single manifest is not a folder that Flux builds.
    let folders = inputs.iter().any(|input| matches!(input, Input::Tree(tree) if !tree.single));
    let flux_build = if folders { find_flux_build(args, console).await } else { None };
    let mut outcome = Outcome::default();
    let mut checked = Ok(());
    for input in inputs {
        checked = match input {
            Input::Scenario { file, text } => {
                unreadable = check_scenario(file, text, args.azure.region, console, &mut outcome).or(unreadable);
                Ok(())
            }
            Input::Tree(tree) => {
                check_tree(args, tree, server.as_mut(), flux_build.as_ref(), console, &mut outcome).await
            }
        };
        if checked.is_err() {
            break;
        }
    }
    // A cluster that was started for this is taken down whatever happened.
    if let Some(server) = server {
        server.end(console).await;
    }
    checked?;
    show::show(&outcome, console)?;
    let worst = outcome.findings.iter().map(|finding| finding.severity).max();
    let refused = worst.is_some_and(|worst| worst == Severity::Error || args.strict && worst == Severity::Warning);
    Ok(if refused { ExitCode::InvalidInput } else { unreadable.unwrap_or(ExitCode::Passed) })
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

async fn check_tree(
    args: &Validate,
    tree: ManifestTree,
    server: Option<&mut Server>,
    flux_build: Option<&FluxBuildProgram>,
    console: &Console,
    outcome: &mut Outcome,
) -> Result<(), CliError> {
    let skus = RegionalSkus { region: args.azure.region };
    let TreeRepository { files, folder, .. } = &tree.repository;
    let inputs = ValidationInputs { files, folder, skus: &skus, aks_defaults: !args.without_aks_defaults };
    let (files, mut changes, mut undone, checked) = if args.fix {
        let fixed = fix(&inputs);
        files::write_changes(&tree, &fixed.files.loaded(), console)?;
        (fixed.files, fixed.changes, fixed.undone, Some(fixed.validation))
    } else {
        (files.clone(), Vec::new(), Vec::new(), None)
    };
    let mut builder = flux_build.filter(|_| !tree.single).map(|program| program.for_tree(&tree.repository.root));
    let upstream = builder.as_mut().map(|builder| builder as &mut dyn Upstream);
    // What our own engine builds of the fixed files has been checked already.
    let mut validation = match (checked, upstream) {
        (Some(checked), None) => checked,
        (_, upstream) => validate_tree(&ValidationInputs { files: &files, ..inputs }, upstream),
    };
    if let Some(failure) = builder.as_ref().and_then(FluxBuilder::failure) {
        console.say(&format!("{failure}; what it has not built is built by the engine of the harness"));
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
