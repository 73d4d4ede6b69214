//! Scenarios and trees, from names and paths to checked inputs.

use std::path::{Path, PathBuf};

use harness_plan::Plan;
use harness_run::Placeholders;
use harness_scenario::{PlanInputs, Scenario, builtin_scenarios};
use harness_tree::{
    Finding, LAYERS_FOLDER, LayersTree, NodeConfigTree, Severity, SourceFile, builtin_gitops, builtin_node_config,
    with_layers,
};
use harness_yaml::Diagnostic;
use jiff::Timestamp;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};

use crate::args::Planned;
use crate::console::Console;
use crate::error::CliError;
use crate::skus;
use crate::tree_folder;

/// What was wrong with an input, with the texts to show it in.
#[derive(Debug, thiserror::Error)]
#[error("{} error(s) in the input", .problems.len())]
pub(crate) struct Refused {
    problems: Vec<Diagnostic>,
    texts: Vec<SourceFile>,
}

impl Refused {
    pub(crate) fn new(problems: Vec<Diagnostic>, texts: Vec<SourceFile>) -> Self {
        Self { problems, texts }
    }

    /// The first problem in one line, with its place.
    pub(crate) fn first(&self) -> String {
        let one =
            |problem: &Diagnostic| format!("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message);
        self.problems.first().map_or_else(|| self.to_string(), one)
    }

    /// Every problem with its source line, to stderr.
    pub(crate) fn show(&self, console: &Console) {
        for problem in &self.problems {
            console.error(&drawn(problem, &self.texts, console));
        }
    }
}

/// `file:line:column: message`, then the line with the place marked, then the hint.
pub(crate) fn drawn(problem: &Diagnostic, texts: &[SourceFile], console: &Console) -> String {
    let head = format!("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message);
    let Some(source) = texts.iter().find(|text| text.path == problem.file) else {
        return problem.to_string();
    };
    let mut diagnostic = MietteDiagnostic::new(head);
    let length = problem.length.clamp(1, 120);
    if problem.offset < source.text.len() {
        let length = length.min(source.text.len() - problem.offset);
        diagnostic = diagnostic.with_label(LabeledSpan::new(Some("here".to_owned()), problem.offset, length));
    }
    if let Some(hint) = &problem.hint {
        diagnostic = diagnostic.with_help(hint.clone());
    }
    let report = Report::new(diagnostic).with_source_code(NamedSource::new(&source.path, source.text.clone()));
    let theme = if console.colour_err { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    match GraphicalReportHandler::new_themed(theme).with_width(110).render_report(&mut text, report.as_ref()) {
        Ok(()) => text.trim().trim_start_matches(['×', ' ']).to_owned(),
        Err(_) => problem.to_string(),
    }
}

/// A scenario that comes with the harness, or a file.
pub(crate) fn scenario(name: &str) -> Result<Scenario, CliError> {
    let (file, text) = match builtin_scenarios().iter().find(|builtin| builtin.name == name) {
        Some(builtin) => (format!("scenarios/{name}.yaml"), builtin.text.to_owned()),
        None if Path::new(name).is_file() => (name.to_owned(), read(Path::new(name))?),
        None => return Err(CliError::UnknownScenario { name: name.to_owned() }),
    };
    harness_scenario::parse(&file, &text)
        .map_err(|problems| Refused::new(problems, vec![SourceFile::new(file, text)]).into())
}

/// A tree and the files that it was read from.
pub(crate) struct Tree {
    pub(crate) tree: NodeConfigTree,
    pub(crate) files: Vec<SourceFile>,
    /// The user's folder; `None` for the tree that comes with the harness.
    folder: Option<PathBuf>,
    /// The folder of the layers beside it; `None` for those that come with the harness, and where there are none.
    layers: Option<PathBuf>,
}

impl Tree {
    /// A private copy of the folder with the files of the tree in it, for a run that changes it. The user's folder is never
    /// written to. It goes with the value.
    pub(crate) fn copy(&self) -> Result<tempfile::TempDir, CliError> {
        let copy = tempfile::Builder::new()
            .prefix("harness-tree-")
            .tempdir()
            .map_err(|source| CliError::Write { path: std::env::temp_dir(), source })?;
        if let Some(folder) = &self.folder {
            tree_folder::copy_others(folder, copy.path())?;
        }
        if let Some(layers) = &self.layers {
            tree_folder::copy_others(layers, &copy.path().join(LAYERS_FOLDER))?;
        }
        tree_folder::write(copy.path(), &self.files)?;
        Ok(copy)
    }
}

/// The name under which scenarios know the tree that comes with the harness.
const OWN_TREE: &str = "node-config";

/// The tree that a scenario runs on, with what the scenario changes in it: the given one, else the one that the scenario names,
/// beside its file, else the one that comes with the harness. Warnings are said.
pub(crate) fn tree_for(scenario: &Scenario, given: Option<&Path>, console: &Console) -> Result<Tree, CliError> {
    let beside = (given.is_none() && scenario.node_config() != OWN_TREE)
        .then(|| Path::new(scenario.file()).parent().unwrap_or(Path::new(".")).join(scenario.node_config()));
    let mut tree = tree(given.or(beside.as_deref()), console)?;
    let layered = add_layers(&mut tree, scenario)?;
    if layered || !scenario.amendments().is_empty() {
        let source = tree.tree.source.clone();
        tree.files = harness_tree::amend(&tree.files, scenario.amendments()).map_err(|error| CliError::Amend {
            scenario: scenario.file().to_owned(),
            tree: source.clone(),
            source: error,
        })?;
        // The warnings of the tree as it was have been said.
        let files = at_one_moment(&tree.files)?;
        tree.tree = harness_tree::read_tree(&source, &files).map_err(|findings| refused_tree(findings, files))?;
    }
    Ok(tree)
}

/// The name under which scenarios know the layers that come with the harness.
const OWN_LAYERS: &str = "gitops";

/// Puts the scenario's layers beside the tree, where it has any.
fn add_layers(tree: &mut Tree, scenario: &Scenario) -> Result<bool, CliError> {
    let Some(gitops) = &scenario.model().gitops else { return Ok(false) };
    let Some(name) = gitops.tree.as_deref() else { return Ok(false) };
    let files = if name == OWN_LAYERS {
        builtin_gitops()
    } else {
        let folder = Path::new(scenario.file()).parent().unwrap_or(Path::new(".")).join(name);
        let files = tree_folder::read(&folder)?;
        tree.layers = Some(folder);
        files
    };
    let layers = LayersTree { source: name, files: &files, entry: gitops.entry() };
    tree.files = with_layers(&tree.tree.source, &tree.files, &layers)
        .map_err(|source| CliError::Layers { scenario: scenario.file().to_owned(), source })?;
    Ok(true)
}

/// The files with their placeholders filled for one moment, always the same: a plan knows neither clock nor target. What is pushed is
/// filled anew.
fn at_one_moment(files: &[SourceFile]) -> Result<Vec<SourceFile>, CliError> {
    Placeholders::for_a_plan()
        .fill(files.to_vec(), Timestamp::UNIX_EPOCH)
        .map_err(|error| CliError::Usage(error.to_string()))
}

/// The tree at the path, or the one that comes with the harness. Warnings are said.
pub(crate) fn tree(path: Option<&Path>, console: &Console) -> Result<Tree, CliError> {
    let (source, files, folder) = match path {
        Some(path) => (path.display().to_string(), tree_folder::read(path)?, Some(path.to_owned())),
        None => (OWN_TREE.to_owned(), builtin_node_config(), None),
    };
    match harness_tree::read_tree(&source, &files) {
        Ok(tree) => {
            let warnings = tree.findings.iter().filter(|finding| finding.severity >= Severity::Warning);
            warnings.for_each(|finding| console.say(&finding.to_string()));
            Ok(Tree { tree, files, folder, layers: None })
        }
        Err(findings) => Err(refused_tree(findings, files).into()),
    }
}

fn refused_tree(findings: Vec<Finding>, files: Vec<SourceFile>) -> Refused {
    let errors = findings.into_iter().filter(|finding| finding.severity == Severity::Error);
    Refused::new(errors.map(Diagnostic::from).collect(), files)
}

/// A checked plan.
pub(crate) fn plan(
    scenario: &Scenario,
    text_of: &str,
    planned: &Planned,
    seed: u64,
    tree: &Tree,
) -> Result<Plan, CliError> {
    let inputs = PlanInputs {
        profile: planned.profile,
        seed,
        overrides: &planned.set,
        tree: &tree.tree,
        skus: &skus::facts(harness_azure::Config::default().location.as_str()),
    };
    harness_scenario::plan(scenario, &inputs).map_err(|problems| {
        let mut texts = tree.files.clone();
        texts.extend(scenario_text(text_of));
        Refused::new(problems, texts).into()
    })
}

fn scenario_text(name: &str) -> Option<SourceFile> {
    match builtin_scenarios().iter().find(|builtin| builtin.name == name) {
        Some(builtin) => Some(SourceFile::new(format!("scenarios/{name}.yaml"), builtin.text)),
        None => Some(SourceFile::new(name, std::fs::read_to_string(name).ok()?)),
    }
}

/// A seed for a run that was given none.
pub(crate) fn draw_seed() -> u64 {
    // A seed that a person can read out and type: 32 bits of a random UUID are plenty.
    u64::from(uuid::Uuid::new_v4().as_fields().0)
}

pub(crate) fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|source| CliError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_that_comes_with_the_harness_can_be_written_out() {
        let tree = tree(None, &Console::for_tests()).unwrap();
        let copy = tree.copy().unwrap();
        assert!(copy.path().join("kustomization.yaml").is_file());
    }

    #[test]
    fn a_run_has_a_copy_of_its_own_with_what_the_scenario_changes() {
        let folder = tempfile::tempdir().unwrap();
        let own = tree(None, &Console::for_tests()).unwrap();
        tree_folder::write(folder.path(), &own.files).unwrap();
        std::fs::write(folder.path().join("notes.md"), "mine").unwrap();
        let before = tree_folder::read(folder.path()).unwrap();
        let scenario = amending("{remove: {object: {kind: NodePool, name: memory-optimized}}}");
        let tree = tree_for(&scenario, Some(folder.path()), &Console::for_tests()).unwrap();
        assert_eq!(tree.tree.pools.len(), 2);
        let copy = tree.copy().unwrap();
        let left = |root: &Path| root.join("node-classes/memory-optimized.yaml").exists();
        assert!(!left(copy.path()) && left(folder.path()));
        assert_eq!(std::fs::read_to_string(copy.path().join("notes.md")).unwrap(), "mine");
        assert_eq!(tree_folder::read(folder.path()).unwrap(), before);
    }

    #[test]
    fn what_the_tree_has_no_place_for_is_said() {
        let scenario = amending("{remove: {object: {kind: NodePool, name: nobody}}}");
        let Err(error) = tree_for(&scenario, None, &Console::for_tests()) else {
            panic!("there is no such NodePool");
        };
        let text = error.to_string();
        assert!(text.contains("NodePool `nobody`") && text.contains("general-purpose"), "{text}");
    }

    fn amending(edit: &str) -> Scenario {
        let text = format!(
            "apiVersion: harness/v1\nkind: Scenario\nname: amending\nquestion: Does it?\nneeds: [node-auto-provisioning, gitops]\n\
             amend: [{edit}]\nphases:\n  - name: wait\n    for: 1s\n"
        );
        harness_scenario::parse("amending.yaml", &text).unwrap()
    }
}
