//! Which scenarios are run, in which order, each planned before anything is touched.

use std::collections::{BTreeMap, BTreeSet};

use harness_plan::{Group, Profile};
use harness_scenario::{Scenario, builtin_scenarios};
use harness_units::Span;

use crate::args::{Planned as PlannedArgs, Run};
use crate::commands::run::Planned;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{INCONCLUSIVE, USAGE};
use crate::source;

use super::file::{Entry, State};

/// One scenario to run.
pub(crate) struct Item {
    pub(crate) entry: Entry,
    /// The scenario's own name, which several entries may share.
    pub(crate) scenario: String,
    /// About how long its phases take.
    pub(crate) expected: Span,
    /// What is done; `None` where the tree has no place for it, which the entry says.
    pub(crate) planned: Option<Planned>,
}

/// The built-in scenarios of a group or of all, in the order of `harness list`.
pub(crate) fn builtin(group: Option<Group>) -> Result<Vec<(&'static str, Scenario)>, CliError> {
    let mut all = builtin_scenarios()
        .iter()
        .map(|builtin| Ok((builtin.name, source::scenario(builtin.name)?)))
        .collect::<Result<Vec<_>, CliError>>()?;
    all.retain(|(_, scenario)| group.is_none_or(|group| scenario.group() == group));
    // Stable: within a group they stay in the order in which they come along.
    all.sort_by_key(|(_, scenario)| scenario.group());
    Ok(all)
}

/// The scenarios that are asked for, each as it was typed.
fn chosen(args: &Run) -> Result<Vec<(String, Scenario)>, CliError> {
    let chosen: Vec<(String, Scenario)> = if args.all {
        builtin(args.group)?.into_iter().map(|(name, scenario)| (name.to_owned(), scenario)).collect()
    } else {
        args.scenarios
            .iter()
            .map(|name| Ok((name.clone(), source::scenario(name)?)))
            .collect::<Result<_, CliError>>()?
    };
    if chosen.is_empty() {
        return Err(CliError::Usage("no scenario is in this group; `harness list` shows them all".to_owned()));
    }
    Ok(chosen)
}

/// The names of the scenarios that are asked for.
pub(crate) fn names(args: &Run) -> Result<Vec<String>, CliError> {
    Ok(chosen(args)?.into_iter().map(|(_, scenario)| scenario.name().to_owned()).collect())
}

/// Everything that is asked for. With `--all` a scenario that the tree has no place for is not run and says why; one that was named is
/// refused, as are wrong parameters.
pub(crate) fn items(args: &Run, seed: u64, console: &Console) -> Result<Vec<Item>, CliError> {
    let chosen = chosen(args)?;
    known_parameters(&args.planned.set, chosen.iter().map(|(_, scenario)| scenario))?;
    if let Some(given) = &args.planned.node_config {
        // A tree that is wrong in itself fails all of them; and what is said of it is said once, not once a scenario.
        source::tree(Some(given), console)?;
    }
    let mut folders = Folders::default();
    let mut trees_seen: BTreeSet<String> = BTreeSet::new();
    let mut items = Vec::new();
    // In rounds, so that a machine that gets slower with time does so for every scenario alike.
    for (typed, scenario) in (0..args.repeat).flat_map(|_| &chosen) {
        let own = of_scenario(&args.planned, scenario);
        let new = own.node_config.is_none() && trees_seen.insert(scenario.node_config().to_owned());
        let told = if new { *console } else { console.quietly() };
        let (state, planned) = match plan(typed, scenario, own.clone(), seed, &told) {
            Ok(planned) => (State::Waiting, Some(planned)),
            Err(error) if args.all && own.set.is_empty() && error.exit() == USAGE => {
                let why = match &error {
                    CliError::Refused(refused) => refused.first(),
                    error => error.to_string(),
                };
                let reason = format!("the node configuration has no place for it: {why}");
                (State::NotRun { reason, exit_code: INCONCLUSIVE.0 }, None)
            }
            Err(error) => return Err(error),
        };
        items.push(Item {
            entry: Entry {
                name: folders.of(scenario.name()),
                scenario: typed.clone(),
                group: scenario.group().as_str().to_owned(),
                question: scenario.question().trim().to_owned(),
                state,
                troubles: Vec::new(),
                judgement: None,
            },
            scenario: scenario.name().to_owned(),
            expected: scenario.duration_expected(own.profile),
            planned,
        });
    }
    Ok(items)
}

fn plan(
    typed: &str,
    scenario: &Scenario,
    args: PlannedArgs,
    seed: u64,
    console: &Console,
) -> Result<Planned, CliError> {
    let tree = source::tree_for(scenario, args.node_config.as_deref(), console)?;
    let plan = source::plan(scenario, typed, &args, seed, &tree)?;
    Ok(Planned { name: typed.to_owned(), plan, tree, args })
}

/// The arguments without the parameters that this scenario does not have: another one has them.
fn of_scenario(args: &PlannedArgs, scenario: &Scenario) -> PlannedArgs {
    let mut own = args.clone();
    own.set.retain(|set| scenario.parameters().contains_key(key_of(set)));
    own
}

fn key_of(set: &str) -> &str {
    set.split_once('=').map_or(set, |(key, _)| key)
}

/// A parameter that none of them has is a typing error.
fn known_parameters<'a>(set: &[String], scenarios: impl Iterator<Item = &'a Scenario> + Clone) -> Result<(), CliError> {
    let known = |key: &str| scenarios.clone().any(|scenario| scenario.parameters().contains_key(key));
    match set.iter().map(|set| key_of(set)).find(|key| !known(key)) {
        None => Ok(()),
        Some(key) => Err(CliError::Usage(format!(
            "none of these scenarios has a parameter `{key}`; `harness list -v` shows the parameters of each"
        ))),
    }
}

/// Names of folders: that of the scenario, numbered where it comes a second time.
#[derive(Default)]
struct Folders(BTreeMap<String, usize>);

impl Folders {
    fn of(&mut self, scenario: &str) -> String {
        let times = self.0.entry(scenario.to_owned()).or_default();
        *times += 1;
        // No scenario's name ends with a dot and a number, so this is nobody else's.
        if *times == 1 { scenario.to_owned() } else { format!("{scenario}.{times}") }
    }
}

/// Every profile, smallest first.
pub(crate) const PROFILES: [Profile; 3] = [Profile::Smoke, Profile::Default, Profile::Full];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;
    use rstest::rstest;

    #[test]
    fn a_scenario_that_comes_twice_has_two_folders() {
        let mut folders = Folders::default();
        assert_eq!(["a", "b", "a"].map(|name| folders.of(name)), ["a", "b", "a.2"]);
    }

    #[test]
    fn groups_stand_together_and_in_order() {
        let all = builtin(None).unwrap();
        assert_eq!(all.len(), builtin_scenarios().len());
        assert!(all.is_sorted_by_key(|(_, scenario)| scenario.group()));
        for &group in Group::ALL {
            assert!(builtin(Some(group)).unwrap().iter().all(|(_, scenario)| scenario.group() == group));
        }
    }

    fn asked(words: &[&str]) -> Run {
        let words = ["harness", "run"].iter().chain(words);
        match Args::try_parse_from(words).unwrap().command {
            Command::Run(run) => run,
            other => panic!("{other:?}"),
        }
    }

    #[rstest]
    #[case("smoke")]
    #[case("default")]
    #[case("full")]
    fn every_scenario_has_its_place_in_the_tree_that_comes_along(#[case] profile: &str) {
        let items = items(&asked(&["--all", "--profile", profile]), 7, &Console::for_tests()).unwrap();
        assert_eq!(items.len(), builtin_scenarios().len());
        let without: Vec<&Entry> = items.iter().filter(|it| it.planned.is_none()).map(|it| &it.entry).collect();
        assert!(without.is_empty(), "{without:#?}");
    }

    #[test]
    fn what_a_foreign_tree_has_no_place_for_is_not_run_and_says_why() {
        let tree = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/strange-tree");
        let words = ["--all", "--profile", "smoke", "--node-config", tree];
        let all = items(&asked(&words), 7, &Console::for_tests()).unwrap();
        assert!(all.iter().any(|item| item.entry.name == "scale-burst" && item.planned.is_some()));
        for item in all.iter().filter(|item| item.planned.is_none()) {
            let State::NotRun { reason, exit_code } = &item.entry.state else { panic!("{:?}", item.entry) };
            assert!(reason.len() > "the node configuration has no place for it: ".len(), "{reason}");
            assert_eq!(*exit_code, 4);
            // The same by its name is refused.
            let words = ["scale-burst", item.entry.name.as_str(), "--profile", "smoke", "--node-config", tree];
            assert!(items(&asked(&words), 7, &Console::for_tests()).is_err(), "{}", item.entry.name);
        }
    }

    #[test]
    fn repeated_runs_have_the_same_plan_and_folders_of_their_own() {
        let words = ["scale-burst", "spot", "--repeat", "3", "--profile", "smoke"];
        let items = items(&asked(&words), 7, &Console::for_tests()).unwrap();
        let names: Vec<&str> = items.iter().map(|item| item.entry.name.as_str()).collect();
        assert_eq!(names, ["scale-burst", "spot", "scale-burst.2", "spot.2", "scale-burst.3", "spot.3"]);
        let plan = |index: usize| serde_json::to_string(&items[index].planned.as_ref().unwrap().plan).unwrap();
        assert!(plan(0) == plan(2) && plan(2) == plan(4) && plan(0) != plan(1));
    }

    #[test]
    fn a_parameter_goes_to_those_that_have_it() {
        let scenario = source::scenario("scale-burst").unwrap();
        let set = ["podsPerClass=3".to_owned(), "nobodyHasThis=1".to_owned()];
        let args = PlannedArgs { node_config: None, profile: Profile::Smoke, set: set.to_vec(), seed: None };
        assert_eq!(of_scenario(&args, &scenario).set, set[..1]);
        assert!(known_parameters(&set[..1], std::iter::once(&scenario)).is_ok());
        let error = known_parameters(&set, std::iter::once(&scenario)).unwrap_err();
        assert!(error.to_string().contains("`nobodyHasThis`"), "{error}");
    }
}
