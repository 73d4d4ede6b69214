//! Creation of many machines by one PUT (`PROVISION_MODE=aksmachineapiheaderbatch`).

use harness_simulation::{CapacityCode, VmSelector};
use harness_simulation::{Fault, FaultKind};
use harness_units::Share;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Lab, endless_boot, instant, machine_body};

async fn put(lab: &Lab, names: &[&str]) -> Answer {
    let entries: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            json!({
                "machineName": name,
                "zones": [(n % 3 + 1).to_string()],
                "tags": {"karpenter.sh_nodepool": "web", "karpenter.azure.com_aksmachine_nodeclaim": name},
            })
        })
        .collect();
    let mut body = machine_body(names[0], "Standard_D4s_v5", false);
    body.as_object_mut().unwrap().remove("zones");
    body["properties"].as_object_mut().unwrap().remove("tags");
    let request = lab
        .request(Method::PUT, &lab.machine(names[0]))
        .header("BatchPutMachine", json!({ "batchMachines": entries }).to_string())
        .json(&body);
    lab.send(request).await
}

#[tokio::test]
async fn each_machine_has_zones_and_tags_of_its_own() {
    let lab = Lab::start(endless_boot(), None).await;
    let answer = put(&lab, &["web-1", "web-2", "web-3"]).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    assert_eq!(answer.body["name"], "web-1");
    for (name, zone) in [("web-1", "1"), ("web-2", "2"), ("web-3", "3")] {
        let machine = lab.get(&lab.machine(name)).await.body;
        assert_eq!(machine["zones"], json!([zone]));
        assert_eq!(machine["properties"]["tags"]["karpenter.azure.com_aksmachine_nodeclaim"], name);
    }
}

#[tokio::test]
async fn refusals_name_their_machine_in_the_flat_shape() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::NoCapacity {
        only: VmSelector { vm: Some("web-2".into()), ..VmSelector::default() },
        code: Some(CapacityCode::VMSizeNotSupported),
        share: Share(1.0),
    });
    lab.control.add_fault(&fault).await.unwrap();
    let answer = put(&lab, &["web-1", "web-2"]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body["code"], "BatchMachineClientError");
    assert_eq!(answer.body["details"].as_array().unwrap().len(), 1);
    assert_eq!(answer.body["details"][0]["target"], "web-2");
    assert_eq!(answer.body["details"][0]["code"], "VMSizeNotSupported");
    assert_eq!(lab.get(&lab.machine("web-1")).await.status, 200);
    assert_eq!(lab.get(&lab.machine("web-2")).await.status, 404);
}

#[tokio::test]
async fn one_bad_name_refuses_the_whole_batch_and_creates_nothing() {
    let lab = Lab::start(instant(), None).await;
    let long = "x".repeat(35);
    let answer = put(&lab, &["web-1", &long]).await;
    assert_eq!((answer.status, answer.code()), (400, "InvalidParameter"));
    assert!(lab.control.vms().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_header_that_cannot_be_read_is_refused() {
    let lab = Lab::start(instant(), None).await;
    for header in ["{", "{}", r#"{"batchMachines":[]}"#] {
        let request = lab
            .request(Method::PUT, &lab.machine("web-1"))
            .header("BatchPutMachine", header)
            .json(&machine_body("web-1", "Standard_D4s_v5", false));
        let answer = lab.send(request).await;
        assert_eq!((answer.status, answer.code()), (400, "InvalidParameter"), "{header}");
    }
}
