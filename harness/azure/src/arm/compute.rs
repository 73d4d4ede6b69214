//! Virtual machines of the node resource group, and usages: `Microsoft.Compute`.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
use super::locations;
use super::reply::Reply;
use super::vm::{VM_TYPE, document, view};
use crate::clock::PRESENT_NS;
use crate::fleet::{Fleet, Vm};
use crate::lifecycle::CommandError;
use crate::world::World;
use harness_units::Span;

/// How long `simulateEviction` gives notice; Azure gives 30 s at least.
const SIMULATED_NOTICE: Span = Span::from_secs(30);

/// The sizes; none for a filter that names another region.
pub(super) fn skus(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    match filtered_location(&call.query) {
        Some(location) if !location.eq_ignore_ascii_case(&world.config.location) => Ok(Reply::list(Vec::new())),
        _ => Ok(Reply::bytes(StatusCode::OK, world.skus())),
    }
}

/// The region of `$filter=location eq 'REGION'`.
fn filtered_location(query: &str) -> Option<String> {
    let filter = query.split('&').find_map(|p| p.strip_prefix("$filter=").or_else(|| p.strip_prefix("%24filter=")))?;
    let text = super::call::decode(&filter.replace('+', " "));
    let rest = text.trim().strip_prefix("location eq '")?;
    Some(rest.strip_suffix('\'')?.to_owned())
}

pub(super) fn usages(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, location] = call.names();
    locations::offered(world, location, "Microsoft.Compute/locations/usages")?;
    let value: Vec<Value> = world
        .quota_usages(true, call.as_of_ns)
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
    Ok(Reply::list(value))
}

pub(super) fn list_vms(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let fleet = world.fleet();
    Ok(Reply::list(vms_of_group(world, &fleet, call).map(|vm| document(world, vm, call.as_of_ns)).collect()))
}

/// The VMs that Azure has in the resource group of a call, at the moment that the call is about.
pub(super) fn vms_of_group<'f>(world: &World, fleet: &'f Fleet, call: &Call) -> impl Iterator<Item = &'f Vm> + use<'f> {
    let [_, group] = call.names();
    let is_theirs = is_node_group(world, group);
    let as_of_ns = call.as_of_ns;
    fleet.listed().filter(move |vm| is_theirs && vm.existed_at(as_of_ns))
}

/// Whether a resource group is the one of the VMs.
pub(super) fn is_node_group(world: &World, group: &str) -> bool {
    group.eq_ignore_ascii_case(&world.config.node_resource_group)
}

pub(super) fn get(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let query = call.query.to_lowercase();
    let with_view = query.contains("$expand=instanceview") || query.contains("%24expand=instanceview");
    with_vm(world, call, |vm| {
        let mut document = document(world, vm, PRESENT_NS);
        if with_view {
            document["properties"]["instanceView"] = view(vm);
        }
        Reply::ok(&document)
    })
}

pub(super) fn instance_view(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    with_vm(world, call, |vm| Reply::ok(&view(vm)))
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    // Azure: 204 for one that is not there.
    let Ok(name) = name(world, call) else { return Ok(Reply::empty(StatusCode::NO_CONTENT)) };
    let operation = world.delete_vm(&name).map_err(refuse)?;
    Ok(accepted(world, &operation))
}

pub(super) fn power_off(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    world.crash(&name(world, call)?).map_err(refuse)?;
    let operation = world.operations().begin(0);
    Ok(accepted(world, &operation))
}

pub(super) fn start(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    world.restart(&name(world, call)?).map_err(refuse)?;
    let operation = world.operations().begin(0);
    Ok(accepted(world, &operation))
}

/// Stops the VM and starts it again after another boot: its Node becomes NotReady and then Ready.
pub(super) fn restart(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let operation = world.reboot(&name(world, call)?).map_err(refuse)?;
    Ok(accepted(world, &operation))
}

pub(super) fn simulate_eviction(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    world.evict(&name(world, call)?, Some(SIMULATED_NOTICE)).map_err(refuse)?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn refuse(error: CommandError) -> Reply {
    Reply::error(StatusCode::CONFLICT, "OperationNotAllowed", &error.to_string())
}

fn accepted(world: &World, operation: &str) -> Reply {
    Reply::empty(StatusCode::ACCEPTED).operation(world, "Microsoft.Compute", operation)
}

/// The name of a call's VM, which exists.
fn name(world: &World, call: &Call) -> Result<String, Reply> {
    with_vm(world, call, |vm| vm.names.vm.clone())
}

fn with_vm<T>(world: &World, call: &Call, answer: impl FnOnce(&Vm) -> T) -> Result<T, Reply> {
    let [_, group, name] = call.names();
    let fleet = world.fleet();
    let found = fleet.by_vm(name).filter(|vm| vm.exists() && is_node_group(world, group));
    found.map(answer).ok_or_else(|| Reply::not_found(VM_TYPE, name, group))
}
