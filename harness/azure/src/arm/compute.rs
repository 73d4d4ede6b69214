//! Virtual machines of the node resource group, and usages: `Microsoft.Compute`.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::locations;
use super::reply::{Reply, list};
use crate::api::VmState;
use crate::fleet::{MachineState, Vm};
use crate::ids::uuid_of;
use crate::lifecycle::CommandError;
use crate::world::World;
use harness_simulation::CapacityType;
use harness_units::Span;

/// How long `simulateEviction` gives notice; Azure gives 30 s at least.
const SIMULATED_NOTICE: Span = Span::from_secs(30);

/// The sizes; none for a filter that names another region.
pub(super) fn skus(world: &World, query: &str) -> Reply {
    match filtered_location(query) {
        Some(location) if !location.eq_ignore_ascii_case(&world.config.location) => Reply::ok(&list(Vec::new())),
        _ => Reply::bytes(StatusCode::OK, world.skus()),
    }
}

/// The region of `$filter=location eq 'REGION'`.
fn filtered_location(query: &str) -> Option<String> {
    let filter = query.split('&').find_map(|p| p.strip_prefix("$filter=").or_else(|| p.strip_prefix("%24filter=")))?;
    let text = super::route::decode(&filter.replace('+', " "));
    let rest = text.trim().strip_prefix("location eq '")?;
    Some(rest.strip_suffix('\'')?.to_owned())
}

pub(super) fn usages(world: &World) -> Reply {
    let value: Vec<Value> = world
        .quota_usages(true)
        .into_iter()
        .map(|usage| {
            let localized = match usage.name.as_str() {
                "cores" => "Total Regional vCPUs".to_owned(),
                "lowPriorityCores" => "Total Regional Low-priority vCPUs".to_owned(),
                family => format!("{family} vCPUs"),
            };
            json!({
                "unit": "Count",
                "currentValue": usage.used,
                "limit": usage.limit,
                "name": {"value": usage.name, "localizedValue": localized},
            })
        })
        .collect();
    Reply::ok(&list(value))
}

pub(super) fn list_vms(world: &World, group: &str) -> Result<Reply, Reply> {
    locations::group_exists(world, group)?;
    if !group.eq_ignore_ascii_case(&world.config.node_resource_group) {
        return Ok(Reply::ok(&list(Vec::new())));
    }
    let fleet = world.fleet();
    let value = fleet.vms.values().filter(|vm| vm.exists()).map(|vm| document(world, vm)).collect();
    Ok(Reply::ok(&list(value)))
}

pub(super) fn get(world: &World, group: &str, name: &str, query: &str) -> Result<Reply, Reply> {
    let with_view = query.to_lowercase().contains("$expand=instanceview")
        || query.to_lowercase().contains("%24expand=instanceview");
    with_vm(world, group, name, |vm| {
        let mut document = document(world, vm);
        if with_view {
            document["properties"]["instanceView"] = view(vm);
        }
        Reply::ok(&document)
    })
}

pub(super) fn instance_view(world: &World, group: &str, name: &str) -> Result<Reply, Reply> {
    with_vm(world, group, name, |vm| Reply::ok(&view(vm)))
}

pub(super) fn delete(world: &World, group: &str, name: &str) -> Result<Reply, Reply> {
    // Azure: 204 for one that is not there.
    if with_vm(world, group, name, |_| ()).is_err() {
        locations::group_exists(world, group)?;
        return Ok(Reply::empty(StatusCode::NO_CONTENT));
    }
    let operation = world.delete_vm(name).map_err(refuse)?;
    Ok(accepted(world, &operation))
}

pub(super) fn power_off(world: &World, group: &str, name: &str) -> Result<Reply, Reply> {
    with_vm(world, group, name, |_| ())?;
    world.crash(name).map_err(refuse)?;
    let operation = world.operations().begin(0);
    Ok(accepted(world, &operation))
}

pub(super) fn start(world: &World, group: &str, name: &str) -> Result<Reply, Reply> {
    with_vm(world, group, name, |_| ())?;
    world.restart(name).map_err(refuse)?;
    let operation = world.operations().begin(0);
    Ok(accepted(world, &operation))
}

/// Stops the VM and starts it again after another boot: its Node becomes NotReady and then Ready.
pub(super) fn restart(world: &Arc<World>, group: &str, name: &str) -> Result<Reply, Reply> {
    with_vm(world, group, name, |_| ())?;
    let operation = world.reboot(name).map_err(refuse)?;
    Ok(accepted(world, &operation))
}

pub(super) fn simulate_eviction(world: &Arc<World>, group: &str, name: &str) -> Result<Reply, Reply> {
    with_vm(world, group, name, |_| ())?;
    world.evict(name, Some(SIMULATED_NOTICE)).map_err(refuse)?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn refuse(error: CommandError) -> Reply {
    Reply::error(StatusCode::CONFLICT, "OperationNotAllowed", &error.to_string())
}

fn accepted(world: &World, operation: &str) -> Reply {
    Reply::empty(StatusCode::ACCEPTED).operation(
        world.arm_base(),
        &world.config.subscription_id,
        "Microsoft.Compute",
        &world.config.location,
        operation,
    )
}

fn with_vm<T>(world: &World, group: &str, name: &str, answer: impl FnOnce(&Vm) -> T) -> Result<T, Reply> {
    locations::group_exists(world, group)?;
    let fleet = world.fleet();
    match fleet.by_vm(name) {
        Some(vm) if vm.exists() && group.eq_ignore_ascii_case(&world.config.node_resource_group) => Ok(answer(vm)),
        _ => Err(Reply::not_found("Microsoft.Compute/virtualMachines", name, group)),
    }
}

fn document(world: &World, vm: &Vm) -> Value {
    let spot = vm.spec.capacity_type == CapacityType::Spot;
    let nic = super::network::nic_id(&world.config, &vm.names.vm);
    let mut document = json!({
        "id": vm.names.vm_id,
        "name": vm.names.vm,
        "type": "Microsoft.Compute/virtualMachines",
        "location": world.config.location,
        "tags": vm.spec.tags,
        "zones": vm.spec.zones,
        "properties": {
            "vmId": uuid_of(&vm.names.vm_id),
            "hardwareProfile": {"vmSize": vm.spec.sku.name},
            "storageProfile": {"osDisk": {"osType": "Linux", "diskSizeGB": vm.spec.os_disk_gb, "createOption": "FromImage"}},
            "osProfile": {"computerName": vm.names.vm},
            "networkProfile": {"networkInterfaces": [{"id": nic, "properties": {"primary": true}}]},
            "priority": if spot { "Spot" } else { "Regular" },
            "provisioningState": match vm.machine_state() {
                MachineState::Creating => "Creating",
                MachineState::Deleting => "Deleting",
                MachineState::Succeeded | MachineState::Failed => "Succeeded",
            },
            "timeCreated": vm.record.accepted.wall.to_string(),
        },
    });
    if spot {
        document["properties"]["evictionPolicy"] = json!("Delete");
        document["properties"]["billingProfile"] = json!({"maxPrice": -1});
    }
    document
}

fn view(vm: &Vm) -> Value {
    let power = match vm.record.state {
        VmState::Stopped => ("PowerState/stopped", "VM stopped"),
        VmState::Running if vm.record.booted.is_some() => ("PowerState/running", "VM running"),
        VmState::Deleting => ("PowerState/deallocating", "VM deallocating"),
        _ => ("PowerState/starting", "VM starting"),
    };
    let provisioning = match vm.machine_state() {
        MachineState::Creating => ("ProvisioningState/creating", "Creating"),
        MachineState::Deleting => ("ProvisioningState/deleting", "Deleting"),
        MachineState::Failed => ("ProvisioningState/failed", "Provisioning failed"),
        MachineState::Succeeded => ("ProvisioningState/succeeded", "Provisioning succeeded"),
    };
    let status = |(code, text): (&str, &str)| json!({"code": code, "level": "Info", "displayStatus": text});
    json!({
        "computerName": vm.names.vm,
        "osName": "Linux",
        "hyperVGeneration": "V2",
        "statuses": [status(provisioning), status(power)],
    })
}
