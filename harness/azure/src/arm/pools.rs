//! Agent pools: `Microsoft.ContainerService/managedClusters/agentPools`.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
use super::cluster::{aborted, busy};
use super::reply::Reply;
use crate::aks::is_system_pool;
use crate::documents::{ClusterState, Target, Verb};
use crate::world::World;

/// The key of a call's pool, or Azure's answer for one that does not exist.
pub(super) fn existing(world: &World, call: &Call) -> Result<String, Reply> {
    let [_, group, cluster, pool] = call.names();
    let key = pool.to_lowercase();
    if world.cluster().pools.contains_key(&key) {
        return Ok(key);
    }
    Err(Reply::not_found(&format!("Microsoft.ContainerService/managedClusters/{cluster}/agentPools"), pool, group))
}

/// Machines can only be put into a pool of mode Machines, and not while it or the cluster is being deleted.
pub(super) fn takes_machines(world: &World, pool: &str) -> Result<(), Reply> {
    let state = world.cluster();
    let target = Target::Pool(pool.to_owned());
    let deletion = state.activities.iter().find(|other| other.verb == Verb::Delete && other.blocks(&target));
    if let Some(deletion) = deletion {
        Err(busy(deletion))
    } else if state.pools.get(pool).is_some_and(|document| document["properties"]["mode"] == "Machines") {
        Ok(())
    } else {
        Err(Reply::bad_request(
            "OperationNotAllowed",
            &format!("Machines can only be created in an agent pool of mode Machines; '{pool}' has another mode."),
        ))
    }
}

pub(super) fn list_pools(world: &Arc<World>, _call: &Call) -> Result<Reply, Reply> {
    let pools: Vec<Value> = world.cluster().pools.values().cloned().collect();
    Ok(Reply::list(pools.into_iter().map(|pool| counted(world, pool)).collect()))
}

pub(super) fn get(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let key = existing(world, call)?;
    let document = world.cluster().pools.get(&key).cloned().unwrap_or_default();
    Ok(Reply::ok(&counted(world, document)))
}

pub(super) fn put(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, _, _, pool] = call.names();
    let body = call.object()?;
    let mut properties = match body.get("properties") {
        Some(Value::Object(map)) => map.clone(),
        _ => serde_json::Map::new(),
    };
    let valid = (1..=12).contains(&pool.len())
        && pool.starts_with(|c: char| c.is_ascii_lowercase())
        && pool.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !valid {
        return Err(Reply::bad_request(
            "InvalidParameter",
            &format!("The agent pool name '{pool}' is invalid: 1 to 12 lower case letters and digits, a letter first."),
        ));
    }
    if let Some(size) = properties.get("vmSize").and_then(Value::as_str)
        && world.catalogue.get(size).is_none()
    {
        return Err(Reply::bad_request(
            "VMSizeNotSupported",
            &format!("The VM size of {size} is not available in location {}.", world.config.location),
        ));
    }
    properties.insert("provisioningState".to_owned(), json!("Succeeded"));
    let document = json!({
        "id": format!("{}/agentPools/{pool}", world.config.cluster_id()),
        "name": pool,
        "type": "Microsoft.ContainerService/managedClusters/agentPools",
        "properties": properties,
    });
    let version = |document: &Value| document["properties"]["orchestratorVersion"].clone();
    let verb = match world.cluster().pools.get(pool) {
        None => Verb::Create,
        Some(before) if !version(&document).is_null() && version(before) != version(&document) => Verb::Upgrade,
        Some(_) => Verb::Update,
    };
    let change = |state: &mut ClusterState| drop(state.pools.insert(pool.to_owned(), document));
    let begun = world.begin(Target::Pool(pool.to_owned()), verb, change, |_| {}).map_err(|other| busy(&other))?;
    let mut document = world.cluster().pools.get(pool).cloned().unwrap_or_default();
    document["properties"]["provisioningState"] = json!(verb.state());
    let status = if verb == Verb::Create { StatusCode::CREATED } else { StatusCode::OK };
    let reply = Reply::json(status, &counted(world, document));
    Ok(reply.operation(world, "Microsoft.ContainerService", &begun.operation))
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let Ok(key) = existing(world, call) else { return Ok(Reply::empty(StatusCode::NO_CONTENT)) };
    if is_system_pool(&key) {
        return Err(Reply::error(
            StatusCode::BAD_REQUEST,
            "OperationNotAllowed",
            "There has to be at least one agent pool of mode System: it runs what AKS itself needs.",
        ));
    }
    let pool = key.clone();
    let end = move |state: &mut ClusterState| drop(state.pools.remove(&pool));
    let begun = world.begin(Target::Pool(key), Verb::Delete, |_| {}, end).map_err(|other| busy(&other))?;
    Ok(Reply::empty(StatusCode::ACCEPTED).operation(world, "Microsoft.ContainerService", &begun.operation))
}

pub(super) fn abort(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    Ok(aborted(world, &Target::Pool(existing(world, call)?)))
}

/// With the number of machines that it has at present.
fn counted(world: &World, mut document: Value) -> Value {
    if document["properties"]["mode"] == "Machines" {
        let name = document["name"].as_str().unwrap_or_default().to_owned();
        let count = world.fleet().vms.values().filter(|vm| vm.pool == name).count();
        document["properties"]["count"] = json!(count);
    }
    document
}
