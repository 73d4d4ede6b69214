//! The counter-cases of `ci/catalogue.sh`, without a cluster: each belongs to a scenario that exists, leaves its phases and expectations
//! as they are, names expectations that exist, can be planned, and is listed in `scenarios/README.md`. `ci/catalogue.sh` shows that each fails.

#[path = "../../examples/catalogue/counter_case.rs"]
mod counter_case;

use std::path::Path;

use counter_case::{make, read_all};
use harness_testing::repository;
use serde_json::Value;

use crate::harness;

/// The number of counter-cases: few enough to run on real clusters, each for behaviour that only a real controller shows.
const COUNT: std::ops::RangeInclusive<usize> = 8..=20;

/// The plan of a scenario, by name or file.
fn plan(scenario: &Path) -> Value {
    let output = harness().args(["plan", "--profile", "smoke", "--seed", "7"]).arg(scenario).output().unwrap();
    assert!(output.status.success(), "{}: {}", scenario.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The conditions and limits of a plan's phases.
fn waits(plan: &Value) -> Vec<Value> {
    let mut phases = plan["phases"].as_array().unwrap().clone();
    phases.iter_mut().for_each(|phase| drop(phase.as_object_mut().unwrap().remove("actions").unwrap()));
    phases
}

#[test]
fn each_counter_case_is_its_whole_scenario_with_one_thing_broken() {
    let cases = read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/counter-cases")).unwrap();
    assert!(COUNT.contains(&cases.len()), "there are {}", cases.len());
    let listed = std::fs::read_to_string(repository("scenarios/README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, case) in cases {
        let text = std::fs::read_to_string(repository(&format!("scenarios/{}.yaml", case.scenario))).unwrap();
        let scenario: Value = serde_saphyr::from_str(&text).unwrap();
        let broken = make(&case, &scenario).unwrap_or_else(|refused| panic!("{name}: {refused}"));
        let file = folder.path().join(format!("{name}.yaml"));
        std::fs::write(&file, serde_json::to_string_pretty(&broken).unwrap()).unwrap();
        // The files agree in what they expect; so must the plans, in which every parameter has its value.
        let (whole, broken) = (plan(Path::new(&case.scenario)), plan(&file));
        assert_eq!(broken["expectations"], whole["expectations"], "{name}");
        assert_eq!(waits(&broken), waits(&whole), "{name}");
        // A part of several words is that of an expectation's name; one word is a code in a reason, which only a run has.
        let names: Vec<&str> =
            whole["expectations"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        for part in case.fails.iter().chain(&case.may_fail).filter(|part| part.contains(' ')) {
            assert!(
                names.iter().any(|it| it.contains(part.as_str())),
                "{name}: no expectation has `{part}`: {names:#?}"
            );
        }
        assert!(listed.contains(&format!("`{name}`")), "{name} is not in scenarios/README.md");
    }
}
