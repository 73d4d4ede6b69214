//! From method and path to the call that is meant.

use http::Method;

/// A modelled call. Names keep the case in which they came; comparing is the handlers' work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Skus,
    Usages { location: String },
    NodeImageVersions { location: String },
    Locations,
    Subscription,
    Subscriptions,
    ResourceGroups,
    ResourceGroup { name: String },
    ResourceGroupExists { name: String },
    ResourceGraph,
    Operation { id: String },
    OperationResult { id: String },
    Clusters,
    ClustersOfGroup { group: String },
    Cluster { group: String, name: String },
    ClusterPut { group: String, name: String },
    UpgradeProfile { group: String, name: String },
    Pools(Cluster),
    Pool(Cluster, String),
    PoolPut(Cluster, String),
    PoolDelete(Cluster, String),
    DeleteMachines(Cluster, String),
    Machines(Cluster, String),
    Machine(Cluster, String, String),
    MachinePut(Cluster, String, String),
    Vms { group: String },
    Vm { group: String, name: String },
    VmInstanceView { group: String, name: String },
    VmDelete { group: String, name: String },
    VmPowerOff { group: String, name: String },
    VmStart { group: String, name: String },
    VmRestart { group: String, name: String },
    VmSimulateEviction { group: String, name: String },
    Nics { group: String },
    Nic { group: String, name: String },
    Vnets { group: String },
    Vnet { group: String, name: String },
    VnetPut { group: String, name: String },
    VnetDelete { group: String, name: String },
    Subnets { group: String, vnet: String },
    Subnet { group: String, vnet: String, name: String },
    SubnetPut { group: String, vnet: String, name: String },
    SubnetDelete { group: String, vnet: String, name: String },
}

/// A managed cluster, as a path names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) group: String,
    pub(super) name: String,
}

impl Route {
    /// The name under which the call is counted, and by which faults select it.
    pub(super) const fn operation(&self) -> &'static str {
        match self {
            Self::Skus => "skus.list",
            Self::Usages { .. } => "usages.list",
            Self::NodeImageVersions { .. } => "nodeImageVersions.list",
            Self::Locations => "locations.list",
            Self::Subscription => "subscriptions.get",
            Self::Subscriptions => "subscriptions.list",
            Self::ResourceGroups => "resourceGroups.list",
            Self::ResourceGroup { .. } => "resourceGroups.get",
            Self::ResourceGroupExists { .. } => "resourceGroups.exists",
            Self::ResourceGraph => "resourceGraph.query",
            Self::Operation { .. } => "operations.get",
            Self::OperationResult { .. } => "operationResults.get",
            Self::Clusters | Self::ClustersOfGroup { .. } => "managedClusters.list",
            Self::Cluster { .. } => "managedClusters.get",
            Self::ClusterPut { .. } => "managedClusters.put",
            Self::UpgradeProfile { .. } => "managedClusters.upgradeProfile",
            Self::Pools(..) => "agentPools.list",
            Self::Pool(..) => "agentPools.get",
            Self::PoolPut(..) => "agentPools.put",
            Self::PoolDelete(..) => "agentPools.delete",
            Self::DeleteMachines(..) => "agentPools.deleteMachines",
            Self::Machines(..) => "machines.list",
            Self::Machine(..) => "machines.get",
            Self::MachinePut(..) => "machines.put",
            Self::Vms { .. } => "virtualMachines.list",
            Self::Vm { .. } => "virtualMachines.get",
            Self::VmInstanceView { .. } => "virtualMachines.instanceView",
            Self::VmDelete { .. } => "virtualMachines.delete",
            Self::VmPowerOff { .. } => "virtualMachines.powerOff",
            Self::VmStart { .. } => "virtualMachines.start",
            Self::VmRestart { .. } => "virtualMachines.restart",
            Self::VmSimulateEviction { .. } => "virtualMachines.simulateEviction",
            Self::Nics { .. } => "networkInterfaces.list",
            Self::Nic { .. } => "networkInterfaces.get",
            Self::Vnets { .. } => "virtualNetworks.list",
            Self::Vnet { .. } => "virtualNetworks.get",
            Self::VnetPut { .. } => "virtualNetworks.put",
            Self::VnetDelete { .. } => "virtualNetworks.delete",
            Self::Subnets { .. } => "subnets.list",
            Self::Subnet { .. } => "subnets.get",
            Self::SubnetPut { .. } => "subnets.put",
            Self::SubnetDelete { .. } => "subnets.delete",
        }
    }
}

/// A recognised path: the call, and the subscription that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Routed {
    pub(super) subscription: Option<String>,
    pub(super) route: Route,
}

/// The call that is meant, or `None` for one that is not modelled.
pub(super) fn route(method: &Method, path: &str) -> Option<Routed> {
    let given: Vec<String> = path.split('/').filter(|s| !s.is_empty()).map(decode).collect();
    let lower: Vec<String> = given.iter().map(|s| s.to_lowercase()).collect();
    let l: Vec<&str> = lower.iter().map(String::as_str).collect();
    let at = |i: usize| given[i].clone();
    match (method.as_str(), l.as_slice()) {
        ("POST", ["providers", "microsoft.resourcegraph", "resources"]) => {
            return Some(Routed { subscription: None, route: Route::ResourceGraph });
        }
        ("GET", ["subscriptions"]) => {
            return Some(Routed { subscription: None, route: Route::Subscriptions });
        }
        _ => {}
    }
    let ["subscriptions", _, rest @ ..] = l.as_slice() else {
        return None;
    };
    let route = match rest {
        ["resourcegroups", _, "providers", "microsoft.containerservice", "managedclusters", below @ ..] => {
            container_service(method, below, &given)
        }
        ["resourcegroups", _, "providers", "microsoft.compute", "virtualmachines", below @ ..] => {
            virtual_machines(method, below, &given)
        }
        ["resourcegroups", _, "providers", "microsoft.network", below @ ..] => network(method, below, &given),
        _ => match (method.as_str(), rest) {
            ("GET", []) => Some(Route::Subscription),
            ("GET", ["locations"]) => Some(Route::Locations),
            ("GET", ["resourcegroups"]) => Some(Route::ResourceGroups),
            ("GET", ["resourcegroups", _]) => Some(Route::ResourceGroup { name: at(3) }),
            ("HEAD", ["resourcegroups", _]) => Some(Route::ResourceGroupExists { name: at(3) }),
            ("GET", ["providers", "microsoft.compute", "skus"]) => Some(Route::Skus),
            ("GET", ["providers", "microsoft.compute", "locations", _, "usages"]) => {
                Some(Route::Usages { location: at(5) })
            }
            ("GET", ["providers", "microsoft.containerservice", "managedclusters"]) => Some(Route::Clusters),
            ("GET", ["providers", "microsoft.containerservice", "locations", _, "nodeimageversions"]) => {
                Some(Route::NodeImageVersions { location: at(5) })
            }
            (
                "GET",
                [
                    "providers",
                    "microsoft.containerservice" | "microsoft.compute" | "microsoft.network",
                    "locations",
                    _,
                    "operations",
                    _,
                ],
            ) => Some(Route::Operation { id: at(7) }),
            (
                "GET",
                [
                    "providers",
                    "microsoft.containerservice" | "microsoft.compute" | "microsoft.network",
                    "locations",
                    _,
                    "operationresults",
                    _,
                ],
            ) => Some(Route::OperationResult { id: at(7) }),
            _ => None,
        },
    }?;
    Some(Routed { subscription: Some(at(1)), route })
}

fn container_service(method: &Method, below: &[&str], given: &[String]) -> Option<Route> {
    let group = given[3].clone();
    let at = |i: usize| given[7 + i].clone();
    if below.is_empty() {
        return (method == Method::GET).then_some(Route::ClustersOfGroup { group });
    }
    let name = at(0);
    let cluster = Cluster { group: group.clone(), name: name.clone() };
    match (method.as_str(), below) {
        ("GET", [_]) => Some(Route::Cluster { group, name }),
        ("PUT", [_]) => Some(Route::ClusterPut { group, name }),
        ("GET", [_, "upgradeprofiles", "default"]) => Some(Route::UpgradeProfile { group, name }),
        ("GET", [_, "agentpools"]) => Some(Route::Pools(cluster)),
        ("GET", [_, "agentpools", _]) => Some(Route::Pool(cluster, at(2))),
        ("PUT", [_, "agentpools", _]) => Some(Route::PoolPut(cluster, at(2))),
        ("DELETE", [_, "agentpools", _]) => Some(Route::PoolDelete(cluster, at(2))),
        ("POST", [_, "agentpools", _, "deletemachines"]) => Some(Route::DeleteMachines(cluster, at(2))),
        ("GET", [_, "agentpools", _, "machines"]) => Some(Route::Machines(cluster, at(2))),
        ("GET", [_, "agentpools", _, "machines", _]) => Some(Route::Machine(cluster, at(2), at(4))),
        ("PUT", [_, "agentpools", _, "machines", _]) => Some(Route::MachinePut(cluster, at(2), at(4))),
        _ => None,
    }
}

fn virtual_machines(method: &Method, below: &[&str], given: &[String]) -> Option<Route> {
    let group = given[3].clone();
    if below.is_empty() {
        return (method == Method::GET).then_some(Route::Vms { group });
    }
    let name = given[7].clone();
    match (method.as_str(), below) {
        ("GET", [_]) => Some(Route::Vm { group, name }),
        ("DELETE", [_]) => Some(Route::VmDelete { group, name }),
        ("GET", [_, "instanceview"]) => Some(Route::VmInstanceView { group, name }),
        ("POST", [_, "poweroff"]) => Some(Route::VmPowerOff { group, name }),
        ("POST", [_, "start"]) => Some(Route::VmStart { group, name }),
        ("POST", [_, "restart"]) => Some(Route::VmRestart { group, name }),
        ("POST", [_, "simulateeviction"]) => Some(Route::VmSimulateEviction { group, name }),
        _ => None,
    }
}

fn network(method: &Method, below: &[&str], given: &[String]) -> Option<Route> {
    let group = given[3].clone();
    let at = |i: usize| given[6 + i].clone();
    match (method.as_str(), below) {
        ("GET", ["networkinterfaces"]) => Some(Route::Nics { group }),
        ("GET", ["networkinterfaces", _]) => Some(Route::Nic { group, name: at(1) }),
        ("GET", ["virtualnetworks"]) => Some(Route::Vnets { group }),
        ("GET", ["virtualnetworks", _]) => Some(Route::Vnet { group, name: at(1) }),
        ("PUT", ["virtualnetworks", _]) => Some(Route::VnetPut { group, name: at(1) }),
        ("DELETE", ["virtualnetworks", _]) => Some(Route::VnetDelete { group, name: at(1) }),
        ("GET", ["virtualnetworks", _, "subnets"]) => Some(Route::Subnets { group, vnet: at(1) }),
        ("GET", ["virtualnetworks", _, "subnets", _]) => Some(Route::Subnet { group, vnet: at(1), name: at(3) }),
        ("PUT", ["virtualnetworks", _, "subnets", _]) => Some(Route::SubnetPut { group, vnet: at(1), name: at(3) }),
        ("DELETE", ["virtualnetworks", _, "subnets", _]) => {
            Some(Route::SubnetDelete { group, vnet: at(1), name: at(3) })
        }
        _ => None,
    }
}

/// Percent-decoding of one segment; what is not valid stays as it is.
pub(super) fn decode(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).and_then(|h| std::str::from_utf8(h).ok());
        match (bytes[i], hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| segment.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const POOL: &str =
        "/subscriptions/S/resourceGroups/G/providers/Microsoft.ContainerService/managedClusters/C/agentPools/P";

    #[rstest]
    #[case("GET", "/subscriptions/S/providers/Microsoft.Compute/skus", "skus.list")]
    #[case("GET", "/subscriptions/S/providers/Microsoft.Compute/locations/eastus/usages", "usages.list")]
    #[case("GET", "/subscriptions/S/resourcegroups/G", "resourceGroups.get")]
    #[case("POST", "/providers/Microsoft.ResourceGraph/resources", "resourceGraph.query")]
    #[case("GET", &format!("{POOL}/machines/M"), "machines.get")]
    #[case("PUT", &format!("{POOL}/machines/M"), "machines.put")]
    #[case("POST", &format!("{POOL}/deleteMachines"), "agentPools.deleteMachines")]
    fn paths_in_any_case(#[case] method: &str, #[case] path: &str, #[case] operation: &str) {
        let method: Method = method.parse().unwrap();
        for path in [path.to_owned(), path.to_uppercase(), path.to_lowercase()] {
            assert_eq!(route(&method, &path).unwrap().route.operation(), operation, "{path}");
        }
    }

    #[test]
    fn names_keep_their_case_and_are_decoded() {
        let routed = route(&Method::GET, &format!("{POOL}/machines/My%20Machine")).unwrap();
        assert_eq!(routed.subscription.as_deref(), Some("S"));
        let cluster = Cluster { group: "G".into(), name: "C".into() };
        assert_eq!(routed.route, Route::Machine(cluster, "P".into(), "My Machine".into()));
    }

    #[rstest]
    #[case("DELETE", &format!("{POOL}/machines/M"))]
    #[case("GET", "/")]
    #[case("GET", "/subscriptions/S/providers/Microsoft.Storage/storageAccounts")]
    #[case("PATCH", "/subscriptions/S/resourceGroups/G")]
    #[case("GET", "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/loadBalancers")]
    fn what_is_not_modelled_has_no_route(#[case] method: &str, #[case] path: &str) {
        assert_eq!(route(&method.parse().unwrap(), path), None);
    }
}
