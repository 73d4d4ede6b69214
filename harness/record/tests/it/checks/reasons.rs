//! The reasons of a check that failed.

use super::*;
use harness_record::EventKind;

fn failing(azure: bool) -> harness_record::RunResult {
    let mut scene = Scene::new();
    scene.phase("p", 10, 60);
    scene.node("old", &node(1));
    if azure {
        let history = node(20);
        scene.fact(20, AzureFactKind::VmAccepted, "refused", &history);
        let vm = log_builder::Vm {
            name: "vm-refused".to_owned(),
            claim: "refused".to_owned(),
            pool: POOL.to_owned(),
            code: "AllocationFailed".to_owned(),
            message: "no capacity".to_owned(),
        };
        scene.builder.azure(22 * S, AzureFactKind::ProvisioningFailed, &vm);
    } else {
        let reason = Reason {
            kind: "NodePool".to_owned(),
            name: POOL.to_owned(),
            reason: "DisruptionBlocked".to_owned(),
            message: "No allowed disruptions due to blocking budget".to_owned(),
            severity: "Warning".to_owned(),
        };
        scene.builder.at(22 * S, EventKind::Reason(reason));
    }
    scene.run(vec![planned(json!({"replaced": {"nodepools": [POOL], "in": "p"}}))])
}

#[rstest]
#[case::azures_code(true, "Azure refused 1 VM: AllocationFailed (no capacity)")]
#[case::the_controllers_reason(false, "DisruptionBlocked: No allowed disruptions due to blocking budget")]
fn a_failed_check_is_explained_by_what_is_known_of_its_pool(#[case] azure: bool, #[case] why: &str) {
    let expected = format!("general-purpose: {why}; check 0: general-purpose: 0 of 1 node replaced");
    assert_eq!(failing(azure).reason, expected);
}

#[test]
fn so_is_a_phase_that_waited_for_it() {
    let mut scene = Scene::new();
    scene.phase_with("p", 10, Some((60, PhaseOutcome::DeadlinePassed)));
    scene.plan.phases[0].until =
        Some(serde_json::from_value(json!({"nodes": {"nodepool": POOL, "atLeast": 2}})).unwrap());
    scene.node("old", &node(1));
    let vm =
        log_builder::Vm { pool: POOL.to_owned(), code: "SkuNotAvailable".to_owned(), ..log_builder::Vm::default() };
    scene.builder.azure(22 * S, AzureFactKind::ProvisioningFailed, &vm);
    let result = scene.run(vec![planned(json!({"phase": {"phase": "p"}}))]);
    assert_eq!(
        result.reason,
        "general-purpose: Azure refused 1 VM: SkuNotAvailable; phase p: not at least 2 nodes of general-purpose after 50.0s"
    );
}

/// Seen with a counter-case: pods were moved since a commit made their nodes drift, and the line was what Karpenter says of each new NodeClaim.
#[rstest]
#[case::a_state_that_passes("Nodeclaim does not have an associated node")]
#[case::what_keeps_nodes("Pdb prevents pod evictions (PodDisruptionBudget=[run/web])")]
fn what_keeps_nodes_does_not_explain_that_pods_had_to_move(#[case] says: &str) {
    let mut scene = Scene::new();
    scene.phase("p", 10, 60);
    scene.node("old", &node(1).disrupted(20, "Drifted"));
    scene.pod("web-1", "old", Some(5), Some(21));
    let reason = Reason {
        kind: "NodeClaim".to_owned(),
        name: format!("{POOL}-zlb98"),
        reason: "DisruptionBlocked".to_owned(),
        message: says.to_owned(),
        severity: "Normal".to_owned(),
    };
    scene.builder.at(22 * S, EventKind::Reason(reason));
    let result = scene.run(vec![planned(json!({"uninterrupted": {"workloads": [WEB], "in": ["p"]}}))]);
    let expected = "general-purpose: Karpenter disrupted 1 node as Drifted at 20.0s; check 0: ";
    assert!(result.reason.starts_with(expected), "{}", result.reason);
}
