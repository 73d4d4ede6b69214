//! Subscriptions, locations and resource groups: `Microsoft.Resources`.

use http::StatusCode;
use serde_json::{Value, json};

use super::reply::{Reply, list};
use crate::world::World;

const ZONES: [&str; 3] = ["1", "2", "3"];

pub(super) fn locations(world: &World) -> Reply {
    let config = &world.config;
    let location = &config.location;
    let mappings: Vec<Value> =
        ZONES.iter().map(|zone| json!({"logicalZone": zone, "physicalZone": format!("{location}-az{zone}")})).collect();
    Reply::ok(&list(vec![json!({
        "id": format!("/subscriptions/{}/locations/{location}", config.subscription_id),
        "name": location,
        "type": "Region",
        "displayName": location,
        "regionalDisplayName": location,
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

pub(super) fn subscription(world: &World) -> Reply {
    Reply::ok(&subscription_document(world))
}

pub(super) fn subscriptions(world: &World) -> Reply {
    Reply::ok(&list(vec![subscription_document(world)]))
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

pub(super) fn resource_groups(world: &World) -> Reply {
    let config = &world.config;
    Reply::ok(&list(vec![
        group_document(world, &config.resource_group),
        group_document(world, &config.node_resource_group),
    ]))
}

pub(super) fn resource_group(world: &World, name: &str) -> Result<Reply, Reply> {
    let known = group_exists(world, name)?;
    Ok(Reply::ok(&group_document(world, known)))
}

/// The group's name as configured, or Azure's answer for another.
pub(super) fn group_exists<'a>(world: &'a World, name: &str) -> Result<&'a str, Reply> {
    let config = &world.config;
    [&config.resource_group, &config.node_resource_group]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name))
        .map(String::as_str)
        .ok_or_else(|| {
            Reply::error(
                StatusCode::NOT_FOUND,
                "ResourceGroupNotFound",
                &format!("Resource group '{name}' could not be found."),
            )
        })
}
