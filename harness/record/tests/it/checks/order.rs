//! The order of Kustomizations.

use super::*;

const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";
const LATER: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// A commit, and when each of two layers had applied it and was healthy; `None` for never.
fn scene(infrastructure: (Option<u64>, Option<u64>), apps: (Option<u64>, Option<u64>)) -> Scene {
    let mut scene = Scene::new();
    scene.phase("p", 10, 50);
    scene.push(11, "p", REVISION);
    for (name, (applied, healthy)) in [("infrastructure", infrastructure), ("apps", apps)] {
        let object = scene.builder.key(ObjectKind::Kustomization, name);
        let revision = format!("main@sha1:{REVISION}");
        scene.builder.reached(S, &object, Reached::Created, &[]);
        for (at, reached) in [(applied, Reached::Applied), (healthy, Reached::Healthy)] {
            if let Some(at) = at {
                scene.builder.reached(at * S, &object, reached, &[(attribute::REVISION, &revision)]);
            }
        }
    }
    scene
}

fn check(phase: &str) -> Check {
    planned(json!({"order": {"kustomizations": ["infrastructure", "apps"], "in": [phase]}}))
}

#[rstest]
#[case::one_after_the_other((Some(12), Some(20)), (Some(25), Some(30)), Pass, "in order for 1 commit")]
#[case::too_early((Some(12), Some(20)), (Some(15), Some(30)), Fail, "apps applied 0123456789ab before infrastructure was healthy")]
#[case::never_healthy((Some(12), None), (Some(15), None), Fail, "apps applied 0123456789ab before infrastructure was healthy")]
#[case::held_back((Some(12), None), (None, None), Fail, "apps never applied 0123456789ab")]
#[case::nothing_applied((None, None), (None, None), Fail, "infrastructure never applied 0123456789ab")]
fn layers(
    #[case] infrastructure: (Option<u64>, Option<u64>),
    #[case] apps: (Option<u64>, Option<u64>),
    #[case] verdict: Verdict,
    #[case] observed: &str,
) {
    is(&scene(infrastructure, apps).check(check("p")), verdict, observed);
}

#[test]
fn a_commit_that_was_overtaken_need_not_reach_every_layer() {
    let mut scene = scene((Some(12), None), (None, None));
    scene.push(14, "p", LATER);
    let revision = format!("main@sha1:{LATER}");
    for (name, applied, healthy) in [("infrastructure", 15, 16), ("apps", 17, 18)] {
        let object = scene.builder.key(ObjectKind::Kustomization, name);
        scene.builder.reached(applied * S, &object, Reached::Applied, &[(attribute::REVISION, &revision)]);
        scene.builder.reached(healthy * S, &object, Reached::Healthy, &[(attribute::REVISION, &revision)]);
    }
    is(&scene.check(check("p")), Pass, "in order for 2 commits");
}

#[test]
fn without_a_commit_the_order_is_inconclusive() {
    let mut scene = scene((Some(12), Some(20)), (Some(25), Some(30)));
    scene.phase("q", 50, 60);
    is(&scene.check(check("q")), Inconclusive, "no commit was pushed in q");
}

#[test]
fn a_run_that_was_cut_may_still_have_kept_the_order() {
    let mut scene = scene((Some(12), Some(20)), (None, None));
    scene.cut();
    assert_eq!(scene.check(check("p")).verdict, Inconclusive);
}
