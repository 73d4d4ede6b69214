//! Scenarios, by their names or files.

use std::path::Path;

use harness_plan::Group;
use harness_scenario::{Builtin, Scenario, builtin_scenarios};
use harness_tree::SourceFile;
use harness_yaml::Diagnostic;

use crate::error::{InputError, InvalidInput};
use crate::files;

/// A scenario that was asked for.
#[derive(Clone, Debug)]
pub struct LoadedScenario {
    /// As it was asked for: a name, or a file.
    pub name: String,
    /// What it says.
    pub scenario: Scenario,
    /// Its text, to show problems in.
    text: SourceFile,
}

impl LoadedScenario {
    /// Loads a built-in scenario by its name, or a scenario file by its path.
    ///
    /// # Errors
    /// [`InputError::UnknownScenario`], [`InputError::File`], and [`InputError::Invalid`] with everything that is wrong with it.
    pub fn load(name: &str) -> Result<Self, InputError> {
        if let Some(builtin) = builtin_scenarios().iter().find(|builtin| builtin.name == name) {
            return Self::built_in(builtin);
        }
        if !Path::new(name).is_file() {
            return Err(InputError::UnknownScenario(name.to_owned()));
        }
        Self::parse(name, SourceFile::new(name, files::read_text(Path::new(name))?))
    }

    fn built_in(builtin: &Builtin) -> Result<Self, InputError> {
        Self::parse(builtin.name, SourceFile::new(format!("scenarios/{}.yaml", builtin.name), builtin.text))
    }

    /// Reads a scenario from its text. The text's path is the file that problems are said to be in, and paths in the scenario are relative to it.
    ///
    /// # Errors
    /// [`InputError::Invalid`] with everything that is wrong with it by itself.
    pub fn parse(name: &str, text: SourceFile) -> Result<Self, InputError> {
        match harness_scenario::parse(&text.path, &text.text) {
            Ok(scenario) => Ok(Self { name: name.to_owned(), scenario, text }),
            Err(problems) => Err(InvalidInput { problems, texts: vec![text] }.into()),
        }
    }

    /// What is wrong with it on its tree, with the texts of both.
    pub(super) fn invalid(&self, problems: Vec<Diagnostic>, files: &[SourceFile]) -> InputError {
        InvalidInput { problems, texts: files.iter().chain([&self.text]).cloned().collect() }.into()
    }

    /// That what it names at the end of a path of keys does not fit.
    pub(super) fn misfit(&self, path: &[&str], message: String) -> InputError {
        let problem = Diagnostic::new(self.scenario.file(), self.scenario.place(path), message);
        self.invalid(vec![problem], &[])
    }

    /// That a folder that it names is there.
    pub(super) fn needs_folder(&self, path: &[&str], folder: &Path) -> Result<(), InputError> {
        let message = || format!("there is no folder {}; paths count from the scenario's file", folder.display());
        if folder.is_dir() { Ok(()) } else { Err(self.misfit(path, message())) }
    }
}

/// Loads the built-in scenarios of a group, or all of them, sorted by group as in `harness list`.
///
/// # Errors
/// [`InputError::Invalid`], which the tests of the scenarios exclude.
pub fn load_built_in(group: Option<Group>) -> Result<Vec<LoadedScenario>, InputError> {
    let mut all = builtin_scenarios().iter().map(LoadedScenario::built_in).collect::<Result<Vec<_>, _>>()?;
    all.retain(|loaded| group.is_none_or(|group| loaded.scenario.group() == group));
    // The sort is stable: within a group they stay sorted by name.
    all.sort_by_key(|loaded| loaded.scenario.group());
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_sorted_by_group_and_no_group_is_empty() {
        let all = load_built_in(None).unwrap();
        assert_eq!(all.len(), builtin_scenarios().len());
        assert!(all.is_sorted_by_key(|loaded| loaded.scenario.group()));
        for &group in Group::ALL {
            let of_group = load_built_in(Some(group)).unwrap();
            assert!(!of_group.is_empty() && of_group.iter().all(|loaded| loaded.scenario.group() == group));
        }
    }
}
