//! The JSON schema: committed as generated, and satisfied by every scenario.

use std::path::Path;

use harness_scenario::scenario_schema;
use rstest::rstest;

#[test]
fn the_committed_schema_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/scenario.schema.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let generated = format!("{:#}\n", scenario_schema());
    assert!(
        committed == generated,
        "scenarios/scenario.schema.json is stale: run `cargo run -p harness -- schema > scenarios/scenario.schema.json`"
    );
}

#[rstest]
fn scenarios_match_the_schema(#[files("../../scenarios/*.yaml")] path: std::path::PathBuf) {
    let text = std::fs::read_to_string(&path).unwrap();
    let value = value(&text);
    let validator = jsonschema::validator_for(&scenario_schema()).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
}

/// The schema must refuse what the parser refuses, or an editor would accept a broken file.
#[rstest]
#[case("phases: []", "phases: x")]
#[case("question: q", "quesiton: q")]
#[case("kind: Scenario", "kind: Scenarios")]
fn the_schema_refuses_broken_scenarios(#[case] right: &str, #[case] wrong: &str) {
    let text = "apiVersion: harness/v1\nkind: Scenario\nname: a\nquestion: q\nphases: []\n";
    let schema = {
        let mut schema = scenario_schema();
        // Only this test writes a scenario without phases.
        schema["properties"]["phases"]["minItems"] = 0.into();
        schema
    };
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&value(text)));
    assert!(!validator.is_valid(&value(&text.replace(right, wrong))));
}

#[rstest]
fn every_scenario_is_valid_and_built_in(#[files("../../scenarios/*.yaml")] path: std::path::PathBuf) {
    let text = std::fs::read_to_string(&path).unwrap();
    let scenario = harness_scenario::parse(&path.display().to_string(), &text)
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap();
    assert_eq!(scenario.name(), name, "a scenario's file has its name");
    let builtin = harness_scenario::builtin_scenarios().iter().find(|one| one.name == name);
    assert_eq!(builtin.map(|one| one.text), Some(text.as_str()), "{name} is missing in builtin.rs");
}

fn value(text: &str) -> serde_json::Value {
    let documents = harness_yaml::documents(text).unwrap();
    harness_yaml::from_node(&documents[0]).unwrap()
}
