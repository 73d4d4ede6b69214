//! The system pool: an agent pool whose nodes are there before any other, for what AKS itself runs.

use std::net::Ipv4Addr;

use harness_simulation::ClusterParts;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};

use super::AksError;
use crate::fleet::{MachineSpec, Names};
use crate::node::{self, NodeParts, PoolType, ReadyStatus};
use crate::world::World;

/// Its name.
pub(super) const NAME: &str = "systempool";
/// "Use system node pools in AKS" (Microsoft): a production cluster has at least three nodes in it. `az aks create` makes three too, unless
/// `--node-count` says otherwise.
const NODES: u64 = 3;
/// Sizes with four processors, the least that the same document asks for; the first that the region sells is taken.
const SIZES: [&str; 4] = ["Standard_D4s_v5", "Standard_D4s_v3", "Standard_D4as_v5", "Standard_DS3_v2"];
/// The taint with which that document keeps other pods off.
const TAINT: &str = "CriticalAddonsOnly=true:NoSchedule";

/// One of its nodes.
struct SystemNode {
    spec: MachineSpec,
    names: Names,
    address: Ipv4Addr,
}

/// The taints of its nodes; `az aks create` gives them none without `--nodepool-taints`.
fn taints(parts: ClusterParts) -> &'static [&'static str] {
    match parts {
        ClusterParts::Aks => &[TAINT],
        ClusterParts::AksDefaults | ClusterParts::Bare => &[],
    }
}

/// The zones of its nodes; `az aks create` puts them into none without `--zones`.
fn zones(world: &World, parts: ClusterParts) -> &[&'static str] {
    match parts {
        ClusterParts::Aks => world.catalogue.zones(),
        ClusterParts::AksDefaults | ClusterParts::Bare => &[],
    }
}

/// The agent pool as Resource Manager shows it.
pub(super) fn document(world: &World, parts: ClusterParts) -> Value {
    let defaults = world.defaults();
    let version = defaults.kubernetes_version;
    let mut document = json!({
        "id": format!("{}/agentPools/{NAME}", world.config.cluster_id()),
        "name": NAME,
        "type": "Microsoft.ContainerService/managedClusters/agentPools",
        "properties": {
            "mode": "System",
            "type": "VirtualMachineScaleSets",
            "count": NODES,
            "vmSize": size(world),
            "osType": "Linux",
            "osSKU": "Ubuntu",
            "nodeImageVersion": defaults.node_image_version,
            "orchestratorVersion": version,
            "currentOrchestratorVersion": version,
            "vnetSubnetID": world.config.subnet_id(),
            "provisioningState": "Succeeded",
            "powerState": {"code": "Running"},
        },
    });
    // A list that nobody has asked for is left out: `AgentPoolsGet.json` among the examples in Azure/azure-rest-api-specs.
    for (key, list) in [("availabilityZones", zones(world, parts)), ("nodeTaints", taints(parts))] {
        if !list.is_empty() {
            document["properties"][key] = json!(list);
        }
    }
    document
}

/// Creates the Nodes, Ready: they have run for as long as the cluster has. One that is there stays.
pub(super) async fn create(world: &World, client: &kube::Client, parts: ClusterParts) -> Result<(), AksError> {
    let api: Api<Node> = Api::all(client.clone());
    let network = world.cluster().network();
    for ordinal in 0..NODES {
        let SystemNode { spec, names, address } = node_of(world, parts, ordinal)?;
        let node_parts = NodeParts {
            config: &world.config,
            network: &network,
            pool: NAME,
            pool_type: PoolType::VirtualMachineScaleSets,
            spec: &spec,
            names: &names,
            address,
        };
        let node: Node = serde_json::from_value(node::node(&node_parts, ReadyStatus::Ready))?;
        match api.create(&PostParams::default(), &node).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            created => {
                created.map_err(|source| AksError::request("create", format!("Node {}", names.vm), source))?;
            }
        }
    }
    Ok(())
}

/// Deletes the Nodes.
pub(super) async fn delete(world: &World, client: &kube::Client) -> Result<(), AksError> {
    let api: Api<Node> = Api::all(client.clone());
    for ordinal in 0..NODES {
        let name = Names::of_scale_set(&world.config, NAME, ordinal).vm;
        match api.delete(&name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            deleted => {
                deleted.map_err(|source| AksError::request("delete", format!("Node {name}"), source))?;
            }
        }
    }
    Ok(())
}

fn size(world: &World) -> &'static str {
    SIZES.into_iter().find(|size| world.catalogue.get(size).is_some()).unwrap_or(SIZES[0])
}

/// The n-th, in the zones in turn. Its address is taken from the end of the subnet, since those of machines are taken from its start.
fn node_of(world: &World, parts: ClusterParts, ordinal: u64) -> Result<SystemNode, AksError> {
    let zones = zones(world, parts);
    let zone = usize::try_from(ordinal).ok().and_then(|n| zones.get(n % zones.len().max(1)));
    let body = json!({
        "hardware": {"vmSize": size(world)},
        "mode": "System",
        "kubernetes": {"nodeTaints": taints(parts)},
    });
    let zones = zone.map(|zone| (*zone).to_owned()).into_iter().collect();
    let spec = MachineSpec::parse(&body, zones, &world.config, world.catalogue, world.defaults())
        .map_err(|error| AksError::content(&error))?;
    let addresses = world.network().addresses(&world.config.subnet_id());
    let address = addresses.address(addresses.len().saturating_sub(1 + ordinal));
    Ok(SystemNode { spec, names: Names::of_scale_set(&world.config, NAME, ordinal), address })
}
