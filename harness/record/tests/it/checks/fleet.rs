//! VMs against NodeClaims.

use super::*;

fn check() -> Check {
    planned(json!({"fleet": {"vms": "as-many-as-nodeclaims"}}))
}

#[test]
fn evictions_replacements_and_crashes_are_not_discrepancies() {
    let mut scene = Scene::new();
    scene.node("a", &node(1).disrupted(20, "Drifted"));
    scene.node("b", &node(21));
    scene.node(
        "s",
        &NodeHistory { capacity_type: "spot", evicted: Some(30), deleting: Some(31), gone: Some(33), ..node(1) },
    );
    scene.fact(40, AzureFactKind::VmCrashed, "b", &node(21));
    is(&scene.check(check()), Pass, "3 VMs booted, 3 NodeClaims launched");
}

#[test]
fn launched_twice_is_one_too_many() {
    let mut scene = Scene::new();
    scene.node("a", &node(1));
    let history = node(5);
    let vm = log_builder::Vm {
        name: "vm-again".to_owned(),
        claim: "a".to_owned(),
        pool: history.pool.to_owned(),
        ..log_builder::Vm::default()
    };
    scene.builder.azure(6 * S, AzureFactKind::VmBooted, &vm);
    is(&scene.check(check()), Fail, "2 VMs booted, 1 NodeClaim launched, a has 2 VMs");
}

#[test]
fn one_too_many_and_one_too_few_do_not_cancel_out() {
    let mut scene = Scene::new();
    scene.node("a", &node(1));
    let claim = scene.builder.key(ObjectKind::NodeClaim, "b");
    scene.builder.reached(2 * S, &claim, Reached::Created, &[(attribute::NODEPOOL, POOL)]);
    scene.builder.reached(3 * S, &claim, Reached::Launched, &[]);
    let orphan = log_builder::Vm { name: "vm-orphan".to_owned(), ..log_builder::Vm::default() };
    scene.builder.azure(4 * S, AzureFactKind::VmBooted, &orphan);
    is(
        &scene.check(check()),
        Fail,
        "2 VMs booted, 2 NodeClaims launched, VM vm-orphan has no launched NodeClaim, b has no VM",
    );
}

#[test]
fn a_vm_that_azure_failed_after_its_launch_is_not_a_discrepancy() {
    let mut scene = Scene::new();
    scene.node("a", &node(1));
    let claim = scene.builder.key(ObjectKind::NodeClaim, "b");
    scene.builder.reached(2 * S, &claim, Reached::Launched, &[(attribute::NODEPOOL, POOL)]);
    scene.fact(2, AzureFactKind::VmAccepted, "b", &node(2));
    scene.fact(4, AzureFactKind::ProvisioningFailed, "b", &node(2));
    let result = scene.check(check());
    is(&result, Pass, "1 VM booted, 2 NodeClaims launched");
    assert!(result.evidence.contains("1 launched and then failed by Azure"), "{}", result.evidence);
}
