//! Makes a log of a given number of events, the same for the same number and seed, for measuring how fast reports are:
//!
//! ```text
//! cargo run --release -p harness-record --example synthesize -- DIR 1000000 [SEED]
//! ```
//!
//! writes `DIR/events.jsonl` and `DIR/plan.json`. The log is that of a long run of bursts: pods that wait, are bound, get Ready and
//! go again, eight to a node; nodes with all their milestones and the facts of their VMs; the controllers' reasons and the self-audit
//! between them, in the proportions of a real log.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use harness_plan::*;
use harness_record::event::*;
use harness_record::log::LogWriter;
use harness_record::{Event, EventKind};
use harness_units::{Bytes, Millicores, Span};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

const MS: u64 = 1_000;
const S: u64 = 1_000_000;
const CLASSES: [(&str, &str, &str); 3] = [
    ("general-purpose", "web", "Standard_D4s_v5"),
    ("compute-optimized", "encoder", "Standard_F4s_v2"),
    ("memory-optimized", "cache", "Standard_E4s_v5"),
];
const PODS_PER_NODE: u64 = 8;
/// Pods of one class in one burst.
const PODS_PER_BURST: u64 = 400;
/// Between the starts of two bursts.
const BURST_EVERY_US: u64 = 120 * S;

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: synthesize DIR EVENTS [SEED]";
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or(usage)?;
    let wanted: u64 = arguments.next().ok_or(usage)?.parse()?;
    let seed: u64 = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;

    let mut log = LogWriter::new(BufWriter::new(File::create(folder.join("events.jsonl"))?));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    log.append(&header(seed))?;
    let (mut written, mut bursts, mut objects) = (1, 0, 0);
    loop {
        let events = burst(bursts, &mut objects, &mut random);
        // Whole bursts only, so that the log is that of a run that passes; what is missing to the number is self-audit.
        if written + events.len() as u64 + 1 > wanted {
            break;
        }
        events.iter().try_for_each(|event| log.append(event))?;
        written += events.len() as u64;
        bursts += 1;
    }
    for sent in written + 1..wanted {
        log.append(&Event { at_us: bursts * BURST_EVERY_US, kind: EventKind::Audit(Audit::Requests { sent }) })?;
        written += 1;
    }
    let end = EventKind::RunEnded { reason: EndReason::Completed, detail: String::new() };
    log.append(&Event { at_us: bursts * BURST_EVERY_US, kind: end })?;
    log.flush()?;
    let plan = serde_json::to_string_pretty(&plan(seed, bursts))?;
    File::create(folder.join("plan.json"))?.write_all(plan.as_bytes())?;
    println!("{} events, {bursts} bursts, {objects} objects, seed {seed}", written + 1);
    Ok(())
}

fn header(seed: u64) -> Event {
    let header = RunStarted {
        version: LOG_VERSION,
        minor: LOG_MINOR,
        harness: env!("CARGO_PKG_VERSION").to_owned(),
        run_id: format!("synthetic-{seed}"),
        scenario: "synthetic".to_owned(),
        target: "local".to_owned(),
        seed,
        started_at: jiff::Timestamp::UNIX_EPOCH,
        command: "synthesize".to_owned(),
        simulated: BTreeSet::new(),
        capabilities: BTreeSet::new(),
        versions: BTreeMap::new(),
    };
    Event { at_us: 0, kind: EventKind::RunStarted(header) }
}

/// The events of one burst in the order of time.
fn burst(index: u64, objects: &mut u64, random: &mut ChaCha8Rng) -> Vec<Event> {
    let start_us = index * BURST_EVERY_US + S;
    let drain_us = start_us + 60 * S;
    let mut events = Vec::new();
    let mut at = |at_us: u64, kind: EventKind| events.push(Event { at_us, kind });
    at(start_us, EventKind::PhaseBegan { phase: format!("burst-{index}") });
    for (class, (pool, workload, size)) in (0_u64..).zip(CLASSES) {
        let id = (index * 6 + class) as u32;
        at(start_us + 12 * MS, action(id, &format!("burst-{index}"), start_us));
        at(drain_us + 12 * MS, action(id + 3, &format!("drain-{index}"), drain_us));
        for node in 0..PODS_PER_BURST / PODS_PER_NODE {
            let claim_name = format!("{pool}-{index:03}{node:03}");
            let node_name = format!("aks-{claim_name}-vm");
            let created_us = start_us + S + node * 10 * MS + random.random_range(0..10 * MS);
            let boot_us = 4 * S + random.random_range(0..4 * S);
            let ready_us = created_us + boot_us;
            let zone = format!("eastus-{}", node % 3 + 1);
            let placed = [
                (attribute::NODEPOOL, pool),
                (attribute::INSTANCE_TYPE, size),
                (attribute::CAPACITY_TYPE, if node % 4 == 0 { "spot" } else { "on-demand" }),
                (attribute::ZONE, zone.as_str()),
                (attribute::CPU_MILLICORES, "4000"),
                (attribute::MEMORY_BYTES, "17179869184"),
            ];
            let claim = key(ObjectKind::NodeClaim, &claim_name, objects);
            at(created_us, milestone(&claim, Reached::Created, &placed[..1]));
            at(created_us + S, milestone(&claim, Reached::Launched, &placed));
            at(ready_us + 50 * MS, milestone(&claim, Reached::Registered, &[(attribute::NODE, &node_name)]));
            at(ready_us + 900 * MS, milestone(&claim, Reached::Initialized, &[]));
            at(drain_us + 20 * S, milestone(&claim, Reached::Deleting, &[]));
            at(drain_us + 26 * S, milestone(&claim, Reached::Deleted, &[]));
            let object = key(ObjectKind::Node, &node_name, objects);
            at(ready_us - 100 * MS, milestone(&object, Reached::Created, &[(attribute::NODECLAIM, &claim_name)]));
            at(ready_us, milestone(&object, Reached::Ready, &placed[..4]));
            at(drain_us + 20 * S, milestone(&object, Reached::Deleting, &[]));
            at(drain_us + 25 * S, milestone(&object, Reached::Deleted, &[]));
            for (what, occurred_us) in [
                (AzureFactKind::VmAccepted, created_us + 60 * MS),
                (AzureFactKind::VmCreating, created_us + 70 * MS),
                (AzureFactKind::VmBooted, ready_us - 200 * MS),
                (AzureFactKind::NodeRegistered, ready_us - 120 * MS),
                (AzureFactKind::NodeReady, ready_us - 8 * MS),
                (AzureFactKind::VmDeleteRequested, drain_us + 21 * S),
                (AzureFactKind::VmDeleted, drain_us + 24 * S),
            ] {
                at(occurred_us + 3 * MS, fact(what, occurred_us, &node_name, &claim_name, pool, size, &zone));
            }
            for pod in 0..PODS_PER_NODE {
                let name = format!("{workload}-7d9f8c6b5d-{index:03}{:04}", node * PODS_PER_NODE + pod);
                let object = key(ObjectKind::Pod, &name, objects);
                let created_us = start_us + 20 * MS + (node * PODS_PER_NODE + pod) * MS;
                let bound_us = ready_us + S + pod * 3 * MS;
                at(created_us, milestone(&object, Reached::Created, &[(attribute::WORKLOAD, workload)]));
                at(created_us + 15 * MS, milestone(&object, Reached::Unschedulable, &[]));
                if pod == 0 {
                    at(created_us + 16 * MS, unschedulable(&name));
                }
                at(bound_us, milestone(&object, Reached::Scheduled, &[(attribute::NODE, &node_name)]));
                at(bound_us + random.random_range(0..S), milestone(&object, Reached::Ready, &[]));
                at(drain_us + 300 * MS + pod * MS, milestone(&object, Reached::Deleting, &[]));
                at(drain_us + 1_300 * MS + pod * MS, milestone(&object, Reached::Deleted, &[]));
            }
        }
    }
    for second in 0..BURST_EVERY_US / S {
        let at_us = start_us + second * S;
        let lag_us = (0..64).map(|_| random.random_range(50..5_000)).collect();
        at(at_us, EventKind::Audit(Audit::WatchLag { lag_us }));
        at(at_us, usage((index * 120 + second) * 10));
    }
    at(
        drain_us,
        EventKind::PhaseEnded { phase: format!("burst-{index}"), outcome: PhaseOutcome::Held, detail: String::new() },
    );
    at(drain_us, EventKind::PhaseBegan { phase: format!("drain-{index}") });
    let end = EventKind::PhaseEnded {
        phase: format!("drain-{index}"),
        outcome: PhaseOutcome::Reached,
        detail: String::new(),
    };
    at(drain_us + 30 * S, end);
    events.sort_by_key(|event| event.at_us);
    events
}

fn key(kind: ObjectKind, name: &str, objects: &mut u64) -> ObjectKey {
    *objects += 1;
    let namespace = if kind == ObjectKind::Pod { "harness-synthetic".to_owned() } else { String::new() };
    ObjectKey { kind, namespace, name: name.to_owned(), uid: format!("00000000-0000-4000-8000-{objects:012x}") }
}

fn milestone(object: &ObjectKey, reached: Reached, attributes: &[(&str, &str)]) -> EventKind {
    let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let server = Some(jiff::Timestamp::UNIX_EPOCH);
    EventKind::Milestone(Milestone { object: object.clone(), reached, seen: Seen::Live, server, attributes })
}

fn action(id: u32, phase: &str, intended_us: u64) -> EventKind {
    EventKind::Action(ActionStamps {
        what: ActionKind::Planned(id),
        phase: phase.to_owned(),
        intended_us,
        sent_us: Some(intended_us + MS),
        acked_us: Some(intended_us + 12 * MS),
        error: None,
    })
}

fn fact(what: AzureFactKind, occurred_us: u64, vm: &str, claim: &str, pool: &str, size: &str, zone: &str) -> EventKind {
    EventKind::Azure(AzureFact {
        vm: vm.to_owned(),
        nodeclaim: claim.to_owned(),
        nodepool: pool.to_owned(),
        instance_type: size.to_owned(),
        zone: zone.to_owned(),
        capacity_type: "on-demand".to_owned(),
        ..AzureFact::new(what, occurred_us)
    })
}

fn unschedulable(pod: &str) -> EventKind {
    EventKind::Reason(Reason {
        kind: "Pod".to_owned(),
        name: pod.to_owned(),
        reason: "FailedScheduling".to_owned(),
        message: "0/6 nodes are available: 6 node(s) didn't match Pod's node affinity/selector.".to_owned(),
        severity: "Warning".to_owned(),
    })
}

fn usage(cpu_ms: u64) -> EventKind {
    let process = |(name, factor): (&str, u64)| ProcessUsage {
        name: name.to_owned(),
        cpu_ms: cpu_ms * factor,
        rss_bytes: 50_000_000 * factor,
        rss_max_bytes: 60_000_000 * factor,
    };
    let processes =
        [("harness", 1), ("azure-sim", 1), ("karpenter", 10), ("kube-apiserver", 40), ("etcd", 4), ("kwok", 3)];
    EventKind::Usage { processes: processes.into_iter().map(process).collect() }
}

fn plan(seed: u64, bursts: u64) -> Plan {
    let scale = |index: u64, up: bool| -> Vec<PlannedAction> {
        let peak = PODS_PER_BURST as u32;
        let (from, to) = if up { (0, peak) } else { (peak, 0) };
        (0_u64..)
            .zip(CLASSES)
            .map(|(class, (_, workload, _))| PlannedAction {
                id: (index * 6 + class + if up { 0 } else { 3 }) as u32,
                at_us: 0,
                action: Action::Scale(harness_plan::Scale::step(workload, from, to)),
            })
            .collect()
    };
    let phase = |name: String, actions, until: Option<Condition>, seconds| Phase {
        name,
        actions,
        within: until.is_some().then(|| Span::from_secs(seconds)),
        hold: until.is_none().then(|| Span::from_secs(seconds)),
        until: until.map(Conditions::from),
        ..Phase::default()
    };
    let names: Vec<String> = CLASSES.iter().map(|(_, workload, _)| (*workload).to_owned()).collect();
    let check = |json| serde_json::from_value(json).expect("is a check");
    let expect = |name: &str, check| Expectation::new(name, check);
    Plan {
        version: PLAN_VERSION,
        scenario: "synthetic".to_owned(),
        question: "How fast is a report?".to_owned(),
        profile: Profile::Full,
        seed,
        parameters: BTreeMap::new(),
        needs: BTreeSet::new(),
        azure: harness_simulation::Behaviour::default(),
        node_config: NodeConfig {
            classes: CLASSES
                .iter()
                .map(|(pool, _, _)| NodeClass { name: (*pool).to_owned(), ..NodeClass::default() })
                .collect(),
            ..NodeConfig::default()
        },
        gitops: None,
        namespace_quota: None,
        objects: Vec::new(),
        webhook: false,
        published: Vec::new(),
        workloads: CLASSES
            .iter()
            .map(|(pool, workload, _)| Workload {
                replicas_peak: PODS_PER_BURST as u32,
                ..Workload::new(*workload, *pool, Millicores(450), Bytes(1 << 30))
            })
            .collect(),
        phases: (0..bursts)
            .flat_map(|index| {
                let burst = phase(format!("burst-{index}"), scale(index, true), None, 60);
                let drain = phase(format!("drain-{index}"), scale(index, false), Some(Condition::NoNodes), 60);
                [burst, drain]
            })
            .collect(),
        notes: Default::default(),
        expectations: vec![
            expect("placement", check(json!({"placement": {"workloads": names}}))),
            expect("pod_ready", check(json!({"latency": {"of": "pod_ready", "by": "workload", "p99": "1m"}}))),
            expect(
                "node_provisioning",
                check(json!({"latency": {"of": "node_provisioning", "by": "nodepool", "p95": "1m"}})),
            ),
            expect("fleet", check(json!({"fleet": {"vms": "as-many-as-nodeclaims"}}))),
        ],
    }
}
