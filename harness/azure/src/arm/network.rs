//! Virtual networks and their subnets.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
use super::reply::Reply;
use crate::documents::{NetworkState, resource_key as key, subnet_document, vnet_document, vnet_id};
use crate::world::World;

pub(super) fn vnets(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group] = call.names();
    let prefix = format!("{}/", group.to_lowercase());
    let network = world.network();
    let found = network.vnets.iter().filter(|(k, _)| k.starts_with(&prefix));
    Ok(Reply::list(found.map(|(_, v)| v.clone()).collect()))
}

pub(super) fn vnet(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    Ok(Reply::ok(existing(&mut world.network(), call)?))
}

/// The virtual network of a call, or Azure's answer for one that does not exist.
fn existing<'n>(network: &'n mut NetworkState, call: &Call) -> Result<&'n mut Value, Reply> {
    let [_, group, vnet] = call.names();
    let found = network.vnets.get_mut(&key(group, vnet));
    found.ok_or_else(|| Reply::not_found("Microsoft.Network/virtualNetworks", vnet, group))
}

pub(super) fn put_vnet(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group, name] = call.names();
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

pub(super) fn delete_vnet(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group, name] = call.names();
    let prefix = format!("{}/", vnet_id(&world.config, group, name)).to_lowercase();
    if used_subnets(world).iter().any(|id| id.starts_with(&prefix)) {
        return Err(in_use("InUseVirtualNetworkCannotBeDeleted", name));
    }
    let mut network = world.network();
    let existed = network.vnets.remove(&key(group, name)).is_some();
    Ok(Reply::empty(if existed { StatusCode::OK } else { StatusCode::NO_CONTENT }))
}

pub(super) fn subnets(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    Ok(Reply::ok(&json!({"value": existing(&mut world.network(), call)?["properties"]["subnets"]})))
}

pub(super) fn subnet(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group, vnet, name] = call.names();
    let mut network = world.network();
    let mut subnets = existing(&mut network, call)?["properties"]["subnets"].as_array().into_iter().flatten();
    match subnets.find(|s| is_called(s, name)) {
        Some(subnet) => Ok(Reply::ok(subnet)),
        None => Err(Reply::not_found(&format!("Microsoft.Network/virtualNetworks/{vnet}/subnets"), name, group)),
    }
}

pub(super) fn put_subnet(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group, vnet, name] = call.names();
    let properties = call.object()?.remove("properties").unwrap_or_default();
    let document = subnet_document(&world.config, group, vnet, name, properties);
    let mut network = world.network();
    let subnets = &mut existing(&mut network, call)?["properties"]["subnets"];
    let existed = remove(subnets, name);
    if let Some(subnets) = subnets.as_array_mut() {
        subnets.push(document.clone());
    }
    Ok(Reply::json(if existed { StatusCode::OK } else { StatusCode::CREATED }, &document))
}

pub(super) fn delete_subnet(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group, vnet, name] = call.names();
    let id = format!("{}/subnets/{name}", vnet_id(&world.config, group, vnet)).to_lowercase();
    if used_subnets(world).contains(&id) {
        return Err(in_use("InUseSubnetCannotBeDeleted", name));
    }
    let mut network = world.network();
    let subnets = &mut existing(&mut network, call)?["properties"]["subnets"];
    let existed = remove(subnets, name);
    Ok(Reply::empty(if existed { StatusCode::OK } else { StatusCode::NO_CONTENT }))
}

/// The ids, in lower case, of the subnets that have a network interface, or are the cluster's.
fn used_subnets(world: &World) -> BTreeSet<String> {
    let mut used: BTreeSet<String> = [world.config.subnet_id().to_lowercase()].into();
    used.extend(world.fleet().vms.values().filter_map(|vm| vm.spec.subnet.as_deref().map(str::to_lowercase)));
    for nic in world.network().nics.values() {
        let configurations = nic["properties"]["ipConfigurations"].as_array().into_iter().flatten();
        used.extend(configurations.filter_map(|c| c["properties"]["subnet"]["id"].as_str().map(str::to_lowercase)));
    }
    used
}

/// Removes a subnet; false when there is none of that name.
fn remove(subnets: &mut Value, name: &str) -> bool {
    let Some(subnets) = subnets.as_array_mut() else { return false };
    let before = subnets.len();
    subnets.retain(|subnet| !is_called(subnet, name));
    subnets.len() < before
}

fn is_called(document: &Value, name: &str) -> bool {
    document["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(name))
}

fn in_use(code: &str, name: &str) -> Reply {
    Reply::bad_request(
        code,
        &format!("'{name}' is in use by a network interface or by the managed cluster and cannot be deleted."),
    )
}
