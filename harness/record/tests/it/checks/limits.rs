//! Limits of NodePools, which commits raise and lower.

use super::*;
use harness_units::Millicores;

fn check() -> Check {
    planned(json!({"limits": {"nodepools": [POOL]}}))
}

/// A node of four cores.
fn four_cores(created: u64) -> NodeHistory {
    NodeHistory { made: vec![(attribute::CPU_MILLICORES, "4000")], ..node(created) }
}

/// Three nodes of four cores, one every thirty seconds, in a run whose plan starts with this limit.
fn scene(planned_cores: u64) -> Scene {
    let mut scene = Scene::new();
    scene.phase("run", 1, 90);
    let class = scene.plan.node_config.classes.iter_mut().find(|class| class.name == POOL).unwrap();
    class.limits = Limits { cpu: Some(Millicores(planned_cores * 1_000)), ..Limits::default() };
    for (name, created) in [("a", 10), ("b", 40), ("c", 70)] {
        scene.node(name, &four_cores(created));
    }
    scene
}

impl Scene {
    /// The NodePool is seen with this limit.
    fn limited(&mut self, at: u64, cores: Option<u64>) {
        let limits = Limits { cpu: cores.map(|cores| Millicores(cores * 1_000)), ..Limits::default() };
        let spec = NodePoolSpec { name: POOL.to_owned(), uid: "p".to_owned(), limits, ..NodePoolSpec::default() };
        self.builder.at(at * S, EventKind::NodePool(spec));
    }
}

/// Before, this was "a NodeClaim was created over the limit at 40.0s".
#[test]
fn a_claim_within_a_limit_that_a_commit_raised_is_not_over_it() {
    let mut scene = scene(2);
    scene.limited(1, Some(2));
    scene.limited(30, Some(50));
    let result = scene.check(check());
    is(&result, Pass, "general-purpose cpu at most 12 (the excess was in flight)");
    assert_eq!(result.limit, "general-purpose cpu 2, then 50 (from 30.0s)");
}

/// Before, this passed: "limit 1000".
#[test]
fn a_claim_over_a_limit_that_a_commit_lowered_is_over_it() {
    let mut scene = scene(1_000);
    scene.limited(1, Some(1_000));
    scene.limited(50, Some(4));
    let result = scene.check(check());
    is(
        &result,
        Fail,
        "general-purpose cpu at most 12, and a NodeClaim was created over the limit at 1m10s (4 since 50.0s)",
    );
    assert_eq!(result.limit, "general-purpose cpu 1000, then 4 (from 50.0s)");
}

#[rstest]
#[case::removed(None, Pass, "general-purpose cpu 4, then unlimited (from 30.0s)")]
#[case::kept(Some(4), Fail, "general-purpose cpu 4")]
fn a_limit_ends_where_it_is_removed(#[case] then: Option<u64>, #[case] verdict: Verdict, #[case] limit: &str) {
    let mut scene = scene(4);
    scene.limited(1, Some(4));
    scene.limited(30, then);
    let result = scene.check(check());
    assert_eq!((result.verdict, result.limit.as_str()), (verdict, limit), "{result:#?}");
}

/// A NodePool of a commit was "not in the plan's node configuration".
#[test]
fn the_limit_of_a_pool_that_a_commit_adds_is_the_one_that_was_seen() {
    let mut scene = scene(4);
    scene.plan.node_config.classes.retain(|class| class.name != POOL);
    scene.limited(5, Some(4));
    assert_eq!(scene.check(check()).verdict, Fail);
}

/// Logs of minor version 0 do not say what the NodePool asked for.
#[rstest]
#[case(8, Pass)]
#[case(4, Fail)]
fn without_a_word_of_the_log_the_limit_is_the_plans(#[case] cores: u64, #[case] verdict: Verdict) {
    assert_eq!(scene(cores).check(check()).verdict, verdict);
}
