//! The tables in `scenarios/README.md`: they list every requirement, and each expectation that they name exists.

use std::collections::{BTreeMap, BTreeSet};

use harness_testing::repository;
use serde_json::Value;

use crate::harness;

/// The requirements of the three documents: prefix and number.
const LINES: [(&str, usize); 3] = [("G", 26), ("R", 9), ("S", 15)];

struct Row {
    id: String,
    scenario: String,
    shown_by: String,
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(repository("scenarios/README.md")).unwrap();
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
    };
    let is_id = |id: &str| id.len() > 1 && id.is_char_boundary(1) && id[1..].chars().all(|c| c.is_ascii_digit());
    text.lines()
        .map(cells)
        .filter(|cells| cells.len() == 4 && is_id(&cells[0]))
        .map(|cells| Row { id: cells[0].clone(), scenario: cells[2].clone(), shown_by: cells[3].clone() })
        .collect()
}

fn expectations(scenario: &str) -> BTreeSet<String> {
    let output = harness().args(["plan", scenario, "--seed", "1"]).output().unwrap();
    assert!(output.status.success(), "{scenario}: {}", String::from_utf8_lossy(&output.stderr));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    plan["expectations"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_requirement_names_an_expectation_that_exists() {
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in rows() {
        if row.scenario == "none" {
            if row.shown_by.len() < 6 {
                wrong.push(format!("{}: does not say why", row.id));
            }
            continue;
        }
        // Code in Markdown: one backtick, or two and a space where there is one inside.
        let name = row.shown_by.trim_matches('`').trim().to_owned();
        let names = known.entry(row.scenario.clone()).or_insert_with(|| expectations(&row.scenario));
        if !names.contains(&name) {
            wrong.push(format!("{}: {} has no expectation `{name}`, but {names:#?}", row.id, row.scenario));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_requirement_is_listed_once() {
    let found: Vec<String> = rows().into_iter().map(|row| row.id).collect();
    let expected: Vec<String> =
        LINES.iter().flat_map(|(prefix, count)| (1..=*count).map(move |number| format!("{prefix}{number}"))).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_scenario_is_in_the_list() {
    let text = std::fs::read_to_string(repository("scenarios/README.md")).unwrap();
    for entry in std::fs::read_dir(repository("scenarios")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".yaml") {
            assert!(text.contains(&format!("({name})")), "{name} is not in scenarios/README.md");
        }
    }
}
