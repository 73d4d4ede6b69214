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

/// Before, the creation that failed first excused the NodeClaim for ever.
#[test]
fn a_claim_whose_last_vm_never_ran_is_not_excused_by_an_earlier_failure() {
    let mut scene = Scene::new();
    scene.node("a", &node(1));
    let claim = scene.builder.key(ObjectKind::NodeClaim, "b");
    scene.builder.reached(2 * S, &claim, Reached::Created, &[(attribute::NODEPOOL, POOL)]);
    scene.builder.reached(9 * S, &claim, Reached::Launched, &[]);
    for (at, what) in [
        (2, AzureFactKind::VmAccepted),
        (3, AzureFactKind::ProvisioningFailed),
        (4, AzureFactKind::VmDeleted),
        (5, AzureFactKind::VmAccepted),
        (6, AzureFactKind::VmCreating),
    ] {
        scene.fact(at, what, "b", &node(2));
    }
    is(&scene.check(check()), Fail, "1 VM booted, 2 NodeClaims launched, b has no VM");
}

/// Before, the VM had failed and was gone before it was booted, so that its NodeClaim was one that Azure failed.
#[test]
fn a_claim_whose_second_vm_ran_has_one_vm() {
    let mut scene = Scene::new();
    for (at, what) in
        [(1, AzureFactKind::VmAccepted), (2, AzureFactKind::ProvisioningFailed), (3, AzureFactKind::VmDeleted)]
    {
        scene.fact(at, what, "a", &NodeHistory { capacity_type: "spot", ..node(1) });
    }
    scene.node("a", &node(4));
    let at_the_end = planned(json!({"fleet": {"vms": "as-many-as-nodeclaims", "atEnd": 1}}));
    scene.phase("p", 1, 60);
    let result = scene.run(vec![at_the_end]);
    is(&result.expectations[0], Pass, "1 VM booted, 1 NodeClaim launched, 1 VM at the end");
    assert_eq!((result.counts.vms_accepted, result.counts.vms_booted, result.counts.vms_deleted), (2, 1, 1));
    let vm = result.nodes[0].vm.as_ref().expect("the NodeClaim has a VM");
    assert_eq!(vm.failed_us, Some(2 * S), "the failure before it is still shown");
}

/// Before, a creation that Azure called failed was taken for one that left no VM, also where Azure had begun to make it.
#[test]
fn a_vm_that_is_still_on_its_way_after_azure_called_it_failed_is_left_at_the_end() {
    for (is_made, verdict, observed) in [(false, Pass, "1 VM at the end"), (true, Fail, "2 VMs at the end")] {
        let mut scene = Scene::new();
        scene.node("a", &node(1));
        scene.fact(2, AzureFactKind::VmAccepted, "b", &node(2));
        if is_made {
            scene.fact(3, AzureFactKind::VmCreating, "b", &node(2));
        }
        scene.fact(4, AzureFactKind::ProvisioningFailed, "b", &node(2));
        scene.phase("p", 1, 60);
        let result = scene.run(vec![planned(json!({"fleet": {"atEnd": 1}}))]);
        is(&result.expectations[0], verdict, observed);
    }
}
