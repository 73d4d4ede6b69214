//! Machines of an agent pool: `Microsoft.ContainerService/managedClusters/agentPools/machines`.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::pools;
use super::reply::Reply;
use crate::api::VmState;
use crate::fleet::{DiskError, MachineState, SpecError, Vm, provisioning_error};
use crate::lifecycle::{PutError, PutOutcome, PutRequest};
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

pub(super) fn get(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group, cluster, _, machine] = call.names();
    let pool = pools::existing(world, call)?;
    let fleet = world.fleet();
    match fleet.vms.get(&machine.to_lowercase()) {
        Some(vm) if vm.pool == pool => Ok(shown(StatusCode::OK, view(vm, vm.machine_state()))),
        _ => Err(Reply::not_found(
            &format!("Microsoft.ContainerService/managedClusters/{cluster}/agentPools/{pool}/machines"),
            machine,
            group,
        )),
    }
}

pub(super) fn list_machines(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let pool = pools::existing(world, call)?;
    let fleet = world.fleet();
    let of_pool = fleet.listed().filter(|vm| vm.pool == pool);
    let machines: Vec<String> = of_pool.filter_map(|vm| Some(view(vm, vm.machine_state_at(call.as_of_ns)?))).collect();
    Ok(shown(StatusCode::OK, format!("{{\"value\":[{}]}}", machines.join(","))))
}

fn shown(status: StatusCode, text: String) -> Reply {
    Reply::bytes(status, Bytes::from(text))
}

pub(super) fn put(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, _, _, _, machine] = call.names();
    let pool = pools::existing(world, call)?;
    pools::takes_machines(world, &pool)?;
    let mut body = call.object()?;
    let properties = match body.remove("properties") {
        Some(Value::Object(map)) => map,
        None | Some(Value::Null) => Map::new(),
        Some(_) => {
            return Err(Reply::bad_request("InvalidParameter", "Required parameter properties is not an object."));
        }
    };
    if let Some(header) = call.header(BATCH_HEADER) {
        return put_batch(world, &pool, machine, properties, header);
    }
    valid_name(machine)?;
    let outcome = world.put_machine(PutRequest {
        pool,
        machine: machine.to_lowercase(),
        properties,
        zones: strings(body.get("zones")),
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
    // Before the first is created: a refusal of the whole must leave nothing behind.
    for entry in &batch.batch_machines {
        valid_name(&entry.machine_name)?;
    }
    let mut first: Option<PutOutcome> = None;
    let mut refused = Vec::new();
    for entry in batch.batch_machines {
        let mut properties = shared.clone();
        properties.insert("tags".to_owned(), Value::Object(entry.tags.unwrap_or_default()));
        let outcome = world.put_machine(PutRequest {
            pool: pool.to_owned(),
            machine: entry.machine_name.to_lowercase(),
            properties,
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
        Some(vm) if operation.is_some() => shown(status, view(vm, MachineState::Creating)),
        Some(vm) => shown(status, view(vm, vm.machine_state())),
        None => Reply::json(status, &json!({"properties": {"provisioningState": "Creating"}})),
    };
    match operation {
        Some(id) => reply.operation(world, "Microsoft.ContainerService", id),
        None => reply,
    }
}

fn classify(error: &PutError) -> (StatusCode, &'static str) {
    match error {
        PutError::Spec(SpecError::Disk(DiskError::TooLarge { .. })) => (StatusCode::BAD_REQUEST, "VMCacheSizeTooSmall"),
        PutError::Spec(_) => (StatusCode::BAD_REQUEST, "InvalidParameter"),
        PutError::SizeNotSupported(_) => (StatusCode::BAD_REQUEST, "VMSizeNotSupported"),
        PutError::Precondition(_) => (StatusCode::PRECONDITION_FAILED, "ConditionNotMet"),
        PutError::Immutable(_) => (StatusCode::BAD_REQUEST, "PropertyChangeNotAllowed"),
        PutError::Deleting(_) => (StatusCode::CONFLICT, "OperationNotAllowed"),
    }
}

pub(super) fn delete_machines(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let pool = pools::existing(world, call)?;
    let body = call.object()?;
    let names: Vec<String> = strings(body.get("machineNames")).into_iter().map(|n| n.to_lowercase()).collect();
    match world.delete_machines(&pool, &names) {
        Ok(id) => Ok(Reply::empty(StatusCode::ACCEPTED).operation(world, "Microsoft.ContainerService", &id)),
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

fn strings(value: Option<&Value>) -> Vec<String> {
    let array = value.and_then(Value::as_array).into_iter().flatten();
    array.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// A machine as a GET shows it: the body of its PUT, and the fields that Azure adds.
fn view(vm: &Vm, state: MachineState) -> String {
    let mut status = json!({"creationTimestamp": vm.record.accepted.wall.to_string()});
    if let Some(failure) = vm.record.failure.as_ref().filter(|_| state == MachineState::Failed) {
        status["provisioningError"] = provisioning_error(failure);
    }
    // AKS says so of a machine whose creation it calls failed, too.
    if vm.record.state == VmState::Running {
        status["vmState"] = json!("Running");
    }
    let added = json!({
        "tags": vm.spec.tags,
        "nodeImageVersion": vm.spec.node_image_version,
        "eTag": vm.etag_text(),
        "resourceId": vm.names.vm_id,
        "provisioningState": state,
        "status": status,
    })
    .to_string();
    let head = json!({
        "id": vm.names.machine_id,
        "name": vm.record.vm.machine,
        "type": "Microsoft.ContainerService/managedClusters/agentPools/machines",
        "zones": vm.spec.zones,
    })
    .to_string();
    let separator = if vm.echo.is_empty() { "" } else { "," };
    // `{head` without its brace, then the properties: the echoed members and, without its own brace, what was added.
    format!("{},\"properties\":{{{}{separator}{}}}", &head[..head.len() - 1], vm.echo, &added[1..])
}
