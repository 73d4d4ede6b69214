//! One VM with its machine.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::spec::{MachineSpec, Names};
use crate::api::VmRecord;
use crate::clock::{PRESENT_NS, Stamp};
use harness_simulation::CapacityType;
use harness_units::Span;

/// `properties.provisioningState` of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum MachineState {
    Creating,
    Succeeded,
    Failed,
    Deleting,
}

/// How a VM ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// How long the deletion takes from its request.
    pub(crate) takes: Duration,
    /// When it was requested.
    pub(crate) asked: tokio::time::Instant,
}

/// A condition that an agent on the VM reports of its Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentCondition {
    /// The condition's type.
    pub(crate) kind: String,
    /// `True`, `False` or `Unknown`.
    pub(crate) status: String,
    /// Since when it has this status.
    pub(crate) since: Timestamp,
}

/// What others want of a VM; its own task carries it out, so that the writes of one Node never cross.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Signal {
    /// It shall end.
    pub(crate) end: Option<End>,
    /// It shall stand still.
    pub(crate) stopped: bool,
    /// How often it was stopped: a stop that is over already must still show.
    pub(crate) stops: u32,
    /// A spot notice was given.
    pub(crate) notice: Option<Span>,
    /// What its agent reports; one of each type.
    pub(crate) conditions: Arc<[AgentCondition]>,
}

/// What Azure sets and a caller cannot, and the tags, which may change.
const NOT_ECHOED: [&str; 6] = ["eTag", "provisioningState", "resourceId", "status", "nodeImageVersion", "tags"];

/// The members of a machine's properties that never change, as JSON text without the braces around them: a tenth of the
/// memory of the parsed body, and nothing to do at each of thousands of polls. They are those of the body, and what AKS decided where it left
/// something open (`MachineProperties` of `armcontainerservice` v9).
pub(crate) fn echo(properties: &Map<String, Value>, spec: &MachineSpec, names: &Names, address: Ipv4Addr) -> Arc<str> {
    let mut all = Value::Object(properties.clone());
    // What was asked for stays, also where AKS takes a newer version.
    let asked = all["kubernetes"]["orchestratorVersion"].clone();
    for (section, decided) in decided(spec, names, address) {
        merge(&mut all[section], decided);
    }
    if !asked.is_null() {
        all["kubernetes"]["orchestratorVersion"] = asked;
    }
    let all = all.as_object_mut().map(std::mem::take).unwrap_or_default();
    let mut text = String::new();
    for (key, value) in all.iter().filter(|(k, _)| !NOT_ECHOED.contains(&k.as_str())) {
        // AKS shows the priority of spot machines alone: `rehydrateMachine` in `pkg/providers/instance/machinecache/machinecache.go` of
        // Azure/karpenter-provider-azure v1.14.0.
        if key == "priority" && spec.capacity_type == CapacityType::OnDemand {
            continue;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&Value::from(key.as_str()).to_string());
        text.push(':');
        text.push_str(&value.to_string());
    }
    text.into()
}

/// What AKS decides and shows, by section of the properties.
fn decided(spec: &MachineSpec, names: &Names, address: Ipv4Addr) -> Vec<(&'static str, Value)> {
    let mut all = vec![
        ("hardware", json!({"vmSize": spec.sku.name})),
        ("network", json!({"ipAddresses": [{"family": "IPv4", "ip": address}]})),
        (
            "operatingSystem",
            json!({
                "osType": "Linux",
                "osSKU": spec.os_sku,
                "osDiskSizeGB": spec.os_disk_gib,
                "osDiskType": spec.os_disk.kind(),
                "enableFIPS": spec.switches.fips,
            }),
        ),
        (
            "kubernetes",
            json!({
                "orchestratorVersion": spec.kubernetes_version,
                "currentOrchestratorVersion": spec.kubernetes_version,
                "maxPods": spec.max_pods,
                "nodeName": names.vm,
            }),
        ),
        ("mode", json!(if spec.system_mode { "System" } else { "User" })),
    ];
    if spec.capacity_type == CapacityType::Spot {
        all.push(("evictionPolicy", json!("Delete")));
        all.push(("billing", json!({"spotMaxPrice": -1})));
    }
    all
}

/// Puts a decision into a section of the body.
fn merge(section: &mut Value, decided: Value) {
    match (section, decided) {
        (Value::Object(section), Value::Object(decided)) => section.extend(decided),
        (section, decided) => *section = decided,
    }
}

/// Whether something has happened by a moment.
fn is_by(stamp: Option<Stamp>, at_ns: u64) -> bool {
    stamp.is_some_and(|stamp| stamp.monotonic_ns <= at_ns)
}

/// A machine of the agent pool and the VM behind it.
#[derive(Debug)]
pub(crate) struct Vm {
    /// The agent pool.
    pub(crate) pool: String,
    pub(crate) spec: Arc<MachineSpec>,
    pub(crate) names: Arc<Names>,
    /// Of its network interface.
    pub(crate) address: Ipv4Addr,
    /// The properties as they came, which every GET echoes ([`echo`]).
    pub(crate) echo: Arc<str>,
    pub(crate) etag: u64,
    pub(crate) record: VmRecord,
    /// True while its cores count against the quota.
    pub(crate) holds_quota: bool,
    /// True while an outage of its zone holds it: it starts again with the zone, unlike a VM that something else has stopped.
    pub(crate) stopped_by_outage: bool,
    pub(crate) signal: watch::Sender<Signal>,
    /// Operations that end when the creation ends.
    pub(crate) put_operations: Vec<String>,
    /// Operations that end when it is removed.
    pub(crate) delete_operations: Vec<String>,
}

impl Vm {
    /// The machine's state at present.
    pub(crate) fn machine_state(&self) -> MachineState {
        self.machine_state_at(PRESENT_NS).unwrap_or(MachineState::Deleting)
    }

    /// The machine's state at a moment; `None` where it was not there. A creation that was said to have failed is Failed even when its VM has
    /// come up.
    pub(crate) fn machine_state_at(&self, at_ns: u64) -> Option<MachineState> {
        let record = &self.record;
        match () {
            () if !self.was_there_at(at_ns) => None,
            () if is_by(record.delete_requested, at_ns) => Some(MachineState::Deleting),
            () if is_by(record.failed, at_ns) => Some(MachineState::Failed),
            () if is_by(record.booted, at_ns) => Some(MachineState::Succeeded),
            () => Some(MachineState::Creating),
        }
    }

    /// The state of the VM itself at a moment: it has succeeded once it has booted, whatever was said of its creation before.
    pub(crate) fn vm_state_at(&self, at_ns: u64) -> MachineState {
        match self.machine_state_at(at_ns) {
            Some(MachineState::Failed) if is_by(self.record.booted, at_ns) => MachineState::Succeeded,
            state => state.unwrap_or(MachineState::Deleting),
        }
    }

    /// Whether Azure has a VM for the machine.
    pub(crate) fn exists(&self) -> bool {
        self.existed_at(PRESENT_NS)
    }

    /// Whether Azure had a VM for the machine at a moment.
    pub(crate) fn existed_at(&self, at_ns: u64) -> bool {
        self.was_there_at(at_ns) && is_by(self.record.creating, at_ns)
    }

    /// Whether its cores counted against the quota at a moment: from its acceptance, unless it was refused before there was a VM.
    pub(crate) fn held_quota_at(&self, at_ns: u64) -> bool {
        self.was_there_at(at_ns) && (self.record.creating.is_some() || !is_by(self.record.failed, at_ns))
    }

    /// Whether it was removed by a moment.
    pub(crate) fn was_gone_at(&self, at_ns: u64) -> bool {
        is_by(self.record.deleted, at_ns)
    }

    fn was_there_at(&self, at_ns: u64) -> bool {
        self.record.accepted.monotonic_ns <= at_ns && !self.was_gone_at(at_ns)
    }

    /// The value of `eTag`.
    pub(crate) fn etag_text(&self) -> String {
        format!("\"{:016x}\"", self.etag)
    }
}
