//! Whatever a file contains, the result is a value or errors with places in that file, never a panic.

use crate::common::{self, inputs, lines, skus};
use harness_plan::Profile;
use harness_scenario::{PlanInputs, builtin_scenarios, parse, plan};
use harness_tree::{SourceFile, builtin_node_config, read_tree};
use proptest::prelude::*;

/// A change to a text: a stretch of it is replaced.
fn damage() -> impl Strategy<Value = (f64, usize, String)> {
    let words = prop_oneof![
        Just(String::new()),
        Just("0".to_owned()),
        Just("-1".to_owned()),
        Just("1e308".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("$podsPerClass".to_owned()),
        Just("all".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("\u{e9}\u{1f980}".to_owned()),
        "[ -~\\n]{0,6}",
    ];
    (0.0..1.0_f64, 0_usize..12, words)
}

fn damaged(text: &str, changes: &[(f64, usize, String)]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (place, length, word) in changes {
        let begin = ((text.len() as f64) * place) as usize;
        let end = (begin + length).min(text.len());
        text.splice(begin..end, word.chars());
    }
    text.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn scenarios(changes in prop::collection::vec(damage(), 1..4)) {
        let text = damaged(builtin_scenarios().iter().find(|scenario| scenario.name == "scale-burst").unwrap().text, &changes);
        match parse("scenario.yaml", &text) {
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(error.line >= 1 && error.column >= 1, "{error}");
                    prop_assert!(text.is_char_boundary(error.offset), "{error}");
                    prop_assert!(error.offset + error.length <= text.len(), "{error}");
                }
            }
            Ok(scenario) => {
                let tree = common::builtin_tree();
                let skus = skus();
                let inputs = PlanInputs { profile: Profile::Smoke, seed: 1, ..inputs(&tree, &skus) };
                if let Ok(plan) = plan(&scenario, &inputs) {
                    prop_assert!(!plan.workloads.is_empty());
                }
            }
        }
    }

    #[test]
    fn trees(file in 0_usize..7, changes in prop::collection::vec(damage(), 1..4)) {
        let mut files: Vec<SourceFile> = builtin_node_config();
        files[file].text = damaged(&files[file].text, &changes);
        match read_tree("other", &files) {
            Err(findings) => prop_assert!(findings.iter().all(|one| one.line >= 1 && !one.effect.is_empty()), "{}", lines(&findings)),
            Ok(tree) => {
                let scenario = parse("scenario.yaml", builtin_scenarios().iter().find(|scenario| scenario.name == "scale-burst").unwrap().text).unwrap();
                let skus = skus();
                let inputs = PlanInputs { profile: Profile::Smoke, seed: 1, ..inputs(&tree, &skus) };
                if let Err(errors) = plan(&scenario, &inputs) {
                    prop_assert!(errors.iter().all(|error| error.hint.is_some()), "{}", lines(&errors));
                }
            }
        }
    }
}
