//! Logs of runs that pass or fail in one way or another, made event by event: the tests of endings, reasons and properties use them.
//! Deterministic: no clock, no random numbers.

use std::collections::{BTreeMap, BTreeSet};

use harness_plan::*;
use harness_record::event::*;
use harness_simulation::{Behaviour, Distribution, Simulated};
use harness_units::{Bytes, Millicores, Span};
use serde_json::{Value, json};

pub(crate) const MS: u64 = 1_000;
pub(crate) const S: u64 = 1_000_000;
/// When the burst starts.
pub(crate) const BURST: u64 = 2 * S;
/// The burst's deadline, from its start.
pub(crate) const WITHIN: u64 = 60 * S;
/// Pods that share a node.
const PER_NODE: u32 = 4;

/// Node classes and their workloads: (pool, workload, pods).
pub(crate) const CLASSES: [(&str, &str, u32); 3] =
    [("compute-optimized", "encoder", 10), ("general-purpose", "web", 12), ("memory-optimized", "cache", 8)];

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    /// Azure fails every creation in the pool.
    Fails {
        pool: &'static str,
        code: &'static str,
        message: &'static str,
    },
    /// VMs of the pool boot and never register.
    NeverRegisters {
        pool: &'static str,
    },
    /// Resource Manager answers 429, in every pool.
    Throttled,
    /// Resource Manager is down, in every pool.
    Down,
    /// The controller is killed before it does anything, and started again or not.
    Killed {
        again: bool,
    },
    /// On a target without facts from Azure: only the controller's reasons.
    OnlyReasons {
        pool: &'static str,
    },
}

pub(crate) fn plan() -> Plan {
    let workload = |(class, name, peak): (&str, &str, u32)| Workload {
        node_selector: BTreeMap::from([("class".to_owned(), class.to_owned())]),
        replicas_peak: peak,
        ..Workload::new(name, class, Millicores(900), Bytes(1 << 30))
    };
    let class = |(name, _, _): (&str, &str, u32)| NodeClass {
        name: name.to_owned(),
        node_class: "app-nodes".to_owned(),
        limits: Limits { cpu: Some(Millicores(100_000)), ..Limits::default() },
        at: format!("node-classes/{name}.yaml:1:1"),
        ..NodeClass::default()
    };
    let scale = |up: bool, base: u32| -> Vec<PlannedAction> {
        (0..)
            .zip(CLASSES)
            .map(|(index, (_, workload, peak))| PlannedAction {
                id: base + index,
                at_us: 0,
                action: Action::Scale(Scale::step(workload, if up { 0 } else { peak }, if up { peak } else { 0 })),
            })
            .collect()
    };
    let phase = |name: &str, actions, until: Option<Condition>, within: Option<u64>, hold: Option<u64>| Phase {
        name: name.to_owned(),
        actions,
        until: until.map(Conditions::from),
        within: within.map(Span::from_micros),
        hold: hold.map(Span::from_micros),
        ..Phase::default()
    };
    let names: Vec<String> = CLASSES.iter().map(|(_, workload, _)| (*workload).to_owned()).collect();
    let pools: Vec<String> = CLASSES.iter().map(|(pool, _, _)| (*pool).to_owned()).collect();
    let expect = |name: &str, check| Expectation::new(name, check);
    Plan {
        version: PLAN_VERSION,
        scenario: "scale-burst".to_owned(),
        question: "When pods for every node class arrive at once, does each land on its class?".to_owned(),
        profile: Profile::Smoke,
        seed: 7,
        parameters: BTreeMap::from([("podReadyP99".to_owned(), "30s".to_owned())]),
        needs: BTreeSet::new(),
        azure: Behaviour { boot: Some(Distribution::Constant(Span::from_secs(5))), ..Behaviour::default() },
        node_config: NodeConfig {
            aks_defaults: Vec::new(),
            source: "node-config".to_owned(),
            sha256: "ab".repeat(32),
            classes: CLASSES.into_iter().map(class).collect(),
        },
        workloads: CLASSES.into_iter().map(workload).collect(),
        phases: vec![
            phase("burst", scale(true, 0), Some(Condition::AllPodsReady), Some(WITHIN), None),
            phase("hold", Vec::new(), None, None, Some(5 * S)),
            phase("drain", scale(false, 3), Some(Condition::NoNodes), Some(60 * S), None),
        ],
        gitops: None,
        namespace_quota: None,
        objects: Vec::new(),
        webhook: false,
        published: Vec::new(),
        notes: Default::default(),
        expectations: vec![
            expect("phase burst", reached("burst")),
            expect("phase drain", reached("drain")),
            expect("placement", planned(json!({"placement": {"workloads": names}}))),
            expect(
                "latency pod_ready by workload p99 <= 30s",
                planned(json!({"latency": {"of": "pod_ready", "by": "workload", "p99": "30s"}})),
            ),
            expect(
                "latency node_provisioning by nodepool p95 <= 20s, censored <= 0",
                planned(json!({"latency": {"of": "node_provisioning", "by": "nodepool", "p95": "20s", "censored": 0}})),
            ),
            expect("limits", planned(json!({"limits": {"nodepools": pools}}))),
            expect("fleet", planned(json!({"fleet": {"vms": "as-many-as-nodeclaims", "atEnd": 0}}))),
        ],
    }
}

/// A log under construction. Events may be added in any order; [`LogBuilder::events`] sorts them by time.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogBuilder {
    events: Vec<Event>,
    /// Actions that the plan must have.
    pub(crate) to_plan: Vec<PlannedAction>,
    uids: u64,
}

impl LogBuilder {
    pub(crate) fn at(&mut self, at_us: u64, kind: EventKind) {
        self.events.push(Event { at_us, kind });
    }

    pub(crate) fn events(mut self) -> Vec<Event> {
        self.events.sort_by_key(|event| event.at_us);
        self.events
    }

    pub(crate) fn key(&mut self, kind: ObjectKind, name: &str) -> ObjectKey {
        self.uids += 1;
        ObjectKey {
            kind,
            namespace: if kind == ObjectKind::Pod { "harness-run".to_owned() } else { String::new() },
            name: name.to_owned(),
            uid: format!("00000000-0000-4000-8000-{:012x}", self.uids),
        }
    }

    pub(crate) fn reached(&mut self, at_us: u64, object: &ObjectKey, reached: Reached, attributes: &[(&str, &str)]) {
        let milestone = Milestone {
            object: object.clone(),
            reached,
            seen: Seen::Live,
            server: None,
            attributes: attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        };
        self.at(at_us, EventKind::Milestone(milestone));
    }

    pub(crate) fn azure(&mut self, occurred_us: u64, what: AzureFactKind, vm: &Vm) {
        let fact = AzureFact {
            vm: vm.name.clone(),
            nodeclaim: vm.claim.clone(),
            nodepool: vm.pool.clone(),
            instance_type: "Standard_F4s_v2".to_owned(),
            zone: "eastus-1".to_owned(),
            capacity_type: "on-demand".to_owned(),
            code: vm.code.clone(),
            message: vm.message.clone(),
            ..AzureFact::new(what, occurred_us)
        };
        self.at(occurred_us + 4 * MS, EventKind::Azure(fact));
    }

    pub(crate) fn call(&mut self, occurred_us: u64, what: AzureFactKind, message: &str) {
        let mut fact = AzureFact { message: message.to_owned(), ..AzureFact::new(what, occurred_us) };
        if what == AzureFactKind::Throttled {
            fact.code = "429".to_owned();
        }
        self.at(occurred_us + 4 * MS, EventKind::Azure(fact));
    }

    pub(crate) fn action(&mut self, at_us: u64, phase: &str, what: ActionKind) {
        let stamps = ActionStamps {
            what,
            phase: phase.to_owned(),
            intended_us: at_us,
            sent_us: Some(at_us + MS),
            acked_us: Some(at_us + 11 * MS),
            error: None,
        };
        self.at(at_us + 11 * MS, EventKind::Action(stamps));
    }

    /// An action of the plan, which is planned too.
    pub(crate) fn do_planned(&mut self, at_us: u64, id: u32, phase: &str, action: Action) {
        self.to_plan.push(PlannedAction { id, at_us: 0, action });
        self.action(at_us, phase, ActionKind::Planned(id));
    }

    pub(crate) fn phase_began(&mut self, at_us: u64, phase: &str) {
        self.at(at_us, EventKind::PhaseBegan { phase: phase.to_owned() });
    }

    pub(crate) fn phase_ended(&mut self, at_us: u64, phase: &str, outcome: PhaseOutcome, detail: &str) {
        self.at(at_us, EventKind::PhaseEnded { phase: phase.to_owned(), outcome, detail: detail.to_owned() });
    }

    pub(crate) fn ended(&mut self, at_us: u64, reason: EndReason, detail: &str) {
        self.at(at_us, EventKind::RunEnded { reason, detail: detail.to_owned() });
    }
}

/// A check as a plan writes it.
pub(crate) fn planned(json: Value) -> Check {
    serde_json::from_value(json).unwrap()
}

fn reached(phase: &str) -> Check {
    planned(json!({"phase": {"phase": phase}}))
}

/// The id of the action that kills the controller, and of the one that starts it again.
const KILL: u32 = 90;
const START: u32 = 91;

/// The plan of [`run`] with this fault.
pub(crate) fn plan_with(fault: &Fault) -> Plan {
    let mut plan = plan();
    if let Fault::Killed { again } = fault {
        let start = again.then(|| (START, Action::StartComponent(Component::Karpenter)));
        for (id, action) in [(KILL, Action::KillComponent(Component::Karpenter))].into_iter().chain(start) {
            plan.phases[0].actions.push(PlannedAction { id, at_us: 0, action });
        }
    }
    plan
}

/// The plan of [`run`] with one expectation of each kind, where its phases, workloads and pools are named.
pub(crate) fn every_check() -> Plan {
    let mut plan = plan();
    let phases = ["burst", "hold"];
    let workloads: Vec<&str> = plan.workloads.iter().map(|workload| workload.name.as_str()).collect();
    let nodepools: Vec<&str> = CLASSES.iter().map(|(pool, _, _)| *pool).collect();
    let checks = [
        json!({"happened": {"what": "node-ready", "in": phases, "atLeast": 1, "atMost": 1_000}}),
        json!({"happened": {"what": "reason", "in": phases, "atLeast": 1, "atMost": 1_000}}),
        json!({"pending": {"workloads": workloads, "messageContains": "taint"}}),
        json!({"uninterrupted": {"workloads": workloads, "in": phases}}),
        json!({"available": {"workloads": workloads, "atLeast": "50%", "in": phases}}),
        json!({"unready": {"workloads": workloads, "in": phases}}),
        json!({"replaced": {"nodepools": nodepools, "in": "hold", "reason": "Drifted", "differsIn": "image"}}),
        json!({"retained": {"nodepools": nodepools, "in": phases}}),
        json!({"maxConcurrentDisruptions": {"nodepools": nodepools, "atMost": "20%", "in": phases}}),
        json!({"price": {"before": "burst", "after": "hold", "atMostPercent": 50}}),
        json!({"savings": {"atLeastPercent": 10}}),
        json!({"quota": {"cores": {"F": 8}}}),
        json!({"replacedBeforeLoss": {"in": phases}}),
        json!({"order": {"kustomizations": ["node-config", "apps"], "in": phases}}),
        json!({"usage": {"processes": ["karpenter"], "cpu": "500m", "memory": "1Gi", "in": phases}}),
    ];
    let checks = checks.into_iter().map(planned);
    let new = (0..).zip(checks).map(|(index, check): (u32, _)| Expectation::new(format!("new {index}"), check));
    plan.expectations.truncate(5);
    plan.expectations.extend(new.collect::<Vec<_>>());
    plan
}

/// A VM of the simulated Azure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vm {
    pub(crate) name: String,
    pub(crate) claim: String,
    pub(crate) pool: String,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A whole run of [`plan`], with one thing that goes wrong.
pub(crate) fn run(fault: &Fault) -> Vec<Event> {
    let mut builder = LogBuilder::default();
    prepare(&mut builder, fault);
    let healthy = |pool: &str| match fault {
        Fault::None => true,
        Fault::Fails { pool: bad, .. } | Fault::NeverRegisters { pool: bad } | Fault::OnlyReasons { pool: bad } => {
            *bad != pool
        }
        Fault::Killed { again } => *again,
        Fault::Throttled | Fault::Down => false,
    };
    // The controller that is started again acts 20 s later.
    let delay_us = if *fault == (Fault::Killed { again: true }) { 20 * S } else { 0 };
    let all_ready = CLASSES.iter().all(|(pool, _, _)| healthy(pool));
    let last_ready_us = BURST + delay_us + 9 * S;
    let burst_end_us = if all_ready { last_ready_us } else { BURST + WITHIN };
    let drain_us = burst_end_us + 5 * S;
    let end_us = drain_us + 12 * S;

    builder.phase_began(BURST, "burst");
    let mut missing = Vec::new();
    for (id, (pool, workload, peak)) in (0..).zip(CLASSES) {
        builder.action(BURST, "burst", ActionKind::Planned(id));
        builder.action(drain_us, "drain", ActionKind::Planned(3 + id));
        let nodes = if healthy(pool) {
            nodes(&mut builder, pool, peak.div_ceil(PER_NODE), delay_us, drain_us, fault)
        } else {
            missing.push(format!("{workload}: 0 of {peak} pods Ready"));
            broken(&mut builder, pool, fault, drain_us);
            Vec::new()
        };
        pods(&mut builder, workload, peak, &nodes, delay_us, drain_us);
    }
    globally(&mut builder, fault);
    if all_ready {
        builder.phase_ended(burst_end_us, "burst", PhaseOutcome::Reached, "");
    } else {
        builder.phase_ended(burst_end_us, "burst", PhaseOutcome::DeadlinePassed, &missing.join(", "));
    }
    builder.phase_began(burst_end_us, "hold");
    builder.phase_ended(drain_us, "hold", PhaseOutcome::Held, "");
    builder.phase_began(drain_us, "drain");
    builder.phase_ended(end_us, "drain", PhaseOutcome::Reached, "");
    builder.phase_began(end_us, "cleanup");
    builder.phase_ended(end_us + S, "cleanup", PhaseOutcome::Reached, "");
    audit(&mut builder, end_us);
    builder.ended(end_us + 2 * S, EndReason::Completed, "");
    builder.events()
}

fn prepare(builder: &mut LogBuilder, fault: &Fault) {
    let only_reasons = matches!(fault, Fault::OnlyReasons { .. });
    builder.at(
        0,
        EventKind::RunStarted(RunStarted {
            version: LOG_VERSION,
            // Without instances, ledger and NodePools.
            minor: 0,
            harness: "0.1.0".to_owned(),
            run_id: "20261121T120000Z-7".to_owned(),
            scenario: "scale-burst".to_owned(),
            target: if only_reasons { "aks" } else { "local" }.to_owned(),
            seed: 7,
            started_at: "2026-11-21T12:00:00Z".parse().unwrap(),
            command: "harness run scale-burst --profile smoke --seed 7".to_owned(),
            simulated: (!only_reasons).then_some(Simulated::Azure).into_iter().collect(),
            capabilities: (!only_reasons).then_some(Capability::SimulatedAzure).into_iter().collect(),
            versions: BTreeMap::from([("kubernetes".to_owned(), "v1.36.3".to_owned())]),
        }),
    );
    builder.phase_began(MS, "prepare");
    let revision = "0123456789abcdef0123456789abcdef01234567";
    builder.action(100 * MS, "prepare", ActionKind::Push { id: None, revision: revision.to_owned() });
    let flux = format!("main@sha1:{revision}");
    let git = builder.key(ObjectKind::GitRepository, "node-config");
    builder.reached(400 * MS, &git, Reached::Fetched, &[(attribute::REVISION, &flux)]);
    let kustomization = builder.key(ObjectKind::Kustomization, "node-config");
    builder.reached(700 * MS, &kustomization, Reached::Applied, &[(attribute::REVISION, &flux)]);
    // Flux reports the revision once; the next milestone is about the same one.
    builder.reached(900 * MS, &kustomization, Reached::Healthy, &[]);
    builder.phase_ended(BURST, "prepare", PhaseOutcome::Reached, "");
}

/// Healthy nodes of a pool; returns their names and when each is Ready.
fn nodes(
    builder: &mut LogBuilder,
    pool: &str,
    count: u32,
    delay_us: u64,
    drain_us: u64,
    fault: &Fault,
) -> Vec<(String, u64)> {
    let has_facts = !matches!(fault, Fault::OnlyReasons { .. });
    (0..count)
        .map(|index| {
            let created_us = BURST + delay_us + S + u64::from(index) * 20 * MS;
            let claim_name = format!("{pool}-{index:05}");
            let node_name = format!("aks-{claim_name}-vm");
            let vm = Vm { name: node_name.clone(), claim: claim_name.clone(), pool: pool.to_owned(), ..Vm::default() };
            let claim = builder.key(ObjectKind::NodeClaim, &claim_name);
            let node = builder.key(ObjectKind::Node, &node_name);
            let placed = [
                (attribute::NODEPOOL, pool),
                (attribute::INSTANCE_TYPE, "Standard_F4s_v2"),
                (attribute::CAPACITY_TYPE, "on-demand"),
                (attribute::ZONE, "eastus-1"),
                (attribute::CPU_MILLICORES, "4000"),
                (attribute::MEMORY_BYTES, "8589934592"),
            ];
            builder.reached(created_us, &claim, Reached::Created, &[(attribute::NODEPOOL, pool)]);
            builder.reached(created_us + S, &claim, Reached::Launched, &placed);
            let ready_us = created_us + 5_100 * MS + u64::from(index) * 7 * MS;
            builder.reached(ready_us - 60 * MS, &node, Reached::Created, &[(attribute::NODECLAIM, &claim_name)]);
            builder.reached(ready_us, &node, Reached::Ready, &placed[..4]);
            builder.reached(ready_us + 200 * MS, &claim, Reached::Registered, &[(attribute::NODE, &node_name)]);
            builder.reached(ready_us + 900 * MS, &claim, Reached::Initialized, &[]);
            let going_us = drain_us + 2 * S;
            builder.reached(going_us, &claim, Reached::Deleting, &[]);
            builder.reached(going_us + 10 * MS, &node, Reached::Deleting, &[]);
            builder.reached(going_us + 6 * S, &node, Reached::Deleted, &[]);
            builder.reached(going_us + 7 * S, &claim, Reached::Deleted, &[]);
            if has_facts {
                builder.azure(created_us + 80 * MS, AzureFactKind::VmAccepted, &vm);
                builder.azure(created_us + 90 * MS, AzureFactKind::VmCreating, &vm);
                builder.azure(ready_us - 100 * MS, AzureFactKind::VmBooted, &vm);
                builder.azure(ready_us - 70 * MS, AzureFactKind::NodeRegistered, &vm);
                builder.azure(ready_us - 12 * MS, AzureFactKind::NodeReady, &vm);
                builder.azure(going_us + 5 * S, AzureFactKind::VmDeleteRequested, &vm);
                builder.azure(going_us + 5_900 * MS, AzureFactKind::VmDeleted, &vm);
            }
            (node_name, ready_us)
        })
        .collect()
}

/// The events of a pool that gets no node.
fn broken(builder: &mut LogBuilder, pool: &'static str, fault: &Fault, drain_us: u64) {
    match fault {
        Fault::Fails { code, message, .. } => {
            for index in 0..3_u64 {
                let created_us = BURST + S + index * 10 * S;
                let name = format!("{pool}-{index:05}");
                let claim = builder.key(ObjectKind::NodeClaim, &name);
                let vm = Vm {
                    name: format!("aks-{name}-vm"),
                    claim: name.clone(),
                    pool: pool.to_owned(),
                    code: (*code).to_owned(),
                    message: (*message).to_owned(),
                };
                builder.reached(created_us, &claim, Reached::Created, &[(attribute::NODEPOOL, pool)]);
                builder.azure(
                    created_us + 80 * MS,
                    AzureFactKind::VmAccepted,
                    &Vm { code: String::new(), message: String::new(), ..vm.clone() },
                );
                builder.azure(created_us + 300 * MS, AzureFactKind::ProvisioningFailed, &vm);
                warn(
                    builder,
                    created_us + 400 * MS,
                    "NodeClaim",
                    &name,
                    "InsufficientCapacityError",
                    "all requested instance types were unavailable during launch",
                );
                builder.reached(created_us + 500 * MS, &claim, Reached::Deleting, &[]);
                builder.reached(created_us + 700 * MS, &claim, Reached::Deleted, &[]);
            }
        }
        Fault::NeverRegisters { .. } => {
            for index in 0..3_u64 {
                let created_us = BURST + S + index * 20 * MS;
                let name = format!("{pool}-{index:05}");
                let claim = builder.key(ObjectKind::NodeClaim, &name);
                let vm =
                    Vm { name: format!("aks-{name}-vm"), claim: name.clone(), pool: pool.to_owned(), ..Vm::default() };
                let capacity = [(attribute::NODEPOOL, pool), (attribute::CPU_MILLICORES, "4000")];
                builder.reached(created_us, &claim, Reached::Created, &[(attribute::NODEPOOL, pool)]);
                builder.reached(created_us + S, &claim, Reached::Launched, &capacity);
                builder.azure(created_us + 80 * MS, AzureFactKind::VmAccepted, &vm);
                builder.azure(created_us + 5 * S, AzureFactKind::VmBooted, &vm);
                builder.reached(drain_us + 2 * S, &claim, Reached::Deleting, &[]);
                builder.azure(drain_us + 3 * S, AzureFactKind::VmDeleted, &vm);
                builder.reached(drain_us + 4 * S, &claim, Reached::Deleted, &[]);
            }
        }
        Fault::OnlyReasons { .. } => {
            for index in 0..3_u64 {
                let created_us = BURST + S + index * 10 * S;
                let name = format!("{pool}-{index:05}");
                let claim = builder.key(ObjectKind::NodeClaim, &name);
                builder.reached(created_us, &claim, Reached::Created, &[(attribute::NODEPOOL, pool)]);
                warn(
                    builder,
                    created_us + 400 * MS,
                    "NodeClaim",
                    &name,
                    "InsufficientCapacityError",
                    "NodeClaim event: subscription level Standard FSv2 Family vCPUs quota has been reached (may try provision an alternative instance type)",
                );
                builder.reached(created_us + 500 * MS, &claim, Reached::Deleting, &[]);
                builder.reached(created_us + 700 * MS, &claim, Reached::Deleted, &[]);
            }
        }
        Fault::Throttled | Fault::Down => {
            let name = format!("{pool}-00000");
            let claim = builder.key(ObjectKind::NodeClaim, &name);
            builder.reached(BURST + S, &claim, Reached::Created, &[(attribute::NODEPOOL, pool)]);
            builder.reached(drain_us + 2 * S, &claim, Reached::Deleting, &[]);
            builder.reached(drain_us + 4 * S, &claim, Reached::Deleted, &[]);
        }
        Fault::None | Fault::Killed { .. } => {}
    }
}

fn globally(builder: &mut LogBuilder, fault: &Fault) {
    match fault {
        Fault::Throttled => {
            for index in 0..40 {
                builder.call(BURST + S + index * S, AzureFactKind::Throttled, "machines.put");
            }
        }
        Fault::Down => {
            // 25 calls, two of them in one fact.
            builder.call(BURST + S, AzureFactKind::Refused, "2");
            for index in 2..25 {
                builder.call(BURST + S + index * 2 * S, AzureFactKind::Refused, "1");
            }
        }
        Fault::Killed { again } => {
            builder.action(BURST + 500 * MS, "burst", ActionKind::Planned(KILL));
            if *again {
                builder.action(BURST + 18 * S, "burst", ActionKind::Planned(START));
            }
        }
        _ => {}
    }
}

pub(crate) fn warn(builder: &mut LogBuilder, at_us: u64, kind: &str, name: &str, reason: &str, message: &str) {
    let reason = Reason {
        kind: kind.to_owned(),
        name: name.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        severity: "Warning".to_owned(),
    };
    builder.at(at_us, EventKind::Reason(reason));
}

fn pods(builder: &mut LogBuilder, workload: &str, count: u32, nodes: &[(String, u64)], delay_us: u64, drain_us: u64) {
    for index in 0..count {
        let name = format!("{workload}-7d9f8c6b5d-{index:05}");
        let pod = builder.key(ObjectKind::Pod, &name);
        let created_us = BURST + 20 * MS + u64::from(index) * 3 * MS;
        builder.reached(created_us, &pod, Reached::Created, &[(attribute::WORKLOAD, workload)]);
        builder.reached(created_us + 30 * MS, &pod, Reached::Unschedulable, &[]);
        warn(
            builder,
            created_us + 40 * MS,
            "Pod",
            &name,
            "FailedScheduling",
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
        );
        if let Some((node, ready_us)) = nodes.get((index / PER_NODE) as usize) {
            let bound_us = ready_us + S + delay_us / 1_000;
            builder.reached(bound_us, &pod, Reached::Scheduled, &[(attribute::NODE, node)]);
            builder.reached(bound_us + 500 * MS + u64::from(index) * 11 * MS, &pod, Reached::Ready, &[]);
        }
        builder.reached(drain_us + 100 * MS, &pod, Reached::Deleting, &[]);
        builder.reached(drain_us + 1_100 * MS, &pod, Reached::Deleted, &[]);
    }
}

fn audit(builder: &mut LogBuilder, end_us: u64) {
    builder.at(BURST + S, EventKind::Audit(Audit::WatchLag { lag_us: vec![120, 250, 900, 4_000] }));
    builder.at(end_us, EventKind::Audit(Audit::Requests { sent: 61 }));
    let process = |name: &str, cpu_ms, rss_bytes| ProcessUsage {
        name: name.to_owned(),
        cpu_ms,
        rss_bytes,
        rss_max_bytes: rss_bytes + 1_000_000,
    };
    let processes = vec![
        process("harness", 300, 40_000_000),
        process("azure-sim", 200, 30_000_000),
        process("kube-apiserver", 9_500, 400_000_000),
    ];
    builder.at(end_us, EventKind::Usage { processes });
}
