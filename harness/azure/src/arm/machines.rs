//! Machines of an agent pool: `Microsoft.ContainerService/managedClusters/agentPools/machines`.

use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value, json};

use super::dispatch::Call;
use super::pools;
use super::reply::Reply;
use super::route::Cluster;
use crate::control::VmState;
use crate::fleet::{Fleet, PutError, PutOutcome, PutRequest, Vm, provisioning_error};
use crate::world::World;

/// The header with which one PUT creates many machines.
///
/// Shape: `pkg/providers/azclient/aksmachinesheaderbatch/header.go` of Azure/karpenter-provider-azure v1.14.0.
const BATCH_HEADER: &str = "BatchPutMachine";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    batch_machines: Vec<BatchEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchEntry {
    machine_name: String,
    #[serde(default)]
    zones: Option<Vec<String>>,
    #[serde(default)]
    tags: Option<Map<String, Value>>,
}

/// Machines in one batch at most.
const BATCH_MAX: usize = 50;

pub(super) fn get(world: &World, cluster: &Cluster, pool: &str, machine: &str) -> Result<Reply, Reply> {
    let pool = pools::existing(world, cluster, pool)?;
    let fleet = world.fleet();
    match fleet.vms.get(&machine.to_lowercase()) {
        Some(vm) if vm.pool == pool => Ok(Reply::ok(&View(vm))),
        _ => Err(missing(cluster, &pool, machine)),
    }
}

pub(super) fn list_machines(world: &World, cluster: &Cluster, pool: &str) -> Result<Reply, Reply> {
    let pool = pools::existing(world, cluster, pool)?;
    let fleet = world.fleet();
    Ok(Reply::ok(&List { fleet: &fleet, pool: &pool }))
}

pub(super) fn put(
    world: &Arc<World>,
    cluster: &Cluster,
    pool: &str,
    machine: &str,
    call: &Call,
) -> Result<Reply, Reply> {
    let pool = pools::existing(world, cluster, pool)?;
    pools::takes_machines(world, &pool)?;
    let mut body = call.object()?;
    let properties = match body.remove("properties") {
        Some(Value::Object(map)) => map,
        None | Some(Value::Null) => Map::new(),
        Some(_) => {
            return Err(Reply::bad_request("InvalidParameter", "Required parameter properties is not an object."));
        }
    };
    let zones = strings(body.get("zones"));
    match call.header(BATCH_HEADER) {
        Some(header) => put_batch(world, &pool, machine, properties, header),
        None => {
            valid_name(machine)?;
            let outcome = world.put_machine(PutRequest {
                pool,
                machine: machine.to_lowercase(),
                properties: Arc::new(properties),
                zones,
                if_match: call.header("if-match").map(str::to_owned),
                if_none_match: call.header("if-none-match").is_some(),
            });
            match outcome {
                Ok(outcome) => Ok(accepted(world, machine, &outcome)),
                Err(error) => {
                    let (status, code) = classify(&error);
                    Err(Reply::error(status, code, &error.to_string()))
                }
            }
        }
    }
}

/// One PUT, many machines: all share the body, each has zones and tags of its own.
fn put_batch(
    world: &Arc<World>,
    pool: &str,
    machine: &str,
    shared: Map<String, Value>,
    header: &str,
) -> Result<Reply, Reply> {
    let batch: Batch = serde_json::from_str(header)
        .map_err(|e| Reply::bad_request("InvalidParameter", &format!("The header {BATCH_HEADER} is invalid: {e}")))?;
    if batch.batch_machines.is_empty() || batch.batch_machines.len() > BATCH_MAX {
        return Err(Reply::bad_request(
            "InvalidParameter",
            &format!("The header {BATCH_HEADER} must name 1 to {BATCH_MAX} machines."),
        ));
    }
    let mut first: Option<PutOutcome> = None;
    let mut refused = Vec::new();
    for entry in batch.batch_machines {
        valid_name(&entry.machine_name)?;
        let mut properties = shared.clone();
        properties.insert("tags".to_owned(), Value::Object(entry.tags.unwrap_or_default()));
        let outcome = world.put_machine(PutRequest {
            pool: pool.to_owned(),
            machine: entry.machine_name.to_lowercase(),
            properties: Arc::new(properties),
            zones: entry.zones.unwrap_or_default(),
            if_match: None,
            if_none_match: false,
        });
        match outcome {
            Ok(outcome) => {
                if first.is_none() || entry.machine_name.eq_ignore_ascii_case(machine) {
                    first = Some(outcome);
                }
            }
            Err(error) => {
                let (_, code) = classify(&error);
                refused.push(json!({
                    "code": code,
                    "message": error.to_string(),
                    "target": entry.machine_name,
                }));
            }
        }
    }
    match first {
        Some(outcome) if refused.is_empty() => Ok(accepted(world, machine, &outcome)),
        // Without the `error` around it: `apiresponseutils.go` of the same package reads it so.
        _ => Err(Reply::json(
            StatusCode::BAD_REQUEST,
            &json!({
                "code": "BatchMachineClientError",
                "message": "Some machines of the batch were refused.",
                "details": refused,
            }),
        )),
    }
}

fn accepted(world: &World, machine: &str, outcome: &PutOutcome) -> Reply {
    let fleet = world.fleet();
    let (status, operation) = match outcome {
        PutOutcome::Created(operation) => (StatusCode::CREATED, Some(operation)),
        PutOutcome::Continuing(operation) => (StatusCode::OK, Some(operation)),
        PutOutcome::Updated => (StatusCode::OK, None),
    };
    let reply = match fleet.vms.get(&machine.to_lowercase()) {
        // Azure answers a PUT before it knows of any failure: the first GET shows that.
        Some(vm) if operation.is_some() => {
            let mut body = serde_json::to_value(View(vm)).unwrap_or_default();
            body["properties"]["provisioningState"] = json!("Creating");
            Reply::json(status, &body)
        }
        Some(vm) => Reply::json(status, &View(vm)),
        None => Reply::json(status, &json!({"properties": {"provisioningState": "Creating"}})),
    };
    match operation {
        Some(id) => reply.operation(
            world.arm_base(),
            &world.config.subscription_id,
            "Microsoft.ContainerService",
            &world.config.location,
            id,
        ),
        None => reply,
    }
}

fn classify(error: &PutError) -> (StatusCode, &'static str) {
    match error {
        PutError::Spec(_) => (StatusCode::BAD_REQUEST, "InvalidParameter"),
        PutError::SizeNotSupported(_) => (StatusCode::BAD_REQUEST, "VMSizeNotSupported"),
        PutError::Precondition(_) => (StatusCode::PRECONDITION_FAILED, "ConditionNotMet"),
        PutError::Immutable(_) => (StatusCode::BAD_REQUEST, "PropertyChangeNotAllowed"),
        PutError::Deleting(_) => (StatusCode::CONFLICT, "OperationNotAllowed"),
    }
}

pub(super) fn delete_machines(world: &World, cluster: &Cluster, pool: &str, call: &Call) -> Result<Reply, Reply> {
    let pool = pools::existing(world, cluster, pool)?;
    let body = call.object()?;
    let names: Vec<String> = strings(body.get("machineNames")).into_iter().map(|n| n.to_lowercase()).collect();
    match world.delete_machines(&pool, &names) {
        Ok(operation) => Ok(Reply::empty(StatusCode::ACCEPTED).operation(
            world.arm_base(),
            &world.config.subscription_id,
            "Microsoft.ContainerService",
            &world.config.location,
            &operation,
        )),
        Err(error) => Err(Reply::bad_request("InvalidParameter", &error.to_string())),
    }
}

fn valid_name(machine: &str) -> Result<(), Reply> {
    // The limit is AKS's own (`maxAKSMachineNameLength` of the provider).
    let fits = (1..=34).contains(&machine.len())
        && machine.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    if fits {
        Ok(())
    } else {
        Err(Reply::bad_request(
            "InvalidParameter",
            &format!("The machine name '{machine}' is invalid: 1 to 34 letters, digits, '-' and '.' are allowed."),
        ))
    }
}

fn missing(cluster: &Cluster, pool: &str, machine: &str) -> Reply {
    Reply::not_found(
        &format!("Microsoft.ContainerService/managedClusters/{}/agentPools/{pool}/machines", cluster.name),
        machine,
        &cluster.group,
    )
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .map(|a| a.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect())
        .unwrap_or_default()
}

/// All machines of a pool, written without a copy of any.
struct List<'a> {
    fleet: &'a Fleet,
    pool: &'a str,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Items<'a>(&'a List<'a>);
        impl Serialize for Items<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut seq = serializer.serialize_seq(None)?;
                for vm in self.0.fleet.vms.values().filter(|vm| vm.pool == self.0.pool) {
                    seq.serialize_element(&View(vm))?;
                }
                seq.end()
            }
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("value", &Items(self))?;
        map.end()
    }
}

/// A machine as a GET shows it: the body as it came, and what Azure adds.
struct View<'a>(&'a Vm);

/// What Azure sets and a caller cannot.
const READ_ONLY: [&str; 5] = ["eTag", "provisioningState", "resourceId", "status", "nodeImageVersion"];

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let vm = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &vm.names.machine_id)?;
        map.serialize_entry("name", &vm.record.vm.machine)?;
        map.serialize_entry("type", "Microsoft.ContainerService/managedClusters/agentPools/machines")?;
        map.serialize_entry("zones", &vm.spec.zones)?;
        map.serialize_entry("properties", &Properties(vm))?;
        map.end()
    }
}

struct Properties<'a>(&'a Vm);

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let vm = self.0;
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in vm.properties.iter().filter(|(k, _)| !READ_ONLY.contains(&k.as_str())) {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("nodeImageVersion", &vm.spec.node_image_version)?;
        map.serialize_entry("eTag", &vm.etag_text())?;
        map.serialize_entry("resourceId", &vm.names.vm_id)?;
        map.serialize_entry("provisioningState", vm.machine_state().as_str())?;
        let mut status = json!({"creationTimestamp": vm.record.accepted.wall.to_string()});
        if let Some(failure) = &vm.record.failure {
            status["provisioningError"] = provisioning_error(failure);
        }
        if vm.record.state == VmState::Running {
            status["vmState"] = json!("Running");
        }
        map.serialize_entry("status", &status)?;
        map.end()
    }
}
