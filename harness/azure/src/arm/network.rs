//! Network interfaces, virtual networks and subnets: `Microsoft.Network`.

use http::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
use super::locations;
use super::reply::{Reply, list};
use crate::config::Config;
use crate::documents::{subnet_document, vnet_document, vnet_id, vnet_key as key};
use crate::fleet::Vm;
use crate::world::World;

pub(super) fn vnets(world: &World, group: &str) -> Result<Reply, Reply> {
    locations::group_exists(world, group)?;
    let prefix = format!("{}/", group.to_lowercase());
    let network = world.network();
    let found = network.vnets.iter().filter(|(k, _)| k.starts_with(&prefix));
    Ok(Reply::ok(&list(found.map(|(_, v)| v.clone()).collect())))
}

pub(super) fn vnet(world: &World, group: &str, name: &str) -> Result<Reply, Reply> {
    locations::group_exists(world, group)?;
    match world.network().vnets.get(&key(group, name)) {
        Some(document) => Ok(Reply::ok(document)),
        None => Err(no_vnet(group, name)),
    }
}

pub(super) fn put_vnet(world: &World, group: &str, name: &str, call: &Call) -> Result<Reply, Reply> {
    locations::group_exists(world, group)?;
    let mut body = call.object()?;
    let mut properties = body.remove("properties").unwrap_or_default();
    let subnets: Vec<Value> = properties["subnets"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|s| {
            let subnet = s["name"].as_str()?;
            Some(subnet_document(&world.config, group, name, subnet, s["properties"].clone()))
        })
        .collect();
    if properties.is_object() {
        properties["subnets"] = json!(subnets);
    }
    let mut document = vnet_document(&world.config, group, name, properties);
    if let Some(tags) = body.remove("tags") {
        document["tags"] = tags;
    }
    let existed = world.network().vnets.insert(key(group, name), document.clone()).is_some();
    Ok(Reply::json(if existed { StatusCode::OK } else { StatusCode::CREATED }, &document))
}

pub(super) fn delete_vnet(world: &World, group: &str, name: &str) -> Result<Reply, Reply> {
    locations::group_exists(world, group)?;
    let mut network = world.network();
    if let Some(document) = network.vnets.get(&key(group, name)) {
        let id = document["id"].as_str().unwrap_or_default().to_lowercase();
        if world.config.subnet_id().to_lowercase().starts_with(&format!("{id}/")) {
            return Err(in_use("InUseVirtualNetworkCannotBeDeleted", name));
        }
    }
    let existed = network.vnets.remove(&key(group, name)).is_some();
    Ok(Reply::empty(if existed { StatusCode::OK } else { StatusCode::NO_CONTENT }))
}

pub(super) fn subnets(world: &World, group: &str, vnet: &str) -> Result<Reply, Reply> {
    locations::group_exists(world, group)?;
    match world.network().vnets.get(&key(group, vnet)) {
        Some(document) => Ok(Reply::ok(&json!({"value": document["properties"]["subnets"]}))),
        None => Err(no_vnet(group, vnet)),
    }
}

pub(super) fn subnet(world: &World, group: &str, vnet: &str, name: &str) -> Result<Reply, Reply> {
    locations::group_exists(world, group)?;
    let network = world.network();
    let document = network.vnets.get(&key(group, vnet)).ok_or_else(|| no_vnet(group, vnet))?;
    let found = document["properties"]["subnets"].as_array().into_iter().flatten().find(|s| is_called(s, name));
    match found {
        Some(subnet) => Ok(Reply::ok(subnet)),
        None => Err(Reply::not_found(&format!("Microsoft.Network/virtualNetworks/{vnet}/subnets"), name, group)),
    }
}

pub(super) fn put_subnet(world: &World, group: &str, vnet: &str, name: &str, call: &Call) -> Result<Reply, Reply> {
    locations::group_exists(world, group)?;
    let mut body = call.object()?;
    let properties = body.remove("properties").unwrap_or_default();
    let document = subnet_document(&world.config, group, vnet, name, properties);
    let mut network = world.network();
    let parent = network.vnets.get_mut(&key(group, vnet)).ok_or_else(|| no_vnet(group, vnet))?;
    let Some(subnets) = parent["properties"]["subnets"].as_array_mut() else {
        return Err(no_vnet(group, vnet));
    };
    let before = subnets.len();
    subnets.retain(|s| !is_called(s, name));
    let existed = subnets.len() < before;
    subnets.push(document.clone());
    Ok(Reply::json(if existed { StatusCode::OK } else { StatusCode::CREATED }, &document))
}

pub(super) fn delete_subnet(world: &World, group: &str, vnet: &str, name: &str) -> Result<Reply, Reply> {
    locations::group_exists(world, group)?;
    let mut network = world.network();
    let parent = network.vnets.get_mut(&key(group, vnet)).ok_or_else(|| no_vnet(group, vnet))?;
    let id = format!("{}/subnets/{name}", vnet_id(&world.config, group, vnet));
    if id.eq_ignore_ascii_case(&world.config.subnet_id()) {
        return Err(in_use("InUseSubnetCannotBeDeleted", name));
    }
    let Some(subnets) = parent["properties"]["subnets"].as_array_mut() else {
        return Err(no_vnet(group, vnet));
    };
    let before = subnets.len();
    subnets.retain(|s| !is_called(s, name));
    let existed = subnets.len() < before;
    Ok(Reply::empty(if existed { StatusCode::OK } else { StatusCode::NO_CONTENT }))
}

fn is_called(document: &Value, name: &str) -> bool {
    document["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(name))
}

fn no_vnet(group: &str, name: &str) -> Reply {
    Reply::not_found("Microsoft.Network/virtualNetworks", name, group)
}

fn in_use(code: &str, name: &str) -> Reply {
    Reply::bad_request(code, &format!("'{name}' is in use by the nodes of the managed cluster and cannot be deleted."))
}

/// The id of a VM's network interface.
pub(super) fn nic_id(config: &Config, vm: &str) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/networkInterfaces/{}",
        config.subscription_id,
        config.node_resource_group,
        nic_name(vm)
    )
}

fn nic_name(vm: &str) -> String {
    format!("{vm}-nic")
}

fn nic_document(world: &World, vm: &Vm) -> Value {
    json!({
        "id": nic_id(&world.config, &vm.names.vm),
        "name": nic_name(&vm.names.vm),
        "type": "Microsoft.Network/networkInterfaces",
        "location": world.config.location,
        "tags": vm.spec.tags,
        "properties": {
            "provisioningState": "Succeeded",
            "primary": true,
            "enableAcceleratedNetworking": vm.spec.sku.series.accelerated_networking,
            "virtualMachine": {"id": vm.names.vm_id},
            "ipConfigurations": [{
                "name": "ipconfig1",
                "properties": {"primary": true, "subnet": {"id": world.config.subnet_id()}},
            }],
        },
    })
}

pub(super) fn nics(world: &World, group: &str) -> Result<Reply, Reply> {
    locations::group_exists(world, group)?;
    let mut value = Vec::new();
    if group.eq_ignore_ascii_case(&world.config.node_resource_group) {
        let fleet = world.fleet();
        value.extend(fleet.vms.values().filter(|vm| vm.exists()).map(|vm| nic_document(world, vm)));
    }
    Ok(Reply::ok(&list(value)))
}

pub(super) fn nic(world: &World, group: &str, name: &str) -> Result<Reply, Reply> {
    locations::group_exists(world, group)?;
    let fleet = world.fleet();
    let vm = name.to_lowercase().strip_suffix("-nic").and_then(|vm| fleet.by_vm(vm));
    match vm {
        Some(vm) if vm.exists() && group.eq_ignore_ascii_case(&world.config.node_resource_group) => {
            Ok(Reply::ok(&nic_document(world, vm)))
        }
        _ => Err(Reply::not_found("Microsoft.Network/networkInterfaces", name, group)),
    }
}
