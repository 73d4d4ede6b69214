//! The runs of a suite: which scenarios, in which order, each planned before anything is touched.

use std::collections::{BTreeMap, BTreeSet};

use harness_record::ExitCode;
use harness_scenario::Scenario;
use harness_units::Span;

use crate::error::{InputError, SuiteError};
use crate::input::{LoadedScenario, LoadedTree, load_built_in};
use crate::planned_run::PlannedRun;
use crate::progress::{ProgressListener, Update};
use crate::record::{RunRecord, RunState};
use crate::request::{PlanOptions, RunRequest, ScenarioChoice};

/// One run of a suite.
pub(crate) struct SelectedRun {
    pub(crate) record: RunRecord,
    /// The scenario's own name, which several runs may share.
    pub(crate) scenario: String,
    /// About how long its phases take.
    pub(crate) expected: Span,
    /// What is done; `None` if the scenario does not fit the tree, which the record says.
    pub(crate) planned: Option<PlannedRun>,
}

/// Loads the scenarios that are asked for, at least one.
pub(crate) fn load(choice: &ScenarioChoice) -> Result<Vec<LoadedScenario>, InputError> {
    match choice {
        ScenarioChoice::Named(names) if names.is_empty() => Err(InputError::NoScenario),
        ScenarioChoice::Named(names) => names.iter().map(|name| LoadedScenario::load(name)).collect(),
        ScenarioChoice::BuiltIn(group) => load_built_in(*group),
    }
}

/// Plans every run that is asked for.
pub(crate) fn plan_all(
    request: &RunRequest,
    scenarios: &[LoadedScenario],
    seed: u64,
    progress: &dyn ProgressListener,
) -> Result<Vec<SelectedRun>, SuiteError> {
    check_parameters(&request.options.parameters, scenarios)?;
    let report_warnings = |tree: &LoadedTree| {
        tree.warnings.iter().for_each(|warning| progress.update(Update::TreeWarning(warning)));
    };
    if let Some(given) = &request.options.node_config {
        // A tree that is invalid in itself fails all of them, and its warnings are reported once and not once a scenario.
        report_warnings(&LoadedTree::read(Some(given), request.options.root.as_deref())?);
    }
    let is_optional = matches!(request.scenarios, ScenarioChoice::BuiltIn(_));
    let mut folders = FolderNames::default();
    let mut reported = BTreeSet::new();
    let mut runs = Vec::new();
    // In rounds, so that a machine that gets slower with time does so for every scenario alike.
    for loaded in (0..request.repeat).flat_map(|_| scenarios) {
        let scenario = &loaded.scenario;
        let options = own_options(&request.options, scenario);
        let has_own_parameters = !options.parameters.is_empty();
        let planned = PlannedRun::new(loaded, options, &request.target, seed);
        if let Ok(planned) = &planned
            && request.options.node_config.is_none()
            && reported.insert(scenario.node_config())
        {
            report_warnings(&planned.tree);
        }
        let (state, planned) = match planned {
            Ok(planned) => (RunState::Waiting, Some(planned)),
            Err(error) if is_optional && !has_own_parameters && error.exit_code() == ExitCode::InvalidInput => {
                let reason = format!("it does not fit the node configuration: {error}");
                (RunState::NotRun { reason, exit_code: ExitCode::Inconclusive }, None)
            }
            Err(error) => return Err(error.into()),
        };
        runs.push(SelectedRun {
            record: RunRecord {
                name: folders.next(scenario.name()),
                scenario: loaded.name.clone(),
                group: scenario.group().as_str().to_owned(),
                question: scenario.question().trim().to_owned(),
                state,
                issues: Vec::new(),
                judgement: None,
            },
            scenario: scenario.name().to_owned(),
            expected: scenario.duration_expected(request.options.profile),
            planned,
        });
    }
    Ok(runs)
}

/// The options with those parameters that the scenario has: the others belong to another one.
fn own_options(options: &PlanOptions, scenario: &Scenario) -> PlanOptions {
    let mut own = options.clone();
    own.parameters.retain(|parameter| scenario.parameters().contains_key(key(parameter)));
    own
}

fn key(parameter: &str) -> &str {
    parameter.split_once('=').map_or(parameter, |(key, _)| key)
}

/// Checks that each parameter belongs to one of the scenarios: otherwise it is a typing error.
fn check_parameters(parameters: &[String], scenarios: &[LoadedScenario]) -> Result<(), InputError> {
    let is_known = |key: &str| scenarios.iter().any(|loaded| loaded.scenario.parameters().contains_key(key));
    match parameters.iter().map(|parameter| key(parameter)).find(|key| !is_known(key)) {
        None => Ok(()),
        Some(key) => Err(InputError::UnknownParameter(key.to_owned())),
    }
}

/// Names of folders: those of the scenarios, numbered from the second run of a scenario on.
#[derive(Default)]
struct FolderNames(BTreeMap<String, usize>);

impl FolderNames {
    fn next(&mut self, scenario: &str) -> String {
        let times = self.0.entry(scenario.to_owned()).or_default();
        *times += 1;
        // No scenario's name ends with a dot and a number, so no other run has this one.
        if *times == 1 { scenario.to_owned() } else { format!("{scenario}.{times}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use harness_plan::Profile;
    use harness_scenario::builtin_scenarios;
    use rstest::rstest;

    fn named(names: &[&str]) -> RunRequest {
        smoke(ScenarioChoice::Named(names.iter().map(|name| (*name).to_owned()).collect()))
    }

    fn smoke(scenarios: ScenarioChoice) -> RunRequest {
        let mut request = RunRequest::new(scenarios);
        request.options.profile = Profile::Smoke;
        request
    }

    fn plan(request: &RunRequest) -> Result<Vec<SelectedRun>, SuiteError> {
        plan_all(request, &load(&request.scenarios)?, 7, &Silent)
    }

    #[test]
    fn a_scenario_that_runs_twice_has_two_folders() {
        let mut folders = FolderNames::default();
        assert_eq!(["a", "b", "a"].map(|name| folders.next(name)), ["a", "b", "a.2"]);
    }

    #[rstest]
    fn every_built_in_scenario_fits_the_built_in_tree(
        #[values(Profile::Smoke, Profile::Default, Profile::Full)] profile: Profile,
    ) {
        let mut request = RunRequest::new(ScenarioChoice::BuiltIn(None));
        request.options.profile = profile;
        let runs = plan(&request).unwrap();
        assert_eq!(runs.len(), builtin_scenarios().len());
        let without: Vec<&RunRecord> = runs.iter().filter(|run| run.planned.is_none()).map(|run| &run.record).collect();
        assert!(without.is_empty(), "{without:#?}");
    }

    #[test]
    fn what_does_not_fit_a_foreign_tree_is_not_run_and_says_why() {
        let tree = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/strange-tree");
        let mut request = smoke(ScenarioChoice::BuiltIn(None));
        request.options.node_config = Some(tree.into());
        let runs = plan(&request).unwrap();
        assert!(runs.iter().any(|run| run.record.name == "scale-burst" && run.planned.is_some()));
        assert!(runs.iter().any(|run| run.planned.is_none()));
        for run in runs.iter().filter(|run| run.planned.is_none()) {
            let RunState::NotRun { reason, exit_code } = &run.record.state else { panic!("{:?}", run.record) };
            assert!(reason.len() > "it does not fit the node configuration: ".len(), "{reason}");
            assert_eq!(*exit_code, ExitCode::Inconclusive);
            // Named explicitly, it is refused.
            let mut request = named(&["scale-burst", &run.record.name]);
            request.options.node_config = Some(tree.into());
            assert!(plan(&request).is_err(), "{}", run.record.name);
        }
    }

    #[test]
    fn repeated_runs_have_the_same_plan_and_folders_of_their_own() {
        let mut request = named(&["scale-burst", "spot"]);
        request.repeat = 3;
        let runs = plan(&request).unwrap();
        let names: Vec<&str> = runs.iter().map(|run| run.record.name.as_str()).collect();
        assert_eq!(names, ["scale-burst", "spot", "scale-burst.2", "spot.2", "scale-burst.3", "spot.3"]);
        let plan = |index: usize| serde_json::to_string(&runs[index].planned.as_ref().unwrap().plan).unwrap();
        assert!(plan(0) == plan(2) && plan(2) == plan(4) && plan(0) != plan(1));
    }

    #[test]
    fn a_parameter_belongs_to_the_scenarios_that_have_it() {
        let loaded = [LoadedScenario::load("scale-burst").unwrap()];
        let parameters = ["podsPerClass=3".to_owned(), "nobodyHasThis=1".to_owned()];
        let options = PlanOptions { parameters: parameters.to_vec(), ..PlanOptions::default() };
        assert_eq!(own_options(&options, &loaded[0].scenario).parameters, parameters[..1]);
        assert!(check_parameters(&parameters[..1], &loaded).is_ok());
        let error = check_parameters(&parameters, &loaded).unwrap_err();
        assert!(error.to_string().contains("`nobodyHasThis`"), "{error}");
    }
}
