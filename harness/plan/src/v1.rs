//! Version 1 of plans, as version 2 writes it.
//!
//! Differences: the faults of the simulated Azure were a vocabulary apart from the simulator's, without a selector of VMs. Actions without
//! arguments were texts, and others were about one workload or component by other keys.

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
    });
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
    use crate::Action;
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
}
