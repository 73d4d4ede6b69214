//! The managed cluster and its agent pools.

use serde_json::{Value, json};

use super::activity::{Activity, Target};
use super::{Documents, uuid_of};
use crate::config::Config;

/// What the managed cluster's network profile says to its nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClusterNetwork {
    /// Azure CNI overlay.
    pub(crate) overlay: bool,
    /// `azure` or `cilium`.
    pub(crate) dataplane: String,
}

/// The documents of the managed cluster and of its agent pools.
#[derive(Debug)]
pub(crate) struct ClusterState {
    pub(crate) cluster: Value,
    /// By name, in lower case.
    pub(crate) pools: Documents,
    /// Whether it was deleted and not created again.
    pub(crate) is_deleted: bool,
    /// What goes on, in the order in which it began.
    pub(crate) activities: Vec<Activity>,
    /// How many operations have begun: each has a draw of its own.
    pub(crate) begun: u64,
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
        Self { cluster: document_of(config), pools, is_deleted: false, activities: Vec::new(), begun: 0 }
    }

    /// The control plane's version; during an upgrade, that to which it goes.
    pub(crate) fn version(&self) -> String {
        self.cluster["properties"]["kubernetesVersion"].as_str().unwrap_or_default().to_owned()
    }

    /// The version that the control plane has.
    pub(crate) fn current_version(&self) -> String {
        self.cluster["properties"]["currentKubernetesVersion"].as_str().unwrap_or_default().to_owned()
    }

    /// An upgrade to this version has begun.
    pub(crate) fn set_wanted_version(&mut self, version: &str) {
        self.cluster["properties"]["kubernetesVersion"] = json!(version);
    }

    pub(crate) fn network(&self) -> ClusterNetwork {
        let profile = &self.cluster["properties"]["networkProfile"];
        ClusterNetwork {
            overlay: profile["networkPluginMode"] == "overlay",
            dataplane: profile["networkDataplane"].as_str().unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn set_version(&mut self, version: &str) {
        self.set_wanted_version(version);
        self.cluster["properties"]["currentKubernetesVersion"] = json!(version);
    }

    /// Sets `provisioningState` of the cluster or of a pool.
    pub(crate) fn set_state(&mut self, target: &Target, state: &str) {
        let document = match target {
            Target::Cluster => Some(&mut self.cluster),
            Target::Pool(pool) => self.pools.get_mut(pool),
        };
        if let Some(document) = document {
            document["properties"]["provisioningState"] = json!(state);
        }
    }

    /// Takes what goes on as this operation out; `None` where it has ended.
    pub(crate) fn take_activity(&mut self, operation: &str) -> Option<Activity> {
        let at = self.activities.iter().position(|activity| activity.operation == operation)?;
        Some(self.activities.remove(at))
    }
}

/// The resource id of the identity that the kubelets have: AKS makes `<cluster>-agentpool` in the node resource group.
pub(crate) fn kubelet_identity_id(config: &Config) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}-agentpool",
        config.subscription_id, config.node_resource_group, config.cluster_name
    )
}

/// Its client id.
pub(crate) fn kubelet_identity_client_id(config: &Config) -> String {
    uuid_of(&format!("{}/client", kubelet_identity_id(config)))
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
            "identityProfile": {
                "kubeletidentity": {
                    "resourceId": kubelet_identity_id(config),
                    "clientId": kubelet_identity_client_id(config),
                    "objectId": uuid_of(&kubelet_identity_id(config)),
                },
            },
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
