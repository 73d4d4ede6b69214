//! From a scenario and its tree to a plan, and everything that is in the way of one.

use harness_plan::Plan;
use harness_scenario::{Chance, PROFILES, PlanInputs, Scenario, of_profiles};
use harness_yaml::{Diagnostic, Mark};

use super::scenario::LoadedScenario;
use super::skus::{daemon_sets, sku_facts};
use super::tree::LoadedTree;
use crate::error::{InputError, InvalidInput};
use crate::region::Region;
use crate::request::PlanOptions;

/// A plan, and the tree that it was made on.
#[derive(Clone, Debug)]
pub struct PlannedScenario {
    /// What is done.
    pub plan: Plan,
    /// The tree with what the scenario changes in it.
    pub tree: LoadedTree,
    /// The region whose VM sizes it was made with.
    pub region: Region,
}

/// A plan is refused for the same reasons whatever its seed is.
const ANY_SEED: u64 = 0;

impl LoadedScenario {
    /// Makes the plan of a run, on the tree of the options or else on that of the scenario. It is complete: the same scenario, options, seed and
    /// tree give the same plan. This is the only way to one: whatever is wrong with a scenario is found here, for every command.
    ///
    /// # Errors
    /// [`InputError`]: a parameter does not exist or has the wrong type, the tree cannot be read, or it has no place for the scenario.
    pub fn plan(&self, options: &PlanOptions, seed: u64) -> Result<PlannedScenario, InputError> {
        let (plan, tree, region) = self.expand(options, seed, harness_scenario::plan)?;
        Ok(PlannedScenario { plan, tree, region })
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
    ) -> Result<(T, LoadedTree, Region), InputError> {
        let (tree, region) = LoadedTree::for_scenario(self, options)?;
        let inputs = PlanInputs {
            profile: options.profile,
            seed,
            overrides: &options.parameters,
            tree: &tree.tree,
            skus: &sku_facts(region)?,
            daemon_sets: daemon_sets(),
            operations: &harness_azure::arm_operations(),
        };
        match expand(&self.scenario, &inputs) {
            Ok(expanded) => Ok((expanded, tree, region)),
            Err(problems) => Err(self.invalid(problems, &tree.files)),
        }
    }

    /// Plans the scenario in every profile, for a region or else for that of its tree. Returns what there is to note of its plans, each once, at the start of its file.
    ///
    /// # Errors
    /// [`InputError::Invalid`] with everything for which [`LoadedScenario::plan`] refuses it in one profile or another, each once; and what else is
    /// in the way of a plan.
    pub fn examine(&self, region: Option<Region>) -> Result<Vec<Diagnostic>, InputError> {
        let (mut problems, mut notes, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for profile in PROFILES {
            match self.plan(&PlanOptions { profile, region, ..PlanOptions::default() }, ANY_SEED) {
                Ok(PlannedScenario { plan, .. }) => {
                    let note = |note| Diagnostic::new(self.scenario.file(), Mark::START, note);
                    notes.push((profile, plan.notes.into_iter().map(note).collect()));
                }
                Err(InputError::Invalid(invalid)) => {
                    problems.push((profile, invalid.problems));
                    texts = invalid.texts;
                }
                Err(other) => return Err(other),
            }
        }
        match problems.is_empty() {
            true => Ok(of_profiles(notes)),
            false => Err(InvalidInput { problems: of_profiles(problems), texts }.into()),
        }
    }
}
