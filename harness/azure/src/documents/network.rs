//! Virtual networks and their subnets.

use serde_json::{Value, json};

use super::{Documents, uuid_of};
use crate::config::Config;

/// The virtual networks, by `group/name` in lower case; each holds its subnets by name.
#[derive(Debug)]
pub(crate) struct NetworkState {
    pub(crate) vnets: Documents,
}

/// Group, virtual network and subnet of a subnet's id.
fn parts(subnet_id: &str) -> Option<(&str, &str, &str)> {
    let segments: Vec<&str> = subnet_id.split('/').filter(|s| !s.is_empty()).collect();
    match segments.as_slice() {
        [_, _, _, group, _, _, _, vnet, _, subnet] => Some((group, vnet, subnet)),
        _ => None,
    }
}

impl NetworkState {
    pub(crate) fn new(config: &Config) -> Self {
        let mut state = Self { vnets: Documents::new() };
        let id = config.subnet_id();
        if let Some((group, vnet, subnet)) = parts(&id) {
            let mut document = vnet_document(config, group, vnet, json!({}));
            let subnet = subnet_document(config, group, vnet, subnet, json!({"addressPrefix": "10.224.0.0/16"}));
            document["properties"]["subnets"] = json!([subnet]);
            state.vnets.insert(vnet_key(group, vnet), document);
        }
        state
    }
}

pub(crate) fn vnet_key(group: &str, vnet: &str) -> String {
    format!("{group}/{vnet}").to_lowercase()
}

pub(crate) fn vnet_id(config: &Config, group: &str, vnet: &str) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/{vnet}",
        config.subscription_id
    )
}

pub(crate) fn vnet_document(config: &Config, group: &str, vnet: &str, properties: Value) -> Value {
    let id = vnet_id(config, group, vnet);
    let mut document = json!({
        "id": id,
        "name": vnet,
        "type": "Microsoft.Network/virtualNetworks",
        "location": config.location,
        "properties": {
            "provisioningState": "Succeeded",
            "resourceGuid": uuid_of(&id),
            "addressSpace": {"addressPrefixes": ["10.224.0.0/12"]},
            "subnets": [],
        },
    });
    set_properties(&mut document, properties);
    document
}

pub(crate) fn subnet_document(config: &Config, group: &str, vnet: &str, subnet: &str, properties: Value) -> Value {
    let mut document = json!({
        "id": format!("{}/subnets/{subnet}", vnet_id(config, group, vnet)),
        "name": subnet,
        "type": "Microsoft.Network/virtualNetworks/subnets",
        "properties": {"provisioningState": "Succeeded"},
    });
    set_properties(&mut document, properties);
    document
}

/// Sets what a caller may set.
fn set_properties(document: &mut Value, properties: Value) {
    if let Value::Object(given) = properties {
        for (name, value) in given.into_iter().filter(|(n, _)| n != "provisioningState" && n != "resourceGuid") {
            document["properties"][name] = value;
        }
    }
}

/// The id of a VM's network interface.
pub(crate) fn nic_id(config: &Config, vm: &str) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/networkInterfaces/{}",
        config.subscription_id,
        config.node_resource_group,
        nic_name(vm)
    )
}

pub(crate) fn nic_name(vm: &str) -> String {
    format!("{vm}-nic")
}
