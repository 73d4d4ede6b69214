//! Changes behind Git's back: a run changes only what belongs to it or to its tree, and its cleanup undoes what still differs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::binary::{read_json, scenario};
use crate::shared::SharedCluster;

/// Changes to objects that do not belong to the run are refused, and the others are undone.
pub(crate) fn only_objects_of_the_run_are_changed(shared: &SharedCluster) {
    let ran = shared.run(&[&scenario("changes"), "--seed", "11"]);
    // Before, it passed, though two of its actions had failed.
    assert_eq!(ran.code, 4, "{}", ran.report());
    let reason = &ran.summary["reason"];
    let says = "patch system (metadata.labels.touched) of phase changed failed: the PriorityClass system-node-critical belongs neither to";
    assert!(reason.as_str().is_some_and(|reason| reason.starts_with(says)), "{reason}");
    let events = ran.events();
    let plan = read_json(&ran.run().join("plan.json"));
    // The object that each planned change is about, by the action's id.
    let phases = plan["phases"].as_array().unwrap();
    let actions = phases.iter().flat_map(|phase| phase["actions"].as_array().unwrap());
    let objects: BTreeMap<u64, &str> = actions
        .filter_map(|action| Some((action["id"].as_u64()?, action["action"]["change"]["object"].as_str()?)))
        .collect();
    let mut refused: Vec<(&str, String)> = events
        .iter()
        .filter_map(|event| {
            let action = &event["e"]["action"];
            let object = *objects.get(&action["what"]["planned"].as_u64()?)?;
            Some((object, action["error"].as_str()?.to_owned()))
        })
        .collect();
    refused.sort();
    let names: Vec<&str> = refused.iter().map(|(object, _)| *object).collect();
    assert_eq!(names, ["pool", "system"], "{refused:?}");
    for (error, part) in refused
        .iter()
        .map(|(_, error)| error)
        .zip(["nothing was changed", "belongs neither to this run nor to its tree"])
    {
        assert!(error.contains(part), "{error}");
    }
    let last = |object: &str, path: &str| -> Option<Value> {
        let mut fields = events.iter().map(|event| &event["e"]["field"]);
        fields.rfind(|field| field["object"] == object && field["path"] == path).map(|it| it["value"].clone())
    };
    // The watches continue until the cleanup has ended.
    assert_eq!(last("root", "spec.interval"), Some(json!("10m0s")), "{}", ran.report());
    assert_eq!(last("stray", "exists"), Some(json!(false)), "{}", ran.report());
    ran.assert_reports();
    ran.assert_nothing_left();
}
