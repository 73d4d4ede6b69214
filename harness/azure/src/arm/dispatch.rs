//! The path of every call: outage, token, route, throttling; then its handler.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;

use super::call::Call;
use super::reply::{Reply, bearer};
use super::route::{Cluster, Route, Routed, route};
use super::{cluster, compute, graph, locations, machines, network, pools};
use crate::facts::FactKind;
use crate::operations::OperationStatus;
use crate::world::World;
use harness_simulation::ArmFaultMode;

/// Bytes of a request body at most. Azure's own limit.
const BODY_LIMIT: usize = 4 << 20;

/// The name under which calls are counted that are not modelled.
const UNMODELLED: &str = "unmodelled";

pub(crate) enum Dispatched {
    Reply(Reply),
    /// Close the connection without an answer.
    Refuse,
}

pub(crate) async fn dispatch<B>(world: &Arc<World>, request: Request<B>) -> Dispatched
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let method = parts.method;
    let path = parts.uri.path().to_owned();
    let routed = route(&method, &path);
    let operation = routed.as_ref().map_or(UNMODELLED, |r| r.route.operation());

    let outage = world.faults().outage(&world.facts);
    let reply = match outage {
        Some(ArmFaultMode::Refused) => {
            // 0: no status was sent.
            world.counters.request(operation, 0);
            return Dispatched::Refuse;
        }
        Some(ArmFaultMode::Unavailable) => Reply::unavailable(),
        None if !bearer(&parts.headers).is_some_and(|t| world.tokens.knows(t)) => Reply::unauthorized(),
        None => match routed {
            None => unmodelled(world, &method, &path),
            Some(routed) => {
                let throttle = world.faults().throttle(&world.facts, world.behaviour().seed, operation);
                match throttle {
                    Some(retry_after_s) => {
                        world.facts.push(FactKind::Throttled { operation: operation.to_owned(), retry_after_s });
                        Reply::throttled(retry_after_s)
                    }
                    None => match Limited::new(body, BODY_LIMIT).collect().await {
                        Ok(collected) => {
                            let call = Call {
                                headers: parts.headers,
                                query: parts.uri.query().unwrap_or_default().to_owned(),
                                body: collected.to_bytes(),
                            };
                            handle(world, routed, &call).unwrap_or_else(|refusal| refusal)
                        }
                        Err(_) => Reply::error(
                            StatusCode::PAYLOAD_TOO_LARGE,
                            "RequestContentTooLarge",
                            "The request content is too large, or its transfer was broken off.",
                        ),
                    },
                }
            }
        },
    };
    world.counters.request(operation, reply.status.as_u16());
    tracing::debug!(%method, path, operation, status = reply.status.as_u16(), "call");
    Dispatched::Reply(reply)
}

fn unmodelled(world: &World, method: &Method, path: &str) -> Reply {
    if world.counters.unmodelled(method.as_str(), path) {
        tracing::warn!(%method, path, "a call that is not modelled was answered as unknown");
    }
    world.facts.push(FactKind::UnmodelledCall { method: method.as_str().to_owned(), path: path.to_owned() });
    Reply::unknown(method, path)
}

fn handle(world: &Arc<World>, routed: Routed, call: &Call) -> Result<Reply, Reply> {
    let config = &world.config;
    if !has_api_version(&call.query) {
        return Err(Reply::bad_request(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    }
    if let Some(subscription) = &routed.subscription
        && !subscription.eq_ignore_ascii_case(&config.subscription_id)
    {
        return Err(Reply::error(
            StatusCode::NOT_FOUND,
            "SubscriptionNotFound",
            &format!("The subscription '{subscription}' could not be found."),
        ));
    }
    match routed.route {
        Route::Skus => Ok(compute::skus(world, &call.query)),
        Route::Usages { location } => {
            locations::offered(world, &location, "Microsoft.Compute/locations/usages")?;
            Ok(compute::usages(world))
        }
        Route::NodeImageVersions { location } => {
            locations::offered(world, &location, "Microsoft.ContainerService/locations/nodeImageVersions")?;
            Ok(Reply::ok(&crate::images::node_image_versions(&world.image_version())))
        }
        Route::Locations => Ok(locations::locations(world)),
        Route::Subscription => Ok(locations::subscription(world)),
        Route::Subscriptions => Ok(locations::subscriptions(world)),
        Route::ResourceGroups => Ok(locations::resource_groups(world)),
        Route::ResourceGroup { name } => locations::resource_group(world, &name),
        Route::ResourceGroupExists { name } => {
            locations::resource_group(world, &name)?;
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        Route::ResourceGraph => graph::query(world, call),
        Route::Operation { id } => operation(world, &id),
        Route::OperationResult { id } => operation_result(world, &id),
        Route::Clusters => Ok(cluster::list_all(world)),
        Route::ClustersOfGroup { group } => cluster::list_of_group(world, &group),
        Route::Cluster { group, name } => cluster::get(world, &named(world, group, name)?),
        Route::ClusterPut { group, name } => cluster::put(world, &named(world, group, name)?, call),
        Route::UpgradeProfile { group, name } => cluster::upgrade_profile(world, &named(world, group, name)?),
        Route::Pools(c) => pools::list_pools(world, &checked(world, c)?),
        Route::Pool(c, pool) => pools::get(world, &checked(world, c)?, &pool),
        Route::PoolPut(c, pool) => pools::put(world, &checked(world, c)?, &pool, call),
        Route::PoolDelete(c, pool) => pools::delete(world, &checked(world, c)?, &pool),
        Route::DeleteMachines(c, pool) => machines::delete_machines(world, &checked(world, c)?, &pool, call),
        Route::Machines(c, pool) => machines::list_machines(world, &checked(world, c)?, &pool),
        Route::Machine(c, pool, machine) => machines::get(world, &checked(world, c)?, &pool, &machine),
        Route::MachinePut(c, pool, machine) => machines::put(world, &checked(world, c)?, &pool, &machine, call),
        Route::Vms { group } => compute::list_vms(world, &group),
        Route::Vm { group, name } => compute::get(world, &group, &name, &call.query),
        Route::VmInstanceView { group, name } => compute::instance_view(world, &group, &name),
        Route::VmDelete { group, name } => compute::delete(world, &group, &name),
        Route::VmPowerOff { group, name } => compute::power_off(world, &group, &name),
        Route::VmStart { group, name } => compute::start(world, &group, &name),
        Route::VmRestart { group, name } => compute::restart(world, &group, &name),
        Route::VmSimulateEviction { group, name } => compute::simulate_eviction(world, &group, &name),
        Route::Nics { group } => network::nics(world, &group),
        Route::Nic { group, name } => network::nic(world, &group, &name),
        Route::Vnets { group } => network::vnets(world, &group),
        Route::Vnet { group, name } => network::vnet(world, &group, &name),
        Route::VnetPut { group, name } => network::put_vnet(world, &group, &name, call),
        Route::VnetDelete { group, name } => network::delete_vnet(world, &group, &name),
        Route::Subnets { group, vnet } => network::subnets(world, &group, &vnet),
        Route::Subnet { group, vnet, name } => network::subnet(world, &group, &vnet, &name),
        Route::SubnetPut { group, vnet, name } => network::put_subnet(world, &group, &vnet, &name, call),
        Route::SubnetDelete { group, vnet, name } => network::delete_subnet(world, &group, &vnet, &name),
    }
}

fn has_api_version(query: &str) -> bool {
    query
        .split('&')
        .any(|p| p.split_once('=').is_some_and(|(k, v)| k.eq_ignore_ascii_case("api-version") && !v.is_empty()))
}

fn named(world: &World, group: String, name: String) -> Result<Cluster, Reply> {
    checked(world, Cluster { group, name })
}

/// The one managed cluster that exists, or Azure's answer for another.
fn checked(world: &World, cluster: Cluster) -> Result<Cluster, Reply> {
    locations::group_exists(world, &cluster.group)?;
    let config = &world.config;
    if cluster.group.eq_ignore_ascii_case(&config.resource_group)
        && cluster.name.eq_ignore_ascii_case(&config.cluster_name)
    {
        Ok(cluster)
    } else {
        Err(Reply::not_found("Microsoft.ContainerService/managedClusters", &cluster.name, &cluster.group))
    }
}

fn operation(world: &World, id: &str) -> Result<Reply, Reply> {
    match world.operations().body(id) {
        Some(mut body) => {
            body["id"] = format!(
                "/subscriptions/{}/providers/Microsoft.ContainerService/locations/{}/operations/{id}",
                world.config.subscription_id, world.config.location
            )
            .into();
            Ok(Reply::ok(&body))
        }
        None => Err(Reply::error(StatusCode::NOT_FOUND, "NotFound", &format!("The operation '{id}' was not found."))),
    }
}

fn operation_result(world: &World, id: &str) -> Result<Reply, Reply> {
    let operations = world.operations();
    match operations.status(id) {
        Some(OperationStatus::InProgress) => Ok(Reply::empty(StatusCode::ACCEPTED).operation(
            world.arm_base(),
            &world.config.subscription_id,
            "Microsoft.ContainerService",
            &world.config.location,
            id,
        )),
        Some(OperationStatus::Succeeded) => Ok(Reply::empty(StatusCode::NO_CONTENT)),
        Some(OperationStatus::Failed(error)) => Err(Reply::error(StatusCode::CONFLICT, &error.code, &error.message)),
        None => Err(Reply::error(StatusCode::NOT_FOUND, "NotFound", &format!("The operation '{id}' was not found."))),
    }
}
