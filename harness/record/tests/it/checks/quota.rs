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
#[case::nobody("N", 4, Inconclusive, "N: no VM ran")]
// Before, this was inconclusive: "standardFSv2Family: no VM ran".
#[case::quota_family("standardFSv2Family", 8, Pass, "standardFSv2Family: at most 8 cores")]
#[case::quota_family_in_another_case(
    "standardfsv2Family",
    7,
    Fail,
    "standardFSv2Family: at most 8 cores, and vm-b was granted over the quota at 10.0s"
)]
#[case::another_quota_family("standardDSv3Family", 8, Inconclusive, "standardDSv3Family: no VM ran")]
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

/// A fault that sets the quota of F begins or ends, as Azure reports it.
fn fault(scene: &mut Scene, at: u64, what: AzureFactKind, cores: Option<u32>) {
    fault_of("F", scene, at, what, cores);
}

fn fault_of(scope: &str, scene: &mut Scene, at: u64, what: AzureFactKind, cores: Option<u32>) {
    let quota = cores.map(|cores| QuotaSet { scope: scope.to_owned(), cores });
    let fact = AzureFact { fault: format!("quota-{scope}"), quota, ..AzureFact::new(what, at * S) };
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

/// Nodes of 4 cores each, created one after another from 10 s on: their sizes and quota families, which a log of before minor version 2 does
/// not have.
fn nodes(vms: &[(&'static str, &'static str)]) -> Scene {
    let mut scene = Scene::new();
    scene.phase("run", 1, 90);
    for ((size, quota_family), created) in vms.iter().zip((10..).step_by(10)) {
        scene.node(&format!("at-{created}"), &NodeHistory { size, quota_family, ..node(created) });
    }
    scene
}

const DSV2: (&str, &str) = ("Standard_DS2_v2", "standardDSv2Family");
const DSV3: (&str, &str) = ("Standard_D4s_v3", "standardDSv3Family");
const DAV6: (&str, &str) = ("Standard_D4as_v6", "standardDav6Family");
const NCT4: (&str, &str) = ("Standard_NC4as_T4_v3", "Standard NCASv3_T4 Family");

/// Before, the VMs of all families with a letter were added up: "D: at most 16 cores, and vm-at-30 was granted over the quota at 30.0s".
#[rstest]
#[case::each_within(8, Pass, "standardDSv3Family: at most 8 cores, standardDav6Family: at most 8 cores")]
#[case::one_above(
    7,
    Fail,
    "standardDSv3Family: at most 8 cores, and vm-at-20 was granted over the quota at 20.0s, standardDav6Family: at most 8 \
     cores, and vm-at-40 was granted over the quota at 40.0s"
)]
fn a_letter_sets_the_quota_of_each_family_that_has_it(
    #[case] cores: u32,
    #[case] verdict: Verdict,
    #[case] observed: &str,
) {
    let result = nodes(&[DSV3, DSV3, DAV6, DAV6]).check(check("D", cores));
    is(&result, verdict, observed);
    assert_eq!(result.limit, format!("standardDSv3Family {cores} cores, standardDav6Family {cores} cores"));
}

/// Before, DS and D were two families, so that the quota of D was not that of DS2_v2: "D: at most 4 cores".
#[test]
fn sizes_with_two_letters_are_of_the_family_of_the_first() {
    let result = nodes(&[DSV2, DSV2, DSV3]).check(check("D", 4));
    let broken = "standardDSv2Family: at most 8 cores, and vm-at-20 was granted over the quota at 20.0s";
    is(&result, Fail, &format!("{broken}, standardDSv3Family: at most 4 cores"));
    // Before: "N: no VM ran".
    is(&nodes(&[NCT4]).check(check("N", 4)), Pass, "N: at most 4 cores");
    is(
        &nodes(&[NCT4]).check(check("Standard NCASv3_T4 Family", 4)),
        Pass,
        "Standard NCASv3_T4 Family: at most 4 cores",
    );
}

/// A log of before minor version 2 has no quota families: there they are derived from the sizes.
#[test]
fn without_quota_families_the_sizes_tell_them() {
    let old =
        |vms: &[(&'static str, &'static str)]| nodes(&vms.iter().map(|(size, _)| (*size, "")).collect::<Vec<_>>());
    let each = "standardDSv2Family: at most 8 cores, standardDSv3Family: at most 4 cores";
    is(&old(&[DSV2, DSV2, DSV3]).check(check("D", 8)), Pass, each);
    is(&old(&[DSV3]).check(check("standardDSv3Family", 4)), Pass, "standardDSv3Family: at most 4 cores");
    is(
        &old(&[NCT4]).check(check("N", 3)),
        Fail,
        "N: at most 4 cores, and vm-at-10 was granted over the quota at 10.0s",
    );
}

/// Before, these were two quotas of which one had no VM: "F: at most 8 cores, standardFSv2Family: no VM ran".
#[test]
fn a_quota_of_the_full_name_beats_the_one_of_the_letter_while_it_is_set() {
    let family = "standardFSv2Family";
    let lowered = |at| {
        let mut scene = scene();
        let set = Action::AzureFault(Fault::new(FaultKind::Quota { scope: family.to_owned(), cores: 4 }).into());
        scene.planned(at, "run", set);
        fault_of(family, &mut scene, at, AzureFactKind::FaultBegan, Some(4));
        scene
    };
    let broken = lowered(5).check(check("F", 8));
    let observed = "standardFSv2Family: at most 8 cores, and vm-b was granted over the quota at 10.0s (4 cores then)";
    is(&broken, Fail, observed);
    assert_eq!(broken.limit, "standardFSv2Family 8 cores, then 4 (from 5.00s)");
    // Also while the letter's changes, and no longer once the fault has ended.
    let mut scene = lowered(5);
    fault(&mut scene, 6, AzureFactKind::FaultBegan, Some(12));
    fault_of(family, &mut scene, 8, AzureFactKind::FaultEnded, None);
    let kept = scene.check(check("F", 8));
    is(&kept, Pass, "standardFSv2Family: at most 8 cores");
    assert_eq!(kept.limit, "standardFSv2Family 8 cores, then 4 (from 5.00s), then 12 (from 8.00s)");
}

/// The letter's quota still holds for the other families, and is not judged by those that it is never in force for.
#[test]
fn a_letter_whose_only_family_has_its_own_quota_shows_nothing() {
    let both = || planned(json!({"quota": {"cores": {"D": 4, "standardDSv3Family": 8}}}));
    let each = "standardDSv3Family: at most 8 cores, standardDav6Family: at most 4 cores";
    is(&nodes(&[DSV3, DSV3, DAV6]).check(both()), Pass, each);
    is(&nodes(&[DSV3, DSV3]).check(both()), Inconclusive, "standardDSv3Family: at most 8 cores, D: no VM ran");
}

/// Azure adds up every regular VM for the region, whatever its family.
#[test]
fn the_region_adds_up_all_families() {
    let both = planned(json!({"quota": {"cores": {"D": 4, "regional": 8}}}));
    let broken = "regional: at most 12 cores, and vm-at-30 was granted over the quota at 30.0s";
    is(
        &nodes(&[DSV2, DSV3, DAV6]).check(both),
        Fail,
        &format!(
            "{broken}, standardDSv2Family: at most 4 cores, standardDSv3Family: at most 4 cores, standardDav6Family: at most 4 cores"
        ),
    );
}
