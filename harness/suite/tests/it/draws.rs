//! What the scenarios need of the simulated Azure comes for every seed: the draws of the engine itself, in every profile.

use harness_azure::{Rehearsal, VmRef};
use harness_plan::{Action, Profile};
use harness_scenario::Chance;
use harness_simulation::{CapacityType, Fault, FaultKind, VmSelector};
use harness_suite::{LoadedScenario, PlanOptions, load_built_in};
use harness_testing::repository;

const SEEDS: u64 = 1000;
const PROFILES: [Profile; 3] = [Profile::Smoke, Profile::Default, Profile::Full];

/// The events that a scenario needs and that draws decide over, by profile.
fn chances(loaded: &LoadedScenario) -> Vec<(Profile, Chance)> {
    let of_profile = |profile| {
        let options = PlanOptions { profile, ..PlanOptions::default() };
        let chances = loaded.chances(&options, 7).unwrap();
        chances.into_iter().map(move |chance| (profile, chance))
    };
    PROFILES.into_iter().flat_map(of_profile).collect()
}

/// Whether a scenario lets anything go wrong in Azure: only then is there something to draw.
fn has_faults(loaded: &LoadedScenario) -> bool {
    let model = loaded.scenario.model();
    let mut actions = model.phases.iter().flat_map(|phase| &phase.actions);
    !model.azure.faults.is_empty() || actions.any(|action| matches!(action.variant, Action::AzureFault(_)))
}

/// A VM that a fault means.
fn vm(only: &VmSelector) -> VmRef {
    let given = |value: &Option<String>, otherwise: &str| value.clone().unwrap_or_else(|| otherwise.to_owned());
    let name = given(&only.vm, "vm-1");
    VmRef {
        instance: 1,
        name: name.clone(),
        machine: name.clone(),
        nodeclaim: name,
        nodepool: given(&only.nodepool, "general-purpose"),
        sku: given(&only.sku, "Standard_D4s_v5"),
        family: given(&only.family, "D"),
        quota_family: "standardDSv5Family".to_owned(),
        zone: given(&only.zone, "eastus-1"),
        capacity_type: only.capacity_type.unwrap_or(CapacityType::Spot),
        vcpus: 4,
        price_micro_usd_per_hour: 1,
        on_demand_micro_usd_per_hour: 1,
    }
}

/// How often the engine causes the event with a seed, if there are no more VMs or calls than the plan is sure of.
fn caused(chance: &Chance, seed: u64) -> usize {
    let (cause, others) = chance.faults.split_last().unwrap();
    let Fault { kind, terms } = cause;
    let mut azure = Rehearsal::new(seed);
    for other in others {
        azure.set(other).unwrap();
    }
    // Where the plan does not say how many there are: as few as it can be with.
    let fewest = [Some(chance.needed), terms.count, terms.at_least, terms.nth.last().copied()];
    let fewest = u64::from(fewest.into_iter().flatten().max().unwrap());
    let cases = usize::try_from(chance.cases.unwrap_or(fewest)).unwrap();
    let vm = vm(&kind.only().cloned().unwrap_or_default());
    if kind.is_instant() {
        return azure.act(cause, &vec![vm; cases]).unwrap().len();
    }
    let name = azure.set(cause).unwrap();
    match kind {
        FaultKind::Throttle { operation, .. } => {
            let operation = operation.as_deref().unwrap_or("machines.put");
            (0..cases).filter(|_| azure.call(operation)).count()
        }
        _ => (0..cases).filter(|_| azure.create(&vm).contains(&name)).count(),
    }
}

/// How many of the first seeds do not cause the event as often as it is needed.
fn seeds_without(chance: &Chance) -> usize {
    (0..SEEDS).filter(|seed| caused(chance, *seed) < chance.needed as usize).count()
}

#[test]
fn what_a_scenario_needs_comes_for_every_seed() {
    let mut all = load_built_in(None).unwrap();
    let short = std::fs::read_dir(repository("harness/cli/tests/scenarios")).unwrap();
    all.extend(short.map(|file| LoadedScenario::load(file.unwrap().path().to_str().unwrap()).unwrap()));
    let (mut wrong, mut checked) = (Vec::new(), Vec::new());
    for loaded in all.iter().filter(|loaded| has_faults(loaded)) {
        for (profile, chance) in chances(loaded) {
            let without = seeds_without(&chance);
            let what = format!("{} in profile {profile}: {}", loaded.name, chance.needed_by);
            if without > 0 || chance.note().is_some() {
                wrong.push(format!("{what} is not caused by {without} of {SEEDS} seeds: {:?}", chance.note()));
            }
            checked.push(what);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for needed in [
        "failure-storm in profile smoke: `at least 1 x vm-failed (code InternalOperationError)`",
        "failure-storm in profile smoke: `at least 1 x call-throttled in storm`",
        "failure-storm in profile full: `at least 1 x nodeclaim-deleting in given-up`",
        "spot in profile smoke: `at least 1 x spot-evicted in surprise`",
        "spot in profile smoke: the end of phase surprise",
        "capacity-shortage in profile smoke: `at least 1 x vm-failed (code ZonalAllocationFailed) in alternatives`",
    ] {
        assert!(checked.iter().any(|what| what == needed), "nothing checks {needed}, but {checked:#?}");
    }
}

#[test]
fn the_share_alone_that_failure_storm_had_is_found() {
    let old = "scenarios/failure-storm.yaml";
    let text = std::fs::read_to_string(repository(old)).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.trim() != "atLeast: 1").collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.yaml");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let loaded = LoadedScenario::load(file.to_str().unwrap()).unwrap();
    let is_meant =
        |(profile, one): &(Profile, Chance)| *profile == Profile::Smoke && one.needed_by.contains("vm-failed");
    let (_, chance) = chances(&loaded).into_iter().find(is_meant).unwrap();
    assert!(seeds_without(&chance) > 0);
    let note = chance.note().unwrap();
    assert!(
        note.contains("`operationFail` hits a share of 25%") && note.ends_with("write `atLeast: 1` beside it"),
        "{note}"
    );
    // The run that was seen had six creations, and failed with about one seed in six.
    let six = Chance { cases: Some(6), ..chance };
    assert!((140..220).contains(&seeds_without(&six)), "{}", seeds_without(&six));
    assert!(six.note().unwrap().starts_with("up to 1 in 6 seeds do not cause"), "{:?}", six.note());
}
