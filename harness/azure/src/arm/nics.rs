//! Network interfaces: those of VMs, which are there as long as their VM is, and those that callers create.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::compute::{is_node_group, vms_of_group};
use super::reply::Reply;
use crate::documents::{NetworkState, nic_id, nic_name, nsg_id, number_of, resource_key as key, uuid_of};
use crate::fleet::Vm;
use crate::world::World;

/// The resource type, as Azure writes it.
pub(super) const NIC_TYPE: &str = "Microsoft.Network/networkInterfaces";

/// The vendor's part of the hardware addresses of Azure's VMs.
const MAC_PREFIX: &str = "00-0D-3A";

/// What a caller of PUT cannot set.
const READ_ONLY: [&str; 5] = ["provisioningState", "resourceGuid", "macAddress", "virtualMachine", "hostedWorkloads"];

/// The interface of a VM. It has no tags: "AKS machine API does not support tags on NICs"
/// (`pkg/providers/instance/aksmachineinstancehelpers.go` of Azure/karpenter-provider-azure v1.14.0), so that the provider never takes it for an orphan.
pub(super) fn vm_nic(world: &World, vm: &Vm) -> Value {
    let config = &world.config;
    let id = nic_id(config, &vm.names.vm);
    json!({
        "id": id,
        "name": nic_name(&vm.names.vm),
        "type": NIC_TYPE,
        "location": config.location,
        "properties": {
            "provisioningState": "Succeeded",
            "resourceGuid": uuid_of(&id),
            "ipConfigurations": [{
                "name": "ipconfig1",
                "id": format!("{id}/ipConfigurations/ipconfig1"),
                "type": format!("{NIC_TYPE}/ipConfigurations"),
                "properties": {
                    "provisioningState": "Succeeded",
                    "privateIPAddress": vm.address,
                    "privateIPAllocationMethod": "Dynamic",
                    "privateIPAddressVersion": "IPv4",
                    "primary": true,
                    "subnet": {"id": vm.spec.subnet_id(config)},
                },
            }],
            "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
            "macAddress": mac_address(&id),
            "primary": true,
            "enableAcceleratedNetworking": vm.spec.sku.accelerated_networking,
            "enableIPForwarding": false,
            "networkSecurityGroup": {"id": nsg_id(config)},
            "virtualMachine": {"id": vm.names.vm_id},
            "hostedWorkloads": [],
            "nicType": "Standard",
        },
    })
}

/// A hardware address, always the same for one id.
fn mac_address(id: &str) -> String {
    let hash = uuid_of(id).to_uppercase();
    format!("{MAC_PREFIX}-{}-{}-{}", &hash[..2], &hash[2..4], &hash[4..6])
}

pub(super) fn list(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group] = call.names();
    let mut all: Vec<Value> = {
        let fleet = world.fleet();
        vms_of_group(world, &fleet, call).map(|vm| vm_nic(world, vm)).collect()
    };
    let prefix = key(group, "");
    let network = world.network();
    all.extend(network.nics.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(_, nic)| nic.clone()));
    Ok(Reply::list(all))
}

pub(super) fn get(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group, name] = call.names();
    if let Some(nic) = find_vm(world, call, |vm| vm_nic(world, vm)) {
        return Ok(Reply::ok(&nic));
    }
    match world.network().nics.get(&key(group, name)) {
        Some(nic) => Ok(Reply::ok(nic)),
        None => Err(Reply::not_found(NIC_TYPE, name, group)),
    }
}

/// What is to be known of the VM whose interface a call is about.
fn find_vm<T>(world: &World, call: &Call, answer: impl FnOnce(&Vm) -> T) -> Option<T> {
    let [_, group, name] = call.names();
    let fleet = world.fleet();
    let vm = name.to_lowercase().strip_suffix("-nic").and_then(|vm| fleet.by_vm(vm))?;
    (vm.exists() && is_node_group(world, group)).then(|| answer(vm))
}

/// Creates an interface without a VM, or replaces it. It stays until it is deleted, as in Azure.
pub(super) fn put(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group, name] = call.names();
    if find_vm(world, call, |_| ()).is_some() {
        return Err(Reply::error(
            StatusCode::CONFLICT,
            "OperationNotAllowed",
            &format!(
                "The network interface '{name}' is that of a machine; the simulated Azure does not change it. Delete the machine instead."
            ),
        ));
    }
    let mut body = call.object()?;
    let Some(location) = body.remove("location") else {
        return Err(Reply::bad_request("LocationRequired", "The location property is required for this definition."));
    };
    let id =
        format!("/subscriptions/{}/resourceGroups/{group}/providers/{NIC_TYPE}/{name}", world.config.subscription_id);
    let mut network = world.network();
    let mut properties = json!({
        "provisioningState": "Succeeded",
        "resourceGuid": uuid_of(&id),
        "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
        "enableAcceleratedNetworking": false,
        "enableIPForwarding": false,
        "hostedWorkloads": [],
        "nicType": "Standard",
    });
    let given = body.remove("properties").unwrap_or_default();
    for (field, value) in
        given.as_object().into_iter().flatten().filter(|(field, _)| !READ_ONLY.contains(&field.as_str()))
    {
        properties[field] = value.clone();
    }
    properties["ipConfigurations"] = ip_configurations(&network, &id, &given)?;
    let mut document =
        json!({"id": id, "name": name, "type": NIC_TYPE, "location": location, "properties": properties});
    if let Some(tags) = body.remove("tags") {
        document["tags"] = tags;
    }
    let existed = network.nics.insert(key(group, name), document.clone()).is_some();
    Ok(Reply::json(if existed { StatusCode::OK } else { StatusCode::CREATED }, &document))
}

/// The configurations of an interface that a caller creates, in subnets that exist.
fn ip_configurations(network: &NetworkState, id: &str, properties: &Value) -> Result<Value, Reply> {
    let given = properties["ipConfigurations"].as_array().filter(|all| !all.is_empty());
    let Some(given) = given else {
        return Err(Reply::bad_request(
            "InvalidRequestFormat",
            &format!("Cannot parse the request: {id} has no properties.ipConfigurations."),
        ));
    };
    let mut all = Vec::new();
    for configuration in given {
        let name = configuration["name"].as_str().unwrap_or("ipconfig1");
        let subnet = configuration["properties"]["subnet"]["id"].as_str().unwrap_or_default();
        if network.subnet(subnet).is_none() {
            return Err(Reply::bad_request(
                "InvalidResourceReference",
                &format!(
                    "Resource {subnet} referenced by resource {id} was not found. Please make sure that the referenced resource exists, and that both \
                     resources are in the same region."
                ),
            ));
        }
        let mut properties: Map<String, Value> = configuration["properties"].as_object().cloned().unwrap_or_default();
        // A reference may come with the whole subnet; the answer has its id.
        properties.insert("subnet".to_owned(), json!({ "id": subnet }));
        properties.insert("provisioningState".to_owned(), json!("Succeeded"));
        properties.entry("privateIPAllocationMethod").or_insert(json!("Dynamic"));
        properties.entry("privateIPAddressVersion").or_insert(json!("IPv4"));
        // The same at the next PUT: Azure keeps it as long as the interface is there.
        let address = network.addresses(subnet).address(number_of(&format!("{id}/{name}")));
        properties.entry("privateIPAddress").or_insert(json!(address));
        all.push(json!({
            "name": name,
            "id": format!("{id}/ipConfigurations/{name}"),
            "type": format!("{NIC_TYPE}/ipConfigurations"),
            "properties": properties,
        }));
    }
    Ok(Value::Array(all))
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group, name] = call.names();
    if let Some((nic, vm)) = find_vm(world, call, |vm| (nic_id(&world.config, &vm.names.vm), vm.names.vm_id.clone())) {
        return Err(Reply::bad_request(
            "NicInUse",
            &format!(
                "Network Interface {nic} is used by existing resource {vm}. In order to delete the network interface, it must be dissociated from the \
                 resource. To learn more, see aka.ms/deletenic."
            ),
        ));
    }
    let existed = world.network().nics.remove(&key(group, name)).is_some();
    Ok(Reply::empty(if existed { StatusCode::OK } else { StatusCode::NO_CONTENT }))
}
