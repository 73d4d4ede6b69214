//! Latencies of what happens to nodes and workloads: filled, replaced, idle, recovered, autoscaled.

use crate::log_builder::{MS, S};
use crate::scene::{NodeHistory, POOL, Scene, WEB, node};
use harness_plan::*;
use harness_record::RunResult;
use harness_record::event::*;
use harness_record::latency::{Cause, Samples};
use harness_units::{Millicores, Percent};
use rstest::rstest;

fn samples(result: &RunResult, name: LatencyName) -> Samples {
    let of = result.latencies.iter().find(|latency| latency.name == name && latency.labels.is_empty());
    of.map(|latency| latency.samples.clone()).unwrap_or_default()
}

fn seconds(samples: &Samples) -> Vec<u64> {
    samples.measured_us.iter().map(|us| us / S).collect()
}

#[test]
fn a_fill_counts_from_the_start_of_the_growth() {
    let mut scene = Scene::new();
    scene.phase("up", 2, 40);
    scene.phase("drift", 40, 90);
    scene.scale(2, "up", 0, 3);
    scene.scale(6, "up", 3, 6);
    scene.node("a", &node(3));
    scene.node("b", &NodeHistory { ready: Some(12), ..node(7).disrupted(50, "Drifted") });
    // Azure refused this one, and another was created.
    scene.node("refused", &NodeHistory { ready: None, deleting: Some(9), gone: Some(9), ..node(8) });
    let late = NodeHistory { ready: None, deleting: Some(14), gone: Some(14), ..node(9) };
    scene.node("failed-later", &late);
    let claim = scene.builder.key(ObjectKind::NodeClaim, "failed-later-too");
    for (at, reached) in [(9, Reached::Created), (10, Reached::Launched), (15, Reached::Deleting)] {
        scene.builder.reached(at * S, &claim, reached, &[(attribute::NODEPOOL, POOL)]);
    }
    scene.fact(13, AzureFactKind::ProvisioningFailed, "failed-later-too", &late);
    scene.node("never", &NodeHistory { ready: None, ..node(10) });
    // A replacement, and one that was created in a phase that scales nothing.
    scene.node("for-b", &node(51));
    let fill = samples(&scene.run(Vec::new()), LatencyName::NodeFill);
    assert_eq!(seconds(&fill), [4, 10]);
    assert_eq!(fill.censored.len(), 1);
}

#[test]
fn a_node_that_is_ready_before_its_launch_is_seen_counts_as_ready() {
    let mut scene = Scene::new();
    scene.phase("p", 1, 20);
    // Launched a second after it was created.
    scene.node("quick", &NodeHistory { ready: Some(2), ..node(2) });
    let result = scene.run(Vec::new());
    let last = result.nodes_over_time.last().unwrap();
    assert_eq!((last.claimed, last.launched, last.ready), (0, 0, 1), "{last:?}");
}

#[test]
fn a_node_is_idle_from_its_last_pod_to_its_vms_end() {
    let mut scene = Scene::new();
    scene.phase("p", 1, 90);
    scene.node("idle", &node(1).disrupted(30, "Empty"));
    scene.pod("web-1", "idle", Some(5), Some(10));
    scene.pod("web-2", "idle", Some(5), Some(14));
    scene.node("busy", &node(1));
    scene.pod("web-3", "busy", Some(5), Some(10));
    scene.pod("web-4", "busy", Some(5), None);
    scene.node("forgotten", &node(1));
    scene.pod("web-5", "forgotten", Some(5), Some(20));
    // The pod was lost with the VM.
    scene.node("lost", &NodeHistory { deleting: Some(20), gone: Some(22), ..node(1) });
    scene.pod("web-6", "lost", Some(5), Some(25));
    let idle = samples(&scene.run(Vec::new()), LatencyName::NodeIdle);
    assert_eq!(seconds(&idle), [33 - 15]);
    assert_eq!(idle.censored.iter().map(|it| it.cause).collect::<Vec<_>>(), [Cause::Open]);
}

#[rstest]
#[case::drift(node(1).disrupted(20, "Drifted"), &[22], vec![5], 0)]
#[case::drift_without_another(NodeHistory { drifted: Some(20), ..node(1) }, &[], vec![], 1)]
#[case::consolidated_with_another(
    NodeHistory { disrupted: Some((20, "Underutilized")), deleting: Some(28), gone: Some(30), ..node(1) },
    &[21],
    vec![10],
    0
)]
#[case::consolidated_without(node(1).disrupted(20, "Underutilized"), &[25], vec![], 0)]
#[case::empty(node(1).disrupted(20, "Empty"), &[40], vec![], 0)]
#[case::repaired(NodeHistory { deleting: Some(20), gone: Some(40), ..node(1) }, &[22], vec![20], 0)]
#[case::evicted(NodeHistory { capacity_type: "spot", evicted: Some(20), deleting: Some(24), gone: Some(30), ..node(1) }, &[22], vec![10], 0)]
#[case::noticed(
    NodeHistory { capacity_type: "spot", noticed: Some(18), evicted: Some(26), deleting: Some(27), gone: Some(28), ..node(1) },
    &[19],
    vec![10],
    0
)]
fn a_node_is_replaced_by_the_one_that_was_made_for_it(
    #[case] old: NodeHistory,
    #[case] new: &[u64],
    #[case] measured: Vec<u64>,
    #[case] censored: usize,
) {
    let mut scene = Scene::new();
    scene.phase("p", 1, 90);
    scene.node("old", &old);
    scene.pod("web-1", "old", Some(5), Some(29));
    for (index, created) in new.iter().enumerate() {
        scene.node(&format!("new-{index}"), &node(*created));
    }
    let replaced = samples(&scene.run(Vec::new()), LatencyName::NodeReplaced);
    assert_eq!((seconds(&replaced), replaced.censored.len()), (measured, censored));
}

#[test]
fn nodes_that_are_consolidated_together_share_their_replacement() {
    let mut scene = Scene::new();
    scene.phase("p", 1, 90);
    let old =
        |at| NodeHistory { disrupted: Some((at, "Underutilized")), deleting: Some(28), gone: Some(30), ..node(1) };
    scene.node("a", &old(20));
    scene.node("b", &old(20));
    scene.node("new", &node(21));
    let result = scene.run(Vec::new());
    assert_eq!(seconds(&samples(&result, LatencyName::NodeReplaced)), [10, 10]);
    assert_eq!(result.counts.nodes_replaced, 2);
    assert_eq!(result.counts.disruptions.get("Underutilized"), Some(&2));
}

#[test]
fn a_workload_recovers_when_it_has_as_many_pods_as_planned() {
    let mut scene = Scene::new();
    scene.phase("up", 1, 10);
    scene.phase("p", 10, 90);
    scene.scale(1, "up", 0, 2);
    scene.node("n", &node(1));
    scene.pod("web-1", "n", Some(5), Some(20));
    scene.pod("web-2", "n", Some(6), Some(22));
    scene.pod("web-3", "n", Some(27), Some(60));
    scene.pod("web-4", "n", Some(31), None);
    let result = scene.run(Vec::new());
    let recovered = samples(&result, LatencyName::WorkloadRecovered);
    assert_eq!(seconds(&recovered), [11]);
    assert_eq!(recovered.censored.iter().map(|it| it.cause).collect::<Vec<_>>(), [Cause::Open]);
    let by_workload = result.latencies.iter().find(|latency| {
        latency.name == LatencyName::WorkloadRecovered && latency.labels.get("workload").is_some_and(|it| it == WEB)
    });
    assert_eq!(by_workload.map(|latency| latency.stats.count), Some(2));
}

#[test]
fn a_pod_that_the_plan_replaces_is_not_a_shortage() {
    let mut scene = Scene::new();
    scene.phase("p", 1, 90);
    scene.scale(1, "p", 0, 1);
    scene.node("n", &node(1));
    scene.pod("web-1", "n", Some(5), Some(20));
    scene.planned(19, "p", Action::Replace(Replace::one(WEB)));
    scene.pod("web-2", "n", Some(25), None);
    assert_eq!(samples(&scene.run(Vec::new()), LatencyName::WorkloadRecovered).count(), 0);
}

/// A workload whose pods should each use 60 % of half a core, and loads in thousandths of a core with their times.
fn autoscaled(loads: &[(u64, u64)]) -> Scene {
    let mut scene = Scene::new();
    scene.phase("p", 1, 200);
    scene.scale(1, "p", 0, 1);
    for workload in scene.plan.workloads.iter_mut().filter(|workload| workload.name == WEB) {
        workload.cpu = Millicores(500);
        workload.autoscale = Some(Autoscale {
            min: 1,
            max: 4,
            on: AutoscaleOn::CpuPercent(Percent(60)),
            scale_down_after: harness_units::Span::from_secs(10),
        });
    }
    for (id, (at, millicores)) in (10..).zip(loads) {
        let load = Load { workload: WEB.to_owned(), cpu: Some(Millicores(*millicores)), ..Load::default() };
        scene.plan.phases[0].actions.push(PlannedAction { id, at_us: 0, action: Action::Load(load) });
        scene.builder.action(at * S - 11 * MS, "p", ActionKind::Planned(id));
    }
    scene.node("n", &node(1));
    scene.pod("web-1", "n", Some(5), None);
    scene
}

#[test]
fn an_autoscaler_is_measured_to_the_first_pod_that_it_adds_or_removes() {
    let mut scene = autoscaled(&[(2, 50), (20, 600), (60, 50)]);
    // Created a second before it is Ready.
    scene.pod("web-2", "n", Some(36), Some(90));
    let result = scene.run(Vec::new());
    // The first load needs only the one pod that exists.
    let autoscaled = samples(&result, LatencyName::Autoscaled);
    assert_eq!((seconds(&autoscaled), autoscaled.censored.len()), (vec![15, 30], 0));
    // A pod that the autoscaler adds is not planned and replaces nothing.
    assert_eq!((result.counts.pods_planned, result.counts.pods_replaced), (1, 0));
}

#[test]
fn an_autoscaler_that_does_not_follow_is_censored() {
    let autoscaled = samples(&autoscaled(&[(20, 600)]).run(Vec::new()), LatencyName::Autoscaled);
    assert_eq!(autoscaled.censored.iter().map(|it| it.cause).collect::<Vec<_>>(), [Cause::Open]);
}

#[test]
fn published_figures_stand_beside_the_same_percentile_of_ours() {
    let mut scene = Scene::new();
    scene.phase("up", 2, 40);
    scene.scale(2, "up", 0, 3);
    for (index, created) in [3, 5, 7, 9, 11, 13, 15, 17, 19, 21].into_iter().enumerate() {
        scene.node(&format!("n{index}"), &node(created));
    }
    let published = |percentile, nodepool: Option<&str>| Published {
        of: LatencyName::NodeFill,
        workload: None,
        nodepool: nodepool.map(str::to_owned),
        percentile,
        value: harness_units::Span::from_secs(95),
        source: "somebody".to_owned(),
        differs: "real machines".to_owned(),
    };
    scene.plan.published = vec![published(70, Some(POOL)), published(100, None), published(50, Some("elsewhere"))];
    let result = scene.run(Vec::new());
    let ours: Vec<_> =
        result.published.iter().map(|it| (it.percent, it.count, it.ours.map(|ours| ours.micros() / S))).collect();
    assert_eq!(ours, [(70, 10, Some(16)), (100, 10, Some(22)), (50, 0, None)]);
}
