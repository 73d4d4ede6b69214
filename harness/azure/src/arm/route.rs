//! From method and path to the call that is meant.

use std::sync::Arc;

use http::{Method, StatusCode};

use super::call::{Call, decode};
use super::reply::Reply;
use super::{cluster, compute, graph, locations, machines, network, nics, pools};
use crate::world::World;

type Handler = fn(&Arc<World>, &Call) -> Result<Reply, Reply>;

/// Checks that what the calls of a group are about exists.
type Check = fn(&World, &Call) -> Result<(), Reply>;

/// A modelled call: its method, its path below that of the group, the name under which it is counted and by which faults select it,
/// and its handler.
type Row = (&'static str, &'static str, &'static str, Handler);

/// The modelled calls in groups with a common path. `*` stands for a name that the caller gives.
const CALLS: [(&str, Check, &[Row]); 6] = [
    (
        "",
        |_, _| Ok(()),
        &[
            ("GET", "subscriptions", "subscriptions.list", locations::subscriptions),
            ("POST", "providers/microsoft.resourcegraph/resources", "resourceGraph.query", graph::query),
        ],
    ),
    (
        "subscriptions/*",
        locations::subscription_exists,
        &[
            ("GET", "", "subscriptions.get", locations::subscription),
            ("GET", "locations", "locations.list", locations::locations),
            ("GET", "resourcegroups", "resourceGroups.list", locations::resource_groups),
            ("GET", "providers/*/locations/*/operations/*", "operations.get", locations::operation),
            ("GET", "providers/*/locations/*/operationresults/*", "operationResults.get", locations::operation_result),
            ("GET", "providers/microsoft.compute/skus", "skus.list", compute::skus),
            ("GET", "providers/microsoft.compute/locations/*/usages", "usages.list", compute::usages),
            ("GET", "providers/microsoft.containerservice/managedclusters", "managedClusters.list", cluster::list_all),
            (
                "GET",
                "providers/microsoft.containerservice/locations/*/nodeimageversions",
                "nodeImageVersions.list",
                locations::node_image_versions,
            ),
        ],
    ),
    (
        "subscriptions/*/resourcegroups/*",
        locations::group_exists,
        &[
            ("GET", "", "resourceGroups.get", locations::resource_group),
            ("HEAD", "", "resourceGroups.exists", |_, _| Ok(Reply::empty(StatusCode::NO_CONTENT))),
            (
                "GET",
                "providers/microsoft.containerservice/managedclusters",
                "managedClusters.list",
                cluster::list_of_group,
            ),
            ("PUT", "providers/microsoft.containerservice/managedclusters/*", "managedClusters.put", cluster::put),
        ],
    ),
    (
        "subscriptions/*/resourcegroups/*/providers/microsoft.containerservice/managedclusters/*",
        cluster::exists,
        &[
            ("GET", "", "managedClusters.get", cluster::get),
            ("DELETE", "", "managedClusters.delete", cluster::delete),
            ("POST", "abort", "managedClusters.abort", cluster::abort),
            ("GET", "upgradeprofiles/default", "managedClusters.upgradeProfile", cluster::upgrade_profile),
            ("GET", "agentpools", "agentPools.list", pools::list_pools),
            ("GET", "agentpools/*", "agentPools.get", pools::get),
            ("PUT", "agentpools/*", "agentPools.put", pools::put),
            ("DELETE", "agentpools/*", "agentPools.delete", pools::delete),
            ("POST", "agentpools/*/abort", "agentPools.abort", pools::abort),
            ("POST", "agentpools/*/deletemachines", "agentPools.deleteMachines", machines::delete_machines),
            ("GET", "agentpools/*/machines", "machines.list", machines::list_machines),
            ("GET", "agentpools/*/machines/*", "machines.get", machines::get),
            ("PUT", "agentpools/*/machines/*", "machines.put", machines::put),
        ],
    ),
    (
        "subscriptions/*/resourcegroups/*/providers/microsoft.compute/virtualmachines",
        locations::group_exists,
        &[
            ("GET", "", "virtualMachines.list", compute::list_vms),
            ("GET", "*", "virtualMachines.get", compute::get),
            ("DELETE", "*", "virtualMachines.delete", compute::delete),
            ("GET", "*/instanceview", "virtualMachines.instanceView", compute::instance_view),
            ("POST", "*/poweroff", "virtualMachines.powerOff", compute::power_off),
            ("POST", "*/start", "virtualMachines.start", compute::start),
            ("POST", "*/restart", "virtualMachines.restart", compute::restart),
            ("POST", "*/simulateeviction", "virtualMachines.simulateEviction", compute::simulate_eviction),
        ],
    ),
    (
        "subscriptions/*/resourcegroups/*/providers/microsoft.network",
        locations::group_exists,
        &[
            ("GET", "networkinterfaces", "networkInterfaces.list", nics::list),
            ("GET", "networkinterfaces/*", "networkInterfaces.get", nics::get),
            ("PUT", "networkinterfaces/*", "networkInterfaces.put", nics::put),
            ("DELETE", "networkinterfaces/*", "networkInterfaces.delete", nics::delete),
            ("GET", "virtualnetworks", "virtualNetworks.list", network::vnets),
            ("GET", "virtualnetworks/*", "virtualNetworks.get", network::vnet),
            ("PUT", "virtualnetworks/*", "virtualNetworks.put", network::put_vnet),
            ("DELETE", "virtualnetworks/*", "virtualNetworks.delete", network::delete_vnet),
            ("GET", "virtualnetworks/*/subnets", "subnets.list", network::subnets),
            ("GET", "virtualnetworks/*/subnets/*", "subnets.get", network::subnet),
            ("PUT", "virtualnetworks/*/subnets/*", "subnets.put", network::put_subnet),
            ("DELETE", "virtualnetworks/*/subnets/*", "subnets.delete", network::delete_subnet),
        ],
    ),
];

/// The names of every modelled call, by which a throttle selects them.
pub fn operations() -> Vec<&'static str> {
    let mut all: Vec<&str> = CALLS.iter().flat_map(|(_, _, calls)| calls.iter().map(|call| call.2)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// A recognised call.
pub(super) struct Route {
    /// The name under which it is counted, and by which faults select it.
    pub(super) operation: &'static str,
    /// What the path names, in the case in which the caller wrote it; comparing is the handlers' work.
    pub(super) names: Vec<String>,
    pub(super) check: Check,
    pub(super) handler: Handler,
}

/// The call that is meant, or `None` for one that is not modelled.
pub(super) fn route(method: &Method, path: &str) -> Option<Route> {
    let given: Vec<String> = segments(path).map(decode).collect();
    for (parent, check, calls) in CALLS {
        for (_, below, operation, handler) in calls.iter().filter(|(wanted, ..)| method == wanted) {
            let pattern = || segments(parent).chain(segments(below));
            let same = |(part, segment): (&str, &String)| part == "*" || segment.eq_ignore_ascii_case(part);
            if pattern().count() == given.len() && pattern().zip(&given).all(same) {
                let names = pattern().zip(&given).filter(|(part, _)| *part == "*");
                let names = names.map(|(_, segment)| segment.clone()).collect();
                return Some(Route { operation, names, check, handler: *handler });
            }
        }
    }
    None
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
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
            assert_eq!(route(&method, &path).unwrap().operation, operation, "{path}");
        }
    }

    #[test]
    fn names_keep_their_case_and_are_decoded() {
        let route = route(&Method::GET, &format!("{POOL}/machines/My%20Machine")).unwrap();
        assert_eq!(route.names, ["S", "G", "C", "P", "My Machine"]);
    }

    #[rstest]
    #[case("DELETE", &format!("{POOL}/machines/M"))]
    #[case("GET", "/")]
    #[case("GET", "/subscriptions/S/providers/Microsoft.Storage/storageAccounts")]
    #[case("PATCH", "/subscriptions/S/resourceGroups/G")]
    #[case("GET", "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/loadBalancers")]
    fn what_is_not_modelled_has_no_route(#[case] method: &str, #[case] path: &str) {
        assert!(route(&method.parse().unwrap(), path).is_none());
    }
}
