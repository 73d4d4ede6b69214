//! The managed cluster and its agent pools.

use serde_json::{Value, json};

use super::Documents;
use crate::config::Config;

/// The documents of the managed cluster and of its agent pools.
#[derive(Debug)]
pub(crate) struct ClusterState {
    pub(crate) cluster: Value,
    /// By name, in lower case.
    pub(crate) pools: Documents,
}

impl ClusterState {
    pub(crate) fn new(config: &Config) -> Self {
        let pool = config.machines_pool.to_lowercase();
        let document = json!({
            "id": format!("{}/agentPools/{pool}", config.cluster_id()),
            "name": pool,
            "type": "Microsoft.ContainerService/managedClusters/agentPools",
            "properties": {
                "mode": "Machines",
                "type": "VirtualMachines",
                "count": 0,
                "osType": "Linux",
                "orchestratorVersion": config.kubernetes_version,
                "currentOrchestratorVersion": config.kubernetes_version,
                "vnetSubnetID": config.subnet_id(),
                "provisioningState": "Succeeded",
            },
        });
        let pools = [(pool, document)].into();
        Self { cluster: document_of(config), pools }
    }

    /// The control plane's version.
    pub(crate) fn version(&self) -> String {
        self.cluster["properties"]["kubernetesVersion"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn set_version(&mut self, version: &str) {
        for key in ["kubernetesVersion", "currentKubernetesVersion"] {
            self.cluster["properties"][key] = json!(version);
        }
    }
}

fn document_of(config: &Config) -> Value {
    json!({
        "id": config.cluster_id(),
        "name": config.cluster_name,
        "type": "Microsoft.ContainerService/ManagedClusters",
        "location": config.location,
        "sku": {"name": "Base", "tier": "Standard"},
        "identity": {"type": "SystemAssigned", "tenantId": config.tenant_id},
        "tags": {},
        "properties": {
            "provisioningState": "Succeeded",
            "powerState": {"code": "Running"},
            "kubernetesVersion": config.kubernetes_version,
            "currentKubernetesVersion": config.kubernetes_version,
            "dnsPrefix": config.cluster_name,
            "nodeResourceGroup": config.node_resource_group,
            "enableRBAC": true,
            "nodeProvisioningProfile": {"mode": "Auto", "defaultNodePools": "None"},
            "networkProfile": {
                "networkPlugin": "azure",
                "networkPluginMode": "overlay",
                "networkDataplane": "azure",
                "podCidr": "10.64.0.0/10",
                "serviceCidr": "10.0.0.0/16",
                "dnsServiceIP": "10.0.0.10",
                "loadBalancerSku": "standard",
                "outboundType": "loadBalancer",
            },
        },
    })
}
