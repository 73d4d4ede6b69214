//! Version 1 of plans, as version 2 writes it.
//!
//! Differences: the faults of the simulated Azure were a vocabulary apart from the simulator's, without a selector of VMs. Actions without
//! arguments were texts, and others were about one workload or component by other keys. Expectations and conditions had keys of their own,
//! other than those of scenarios.

use serde_json::{Map, Value, json};

use crate::PLAN_VERSION;

/// The same plan in the present version.
pub(crate) fn upgrade(mut plan: Value) -> Value {
    plan["version"] = PLAN_VERSION.into();
    each(&mut plan["azure"]["faults"], fault);
    each(&mut plan["phases"], |phase| {
        each(&mut phase["actions"], |planned| {
            action(&mut planned["action"]);
        });
        if phase["until"].is_object() {
            conditions(&mut phase["until"]);
        }
    });
    each(&mut plan["expectations"], |expectation| check(&mut expectation["check"]));
    plan
}

fn each(list: &mut Value, change: impl FnMut(&mut Value)) {
    list.as_array_mut().into_iter().flatten().for_each(change);
}

fn action(action: &mut Value) {
    // What has no arguments was a text.
    if let Some(name) = action.as_str().map(str::to_owned) {
        *action = json!({name: {}});
    }
    let Some((kind, given)) = action.as_object_mut().and_then(|map| map.iter_mut().next()) else { return };
    match kind.as_str() {
        "scale" => name_in_list(given),
        "replace" => {
            name_in_list(given);
            given["count"] = 1.into();
        }
        "killComponent" | "startComponent" => *given = given["component"].take(),
        "azureFault" => fault(given),
        "change" => {
            let what = given["what"].take();
            let Some(given) = given.as_object_mut() else { return };
            given.remove("what");
            match what {
                Value::Object(what) => given.extend(what),
                _ => drop(given.insert("delete".to_owned(), true.into())),
            }
        }
        _ => {}
    }
}

fn check(check: &mut Value) {
    let Some((kind, given)) = check.as_object_mut().and_then(|map| map.iter_mut().next()) else { return };
    let mut given = given.take();
    rename(&mut given, "phases", "in");
    let kind = match kind.as_str() {
        "latency" => {
            for (percentile, limit) in given["limits"].take().as_object().cloned().unwrap_or_default() {
                let key = if percentile == "100" { "max".to_owned() } else { format!("p{percentile}") };
                given[key] = limit;
            }
            remove(&mut given, "limits");
            "latency"
        }
        "fleet" => {
            if given["asManyAsNodeclaims"] == true {
                given["vms"] = "as-many-as-nodeclaims".into();
            }
            remove(&mut given, "asManyAsNodeclaims");
            rename(&mut given, "atTheEnd", "atEnd");
            "fleet"
        }
        "happened" => counted(&mut given),
        "pending" => {
            rename(&mut given, "says", "messageContains");
            "pending"
        }
        "replaced" => {
            rename(&mut given, "phase", "in");
            "replaced"
        }
        "quota" => {
            let scopes = given["scopes"].take();
            let scopes = scopes.as_array().into_iter().flatten();
            let cores = scopes.filter_map(|one| Some((one["scope"].as_str()?.to_owned(), one["cores"].clone())));
            given = json!({"cores": cores.collect::<Map<_, _>>()});
            "quota"
        }
        "field" => {
            flatten(&mut given, "of");
            "field"
        }
        "undisturbed" => "uninterrupted",
        "kept" => "retained",
        "atOnce" => "maxConcurrentDisruptions",
        other => {
            *check = json!({other: given});
            return;
        }
    };
    *check = json!({kind: given});
}

fn conditions(until: &mut Value) {
    let Some((kind, given)) = until.as_object_mut().and_then(|map| map.iter_mut().next()) else { return };
    match kind.as_str() {
        "all" => {
            let mut parts = given.take();
            each(&mut parts, conditions);
            *until = parts;
        }
        "happened" => {
            let mut given = given.take();
            let kind = counted(&mut given);
            *until = json!({kind: given});
        }
        _ => {}
    }
}

/// What is counted was a value of its own, that of notifications too. Returns the new key.
fn counted(given: &mut Value) -> &'static str {
    flatten(given, "of");
    rename(given, "says", "messageContains");
    if given["notification"].is_null() {
        remove(given, "notification");
        return "happened";
    }
    flatten(given, "notification");
    rename(given, "code", "reason");
    remove(given, "what");
    "notified"
}

fn rename(map: &mut Value, from: &str, to: &str) {
    if let Some(map) = map.as_object_mut()
        && let Some(value) = map.remove(from)
    {
        map.insert(to.to_owned(), value);
    }
}

fn remove(map: &mut Value, key: &str) {
    if let Some(map) = map.as_object_mut() {
        map.remove(key);
    }
}

/// Puts the keys of an inner map into the outer one.
fn flatten(map: &mut Value, key: &str) {
    let inner = map[key].take();
    remove(map, key);
    if let (Some(map), Value::Object(inner)) = (map.as_object_mut(), inner) {
        map.extend(inner);
    }
}

fn name_in_list(given: &mut Value) {
    let name = given["workload"].take();
    if let Some(given) = given.as_object_mut() {
        given.remove("workload");
        given.insert("workloads".to_owned(), json!([name]));
    }
}

fn fault(fault: &mut Value) {
    let Some((kind, given)) = fault.as_object().and_then(|map| map.iter().next()) else { return };
    let mut given = given.as_object().cloned().unwrap_or_default();
    let mut beside = Map::new();
    let (selectors, terms): (&[&str], &[&str]) = match kind.as_str() {
        "noCapacity" => (&["zone", "family", "sku", "capacityType"], &[]),
        "neverRegister" => (&["family"], &[]),
        "vmCrash" | "nodeCondition" => (&["nodepool"], &["count"]),
        "throttle" | "armOutage" => (&[], &["for"]),
        _ => (&[], &[]),
    };
    let only: Map<String, Value> =
        selectors.iter().filter_map(|key| Some(((*key).to_owned(), given.remove(*key)?))).collect();
    if !only.is_empty() {
        given.insert("only".to_owned(), only.into());
    }
    beside.extend(terms.iter().filter_map(|key| Some(((*key).to_owned(), given.remove(*key)?))));
    beside.insert(kind.clone(), given.into());
    *fault = json!(beside);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Check, Conditions};
    use harness_simulation::Fault;
    use rstest::rstest;

    #[rstest]
    #[case(json!("revert"), json!({"revert": {}}))]
    #[case(json!({"scale": {"workload": "web", "from": 1, "to": 2}}), json!({"scale": {"workloads": ["web"], "from": 1, "to": 2}}))]
    #[case(json!({"replace": {"workload": "web"}}), json!({"replace": {"workloads": ["web"], "count": 1}}))]
    #[case(json!({"killComponent": {"component": "etcd"}}), json!({"killComponent": "etcd"}))]
    #[case(json!({"azureFault": {"armOutage": {"for": "1m"}}}), json!({"azureFault": {"armOutage": {}, "for": "1m"}}))]
    #[case(
        json!({"change": {"object": "o", "what": {"patch": {"a": 1}}, "stays": true, "by": "x"}}),
        json!({"change": {"object": "o", "patch": {"a": 1}, "stays": true, "by": "x"}})
    )]
    #[case(
        json!({"change": {"object": "o", "what": "delete", "stays": false, "by": "x"}}),
        json!({"change": {"object": "o", "delete": true, "stays": false, "by": "x"}})
    )]
    #[case(
        json!({"commit": {"edits": [], "message": "m", "trigger": "annotation"}}),
        json!({"commit": {"edits": [], "message": "m", "trigger": "annotation"}})
    )]
    fn every_action_of_version_1_is_read(#[case] mut old: Value, #[case] new: Value) {
        action(&mut old);
        assert_eq!(old, new);
        serde_json::from_value::<Action>(new).unwrap();
    }

    #[rstest]
    #[case(json!({"noCapacity": {"zone": "2", "capacityType": "spot"}}), json!({"noCapacity": {"only": {"zone": "2", "capacityType": "spot"}}}))]
    #[case(json!({"throttle": {"share": 0.5, "for": "20s"}}), json!({"throttle": {"share": 0.5}, "for": "20s"}))]
    #[case(json!({"neverRegister": {"share": 1.0, "family": "F"}}), json!({"neverRegister": {"only": {"family": "F"}, "share": 1.0}}))]
    #[case(json!({"slowBoot": {"factor": 3.0}}), json!({"slowBoot": {"factor": 3.0}}))]
    #[case(json!({"operationFail": {"code": "X", "message": "", "share": 1.0}}), json!({"operationFail": {"code": "X", "message": "", "share": 1.0}}))]
    #[case(json!({"armOutage": {"for": "1m"}}), json!({"armOutage": {}, "for": "1m"}))]
    #[case(json!({"spotEvict": {"share": 1.0, "notice": "30s"}}), json!({"spotEvict": {"share": 1.0, "notice": "30s"}}))]
    #[case(json!({"vmCrash": {"count": 1, "nodepool": "web"}}), json!({"vmCrash": {"only": {"nodepool": "web"}}, "count": 1}))]
    #[case(
        json!({"nodeCondition": {"condition": "Ready", "status": "False", "count": 2}}),
        json!({"nodeCondition": {"condition": "Ready", "status": "False"}, "count": 2})
    )]
    #[case(json!({"quota": {"scope": "F", "cores": 8}}), json!({"quota": {"scope": "F", "cores": 8}}))]
    fn every_fault_of_version_1_is_read(#[case] mut old: Value, #[case] new: Value) {
        fault(&mut old);
        assert_eq!(old, new);
        serde_json::from_value::<Fault>(new).unwrap();
    }

    #[rstest]
    #[case(json!({"phase": {"phase": "burst"}}), json!({"phase": {"phase": "burst"}}))]
    #[case(
        json!({"latency": {"of": "pod_ready", "by": null, "limits": {"50": "1s", "100": "2s"}, "censored": 0, "samplesMin": 1}}),
        json!({"latency": {"of": "pod_ready", "by": null, "p50": "1s", "max": "2s", "censored": 0, "samplesMin": 1}})
    )]
    #[case(json!({"fleet": {"asManyAsNodeclaims": true, "atTheEnd": 0}}), json!({"fleet": {"vms": "as-many-as-nodeclaims", "atEnd": 0}}))]
    #[case(
        json!({"happened": {"of": {"what": "reason", "code": "Failed", "says": "x"}, "phases": ["a"], "atLeast": 1, "atMost": null}}),
        json!({"happened": {"what": "reason", "code": "Failed", "messageContains": "x", "in": ["a"], "atLeast": 1, "atMost": null}})
    )]
    #[case(
        json!({"happened": {
            "of": {"what": "notified", "code": "BuildFailed", "notification": {"severity": "error"}},
            "phases": [], "atLeast": 1, "atMost": null,
        }}),
        json!({"notified": {"reason": "BuildFailed", "severity": "error", "in": [], "atLeast": 1, "atMost": null}})
    )]
    #[case(json!({"pending": {"workloads": ["a"], "says": "x"}}), json!({"pending": {"workloads": ["a"], "messageContains": "x"}}))]
    #[case(json!({"undisturbed": {"workloads": ["a"], "phases": ["b"]}}), json!({"uninterrupted": {"workloads": ["a"], "in": ["b"]}}))]
    #[case(
        json!({"replaced": {"nodepools": ["a"], "phase": "b", "reason": "Drifted", "atLeast": null, "differsIn": "image"}}),
        json!({"replaced": {"nodepools": ["a"], "in": "b", "reason": "Drifted", "atLeast": null, "differsIn": "image"}})
    )]
    #[case(json!({"kept": {"nodepools": ["a"], "phases": ["b"]}}), json!({"retained": {"nodepools": ["a"], "in": ["b"]}}))]
    #[case(
        json!({"atOnce": {"nodepools": ["a"], "reason": null, "atMost": "10%", "phases": ["b"]}}),
        json!({"maxConcurrentDisruptions": {"nodepools": ["a"], "reason": null, "atMost": "10%", "in": ["b"]}})
    )]
    #[case(json!({"quota": {"scopes": [{"scope": "F", "cores": 8}]}}), json!({"quota": {"cores": {"F": 8}}}))]
    #[case(
        json!({"field": {"of": {"object": "a", "path": "exists", "is": true}, "phases": ["b"], "always": true}}),
        json!({"field": {"object": "a", "path": "exists", "is": true, "in": ["b"], "always": true}})
    )]
    #[case(json!({"savings": {"atLeastPercent": 5}}), json!({"savings": {"atLeastPercent": 5}}))]
    fn every_expectation_of_version_1_is_read(#[case] mut old: Value, #[case] new: Value) {
        check(&mut old);
        assert_eq!(old, new);
        serde_json::from_value::<Check>(new).unwrap();
    }

    #[rstest]
    #[case(json!({"settled": "20s"}), json!({"settled": "20s"}))]
    #[case(
        json!({"all": ["all-pods-ready", {"happened": {"of": {"what": "vm-crashed"}, "atLeast": 2}}]}),
        json!(["all-pods-ready", {"happened": {"what": "vm-crashed", "atLeast": 2}}])
    )]
    #[case(
        json!({"happened": {"of": {"what": "notified", "notification": {"newest": true}}, "atLeast": 1}}),
        json!({"notified": {"newest": true, "atLeast": 1}})
    )]
    fn every_condition_of_version_1_is_read(#[case] mut old: Value, #[case] new: Value) {
        conditions(&mut old);
        assert_eq!(old, new);
        serde_json::from_value::<Conditions>(new).unwrap();
    }
}
