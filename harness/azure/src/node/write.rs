//! Writing Nodes to the API server.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::conditions::{self, ReadyStatus};
use super::parts::{NodeParts, PoolType};
use super::pods;
use super::shape;
use crate::facts::{FactKind, VmRef};
use crate::fleet::{AgentCondition, MachineSpec, Names, Vm};
use crate::world::World;

/// How long one request may take.
const WRITE_LIMIT: Duration = Duration::from_secs(15);

/// How often the deletion of a Node is tried before its VM's task gives up.
const DELETE_ATTEMPTS: u32 = 20;

/// The writer of one Node.
pub(crate) struct NodeWriter {
    world: Arc<World>,
    vm: Arc<VmRef>,
    /// The Node is built from these when it is written: keeping it would double the memory of a VM.
    pool: String,
    spec: Arc<MachineSpec>,
    names: Arc<Names>,
    address: Ipv4Addr,
    /// Set before the first request: an answer that was lost may have been a yes.
    may_exist: AtomicBool,
    /// Only the first failure of a step is worth a fact; the rest is logged.
    complained: AtomicBool,
}

enum Outcome {
    Done,
    /// The Node is not there any more.
    Missing,
    Failed(String),
}

impl NodeWriter {
    pub(crate) fn new(world: Arc<World>, vm: &Vm) -> Self {
        Self {
            world,
            vm: Arc::clone(&vm.record.vm),
            pool: vm.pool.clone(),
            spec: Arc::clone(&vm.spec),
            names: Arc::clone(&vm.names),
            address: vm.address,
            may_exist: AtomicBool::new(false),
            complained: AtomicBool::new(false),
        }
    }

    /// Whether there may be a Node to delete.
    pub(crate) fn may_exist(&self) -> bool {
        self.may_exist.load(Ordering::Relaxed)
    }

    /// Creates the Node with its status. False when it has to be tried again.
    pub(crate) async fn create(&self, status: ReadyStatus) -> bool {
        self.may_exist.store(true, Ordering::Relaxed);
        let network = self.world.cluster().network();
        let node = shape::node(
            &NodeParts {
                config: &self.world.config,
                network: &network,
                pool: &self.pool,
                pool_type: PoolType::VirtualMachines,
                spec: &self.spec,
                names: &self.names,
                address: self.address,
            },
            status,
        );
        let node: Node = match serde_json::from_value(node) {
            Ok(node) => node,
            Err(e) => return self.judge("create", Outcome::Failed(e.to_string())),
        };
        let outcome = self.with(|api| async move { api.create(&PostParams::default(), &node).await.map(drop) }).await;
        match outcome {
            // An earlier attempt whose answer was lost, or a Node of an earlier simulator: its status may be old.
            Outcome::Failed(reason) if reason == CONFLICT => self.ready(status, &[]).await,
            other => self.judge("create", other),
        }
    }

    /// Writes the kubelet's conditions, Ready among them; what the agent reports beats the kubelet. A Node that does not exist needs
    /// none.
    pub(crate) async fn ready(&self, status: ReadyStatus, agent: &[AgentCondition]) -> bool {
        let Ok(_turn) = self.world.ready_turn.acquire().await else {
            return self.judge("ready", Outcome::Failed(STOPS.to_owned()));
        };
        self.patch("ready", conditions::kubelet_patch(status, agent)).await
    }

    /// Writes the condition of a scheduled preemption.
    pub(crate) async fn preemption(&self) -> bool {
        self.patch_conditions("preemption notice", conditions::preemption_condition()).await
    }

    /// Writes what the agent on the VM reports.
    pub(crate) async fn agent(&self, agent: &[AgentCondition]) -> bool {
        self.patch_conditions("agent's condition", conditions::agent_conditions(agent)).await
    }

    /// Writes whether the Node's running pods are Ready.
    pub(crate) async fn pods(&self, ready: bool) -> bool {
        let name = &self.names.vm;
        let outcome = self.with(|api| async move { pods::mark(api.into_client(), name, ready).await }).await;
        self.judge("pods", outcome)
    }

    /// Deletes the Node, as the cloud controller manager does when its VM no longer exists. True when this call deleted it.
    pub(crate) async fn delete(&self) -> bool {
        let mut wait = Duration::from_millis(100);
        for _ in 0..DELETE_ATTEMPTS {
            let name = &self.names.vm;
            let outcome =
                self.with(|api| async move { api.delete(name, &DeleteParams::default()).await.map(drop) }).await;
            match outcome {
                Outcome::Done => return true,
                Outcome::Missing => return false,
                failed => self.judge("delete", failed),
            };
            if self.world.stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return false;
            }
            wait = (wait * 2).min(Duration::from_secs(3));
        }
        tracing::error!(node = self.names.vm, "gave up deleting the Node of a removed VM");
        false
    }

    async fn patch_conditions(&self, step: &str, conditions: Vec<Value>) -> bool {
        self.patch(step, json!({"status": {"conditions": conditions}})).await
    }

    async fn patch(&self, step: &str, patch: Value) -> bool {
        let name = &self.names.vm;
        // Strategic, so that conditions of others (kwok, node problem detectors) stay.
        let patch = Patch::Strategic(patch);
        let outcome = self
            .with(|api| async move { api.patch_status(name, &PatchParams::default(), &patch).await.map(drop) })
            .await;
        match outcome {
            Outcome::Missing => true,
            other => self.judge(step, other),
        }
    }

    async fn with<F, Fut>(&self, call: F) -> Outcome
    where
        F: FnOnce(Api<Node>) -> Fut,
        Fut: Future<Output = kube::Result<()>>,
    {
        let Some(kube) = self.world.kube.borrow().clone() else {
            return Outcome::Failed("no API server is attached".to_owned());
        };
        let Ok(_slot) = self.world.node_writes.acquire().await else {
            return Outcome::Failed(STOPS.to_owned());
        };
        match tokio::time::timeout(WRITE_LIMIT, call(Api::all(kube.0))).await {
            Ok(Ok(())) => Outcome::Done,
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => Outcome::Missing,
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => Outcome::Failed(CONFLICT.to_owned()),
            Ok(Err(kube::Error::Api(status))) => Outcome::Failed(format!("{} {}", status.code, status.message)),
            Ok(Err(e)) => Outcome::Failed(e.to_string()),
            Err(_) => Outcome::Failed(format!("no answer within {}s", WRITE_LIMIT.as_secs())),
        }
    }

    /// True for done; otherwise complains once.
    fn judge(&self, step: &str, outcome: Outcome) -> bool {
        let reason = match outcome {
            Outcome::Done => return true,
            Outcome::Missing => "the API server has no such path".to_owned(),
            Outcome::Failed(reason) => reason,
        };
        tracing::warn!(node = self.names.vm, step, reason, "write of a Node failed, trying again");
        if !self.complained.swap(true, Ordering::Relaxed) {
            self.world.facts.push(FactKind::NodeWriteFailed {
                vm: Arc::clone(&self.vm),
                step: step.to_owned(),
                reason,
            });
        }
        false
    }
}

/// Why nothing is written any more.
const STOPS: &str = "the simulator stops";

/// How a 409 is passed on inside this file.
const CONFLICT: &str = "409 conflict";
