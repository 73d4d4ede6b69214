//! Azure's quotas.

use super::*;
use harness_simulation::{Fault, FaultKind};

fn check(scope: &str, cores: u32) -> Check {
    planned(json!({"quota": {"cores": {scope: cores}}}))
}

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.phase("run", 1, 90);
    scene.node("a", &node(1));
    scene.node("b", &node(10));
    scene.node("d", &NodeHistory { size: "Standard_D4s_v5", ..node(1) });
    scene.node("s", &NodeHistory { capacity_type: "spot", ..node(1) });
    scene
}

#[rstest]
#[case::family("F", 8, Pass, "F: at most 8 cores")]
#[case::family_broken("F", 7, Fail, "F: at most 8 cores, and vm-b was granted over the quota at 10.0s")]
#[case::region("regional", 12, Pass, "regional: at most 12 cores")]
#[case::spot("spot", 4, Pass, "spot: at most 4 cores")]
#[case::nobody("NC", 4, Inconclusive, "NC: no VM ran")]
fn holds(#[case] scope: &str, #[case] cores: u32, #[case] verdict: Verdict, #[case] observed: &str) {
    is(&scene().check(check(scope, cores)), verdict, observed);
}

#[test]
fn an_unknown_size_is_inconclusive() {
    let mut scene = scene();
    scene.node("u", &NodeHistory { vcpus: None, ..node(20) });
    assert_eq!(scene.check(check("F", 8)).verdict, Inconclusive);
}

#[test]
fn a_raised_quota_holds_from_then_on() {
    let mut scene = scene();
    scene.phase("p", 1, 50);
    let raise = Action::AzureFault(Fault::new(FaultKind::Quota { scope: "F".to_owned(), cores: 8 }).into());
    scene.planned(5, "p", raise);
    is(&scene.check(check("F", 4)), Pass, "F: at most 8 cores");
}

/// A fault that sets a quota begins or ends, as Azure reports it.
fn fault(scene: &mut Scene, at: u64, what: AzureFactKind, cores: Option<u32>) {
    let quota = cores.map(|cores| QuotaSet { scope: "F".to_owned(), cores });
    let fact = AzureFact { fault: "quota-F".to_owned(), quota, ..AzureFact::new(what, at * S) };
    scene.builder.at(at * S, EventKind::Azure(fact));
}

/// Before, a lowered quota held for ever, also after its fault had ended: "vm-b was granted over the quota".
#[test]
fn a_quota_fault_that_ended_no_longer_counts() {
    let mut scene = scene();
    fault(&mut scene, 5, AzureFactKind::FaultBegan, Some(4));
    fault(&mut scene, 8, AzureFactKind::FaultEnded, None);
    let result = scene.check(check("F", 8));
    is(&result, Pass, "F: at most 8 cores");
    assert_eq!(result.limit, "F 8 cores, then 4 (from 5.00s), then 8 (from 8.00s)");
}

#[test]
fn a_grant_over_the_quota_that_a_fault_set_says_what_the_quota_was() {
    let mut scene = scene();
    fault(&mut scene, 5, AzureFactKind::FaultBegan, Some(4));
    fault(&mut scene, 20, AzureFactKind::FaultEnded, None);
    is(
        &scene.check(check("F", 8)),
        Fail,
        "F: at most 8 cores, and vm-b was granted over the quota at 10.0s (4 cores then)",
    );
}

/// The faults of a scenario may have begun before the log: only their end is in it.
#[test]
fn a_quota_fault_of_the_plan_holds_until_its_end_is_reported() {
    let mut scene = scene();
    let declared = Fault::new(FaultKind::Quota { scope: "F".to_owned(), cores: 4 });
    scene.plan.azure.faults.push(declared);
    let other = AzureFact {
        fault: "quota-D".to_owned(),
        quota: Some(QuotaSet { scope: "D".to_owned(), cores: 400 }),
        ..AzureFact::new(AzureFactKind::FaultBegan, 2 * S)
    };
    scene.builder.at(2 * S, EventKind::Azure(other));
    let result = scene.check(check("F", 8));
    assert_eq!((result.verdict, result.limit.as_str()), (Fail, "F 4 cores"), "{result:#?}");
}

/// Before, this was inconclusive: "no VM ran".
#[test]
fn a_quota_of_nothing_that_let_nothing_through_was_kept() {
    let mut scene = Scene::new();
    scene.phase("run", 1, 90);
    let history = NodeHistory { ready: None, ..node(2) };
    scene.node("refused", &history);
    scene.fact(3, AzureFactKind::ProvisioningFailed, "refused", &history);
    is(&scene.check(check("F", 0)), Pass, "F: 0 cores, 1 VM refused");
}

/// Before, such a scenario was refused ("no quota is set that could be exceeded"), and no quota would have been looked at.
#[test]
fn a_quota_that_only_a_fault_sets_is_checked() {
    let only_a_fault = || {
        let mut scene = scene();
        let set = Action::AzureFault(Fault::new(FaultKind::Quota { scope: "F".to_owned(), cores: 4 }).into());
        scene.planned(5, "run", set);
        fault(&mut scene, 5, AzureFactKind::FaultBegan, Some(4));
        scene
    };
    let check = || planned(json!({"quota": {}}));
    let broken = only_a_fault().check(check());
    is(&broken, Fail, "F: at most 8 cores, and vm-b was granted over the quota at 10.0s (4 cores then)");
    assert_eq!(broken.limit, "F no limit, then 4 cores (from 5.00s)");
    let mut scene = only_a_fault();
    fault(&mut scene, 8, AzureFactKind::FaultEnded, None);
    let kept = scene.check(check());
    is(&kept, Pass, "F: at most 8 cores");
    assert_eq!(kept.limit, "F no limit, then 4 cores (from 5.00s), then no limit (from 8.00s)");
}
