//! `postBuild`, with strict substitution as is the default since 1.9 (`internal/features/features.go` of the kustomize-controller).

use std::collections::BTreeMap;

use harness_tree::upstream::{BuildStage, FluxBuildAnswer, FluxBuildRequest};
use rstest::rstest;
use serde_json::{Value, json};

use super::{assert_refused, build, config_map, files, flux, kustomization, values};

fn substituted(text: &str) -> Option<FluxBuildAnswer> {
    let spec = json!({"postBuild": {"substitute": {"env": "PROD", "number": "6", "empty": ""}}});
    flux(&[("a.yaml", &config_map("a", &format!("{{k: \"{text}\"}}")))], &spec)
}

#[rstest]
#[case("${env}", json!("PROD"))]
#[case("${env,,}", json!("prod"))]
#[case("${env,}", json!("pROD"))]
#[case("r${#env}", json!("r4"))]
#[case("${unset:=d}", json!("d"))]
#[case("${unset:-${env}}", json!("PROD"))]
#[case("${empty:-d}", json!("d"))]
#[case("${env/PRO/x}", json!("xD"))]
#[case("${env:1:2}", json!("RO"))]
#[case("$${env}", json!("${env}"))]
#[case("$env", json!("$env"))]
// The text of the object is substituted, not its values: what is left of it is read as YAML again.
#[case("${number}", json!(6))]
#[case("'${number}'", json!("'6'"))]
fn a_variable_is_replaced_as_envsubst_does(#[case] text: &str, #[case] expected: Value) {
    let Some(answer) = substituted(text) else { return };
    assert_eq!(values(&answer)[0]["data"]["k"], expected);
}

/// `varSubstitution` of `kustomize_varsub.go`: the whole text, so keys and names too.
#[test]
fn keys_and_names_are_replaced() {
    let spec = json!({"postBuild": {"substitute": {"env": "prod"}}});
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a-${env}\n  labels:\n    example.test/${env}: \"yes\"\n";
    let Some(answer) = flux(&[("a.yaml", text)], &spec) else { return };
    assert_eq!(values(&answer)[0]["metadata"], json!({"name": "a-prod", "labels": {"example.test/prod": "yes"}}));
}

#[rstest]
#[case("${unset}", "variable not set (strict mode): \\\"unset\\\"")]
#[case("${unset,,}", "variable not set")]
#[case("${}", "unable to parse variable name")]
fn what_has_no_value_is_refused(#[case] text: &str, #[case] message: &str) {
    let Some(answer) = substituted(text) else { return };
    assert_refused(&answer, BuildStage::Substitute, &["ConfigMap", &message.replace("\\\"", "\"")]);
}

#[test]
fn without_variables_nothing_is_replaced_unless_it_is_to_be_always() {
    let tree = [("a.yaml", &*config_map("a", "{k: \"${unset:=d}\"}"))];
    let Some(answer) = flux(&tree, &json!({"postBuild": {}})) else { return };
    assert_eq!(values(&answer)[0]["data"]["k"], "${unset:=d}");
    let answer = flux(&tree, &json!({"postBuild": {"substituteStrategy": "Always"}})).unwrap();
    assert_eq!(values(&answer)[0]["data"]["k"], "d");
}

#[test]
fn an_object_can_opt_out() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}\n\
                data: {k: \"${unset}\"}\n";
    let Some(answer) = flux(&[("a.yaml", text)], &json!({"postBuild": {"substitute": {"a": "b"}}})) else { return };
    assert_eq!(values(&answer)[0]["data"]["k"], "${unset}");
}

fn from_elsewhere(text: &str, variables: &[(&str, &str)], unknown: bool) -> Option<FluxBuildAnswer> {
    let spec =
        json!({"postBuild": {"substitute": {"inline": "i"}, "substituteFrom": [{"kind": "ConfigMap", "name": "c"}]}});
    build(&FluxBuildRequest {
        path: ".".to_owned(),
        files: files(&[("a.yaml", &config_map("a", &format!("{{k: \"{text}\"}}")))]),
        kustomization: kustomization(&spec),
        variables: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        unknown_variables: unknown,
        ..FluxBuildRequest::default()
    })
}

#[test]
fn values_of_substitute_from_are_overridden_by_those_in_the_object() {
    let Some(answer) = from_elsewhere("${inline}-${other}", &[("inline", "x"), ("other", "o\n")], false) else {
        return;
    };
    assert_eq!(values(&answer)[0]["data"]["k"], "i-o");
}

#[rstest]
#[case("${a}", "${a}", &["a"], &[])]
#[case("${a,,}-${inline}", "${a,,}-i", &["a"], &[])]
#[case("${a:-d}", "d", &[], &["a"])]
// The default is asked for before the variable.
#[case("${a:-${b}}", "${a:-${b}}", &["b"], &[])]
#[case("$${a} $x", "${a} $x", &[], &[])]
fn a_value_that_is_not_known_stays_and_is_named(
    #[case] text: &str,
    #[case] expected: &str,
    #[case] unresolved: &[&str],
    #[case] defaulted: &[&str],
) {
    let Some(answer) = from_elsewhere(text, &[], true) else { return };
    assert_eq!(values(&answer)[0]["data"]["k"], expected);
    let object = &answer.objects[0];
    assert_eq!((&*object.unresolved, &*object.defaulted), (&*owned(unresolved), &*owned(defaulted)));
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
