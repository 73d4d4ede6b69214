//! Agent pools: `Microsoft.ContainerService/managedClusters/agentPools`.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
use super::reply::Reply;
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

/// Machines can only be put into a pool of mode Machines.
pub(super) fn takes_machines(world: &World, pool: &str) -> Result<(), Reply> {
    if world.cluster().pools.get(pool).is_some_and(|p| p["properties"]["mode"] == "Machines") {
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
    let existed = world.cluster().pools.insert(pool.to_owned(), document.clone()).is_some();
    let status = if existed { StatusCode::OK } else { StatusCode::CREATED };
    Ok(Reply::json(status, &counted(world, document)))
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let Ok(key) = existing(world, call) else { return Ok(Reply::empty(StatusCode::NO_CONTENT)) };
    let machines: Vec<String> = {
        let fleet = world.fleet();
        fleet.vms.iter().filter(|(_, vm)| vm.pool == key).map(|(name, _)| name.clone()).collect()
    };
    // The pool is removed immediately; the operation ends when its VMs are removed.
    let operation = if machines.is_empty() {
        world.operations().begin(0)
    } else {
        world.delete_machines(&key, &machines).unwrap_or_else(|_| world.operations().begin(0))
    };
    world.cluster().pools.remove(&key);
    Ok(Reply::empty(StatusCode::ACCEPTED).operation(world, "Microsoft.ContainerService", &operation))
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
