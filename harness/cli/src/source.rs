//! Scenarios and trees, from names and paths to checked inputs.

use std::path::{Path, PathBuf};

use harness_scenario::plan::Plan;
use harness_scenario::{
    Diagnostic, Finding, NodeConfigTree, PlanInputs, Scenario, Severity, SourceFile, builtin_node_config,
    builtin_scenarios,
};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};

use crate::args::Planned;
use crate::console::Console;
use crate::error::CliError;
use crate::skus;

/// The largest file of a tree that is read; etcd refuses larger objects anyway.
const FILE_BYTES_MAX: u64 = 2 << 20;
/// The most files of a tree that are read.
const FILES_MAX: usize = 10_000;

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

    /// Every problem with its source line, to stderr.
    pub(crate) fn show(&self, console: &Console) {
        for problem in &self.problems {
            console.error(&self.drawn(problem, console));
        }
    }

    /// `file:line:column: message`, then the line with the place marked, then the hint.
    fn drawn(&self, problem: &Diagnostic, console: &Console) -> String {
        let head = format!("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message);
        let Some(source) = self.texts.iter().find(|text| text.path == problem.file) else {
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

/// A tree and the folder that is pushed.
pub(crate) struct Tree {
    pub(crate) tree: NodeConfigTree,
    pub(crate) files: Vec<SourceFile>,
    /// The user's folder; `None` for the tree that comes with the harness.
    folder: Option<PathBuf>,
}

impl Tree {
    /// The folder to push; the tree that comes with the harness is written to a temporary one first.
    pub(crate) fn folder(&self) -> Result<TreeFolder, CliError> {
        if let Some(folder) = &self.folder {
            return Ok(TreeFolder::User(folder.clone()));
        }
        let failed = |path: &Path, source| CliError::Write { path: path.to_owned(), source };
        let folder = tempfile::Builder::new()
            .prefix("harness-tree-")
            .tempdir()
            .map_err(|error| failed(Path::new("a temporary folder"), error))?;
        for file in &self.files {
            let path = folder.path().join(&file.path);
            let parent = path.parent().unwrap_or(folder.path());
            std::fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
            std::fs::write(&path, &file.text).map_err(|error| failed(&path, error))?;
        }
        Ok(TreeFolder::Own(folder))
    }
}

/// Where a tree lies.
pub(crate) enum TreeFolder {
    User(PathBuf),
    Own(tempfile::TempDir),
}

impl TreeFolder {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::User(folder) => folder,
            Self::Own(folder) => folder.path(),
        }
    }
}

/// The name under which scenarios know the tree that comes with the harness.
const OWN_TREE: &str = "node-config";

/// The tree that a scenario runs on: the given one, else the one that the scenario names, beside its file, else the one that comes
/// with the harness.
pub(crate) fn tree_for(scenario: &Scenario, given: Option<&Path>, console: &Console) -> Result<Tree, CliError> {
    if given.is_some() || scenario.node_config() == OWN_TREE {
        return tree(given, console);
    }
    let beside = Path::new(scenario.file()).parent().unwrap_or(Path::new(".")).join(scenario.node_config());
    tree(Some(&beside), console)
}

/// The tree at the path, or the one that comes with the harness. Warnings are said.
pub(crate) fn tree(path: Option<&Path>, console: &Console) -> Result<Tree, CliError> {
    let (source, files, folder) = match path {
        Some(path) => (path.display().to_string(), read_folder(path)?, Some(path.to_owned())),
        None => (OWN_TREE.to_owned(), builtin_node_config(), None),
    };
    match harness_scenario::read_tree(&source, &files) {
        Ok(tree) => {
            let warnings = tree.findings.iter().filter(|finding| finding.severity >= Severity::Warning);
            warnings.for_each(|finding| console.say(&finding.to_string()));
            Ok(Tree { tree, files, folder })
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

/// Every regular file below a folder that can be part of a kustomize tree, by path. `.git` is left out.
fn read_folder(root: &Path) -> Result<Vec<SourceFile>, CliError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| CliError::Read { path, source }
    };
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(failed(&folder))? {
            let entry = entry.map_err(failed(&folder))?;
            let path = entry.path();
            // Links are not followed: one that leaves the tree is refused when the tree is pushed.
            let kind = entry.file_type().map_err(failed(&path))?;
            if kind.is_dir() && entry.file_name() != ".git" {
                folders.push(path);
            } else if kind.is_file() && is_yaml(&path) {
                let size = entry.metadata().map_err(failed(&path))?.len();
                if size > FILE_BYTES_MAX || files.len() >= FILES_MAX {
                    let reason = format!(
                        "a tree has at most {FILES_MAX} YAML files of at most {FILE_BYTES_MAX} bytes; is this the right folder?"
                    );
                    return Err(CliError::Unreadable { path, reason });
                }
                let text = read(&path)?;
                let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                files.push(SourceFile::new(relative, text));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn is_yaml(path: &Path) -> bool {
    let yaml =
        path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known));
    yaml || path.file_name().is_some_and(|name| name == "Kustomization")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_without_git_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [("b/x.yaml", "x"), ("a.yml", "a"), (".git/config.yaml", "no"), ("notes.md", "no")] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let files = read_folder(folder.path()).unwrap();
        assert_eq!(files, [SourceFile::new("a.yml", "a"), SourceFile::new("b/x.yaml", "x")]);
    }

    #[test]
    fn the_tree_that_comes_with_the_harness_can_be_written_out() {
        let console = Console::for_tests();
        let tree = tree(None, &console).unwrap();
        let folder = tree.folder().unwrap();
        assert!(folder.path().join("kustomization.yaml").is_file());
    }
}
