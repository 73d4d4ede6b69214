//! Subscriptions, locations with their long-running operations, and resource groups.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
use super::reply::Reply;
use crate::api::OperationStatus;
use crate::images;
use crate::world::World;

pub(super) fn locations(world: &Arc<World>, _call: &Call) -> Result<Reply, Reply> {
    let config = &world.config;
    let location = &config.location;
    let zones = world.catalogue.zones();
    let display_name = world.catalogue.display_name();
    let mappings: Vec<Value> =
        zones.iter().map(|zone| json!({"logicalZone": zone, "physicalZone": format!("{location}-az{zone}")})).collect();
    Ok(Reply::list(vec![json!({
        "id": format!("/subscriptions/{}/locations/{location}", config.subscription_id),
        "name": location,
        "type": "Region",
        "displayName": display_name,
        "regionalDisplayName": display_name,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
        "availabilityZoneMappings": mappings,
    })]))
}

/// The one region that exists, or Azure's answer for another.
pub(super) fn offered(world: &World, location: &str, what: &str) -> Result<(), Reply> {
    let known = &world.config.location;
    if location.eq_ignore_ascii_case(known) {
        Ok(())
    } else {
        Err(Reply::bad_request(
            "NoRegisteredProviderFound",
            &format!(
                "No registered resource provider found for location '{location}' for type '{what}'. The supported \
                 locations are '{known}'."
            ),
        ))
    }
}

pub(super) fn node_image_versions(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, location] = call.names();
    offered(world, location, "Microsoft.ContainerService/locations/nodeImageVersions")?;
    Ok(Reply::ok(&images::node_image_versions(&world.image_version())))
}

pub(super) fn operation(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, _, _, id] = call.names();
    let mut body = world.operations().body(id).ok_or_else(|| no_operation(id))?;
    body["id"] = json!(format!(
        "/subscriptions/{}/providers/Microsoft.ContainerService/locations/{}/operations/{id}",
        world.config.subscription_id, world.config.location
    ));
    Ok(Reply::ok(&body))
}

pub(super) fn operation_result(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, _, _, id] = call.names();
    let operations = world.operations();
    match operations.status(id).ok_or_else(|| no_operation(id))? {
        OperationStatus::InProgress => {
            Ok(Reply::empty(StatusCode::ACCEPTED).operation(world, "Microsoft.ContainerService", id))
        }
        OperationStatus::Succeeded => Ok(Reply::empty(StatusCode::NO_CONTENT)),
        OperationStatus::Failed(error) => Err(Reply::error(StatusCode::CONFLICT, &error.code, &error.message)),
        OperationStatus::Canceled => {
            Err(Reply::error(StatusCode::CONFLICT, "OperationAborted", "The operation was aborted."))
        }
    }
}

fn no_operation(id: &str) -> Reply {
    Reply::error(StatusCode::NOT_FOUND, "NotFound", &format!("The operation '{id}' was not found."))
}

fn subscription_document(world: &World) -> Value {
    let config = &world.config;
    json!({
        "id": format!("/subscriptions/{}", config.subscription_id),
        "subscriptionId": config.subscription_id,
        "tenantId": config.tenant_id,
        "displayName": "Simulated Azure",
        "state": "Enabled",
    })
}

pub(super) fn subscription(world: &Arc<World>, _call: &Call) -> Result<Reply, Reply> {
    Ok(Reply::ok(&subscription_document(world)))
}

pub(super) fn subscriptions(world: &Arc<World>, _call: &Call) -> Result<Reply, Reply> {
    Ok(Reply::list(vec![subscription_document(world)]))
}

/// Azure's answer for another subscription than the one that exists.
pub(super) fn subscription_exists(world: &World, call: &Call) -> Result<(), Reply> {
    let [subscription] = call.names();
    if subscription.eq_ignore_ascii_case(&world.config.subscription_id) {
        return Ok(());
    }
    Err(Reply::error(
        StatusCode::NOT_FOUND,
        "SubscriptionNotFound",
        &format!("The subscription '{subscription}' could not be found."),
    ))
}

fn group_document(world: &World, name: &str) -> Value {
    let config = &world.config;
    let mut document = json!({
        "id": format!("/subscriptions/{}/resourceGroups/{name}", config.subscription_id),
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": config.location,
        "properties": {"provisioningState": "Succeeded"},
    });
    if name.eq_ignore_ascii_case(&config.node_resource_group) {
        document["managedBy"] = json!(config.cluster_id());
    }
    document
}

pub(super) fn resource_groups(world: &Arc<World>, _call: &Call) -> Result<Reply, Reply> {
    let config = &world.config;
    let groups = [&config.resource_group, &config.node_resource_group];
    Ok(Reply::list(groups.map(|group| group_document(world, group)).to_vec()))
}

pub(super) fn resource_group(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group] = call.names();
    let config = &world.config;
    // As configured, in whatever case the caller wrote it.
    let is_nodes = group.eq_ignore_ascii_case(&config.node_resource_group);
    let known = if is_nodes { &config.node_resource_group } else { &config.resource_group };
    Ok(Reply::ok(&group_document(world, known)))
}

/// Azure's answer for another resource group than the two that exist.
pub(super) fn group_exists(world: &World, call: &Call) -> Result<(), Reply> {
    subscription_exists(world, call)?;
    let [_, group] = call.names();
    let config = &world.config;
    if [&config.resource_group, &config.node_resource_group].iter().any(|known| known.eq_ignore_ascii_case(group)) {
        return Ok(());
    }
    Err(Reply::error(
        StatusCode::NOT_FOUND,
        "ResourceGroupNotFound",
        &format!("Resource group '{group}' could not be found."),
    ))
}
