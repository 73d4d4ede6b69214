//! From a scenario and its tree to a plan, and everything that is in the way of one.

use harness_plan::{Plan, Profile};
use harness_scenario::{Chance, PlanInputs, Scenario};
use harness_yaml::{Diagnostic, in_order};

use super::scenario::LoadedScenario;
use super::skus::sku_facts;
use super::tree::LoadedTree;
use crate::error::{InputError, InvalidInput};
use crate::request::PlanOptions;

/// A plan, and the tree that it was made on.
#[derive(Clone, Debug)]
pub struct PlannedScenario {
    /// What is done.
    pub plan: Plan,
    /// The tree with what the scenario changes in it.
    pub tree: LoadedTree,
}

/// Every profile, smallest first.
const PROFILES: [Profile; 3] = [Profile::Smoke, Profile::Default, Profile::Full];
/// A plan is refused for the same reasons whatever its seed is.
const ANY_SEED: u64 = 0;

impl LoadedScenario {
    /// Makes the plan of a run, on the tree of the options or else on that of the scenario. It is complete: the same scenario, options, seed and
    /// tree give the same plan. This is the only way to one: whatever is wrong with a scenario is found here, for every command.
    ///
    /// # Errors
    /// [`InputError`]: a parameter does not exist or has the wrong type, the tree cannot be read, or it has no place for the scenario.
    pub fn plan(&self, options: &PlanOptions, seed: u64) -> Result<PlannedScenario, InputError> {
        let (plan, tree) = self.expand(options, seed, harness_scenario::plan)?;
        Ok(PlannedScenario { plan, tree })
    }

    /// The events that a plan needs and that the draws of a fault decide over.
    ///
    /// # Errors
    /// As [`LoadedScenario::plan`].
    pub fn chances(&self, options: &PlanOptions, seed: u64) -> Result<Vec<Chance>, InputError> {
        Ok(self.expand(options, seed, harness_scenario::chances)?.0)
    }

    fn expand<T>(
        &self,
        options: &PlanOptions,
        seed: u64,
        expand: impl FnOnce(&Scenario, &PlanInputs<'_>) -> Result<T, Vec<Diagnostic>>,
    ) -> Result<(T, LoadedTree), InputError> {
        let tree = LoadedTree::for_scenario(self, options.node_config.as_deref())?;
        let inputs = PlanInputs {
            profile: options.profile,
            seed,
            overrides: &options.parameters,
            tree: &tree.tree,
            skus: &sku_facts()?,
            operations: &harness_azure::arm_operations(),
        };
        match expand(&self.scenario, &inputs) {
            Ok(expanded) => Ok((expanded, tree)),
            Err(problems) => Err(self.invalid(problems, &tree.files)),
        }
    }

    /// Everything for which [`LoadedScenario::plan`] refuses the scenario in one profile or another, each once.
    pub fn refusals(&self) -> Vec<InputError> {
        let (mut problems, mut texts, mut others) = (Vec::new(), Vec::new(), Vec::<InputError>::new());
        for profile in PROFILES {
            match self.plan(&PlanOptions { profile, ..PlanOptions::default() }, ANY_SEED) {
                Ok(_) => {}
                Err(InputError::Invalid(invalid)) => {
                    problems.extend(invalid.problems);
                    texts = invalid.texts;
                }
                Err(other) if others.iter().any(|known| known.to_string() == other.to_string()) => {}
                Err(other) => others.push(other),
            }
        }
        let invalid = (!problems.is_empty()).then(|| InvalidInput { problems: in_order(problems), texts }.into());
        invalid.into_iter().chain(others).collect()
    }
}
