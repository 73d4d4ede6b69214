//! Virtual networks and their subnets.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::{Documents, cluster_digits, uuid_of};
use crate::config::Config;

/// The prefix of the subnet that AKS makes for a cluster.
const DEFAULT_PREFIX: &str = "10.224.0.0/16";

/// Its addresses.
const DEFAULT_RANGE: AddressRange =
    AddressRange { first: u32::from_be_bytes([10, 224, 0, 4]), size: (1 << 16) - RESERVED };

/// How many addresses of a subnet Azure keeps for itself: the first four and the last ("Azure Virtual Network FAQ").
const RESERVED: u32 = 5;

/// What callers can change of networks, by [`resource_key`]. The interfaces of VMs are not among it: their documents are made when they are asked
/// for.
#[derive(Debug)]
pub(crate) struct NetworkState {
    /// Virtual networks; each holds its subnets.
    pub(crate) vnets: Documents,
    /// Network interfaces without a VM.
    pub(crate) nics: Documents,
}

/// A subnet's id, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SubnetId<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) group: &'a str,
    pub(crate) vnet: &'a str,
    pub(crate) subnet: &'a str,
}

impl<'a> SubnetId<'a> {
    /// The parts of an id; `None` for a text that is not the id of a subnet.
    pub(crate) fn parse(id: &'a str) -> Option<Self> {
        let segments: Vec<&str> = id.split('/').filter(|s| !s.is_empty()).collect();
        match segments.as_slice() {
            [_, subscription, _, group, _, _, _, vnet, _, subnet] => Some(Self { subscription, group, vnet, subnet }),
            _ => None,
        }
    }
}

/// The addresses of a subnet that network interfaces get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AddressRange {
    first: u32,
    size: u32,
}

impl AddressRange {
    /// The addresses of `10.224.0.0/16`; `None` where the text is not a prefix, or has no address to give.
    fn parse(prefix: &str) -> Option<Self> {
        let (base, bits) = prefix.split_once('/')?;
        let bits: u32 = bits.parse().ok().filter(|bits| (1..=32).contains(bits))?;
        let all = 1u32.checked_shl(32 - bits)?;
        let base = u32::from(base.parse::<Ipv4Addr>().ok()?) & !(all - 1);
        let size = all.checked_sub(RESERVED).filter(|size| *size > 0)?;
        Some(Self { first: base + RESERVED - 1, size })
    }

    /// How many interfaces have one at the same time.
    pub(crate) fn len(self) -> u64 {
        u64::from(self.size)
    }

    /// The address of the n-th interface, from 0. Once a subnet was given out it starts again: nothing routes to a simulated VM, so that two
    /// may share one.
    pub(crate) fn address(self, n: u64) -> Ipv4Addr {
        let offset = u32::try_from(n % u64::from(self.size)).unwrap_or_default();
        Ipv4Addr::from(self.first + offset)
    }
}

impl NetworkState {
    pub(crate) fn new(config: &Config) -> Self {
        let mut state = Self { vnets: Documents::new(), nics: Documents::new() };
        let id = config.subnet_id();
        if let Some(SubnetId { group, vnet, subnet, .. }) = SubnetId::parse(&id) {
            let mut document = vnet_document(config, group, vnet, json!({}));
            let subnet = subnet_document(config, group, vnet, subnet, json!({"addressPrefix": DEFAULT_PREFIX}));
            document["properties"]["subnets"] = json!([subnet]);
            state.vnets.insert(resource_key(group, vnet), document);
        }
        state
    }

    /// Puts these subnets, by name and address range, into the nodes' virtual network, in the place of others that were put there before.
    pub(crate) fn set_subnets(
        &mut self,
        config: &Config,
        before: &BTreeMap<String, String>,
        after: &BTreeMap<String, String>,
    ) {
        let id = config.subnet_id();
        let Some(SubnetId { group, vnet, .. }) = SubnetId::parse(&id) else { return };
        let Some(document) = self.vnets.get_mut(&resource_key(group, vnet)) else { return };
        let Some(all) = document["properties"]["subnets"].as_array_mut() else { return };
        let is_theirs = |subnet: &Value, names: &BTreeMap<String, String>| {
            subnet["name"].as_str().is_some_and(|name| names.keys().any(|own| own.eq_ignore_ascii_case(name)))
        };
        all.retain(|subnet| !is_theirs(subnet, before) && !is_theirs(subnet, after));
        let made = |(name, prefix): (&String, &String)| {
            subnet_document(config, group, vnet, name, json!({"addressPrefix": prefix}))
        };
        all.extend(after.iter().map(made));
    }

    /// The document of a subnet, by its id in any case.
    pub(crate) fn subnet(&self, id: &str) -> Option<&Value> {
        let SubnetId { group, vnet, subnet, .. } = SubnetId::parse(id)?;
        let mut subnets = self.vnets.get(&resource_key(group, vnet))?["properties"]["subnets"].as_array()?.iter();
        subnets.find(|document| document["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(subnet)))
    }

    /// The addresses of a subnet; those of AKS's own where it has no prefix that can be read.
    pub(crate) fn addresses(&self, id: &str) -> AddressRange {
        let properties = self.subnet(id).map(|subnet| &subnet["properties"]);
        let prefix = properties.and_then(|p| p["addressPrefix"].as_str().or(p["addressPrefixes"][0].as_str()));
        prefix.and_then(AddressRange::parse).unwrap_or(DEFAULT_RANGE)
    }
}

/// The key of a resource: names are compared in any case.
pub(crate) fn resource_key(group: &str, name: &str) -> String {
    format!("{group}/{name}").to_lowercase()
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

/// The id of the network security group that AKS makes for its nodes, `aks-agentpool-<8 digits>-nsg`
/// (`pkg/providers/networksecuritygroup` of Azure/karpenter-provider-azure v1.14.0).
pub(crate) fn nsg_id(config: &Config) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/networkSecurityGroups/aks-agentpool-{}-nsg",
        config.subscription_id,
        config.node_resource_group,
        cluster_digits(config)
    )
}

pub(crate) fn nic_name(vm: &str) -> String {
    format!("{vm}-nic")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("10.224.0.0/16", 0, "10.224.0.4")]
    #[case("10.224.0.0/16", 65_530, "10.224.255.254")]
    #[case("10.224.0.0/16", 65_531, "10.224.0.4")]
    #[case("10.225.3.7/29", 2, "10.225.3.6")]
    #[case("10.225.3.7/29", 3, "10.225.3.4")]
    fn interfaces_get_the_addresses_that_azure_leaves_them(
        #[case] prefix: &str,
        #[case] n: u64,
        #[case] expected: &str,
    ) {
        assert_eq!(AddressRange::parse(prefix).unwrap().address(n).to_string(), expected);
    }

    #[test]
    fn the_default_range_is_that_of_the_default_prefix() {
        assert_eq!(AddressRange::parse(DEFAULT_PREFIX), Some(DEFAULT_RANGE));
    }

    #[rstest]
    #[case("10.224.0.0")]
    #[case("10.224.0.0/30")]
    #[case("10.224.0.0/33")]
    #[case("fd00::/64")]
    fn a_prefix_without_addresses_is_none(#[case] prefix: &str) {
        assert_eq!(AddressRange::parse(prefix), None);
    }
}
