//! A run in which everything held.

use std::collections::BTreeSet;

use harness_plan::LatencyName;
use harness_record::event::{EndReason, PhaseOutcome};
use harness_record::latency::{Censored, Percentile, Samples};
use harness_record::result::{
    ActionRow, ComponentUsage, Counts, CrossCheck, Distribution, Latency, NodeRow, NodeStep, PhaseRow, PodStep,
    PublishedFigure, RunInfo, SelfAudit, SystemShare, VmRow,
};
use harness_record::verdict::{ExpectationResult, Verdict};
use harness_record::{Cost, ExitCode, RunResult};
use harness_simulation::Simulated;

use super::plan::{POOLS, SECOND, plan};

/// A pseudo-random number from 0 to 1, always the same.
fn scattered(index: usize) -> f64 {
    (index as f64 * 0.618_033_988_75 + 0.137).fract()
}

/// Around a median with a tail to the right.
fn drawn(median_us: u64, index: usize) -> u64 {
    let u = scattered(index);
    (median_us as f64 * (0.72 + 0.5 * u + 0.55 * u.powi(6))) as u64
}

pub(crate) fn latency(
    name: LatencyName,
    label: Option<(&str, &str)>,
    mut measured_us: Vec<u64>,
    censored: Vec<Censored>,
) -> Latency {
    measured_us.sort_unstable();
    let samples = Samples { measured_us, censored };
    Latency {
        name,
        labels: label.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        stats: samples.stats(),
        samples,
    }
}

fn node(pool: &(&str, &str, &str, usize, usize, u64), index: usize, start_us: u64) -> NodeRow {
    let created = start_us + 180_000 + 41_003 * (index as u64 % 9);
    let took = drawn(pool.5, index * 7 + pool.0.len());
    let ready = created + took;
    let name = format!("{}-{:x}{}", pool.0, 0xb0d5 + index * 7919, ["k2", "zp", "q9"][index % 3]);
    let deleting = 62 * SECOND + 300_000 * (index as u64 % 11);
    NodeRow {
        node: Some(format!("aks-{name}")),
        nodeclaim: name,
        nodepool: pool.0.to_owned(),
        instance_type: pool.2.to_owned(),
        capacity_type: if index % 5 == 4 { "spot" } else { "on-demand" }.to_owned(),
        zone: format!("eastus-{}", index % 3 + 1),
        created_us: Some(created),
        launched_us: Some(created + took / 8),
        registered_us: Some(ready - 480_000),
        ready_us: Some(ready),
        initialized_us: Some(ready + 350_000),
        not_ready: Vec::new(),
        drifted_us: None,
        disrupted_us: None,
        disruption_reason: String::new(),
        deleting_us: Some(deleting),
        gone_us: Some(deleting + 3 * SECOND + 700_000 * (index as u64 % 4)),
        pods: pool.4 as u32,
        vm: Some(VmRow::default()),
    }
}

/// Steps from changes of counts.
fn steps<const N: usize>(mut changes: Vec<(u64, usize, i64)>) -> Vec<(u64, [u32; N])> {
    changes.sort_unstable();
    let mut now = [0_i64; N];
    let mut steps = vec![(0, [0; N])];
    for (at, state, change) in changes {
        now[state] += change;
        steps.push((at, now.map(|n| n.max(0) as u32)));
    }
    steps
}

/// A run in which everything held, `factor` times as large as the usual one.
pub(crate) fn passed(factor: usize) -> RunResult {
    let start_us = 9_412_000;
    let mut nodes = Vec::new();
    let mut latencies = Vec::new();
    let (mut pod_changes, mut node_changes) = (Vec::new(), Vec::new());
    let (mut all_provisioning, mut all_ready) = (Vec::new(), Vec::new());
    let (mut by_pool, mut ready_by_pool) = (Vec::new(), Vec::new());
    for pool in &POOLS {
        let (mut provisioning, mut ready) = (Vec::new(), Vec::new());
        for index in 0..pool.3 * factor {
            let node = node(pool, index, start_us);
            let (created, node_ready) = (node.created_us.unwrap(), node.ready_us.unwrap());
            provisioning.push(node_ready - created);
            for (at, from, to) in [
                (created, None, Some(0)),
                (node.launched_us.unwrap(), Some(0), Some(1)),
                (node_ready, Some(1), Some(2)),
                (node.deleting_us.unwrap(), Some(2), Some(3)),
                (node.gone_us.unwrap(), Some(3), None),
            ] {
                node_changes.extend(from.map(|s| (at, s, -1)));
                node_changes.extend(to.map(|s| (at, s, 1)));
            }
            for pod in 0..pool.4 {
                let seen = start_us + 3_000 * (index * pool.4 + pod) as u64 / factor as u64;
                let bound = node_ready + 12_000 * pod as u64;
                let pod_ready = bound + 640_000 + (scattered(pod + index) * 500_000.0) as u64;
                ready.push(pod_ready - start_us);
                for (at, from, to) in [
                    (seen, None, Some(0)),
                    (bound, Some(0), Some(1)),
                    (pod_ready, Some(1), Some(2)),
                    (58 * SECOND, Some(2), Some(3)),
                    (59 * SECOND + 2_000 * pod as u64, Some(3), None),
                ] {
                    pod_changes.extend(from.map(|s: usize| (at, s, -1)));
                    pod_changes.extend(to.map(|s| (at, s, 1)));
                }
            }
            nodes.push(node);
        }
        all_provisioning.extend(&provisioning);
        all_ready.extend(&ready);
        by_pool.push(latency(LatencyName::NodeProvisioning, Some(("nodepool", pool.0)), provisioning, Vec::new()));
        ready_by_pool.push(latency(LatencyName::PodReady, Some(("nodepool", pool.0)), ready, Vec::new()));
    }
    nodes.sort_by_key(|node| node.created_us);
    let (node_count, pod_count) = (nodes.len() as u64, all_ready.len() as u64);
    latencies.push(latency(LatencyName::PodReady, None, all_ready.clone(), Vec::new()));
    latencies.extend(ready_by_pool);
    latencies.push(latency(
        LatencyName::PodScheduled,
        None,
        all_ready.iter().map(|us| us - 700_000).collect(),
        Vec::new(),
    ));
    latencies.push(latency(LatencyName::NodeProvisioning, None, all_provisioning.clone(), Vec::new()));
    latencies.extend(by_pool);
    latencies.push(latency(
        LatencyName::NodeclaimLaunched,
        None,
        all_provisioning.iter().map(|us| us / 8).collect(),
        Vec::new(),
    ));
    latencies.push(latency(
        LatencyName::NodeTermination,
        None,
        nodes.iter().map(|n| n.gone_us.unwrap() - n.deleting_us.unwrap()).collect(),
        Vec::new(),
    ));
    latencies.push(latency(LatencyName::GitopsHealthy, None, vec![2_345_678], Vec::new()));

    let phase =
        |name: &str, planned, until: Option<&str>, began: u64, ended: u64, due: Option<u64>, outcome| PhaseRow {
            name: name.to_owned(),
            planned,
            until: until.map(str::to_owned),
            began_us: Some(began),
            ended_us: Some(ended),
            due_us: due,
            outcome: Some(outcome),
            detail: String::new(),
        };
    let burst_end = 22 * SECOND;
    RunResult {
        system: vec![SystemShare {
            instance_type: "Standard_D4s_v5".to_owned(),
            nodes: 3,
            allocatable_cpu_millicores: 3860,
            allocatable_memory_bytes: 11_743 << 20,
            cpu_millicores: 590,
            memory_bytes: 1250 << 20,
        }],
        run: RunInfo {
            id: "20261121-121500-4f2a".to_owned(),
            scenario: "scale-burst".to_owned(),
            question: plan().question,
            profile: "default".to_owned(),
            target: "local".to_owned(),
            seed: 42,
            harness: "0.1.0".to_owned(),
            started_at: "2026-11-21T12:15:00Z".parse().unwrap(),
            duration_us: 74_512_345,
            command: "harness run scale-burst --profile default --seed 42".to_owned(),
            versions: [
                ("kubernetes", "v1.34.2"),
                ("karpenter-provider-azure", "v1.14.0"),
                ("flux-source-controller", "v1.7.3"),
                ("kwok", "v0.9.0"),
            ]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
            parameters: plan().parameters,
            node_config: "node-config".to_owned(),
            node_config_sha256: plan().node_config.sha256,
            ended: Some(EndReason::Completed),
            ended_detail: String::new(),
        },
        verdict: Verdict::Pass,
        exit_code: ExitCode::Passed,
        cost: Some(Cost {
            spot_micro_usd: 12_345,
            on_demand_micro_usd: 98_765,
            at_on_demand_prices_micro_usd: Some(139_915),
            saved_percent: Some(20),
            price_max_micro_usd_per_hour: 1_200_000,
            peak_micro_usd_per_hour: 5_370_000,
            vm_us: 2_160 * SECOND,
            vms: node_count,
            spot_vms: 2,
            spot_us: 300 * SECOND,
            vms_without_price: 0,
        }),
        published: vec![PublishedFigure {
            name: "node_provisioning".to_owned(),
            labels: [("nodepool".to_owned(), "general-purpose".to_owned())].into(),
            percent: 70,
            published_us: 101 * SECOND,
            ours: Some(Percentile::Measured(8_123_456)),
            count: 12,
            source: "somebody, in a paper".to_owned(),
            differs: "real machines; here the boot is drawn".to_owned(),
        }],
        reason: String::new(),
        reasons: Vec::new(),
        latencies,
        expectations: vec![
            expectation(
                "phase burst",
                Verdict::Pass,
                "all-pods-ready after 12.6s",
                "all-pods-ready within 5m",
                "began at 9.4s, ended at 22.0s",
            ),
            expectation(
                "placement of all on their class, exclusively",
                Verdict::Pass,
                "all on their class",
                "none elsewhere",
                &format!("{pod_count} pods on {node_count} nodes"),
            ),
            expectation(
                "latency node_provisioning by nodepool p95 <= 9s",
                Verdict::Pass,
                "memory-optimized: p95 8.91s",
                "p95 <= 9s, censored <= 0",
                &format!("{node_count} nodes in 3 groups, 0 censored"),
            ),
            expectation(
                "latency pod_ready by workload p99 <= 1m",
                Verdict::Pass,
                "cache: p99 10.9s",
                "p99 <= 1m",
                &format!("{pod_count} pods in 3 groups, 0 censored"),
            ),
            expectation(
                "limits of all node pools",
                Verdict::Pass,
                "general-purpose: 28 of 200 CPU",
                "cpu 200, memory 800Gi",
                "every node's capacity over the run",
            ),
            expectation(
                "fleet",
                Verdict::Pass,
                "0 VMs at the end",
                "as many as NodeClaims, 0 at the end",
                &format!("{node_count} VMs, {node_count} NodeClaims"),
            ),
        ],
        pods_over_time: steps::<4>(pod_changes)
            .into_iter()
            .map(|(at_us, [pending, scheduled, ready, deleting])| PodStep {
                at_us,
                pending,
                scheduled,
                ready,
                deleting,
            })
            .collect(),
        nodes_over_time: steps::<4>(node_changes)
            .into_iter()
            .map(|(at_us, [claimed, launched, ready, deleting])| NodeStep { at_us, claimed, launched, ready, deleting })
            .collect(),
        phases: vec![
            phase("prepare", false, None, 0, start_us, None, PhaseOutcome::Reached),
            phase(
                "burst",
                true,
                Some("all-pods-ready"),
                start_us,
                burst_end,
                Some(start_us + 300 * SECOND),
                PhaseOutcome::Reached,
            ),
            phase("hold", true, None, burst_end, 58 * SECOND, Some(58 * SECOND), PhaseOutcome::Held),
            phase("drain", true, Some("no-nodes"), 58 * SECOND, 72 * SECOND, Some(238 * SECOND), PhaseOutcome::Reached),
            phase("cleanup", false, None, 72 * SECOND, 74 * SECOND, None, PhaseOutcome::Reached),
        ],
        actions: vec![
            ActionRow {
                what: "push 4bf1c2d9a0e3".to_owned(),
                is_routine: false,
                intended_us: 6 * SECOND,
                sent_us: Some(6 * SECOND),
                observed_us: None,
                error: None,
            },
            ActionRow {
                what: "scale web 0 -> 40".to_owned(),
                is_routine: true,
                intended_us: start_us,
                sent_us: Some(start_us + 300),
                observed_us: None,
                error: None,
            },
        ],
        counts: Counts {
            events: 4_321 * factor as u64,
            pods_planned: pod_count,
            pods_created: pod_count,
            pods_scheduled: pod_count,
            pods_ready: pod_count,
            pods_deleted: pod_count,
            nodeclaims: node_count,
            nodeclaims_launched: node_count,
            nodeclaims_deleted: node_count,
            nodes: node_count,
            nodes_ready: node_count,
            nodes_deleted: node_count,
            vms_accepted: node_count,
            vms_booted: node_count,
            vms_deleted: node_count,
            actions: 7,
            ..Counts::default()
        },
        nodes,
        simulated: BTreeSet::from([Simulated::Azure, Simulated::Kubelets]),
        leaks: Vec::new(),
        differences: Vec::new(),
        azure_failures: Vec::new(),
        controller_reasons: Vec::new(),
        self_audit: SelfAudit {
            rss_max_bytes: Some(61 << 20),
            cpu_ms: Some(2_345),
            cpu_share: Some(0.0412),
            watch_lag: Distribution { count: 4_001, p50_us: 140, p99_us: 2_310, max_us: 11_200 },
            send_lag: Distribution { count: 7, p50_us: 310, p99_us: 900, max_us: 900 },
            requests_sent: Some(212),
            watch_restarts: 0,
            observations_lost: 0,
        },
        usage: [
            ("kube-apiserver", 31_000, 0.52, 412),
            ("karpenter", 12_500, 0.21, 148),
            ("etcd", 6_200, 0.104, 96),
            ("kwok", 4_100, 0.069, 71),
            ("harness", 2_345, 0.039, 61),
        ]
        .map(|(name, cpu_ms, cpu_share, mib)| ComponentUsage {
            name: name.to_owned(),
            cpu_ms,
            cpu_share,
            rss_max_bytes: mib << 20,
        })
        .into(),
        cross_check: Some(CrossCheck {
            provisioning: Distribution { count: node_count, p50_us: 3_100, p99_us: 12_000, max_us: 14_500 },
            observation: Distribution { count: node_count, p50_us: 3_100, p99_us: 12_000, max_us: 14_500 },
            measured: Distribution { count: node_count, p50_us: 41_200_000, p99_us: 88_000_000, max_us: 91_000_000 },
            recorded: Distribution { count: node_count, p50_us: 41_000_000, p99_us: 87_800_000, max_us: 90_800_000 },
            request: Distribution { count: node_count, p50_us: 180_000, p99_us: 560_000, max_us: 610_000 },
            late_start: Distribution::default(),
        }),
        warnings: Vec::new(),
    }
}
pub(super) fn expectation(
    name: &str,
    verdict: Verdict,
    observed: &str,
    limit: &str,
    evidence: &str,
) -> ExpectationResult {
    ExpectationResult {
        name: name.to_owned(),
        verdict,
        observed: observed.to_owned(),
        subjects: Vec::new(),
        limit: limit.to_owned(),
        evidence: evidence.to_owned(),
    }
}
