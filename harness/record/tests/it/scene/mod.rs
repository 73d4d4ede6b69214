//! A few nodes, pods and phases, event by event: what the tests of the checks and of the node latencies are made from.
//! Times are whole seconds since the start of the run.

use std::collections::BTreeSet;

use harness_plan::*;
use harness_record::event::*;
use harness_record::verdict::ExpectationResult;
use harness_record::{Event, EventKind, RunResult};
use harness_simulation::Simulated;
use harness_units::Span;

use crate::log_builder::{self, LogBuilder, S};

/// The pool that most tests use, and its workload.
pub(crate) const POOL: &str = "general-purpose";
pub(crate) const WEB: &str = "web";

/// The history of a node with its VM; `None` for what does not happen.
#[derive(Clone, Debug)]
pub(crate) struct NodeHistory {
    pub(crate) pool: &'static str,
    pub(crate) capacity_type: &'static str,
    pub(crate) size: &'static str,
    /// Empty as in logs of before minor version 2.
    pub(crate) quota_family: &'static str,
    pub(crate) created: u64,
    pub(crate) ready: Option<u64>,
    pub(crate) drifted: Option<u64>,
    /// When it was chosen, and why.
    pub(crate) disrupted: Option<(u64, &'static str)>,
    pub(crate) spared: Option<u64>,
    pub(crate) deleting: Option<u64>,
    pub(crate) gone: Option<u64>,
    pub(crate) noticed: Option<u64>,
    pub(crate) evicted: Option<u64>,
    pub(crate) made: Vec<(&'static str, &'static str)>,
    pub(crate) vcpus: Option<u32>,
    /// US dollars an hour, and on demand.
    pub(crate) price: Option<(f64, f64)>,
}

/// A node of [`POOL`] that is Ready three seconds after it was created and stays.
pub(crate) fn node(created: u64) -> NodeHistory {
    NodeHistory {
        pool: POOL,
        capacity_type: "on-demand",
        size: "Standard_F4s_v2",
        quota_family: "",
        created,
        ready: Some(created + 3),
        drifted: None,
        disrupted: None,
        spared: None,
        deleting: None,
        gone: None,
        noticed: None,
        evicted: None,
        made: Vec::new(),
        vcpus: Some(4),
        price: Some((0.2, 0.2)),
    }
}

impl NodeHistory {
    /// Chosen for disruption, being deleted a second later, gone two seconds after that.
    pub(crate) fn disrupted(self, at: u64, reason: &'static str) -> Self {
        Self { disrupted: Some((at, reason)), deleting: Some(at + 1), gone: Some(at + 3), ..self }
    }
}

/// A run that is assembled event by event.
pub(crate) struct Scene {
    pub(crate) builder: LogBuilder,
    pub(crate) plan: Plan,
    ended: bool,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let mut plan = log_builder::plan();
        plan.phases.clear();
        plan.expectations.clear();
        let mut builder = LogBuilder::default();
        builder.at(
            0,
            EventKind::RunStarted(RunStarted {
                version: LOG_VERSION,
                // Without a ledger.
                minor: 0,
                harness: "0.1.0".to_owned(),
                run_id: "20260101T000000-scene".to_owned(),
                scenario: plan.scenario.clone(),
                target: "local".to_owned(),
                seed: plan.seed,
                started_at: "2026-01-01T00:00:00Z".parse().unwrap(),
                command: "harness run scene".to_owned(),
                simulated: BTreeSet::from([Simulated::Azure]),
                capabilities: BTreeSet::from([Capability::SimulatedAzure]),
                versions: Default::default(),
            }),
        );
        Self { builder, plan, ended: true }
    }

    /// A phase of the plan.
    pub(crate) fn phase(&mut self, name: &str, from: u64, to: u64) {
        self.phase_with(name, from, Some((to, PhaseOutcome::Reached)));
    }

    pub(crate) fn phase_with(&mut self, name: &str, from: u64, end: Option<(u64, PhaseOutcome)>) {
        self.plan_phase(name);
        self.builder.phase_began(from * S, name);
        if let Some((to, outcome)) = end {
            self.builder.phase_ended(to * S, name, outcome, "");
        }
    }

    /// A phase of the plan that the run never reaches.
    pub(crate) fn plan_phase(&mut self, name: &str) {
        self.plan.phases.push(Phase {
            name: name.to_owned(),
            actions: Vec::new(),
            until: Some(Condition::AllPodsReady.into()),
            within: Some(Span::from_secs(600)),
            ..Phase::default()
        });
    }

    pub(crate) fn cut(&mut self) {
        self.ended = false;
    }

    pub(crate) fn scale(&mut self, at: u64, phase: &str, from: u32, to: u32) {
        self.planned(at, phase, Action::Scale(Scale::step(WEB, from, to)));
    }

    pub(crate) fn fact(&mut self, at: u64, what: AzureFactKind, name: &str, history: &NodeHistory) {
        let micro = |usd: f64| (usd * 1e6).round() as u64;
        let size = history.size.trim_start_matches("Standard_");
        let letter = if history.quota_family.is_empty() { "" } else { size.get(..1).unwrap_or_default() };
        let fact = AzureFact {
            vm: format!("vm-{name}"),
            nodeclaim: name.to_owned(),
            nodepool: history.pool.to_owned(),
            instance_type: history.size.to_owned(),
            family: letter.to_owned(),
            quota_family: history.quota_family.to_owned(),
            zone: "eastus-1".to_owned(),
            capacity_type: history.capacity_type.to_owned(),
            vcpus: history.vcpus,
            price_micro_usd_per_hour: history.price.map(|(own, _)| micro(own)),
            on_demand_micro_usd_per_hour: history.price.map(|(_, regular)| micro(regular)),
            ..AzureFact::new(what, at * S)
        };
        self.builder.at(at * S, EventKind::Azure(fact));
    }

    /// A node, its NodeClaim and its VM.
    pub(crate) fn node(&mut self, name: &str, history: &NodeHistory) {
        let claim = self.builder.key(ObjectKind::NodeClaim, name);
        let vm = format!("vm-{name}");
        let mut attributes = vec![
            (attribute::NODEPOOL, history.pool),
            (attribute::CAPACITY_TYPE, history.capacity_type),
            (attribute::NODE, &vm),
        ];
        let kubelet = |(key, _): &&(&str, &str)| *key == attribute::KUBELET_VERSION;
        attributes.extend(history.made.iter().filter(|it| !kubelet(it)));
        self.builder.reached(history.created * S, &claim, Reached::Created, &attributes);
        self.fact(history.created, AzureFactKind::VmAccepted, name, history);
        if let Some(ready) = history.ready {
            let object = self.builder.key(ObjectKind::Node, &vm);
            let mut attributes = vec![(attribute::NODECLAIM, name), (attribute::NODEPOOL, history.pool)];
            attributes.extend(history.made.iter().filter(kubelet));
            self.fact(history.created + 1, AzureFactKind::VmBooted, name, history);
            self.fact(history.created + 2, AzureFactKind::NodeRegistered, name, history);
            self.fact(ready, AzureFactKind::NodeReady, name, history);
            self.builder.reached((history.created + 1) * S, &claim, Reached::Launched, &[]);
            self.builder.reached((history.created + 2) * S, &object, Reached::Created, &attributes);
            self.builder.reached((history.created + 2) * S, &claim, Reached::Registered, &[]);
            self.builder.reached(ready * S, &object, Reached::Ready, &[]);
            self.builder.reached(ready * S, &claim, Reached::Initialized, &[]);
            if let Some(gone) = history.gone {
                self.builder.reached(gone * S, &object, Reached::Deleted, &[]);
            }
        }
        if let Some(at) = history.drifted {
            self.builder.reached(at * S, &claim, Reached::Drifted, &[]);
        }
        if let Some((at, reason)) = history.disrupted {
            self.builder.reached(at * S, &claim, Reached::Disrupted, &[(attribute::REASON, reason)]);
        }
        if let Some(at) = history.spared {
            self.builder.reached(at * S, &claim, Reached::Spared, &[]);
        }
        if let Some(at) = history.noticed {
            self.fact(at, AzureFactKind::SpotNotice, name, history);
        }
        if let Some(at) = history.evicted {
            self.fact(at, AzureFactKind::SpotEvicted, name, history);
        }
        if let Some(at) = history.deleting {
            self.builder.reached(at * S, &claim, Reached::Deleting, &[]);
        }
        if let Some(at) = history.gone {
            self.fact(at, AzureFactKind::VmDeleted, name, history);
            self.builder.reached(at * S, &claim, Reached::Deleted, &[]);
        }
    }

    /// A pod of [`WEB`]: created a second before it is Ready, gone a second after its deletion starts.
    pub(crate) fn pod(&mut self, name: &str, on: &str, ready: Option<u64>, going: Option<u64>) -> ObjectKey {
        self.pod_of(WEB, name, on, ready.map_or(1, |ready| ready - 1), ready, going)
    }

    pub(crate) fn pod_of(
        &mut self,
        workload: &str,
        name: &str,
        on: &str,
        created: u64,
        ready: Option<u64>,
        going: Option<u64>,
    ) -> ObjectKey {
        let pod = self.builder.key(ObjectKind::Pod, name);
        self.builder.reached(created * S, &pod, Reached::Created, &[(attribute::WORKLOAD, workload)]);
        if let Some(ready) = ready {
            let node = format!("vm-{on}");
            self.builder.reached(ready * S, &pod, Reached::Scheduled, &[(attribute::NODE, &node)]);
            self.builder.reached(ready * S, &pod, Reached::Ready, &[]);
        }
        if let Some(going) = going {
            self.builder.reached(going * S, &pod, Reached::Deleting, &[]);
            self.builder.reached((going + 1) * S, &pod, Reached::Deleted, &[]);
        }
        pod
    }

    /// A push that is answered in the same second.
    pub(crate) fn push(&mut self, at: u64, phase: &str, commit: &str) {
        self.builder.action(at * S, phase, ActionKind::Push { id: None, revision: commit.to_owned() });
    }

    /// A Kustomization reaches a milestone at a revision.
    pub(crate) fn flux(&mut self, at: u64, name: &str, reached: Reached, commit: &str) {
        let object = self.builder.key(ObjectKind::Kustomization, name);
        let revision = format!("main@sha1:{commit}");
        let mut attributes = vec![(attribute::REVISION, revision.as_str())];
        if reached == Reached::Failed {
            attributes.extend([(attribute::REASON, "BuildFailed"), (attribute::SAYS, "broken.yaml")]);
        }
        self.builder.reached(at * S, &object, reached, &attributes);
    }

    /// An action of the plan other than a push: it is planned and carried out.
    pub(crate) fn planned(&mut self, at: u64, phase: &str, action: Action) {
        let id = self.plan.phases.iter().map(|phase| phase.actions.len() as u32).sum::<u32>() + 1;
        let of_plan = self.plan.phases.iter_mut().find(|known| known.name == phase).unwrap();
        of_plan.actions.push(PlannedAction { id, at_us: 0, action });
        self.builder.action(at * S, phase, ActionKind::Planned(id));
    }

    pub(crate) fn reason(&mut self, at: u64, pod: &str, reason: &str, message: &str) {
        let reason = Reason {
            kind: "Pod".to_owned(),
            name: pod.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            severity: "Warning".to_owned(),
        };
        self.builder.at(at * S, EventKind::Reason(reason));
    }

    /// The whole run, with these expectations.
    pub(crate) fn run(mut self, checks: Vec<Check>) -> RunResult {
        self.plan.expectations = (0..)
            .zip(checks)
            .map(|(index, check): (u32, _)| Expectation::new(format!("check {index}"), check))
            .collect();
        let last = 1_000 * S;
        if self.ended {
            self.builder.ended(last, EndReason::Completed, "");
        }
        let events: Vec<Event> = self.builder.events();
        crate::result_of(&self.plan, events)
    }

    /// The result of one expectation.
    pub(crate) fn check(self, check: Check) -> ExpectationResult {
        self.run(vec![check]).expectations.remove(0)
    }
}

/// `[a, b]` as owned names.
pub(crate) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
