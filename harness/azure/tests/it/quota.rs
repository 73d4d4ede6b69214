//! Quota: usages, refusals, and that usage follows the VMs.

use harness_azure::FactKind;

use crate::support::{Lab, instant, of};

fn limited(cores: &[(&str, u32)]) -> harness_simulation::Behaviour {
    let quota_cores = cores.iter().map(|(scope, cores)| ((*scope).to_owned(), *cores)).collect();
    harness_simulation::Behaviour { quota_cores, ..instant() }
}

async fn usage(lab: &Lab, name: &str) -> (i64, i64) {
    let path = format!("{}/providers/Microsoft.Compute/locations/eastus/usages", lab.subscription());
    let answer = lab.get(&path).await;
    let found = answer.body["value"].as_array().unwrap().iter().find(|u| u["name"]["value"] == name).unwrap().clone();
    (found["currentValue"].as_i64().unwrap(), found["limit"].as_i64().unwrap())
}

#[tokio::test]
async fn usages_follow_the_vms() {
    let lab = Lab::start(instant(), None).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.create("web-2", "Standard_D4s_v5", true).await;
    assert_eq!(usage(&lab, "standardDSv5Family").await.0, 4);
    assert_eq!(usage(&lab, "cores").await.0, 4);
    assert_eq!(usage(&lab, "lowPriorityCores").await.0, 4);
    lab.delete_machines(&["web-1", "web-2"]).await;
    for name in ["web-1", "web-2"] {
        lab.fact(name, |k| matches!(k, FactKind::VmDeleted { .. }) && of(name, k)).await;
    }
    assert_eq!(usage(&lab, "cores").await.0, 0);
    assert_eq!(usage(&lab, "lowPriorityCores").await.0, 0);
}

/// The first GET after the PUT shows the refusal, with the shape and the text that the provider's classifier reads.
async fn refused(lab: &Lab, machine: &str, term: &str) {
    let answer = lab.get(&lab.machine(machine)).await;
    let p = &answer.body["properties"];
    assert_eq!(p["provisioningState"], "Failed");
    let detail = &p["status"]["provisioningError"]["details"][0];
    assert_eq!(detail["code"], "OperationNotAllowed");
    assert!(detail["message"].as_str().unwrap().contains(term), "{detail}");
}

#[tokio::test]
async fn no_quota_for_a_family() {
    let lab = Lab::start(limited(&[("F", 0)]), None).await;
    let put = lab.create("encoder-1", "Standard_F4s_v2", false).await;
    assert_eq!((put.status, &put.body["properties"]["provisioningState"]), (201, &"Creating".into()));
    refused(&lab, "encoder-1", "Family Cores quota").await;
    assert_eq!(usage(&lab, "standardFSv2Family").await, (0, 0));
    let fact = lab.fact("failed", |k| matches!(k, FactKind::ProvisioningFailed { .. })).await;
    let FactKind::ProvisioningFailed { vm, code, message } = fact.kind else { unreachable!() };
    assert_eq!((vm.nodepool.as_str(), vm.family.as_str(), code.as_str()), ("web", "F", "OperationNotAllowed"));
    assert_eq!(vm.quota_family, "standardFSv2Family");
    assert!(message.contains("Current Limit: 0"), "{message}");
    assert_eq!(lab.get(&put.header("azure-asyncoperation")).await.body["status"], "Failed");
    // Another family is not affected.
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-1", k)).await;
    // A failed machine can be deleted, and then its name is free again.
    lab.delete_machines(&["encoder-1"]).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. }) && of("encoder-1", k)).await;
    assert_eq!(lab.create("encoder-1", "Standard_D4s_v5", false).await.status, 201);
}

#[tokio::test]
async fn the_region_and_spot_have_quotas_of_their_own() {
    let lab = Lab::start(limited(&[("regional", 6), ("spot", 2)]), None).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.create("web-2", "Standard_D4s_v5", false).await;
    refused(&lab, "web-2", "exceeding approved Total Regional Cores quota").await;
    lab.create("web-3", "Standard_D4s_v5", true).await;
    refused(&lab, "web-3", "LowPriorityCores").await;
    lab.create("web-4", "Standard_D2s_v5", true).await;
    assert_eq!(usage(&lab, "lowPriorityCores").await, (2, 2));
}

/// What a run's expectation `quota` adds up by, as Azure does.
#[tokio::test]
async fn a_letter_limits_each_of_its_quota_families_and_a_full_name_beats_it() {
    let lab = Lab::start(limited(&[("D", 4), ("standardDSv3Family", 8)]), None).await;
    for (name, size, quota_family, fits) in [
        ("web-1", "Standard_D4s_v5", "standardDSv5Family", true),
        ("web-2", "Standard_DS2_v2", "standardDSv2Family", true),
        ("web-3", "Standard_D4s_v3", "standardDSv3Family", true),
        ("web-4", "Standard_D4s_v3", "standardDSv3Family", true),
        ("web-5", "Standard_D4s_v5", "standardDSv5Family", false),
    ] {
        lab.create(name, size, false).await;
        let is_decided = |k: &FactKind| matches!(k, FactKind::VmBooted { .. } | FactKind::ProvisioningFailed { .. });
        let decided = lab.fact(name, |k| is_decided(k) && of(name, k)).await;
        assert_eq!(matches!(decided.kind, FactKind::VmBooted { .. }), fits, "{name}: {decided:?}");
        let vm = decided.kind.vm().unwrap();
        assert_eq!((vm.family.as_str(), vm.quota_family.as_str()), ("D", quota_family));
    }
}
