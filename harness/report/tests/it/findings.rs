//! Findings in the formats of other programs.

use harness_report::findings::{github, json, sarif};
use harness_tree::validate::{ValidationInputs, fix, validate};
use harness_tree::{Files, SourceFile};
use serde_json::Value;

static NO_SKUS: Vec<harness_tree::SkuFact> = Vec::new();

const TREE: &str = "apiVersion: karpenter.azure.com/v1beta1
kind: AKSNodeClass
metadata: {name: default}
spec:
  location: eastus
  imageFamily: \"50%, or: more\"
";

fn tree() -> Files {
    Files::from(vec![SourceFile::new("node classes/default,a.yaml", TREE)])
}

fn inputs(files: &Files) -> ValidationInputs<'_> {
    ValidationInputs { files, folder: "", skus: &NO_SKUS, aks_defaults: false }
}

#[test]
fn json_has_every_key_of_a_finding() {
    let files = tree();
    let inputs = inputs(&files);
    let fixed = fix(&inputs);
    let document: Value =
        serde_json::from_str(&json(&validate(&inputs, None).findings, &fixed.changes, &fixed.undone).unwrap()).unwrap();
    assert_eq!((&document["version"], &document["errors"]), (&1.into(), &2.into()));
    let finding = document["findings"].as_array().unwrap().iter().find(|one| one["rule"] == "unknown-field").unwrap();
    for key in
        ["rule", "severity", "file", "line", "column", "endLine", "endColumn", "message", "effect", "fix", "fixable"]
    {
        assert!(!finding[key].is_null(), "{key} in {finding}");
    }
    assert_eq!((&finding["line"], &finding["column"], &finding["endColumn"]), (&5.into(), &3.into(), &11.into()));
    assert_eq!(document["fixed"][0]["rule"], "unknown-field");
}

#[test]
fn github_annotations_are_escaped() {
    let files = tree();
    let validation = validate(&inputs(&files), None);
    let text = github(&validation.findings);
    assert_eq!(text.lines().count(), validation.findings.len());
    let line = text.lines().find(|line| line.contains("node-class-values")).unwrap();
    assert!(line.starts_with("::error file=node classes/default%2Ca.yaml,line=6,col=16,"), "{line}");
    assert!(line.contains("::`imageFamily` cannot be `50%25, or: more`%0A"), "{line}");
}

/// The structure that the standard and GitHub's code scanning require of these objects.
#[test]
fn sarif_has_the_structure_of_the_standard() {
    let files = tree();
    let validation = validate(&inputs(&files), None);
    let log: Value = serde_json::from_str(&sarif(&validation.findings, "0.1.0").unwrap()).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("sarif-schema-2.1.0.json"));
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!((&driver["name"], &driver["semanticVersion"]), (&"harness".into(), &"0.1.0".into()));
    let rules = driver["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), validation.findings.len());
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "node%20classes/default%2Ca.yaml");
        let number = |key: &str| place["region"][key].as_u64().unwrap();
        assert!(number("startLine") >= 1 && number("startColumn") >= 1);
        assert!((number("endLine"), number("endColumn")) >= (number("startLine"), number("startColumn")));
    }
    for rule in rules {
        assert!(rule["shortDescription"]["text"].is_string() && rule["defaultConfiguration"]["level"].is_string());
    }
    let fixed = results.iter().find(|result| result["ruleId"] == "unknown-field").unwrap();
    let replacement = &fixed["fixes"][0]["artifactChanges"][0]["replacements"][0];
    let offset = usize::try_from(replacement["deletedRegion"]["byteOffset"].as_u64().unwrap()).unwrap();
    let length = usize::try_from(replacement["deletedRegion"]["byteLength"].as_u64().unwrap()).unwrap();
    assert_eq!(&TREE[offset..offset + length], "  location: eastus\n");
    assert_eq!(replacement["insertedContent"]["text"], "");
}
