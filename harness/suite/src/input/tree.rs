//! The tree that a scenario runs on.

use std::path::{Path, PathBuf};

use harness_scenario::Scenario;
use harness_tree::{
    Finding, LAYERS_FOLDER, LayersError, LayersTree, NodeConfigTree, Placeholders, Severity, SourceFile,
    builtin_gitops, builtin_node_config, excerpt, reaches_outside, with_layers,
};
use harness_yaml::Diagnostic;

use super::private_folder::private_folder;
use super::repository::TreeRepository;
use super::scenario::LoadedScenario;
use super::skus::sku_facts;
use super::tree_folder::{copy_other_files, read_tree_folder, write_files};
use crate::error::{FileError, InputError, InvalidInput};
use crate::region::Region;
use crate::request::PlanOptions;

/// The name under which scenarios know the built-in tree.
const BUILT_IN_TREE: &str = "node-config";
/// The name under which scenarios know the built-in layers.
const BUILT_IN_LAYERS: &str = "gitops";

/// A GitOps tree and the files that it was read from.
#[derive(Clone, Debug)]
pub struct LoadedTree {
    /// What the files say.
    pub tree: NodeConfigTree,
    /// The files.
    pub files: Vec<SourceFile>,
    /// The warnings about the files as they were before the scenario changed them.
    pub warnings: Vec<Finding>,
    /// The user's folder, where the tree is all of it; `None` for the built-in tree, and for one that is a part of a repository.
    folder: Option<PathBuf>,
    /// The folder of the layers beside it; `None` for the built-in ones, and where there are none.
    layers: Option<PathBuf>,
}

impl LoadedTree {
    /// Reads the tree in a folder, or the built-in one. What a folder takes from other folders of its repository comes with it; the top of
    /// the repository is `root`, or that of the Git work tree.
    ///
    /// # Errors
    /// [`InputError::Invalid`] for a tree that cannot work on AKS, and what [`read_tree_folder`] and
    /// [`TreeRepository::open`] return.
    pub fn read(folder: Option<&Path>, root: Option<&Path>) -> Result<Self, InputError> {
        let Some(folder) = folder else {
            return Self::of(BUILT_IN_TREE.to_owned(), builtin_node_config(), None);
        };
        let source = folder.display().to_string();
        let TreeRepository { files, folder: inner, .. } = TreeRepository::open(folder, root)?;
        if root.is_none() && !reaches_outside(&files, &inner) {
            return Self::of(source, read_tree_folder(folder)?, Some(folder.to_owned()));
        }
        let files = excerpt(&files, &inner);
        Self::of(source, files, None)
    }

    fn of(source: String, files: Vec<SourceFile>, folder: Option<PathBuf>) -> Result<Self, InputError> {
        let tree = parse(&source, &files)?;
        let warnings = tree.findings.iter().filter(|finding| finding.severity >= Severity::Warning).cloned().collect();
        Ok(Self { tree, files, warnings, folder, layers: None })
    }

    /// Reads the tree that a scenario runs on and applies what the scenario changes in it: the given tree, else the one that the scenario
    /// names, beside its file, else the built-in one. Returns with it the region that it is for.
    ///
    /// # Errors
    /// Those of [`LoadedTree::read`]; [`InputError::Invalid`] at the places of the scenario that name what is not there or change the tree into one
    /// that cannot work; and [`InputError::Placeholder`].
    pub(super) fn for_scenario(loaded: &LoadedScenario, options: &PlanOptions) -> Result<(Self, Region), InputError> {
        let scenario = &loaded.scenario;
        let given = options.node_config.as_deref();
        let named = (given.is_none() && scenario.node_config() != BUILT_IN_TREE)
            .then(|| beside(scenario, scenario.node_config()));
        if let Some(folder) = &named {
            loaded.needs_folder(&["nodeConfig"], folder)?;
        }
        let root = options.root.as_deref().filter(|_| given.is_some());
        let mut tree = Self::read(given.or(named.as_deref()), root)?;
        let region = Region::choose(options.region, &tree.tree.pools);
        let layered = tree.add_layers(loaded)?;
        if layered || !scenario.amendments().is_empty() {
            let source = tree.tree.source.clone();
            tree.files = harness_scenario::amended(scenario, &source, &tree.files, &sku_facts(region)?)
                .map_err(|problems| loaded.invalid(problems, &tree.files))?;
            tree.tree = parse(&source, &fill_placeholders(&source, &tree.files)?)?;
        }
        // The built-in tree is for a cluster that has its pools alone.
        if given.or(named.as_deref()).is_some() {
            tree.add_aks_defaults(options.without_aks_defaults)?;
        }
        Ok((tree, region))
    }

    /// Puts what AKS makes itself beside the tree, or refuses a tree that needs it.
    fn add_aks_defaults(&mut self, without: bool) -> Result<(), InvalidInput> {
        if !without {
            self.tree.aks_defaults = self.tree.missing_aks_defaults();
            return Ok(());
        }
        let needs_it = |finding: &&Finding| finding.rule == harness_tree::NODE_CLASS_RULE;
        let problems: Vec<Diagnostic> =
            self.tree.findings.iter().filter(needs_it).cloned().map(Diagnostic::from).collect();
        if problems.is_empty() { Ok(()) } else { Err(InvalidInput { problems, texts: self.files.clone() }) }
    }

    /// Puts the scenario's layers beside the tree. Returns whether it has any.
    fn add_layers(&mut self, loaded: &LoadedScenario) -> Result<bool, InputError> {
        let scenario = &loaded.scenario;
        let Some(gitops) = &scenario.model().gitops else { return Ok(false) };
        let Some(name) = gitops.tree.as_deref() else { return Ok(false) };
        let files = if name == BUILT_IN_LAYERS {
            builtin_gitops()
        } else {
            let folder = beside(scenario, name);
            loaded.needs_folder(&["gitops", "tree"], &folder)?;
            let files = read_tree_folder(&folder)?;
            self.layers = Some(folder);
            files
        };
        let layers = LayersTree { source: name, files: &files, entry: gitops.entry() };
        self.files = with_layers(&self.tree.source, &self.files, &layers).map_err(|error| {
            let key = if matches!(error, LayersError::NoEntry { .. }) { "entry" } else { "tree" };
            loaded.misfit(&["gitops", key], error.to_string())
        })?;
        Ok(true)
    }

    /// Copies the folder, with the files of the tree in it, for a run that changes them: the user's folder is never written to. The copy is
    /// deleted with the returned value.
    ///
    /// # Errors
    /// [`FileError::Copy`] and [`FileError::Write`].
    pub(crate) fn copy(&self) -> Result<tempfile::TempDir, FileError> {
        let copy = private_folder()?;
        if let Some(folder) = &self.folder {
            copy_other_files(folder, copy.path())?;
        }
        if let Some(layers) = &self.layers {
            copy_other_files(layers, &copy.path().join(LAYERS_FOLDER))?;
        }
        write_files(copy.path(), &self.files)?;
        Ok(copy)
    }
}

/// A path that a scenario names, relative to its own file.
fn beside(scenario: &Scenario, path: &str) -> PathBuf {
    Path::new(scenario.file()).parent().unwrap_or(Path::new(".")).join(path)
}

fn parse(source: &str, files: &[SourceFile]) -> Result<NodeConfigTree, InvalidInput> {
    harness_tree::read_tree(source, files).map_err(|findings| {
        let errors = findings.into_iter().filter(|finding| finding.severity == Severity::Error);
        InvalidInput { problems: errors.map(Diagnostic::from).collect(), texts: files.to_vec() }
    })
}

/// Replaces the placeholders of the files as of one moment, always the same: a plan knows neither clock nor target. What is pushed gets the
/// values of the run.
fn fill_placeholders(source: &str, files: &[SourceFile]) -> Result<Vec<SourceFile>, InputError> {
    Placeholders::fill_for_a_plan(files.to_vec())
        .map_err(|error| InputError::Placeholder { tree: source.to_owned(), source: error.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_tree_can_be_copied() {
        let copy = LoadedTree::read(None, None).unwrap().copy().unwrap();
        assert!(copy.path().join("kustomization.yaml").is_file());
    }

    #[test]
    fn a_run_has_a_copy_of_its_own_with_what_the_scenario_changes() {
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path(), &LoadedTree::read(None, None).unwrap().files).unwrap();
        std::fs::write(folder.path().join("notes.md"), "mine").unwrap();
        let before = read_tree_folder(folder.path()).unwrap();
        let scenario = amending("{remove: {object: {kind: NodePool, name: memory-optimized}}}");
        let (tree, _) = LoadedTree::for_scenario(&scenario, &of_folder(folder.path())).unwrap();
        assert_eq!(tree.tree.pools.len(), 2);
        let copy = tree.copy().unwrap();
        let has_pool = |root: &Path| root.join("node-classes/memory-optimized.yaml").exists();
        assert!(!has_pool(copy.path()) && has_pool(folder.path()));
        assert_eq!(std::fs::read_to_string(copy.path().join("notes.md")).unwrap(), "mine");
        assert_eq!(read_tree_folder(folder.path()).unwrap(), before);
    }

    #[test]
    fn an_amendment_of_something_that_the_tree_does_not_have_is_an_error() {
        let scenario = amending("{remove: {object: {kind: NodePool, name: nobody}}}");
        let Err(InputError::Invalid(invalid)) = LoadedTree::for_scenario(&scenario, &PlanOptions::default()) else {
            panic!("accepted")
        };
        let problem = invalid.problems.first().unwrap();
        assert_eq!((problem.file.as_str(), problem.line, problem.column), ("amending.yaml", 6, 50), "{problem}");
        assert!(problem.message.contains("no NodePool `nobody`"), "{problem}");
        assert!(problem.hint.as_ref().unwrap().contains("general-purpose"), "{problem}");
        assert!(invalid.texts.iter().any(|text| text.path == "amending.yaml"), "the place can be shown");
    }

    /// It was said of `tree`, which is right.
    #[test]
    fn an_entry_that_the_layers_do_not_have_is_an_error_at_the_entry() {
        let text = "apiVersion: harness/v1\nkind: Scenario\nname: layered\nquestion: Does it?\nneeds: [node-auto-provisioning, gitops]\n\
                    gitops: {tree: gitops, entry: clusters/prod}\nphases:\n  - name: wait\n    for: 1s\n";
        let scenario = LoadedScenario::parse("layered", SourceFile::new("layered.yaml", text)).unwrap();
        let Err(InputError::Invalid(invalid)) = LoadedTree::for_scenario(&scenario, &PlanOptions::default()) else {
            panic!("accepted")
        };
        let problem = invalid.problems.first().unwrap();
        assert_eq!((problem.line, problem.column), (6, 31), "{problem}");
        assert!(problem.message.contains("clusters/prod"), "{problem}");
    }

    fn of_folder(folder: &Path) -> PlanOptions {
        PlanOptions { node_config: Some(folder.to_owned()), ..PlanOptions::default() }
    }

    fn amending(edit: &str) -> LoadedScenario {
        let text = format!(
            "apiVersion: harness/v1\nkind: Scenario\nname: amending\nquestion: Does it?\nneeds: [node-auto-provisioning, gitops]\n\
             amend: [{edit}]\nphases:\n  - name: wait\n    for: 1s\n"
        );
        LoadedScenario::parse("amending", SourceFile::new("amending.yaml", text)).unwrap()
    }
}
