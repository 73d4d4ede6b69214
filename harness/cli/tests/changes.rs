//! Changes behind Git's back on the real local cluster: only what belongs to the run or to its tree is touched, and cleanup takes back
//! what is still there.

mod common;

use common::{components_or_skip, run, scenario};
use serde_json::{Value, json};

#[test]
fn only_what_is_the_runs_is_changed_and_it_is_taken_back() {
    if !components_or_skip("changes") {
        return;
    }
    let ran = run(&[scenario("changes").to_str().unwrap(), "--seed", "11"]);
    assert_eq!(ran.code, 0, "{}", ran.said());
    let events = ran.events();
    let changes = events.iter().filter(|event| event["e"]["action"]["what"]["change"].is_object());
    let mut refused: Vec<(String, String)> = changes
        .filter_map(|event| {
            let action = &event["e"]["action"];
            let error = action["error"].as_str()?;
            Some((action["what"]["change"]["object"].as_str()?.to_owned(), error.to_owned()))
        })
        .collect();
    refused.sort();
    let said: Vec<&str> = refused.iter().map(|(object, _)| object.as_str()).collect();
    assert_eq!(said, ["pool", "root", "system"], "{refused:?}");
    for (error, part) in refused.iter().map(|(_, error)| error).zip([
        "nothing was changed",
        "not the run's to delete",
        "belongs neither to this run nor to its tree",
    ]) {
        assert!(error.contains(part), "{error}");
    }
    let last = |object: &str, path: &str| -> Option<Value> {
        let mut fields = events.iter().map(|event| &event["e"]["field"]);
        fields.rfind(|field| field["object"] == object && field["path"] == path).map(|it| it["value"].clone())
    };
    // The watches go on until cleanup has ended.
    assert_eq!(last("root", "spec.interval"), Some(json!("10m0s")), "{}", ran.said());
    assert_eq!(last("stray", "exists"), Some(json!(false)), "{}", ran.said());
    ran.assert_reports();
    ran.assert_nothing_left();
}
