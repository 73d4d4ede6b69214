//! From names and paths to checked inputs: scenarios, trees, plans.

mod skus;
mod tree;
mod tree_folder;

use std::path::Path;

use harness_plan::{Group, Plan};
use harness_scenario::{Builtin, PlanInputs, Scenario, builtin_scenarios};
use harness_tree::SourceFile;

use crate::error::{InputError, InvalidInput};
use crate::files;
use crate::request::PlanOptions;

pub use skus::sku_facts;
pub use tree::LoadedTree;
pub use tree_folder::read_tree_folder;

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

    fn parse(name: &str, text: SourceFile) -> Result<Self, InputError> {
        match harness_scenario::parse(&text.path, &text.text) {
            Ok(scenario) => Ok(Self { name: name.to_owned(), scenario, text }),
            Err(problems) => Err(InvalidInput { problems, texts: vec![text] }.into()),
        }
    }

    /// Makes the plan of a run on a tree. It is complete: the same scenario, options, seed and tree give the same plan.
    ///
    /// # Errors
    /// [`InputError::Invalid`]: a parameter does not exist or has the wrong type, or the tree has no place for the scenario.
    pub fn plan(&self, options: &PlanOptions, seed: u64, tree: &LoadedTree) -> Result<Plan, InputError> {
        let inputs = PlanInputs {
            profile: options.profile,
            seed,
            overrides: &options.parameters,
            tree: &tree.tree,
            skus: &sku_facts()?,
        };
        harness_scenario::plan(&self.scenario, &inputs).map_err(|problems| {
            let texts = tree.files.iter().chain([&self.text]).cloned().collect();
            InvalidInput { problems, texts }.into()
        })
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

/// Draws a seed for a run for which none was given.
pub(crate) fn draw_seed() -> u64 {
    // A seed that a person can read out and type: 32 bits of a random UUID are plenty.
    u64::from(uuid::Uuid::new_v4().as_fields().0)
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
