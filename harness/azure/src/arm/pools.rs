//! Agent pools: `Microsoft.ContainerService/managedClusters/agentPools`.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::cluster::{aborted, busy, change_properties};
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

/// What a PUT cannot change.
const FIXED: [&str; 2] = ["provisioningState", "currentOrchestratorVersion"];

pub(super) fn put(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, _, _, pool] = call.names();
    let body = call.object()?;
    let empty = Map::new();
    let wanted = body.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let valid = (1..=12).contains(&pool.len())
        && pool.starts_with(|c: char| c.is_ascii_lowercase())
        && pool.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !valid {
        return Err(Reply::bad_request(
            "InvalidParameter",
            &format!("The agent pool name '{pool}' is invalid: 1 to 12 lower case letters and digits, a letter first."),
        ));
    }
    if let Some(size) = wanted.get("vmSize").and_then(Value::as_str)
        && world.catalogue.get(size).is_none()
    {
        return Err(Reply::bad_request(
            "VMSizeNotSupported",
            &format!("The VM size of {size} is not available in location {}.", world.config.location),
        ));
    }
    let (verb, version) = {
        let state = world.cluster();
        let before = state.pools.get(pool).map(|document| &document["properties"]);
        let asked = wanted.get("orchestratorVersion").filter(|version| version.is_string()).cloned();
        match before {
            // The control plane's where nobody asks for another.
            None => (Verb::Create, asked.unwrap_or_else(|| json!(state.current_version()))),
            Some(before) => {
                let version = asked.unwrap_or_else(|| before["orchestratorVersion"].clone());
                // After an upgrade that has failed, the same version again is an upgrade too.
                let verb = match &before["currentOrchestratorVersion"] {
                    // Its creation has failed or was aborted.
                    Value::Null => Verb::Create,
                    current if version != *current => Verb::Upgrade,
                    _ => Verb::Update,
                };
                (verb, version)
            }
        }
    };
    let change = |state: &mut ClusterState| {
        let document = state.pools.entry(pool.to_owned()).or_insert_with(|| {
            json!({
                "id": format!("{}/agentPools/{pool}", world.config.cluster_id()),
                "name": pool,
                "type": "Microsoft.ContainerService/managedClusters/agentPools",
                "properties": {},
            })
        });
        change_properties(document, wanted, &FIXED);
        document["properties"]["orchestratorVersion"] = version.clone();
    };
    let (reached, upgraded) = (version.clone(), pool.to_owned());
    let end = move |state: &mut ClusterState| {
        if let Some(document) = state.pools.get_mut(&upgraded) {
            document["properties"]["currentOrchestratorVersion"] = reached;
        }
    };
    let begun = world.begin(Target::Pool(pool.to_owned()), verb, change, end).map_err(|other| busy(&other))?;
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
