//! The managed cluster: `Microsoft.ContainerService/managedClusters`.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::locations;
use super::reply::Reply;
use crate::aks;
use crate::api::Upgrade;
use crate::config::{next_patch, parse_version};
use crate::documents::{Activity, ClusterState, NetworkState, Outcome, Target, Verb};
use crate::lifecycle::Begun;
use crate::world::World;

/// The document with its agent pools.
pub(super) fn shown(world: &World) -> Value {
    let state = world.cluster();
    let mut document = state.cluster.clone();
    let profiles: Vec<Value> = state
        .pools
        .values()
        .map(|pool| {
            let mut profile = pool["properties"].clone();
            profile["name"] = pool["name"].clone();
            profile
        })
        .collect();
    document["properties"]["agentPoolProfiles"] = json!(profiles);
    document
}

/// Azure's answer for another managed cluster than the one that exists, and for that one once it is deleted.
pub(super) fn exists(world: &World, call: &Call) -> Result<(), Reply> {
    is_named(world, call)?;
    if world.cluster().is_deleted {
        let [_, group, name] = call.names();
        return Err(Reply::not_found("Microsoft.ContainerService/managedClusters", name, group));
    }
    Ok(())
}

/// That a call is about the one managed cluster that there is or was.
fn is_named(world: &World, call: &Call) -> Result<(), Reply> {
    locations::group_exists(world, call)?;
    let [_, group, name] = call.names();
    let config = &world.config;
    let is_named =
        group.eq_ignore_ascii_case(&config.resource_group) && name.eq_ignore_ascii_case(&config.cluster_name);
    if is_named { Ok(()) } else { Err(Reply::not_found("Microsoft.ContainerService/managedClusters", name, group)) }
}

pub(super) fn get(world: &Arc<World>, _call: &Call) -> Result<Reply, Reply> {
    Ok(Reply::ok(&shown(world)))
}

/// The document, unless the cluster is deleted.
pub(super) fn existing(world: &World) -> Vec<Value> {
    let is_deleted = world.cluster().is_deleted;
    if is_deleted { Vec::new() } else { vec![shown(world)] }
}

pub(super) fn list_all(world: &Arc<World>, _call: &Call) -> Result<Reply, Reply> {
    Ok(Reply::list(existing(world)))
}

pub(super) fn list_of_group(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let [_, group] = call.names();
    let has_it = group.eq_ignore_ascii_case(&world.config.resource_group);
    Ok(Reply::list(if has_it { existing(world) } else { Vec::new() }))
}

/// What a PUT cannot change.
const FIXED: [&str; 6] =
    ["provisioningState", "powerState", "currentKubernetesVersion", "nodeResourceGroup", "agentPoolProfiles", "fqdn"];

pub(super) fn put(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    is_named(world, call)?;
    let body = call.object()?;
    let location = body.get("location").and_then(Value::as_str);
    if location.is_some_and(|l| !l.eq_ignore_ascii_case(&world.config.location)) {
        return Err(Reply::error(
            StatusCode::CONFLICT,
            "InvalidResourceLocation",
            &format!(
                "The resource '{}' already exists in location '{}'.",
                world.config.cluster_name, world.config.location
            ),
        ));
    }
    let empty = Map::new();
    let wanted = body.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let (verb, version) = {
        let state = world.cluster();
        let version = match wanted_version(wanted) {
            _ if state.is_deleted => state.version(),
            Some((major, minor, patch)) => format!("{major}.{minor}.{patch}"),
            None => state.version(),
        };
        if !state.is_deleted {
            check_version(&state.cluster, wanted)?;
        }
        let verb = match () {
            () if state.is_deleted => Verb::Create,
            () if version != state.current_version() => Verb::Upgrade,
            () => Verb::Update,
        };
        (verb, version)
    };
    let change = |state: &mut ClusterState| {
        if verb == Verb::Create {
            let begun = state.begun;
            *state = ClusterState { begun, ..ClusterState::new(&world.config) };
        }
        change_properties(&mut state.cluster, wanted, &FIXED);
        for key in ["tags", "sku", "identity"] {
            if let Some(value) = body.get(key) {
                state.cluster[key] = value.clone();
            }
        }
        state.set_wanted_version(&version);
    };
    let reached = version.clone();
    let end = move |state: &mut ClusterState| state.set_version(&reached);
    let begun = world.begin(Target::Cluster, verb, change, end).map_err(|other| busy(&other))?;
    if verb == Verb::Create {
        aks::show_again(world);
    }
    let mut document = shown(world);
    document["properties"]["provisioningState"] = json!(verb.state());
    let status = if verb == Verb::Create { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Reply::json(status, &document).operation(world, "Microsoft.ContainerService", &begun.operation))
}

pub(super) fn delete(world: &Arc<World>, _call: &Call) -> Result<Reply, Reply> {
    let end = |state: &mut ClusterState| {
        state.is_deleted = true;
        state.pools.clear();
    };
    let begun = world.begin(Target::Cluster, Verb::Delete, |_| {}, end).map_err(|other| busy(&other))?;
    Ok(Reply::empty(StatusCode::ACCEPTED).operation(world, "Microsoft.ContainerService", &begun.operation))
}

pub(super) fn abort(world: &Arc<World>, _call: &Call) -> Result<Reply, Reply> {
    Ok(aborted(world, &Target::Cluster))
}

/// The answer to an abort of what goes on.
pub(super) fn aborted(world: &World, target: &Target) -> Reply {
    if !world.abort(target) {
        return Reply::empty(StatusCode::NO_CONTENT);
    }
    let operation = world.operations().begin(0);
    Reply::empty(StatusCode::ACCEPTED).operation(world, "Microsoft.ContainerService", &operation)
}

/// Azure's refusal of an operation that has to wait for another.
pub(super) fn busy(other: &Activity) -> Reply {
    Reply::error(StatusCode::CONFLICT, "OperationNotAllowed", &other.refusal())
}

fn wanted_version(wanted: &Map<String, Value>) -> Option<(u64, u64, u64)> {
    parse_version(wanted.get("kubernetesVersion")?.as_str()?)
}

/// AKS upgrades by at most one minor version at a time, and never downgrades.
fn check_version(current: &Value, wanted: &Map<String, Value>) -> Result<(), Reply> {
    let Some(wanted) = wanted.get("kubernetesVersion").and_then(Value::as_str) else {
        return Ok(());
    };
    let current = current["properties"]["kubernetesVersion"].as_str().unwrap_or_default();
    let Some(to) = parse_version(wanted) else {
        return Err(Reply::bad_request(
            "AgentPoolK8sVersionNotSupported",
            &format!("Version {wanted} is not supported in this region."),
        ));
    };
    match parse_version(current) {
        Some(from) if to < from || to.0 != from.0 || to.1 > from.1 + 1 => Err(Reply::bad_request(
            "OperationNotAllowed",
            &format!(
                "Upgrading Kubernetes version {current} to {wanted} is not allowed. Available upgrades: see the upgrade profile."
            ),
        )),
        _ => Ok(()),
    }
}

/// Gives a document the properties that a PUT names, and keeps the others and those that it cannot change.
pub(super) fn change_properties(document: &mut Value, wanted: &Map<String, Value>, fixed: &[&str]) {
    for (key, value) in wanted.iter().filter(|(key, _)| !fixed.contains(&key.as_str())) {
        merge(&mut document["properties"][key], value);
    }
}

/// Objects are merged key by key, everything else is replaced.
fn merge(kept: &mut Value, given: &Value) {
    match (kept, given) {
        (Value::Object(kept), Value::Object(given)) => {
            for (key, value) in given {
                merge(kept.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (kept, given) => *kept = given.clone(),
    }
}

pub(super) fn upgrade_profile(world: &Arc<World>, _call: &Call) -> Result<Reply, Reply> {
    let state = world.cluster();
    let version = state.version();
    let upgrades: Vec<Value> = match parse_version(&version) {
        Some((major, minor, patch)) => vec![
            json!({"kubernetesVersion": format!("{major}.{minor}.{}", patch + 1)}),
            json!({"kubernetesVersion": format!("{major}.{}.0", minor + 1)}),
        ],
        None => Vec::new(),
    };
    let pools: Vec<Value> = state
        .pools
        .values()
        .map(|pool| {
            json!({
                "name": pool["name"],
                "kubernetesVersion": pool["properties"]["orchestratorVersion"],
                "osType": "Linux",
                "upgrades": upgrades,
            })
        })
        .collect();
    Ok(Reply::ok(&json!({
        "id": format!("{}/upgradeProfiles/default", world.config.cluster_id()),
        "name": "default",
        "type": "Microsoft.ContainerService/managedClusters/upgradeProfiles",
        "properties": {
            "controlPlaneProfile": {"kubernetesVersion": version, "osType": "Linux", "upgrades": upgrades},
            "agentPoolProfiles": pools,
        },
    })))
}

impl World {
    /// Upgrades the control plane to the next patch version, as a PUT of the managed cluster does. After one that has failed this is the same version
    /// again.
    ///
    /// # Errors
    /// What goes on already.
    pub(crate) fn upgrade_kubernetes(self: &Arc<Self>) -> Result<Upgrade, Activity> {
        let next = next_patch(&self.cluster().current_version());
        let (wanted, reached) = (next.clone(), next.clone());
        let change = move |state: &mut ClusterState| state.set_wanted_version(&wanted);
        let end = move |state: &mut ClusterState| state.set_version(&reached);
        let Begun { operation, takes } = self.begin(Target::Cluster, Verb::Upgrade, change, end)?;
        Ok(Upgrade { version: next, takes: takes.into(), operation })
    }

    /// Puts the control plane back to the version of the start. AKS cannot do that: it is for the next run on the same
    /// cluster. Returns that version.
    pub(crate) fn reset_kubernetes(&self) -> String {
        let version = self.config.kubernetes_version.clone();
        self.abort(&Target::Cluster);
        {
            let mut state = self.cluster();
            state.set_version(&version);
            state.set_state(&Target::Cluster, Outcome::Succeeded.state());
        }
        self.kubernetes_changed(&version);
        version
    }

    /// Documents that callers may have changed, as at the start.
    pub(crate) fn reset_documents(&self) {
        let before = std::mem::replace(&mut *self.cluster(), ClusterState::new(&self.config));
        for activity in before.activities {
            self.operations().cancel(&activity.operation);
        }
        self.kubernetes_changed(&self.config.kubernetes_version);
        *self.network() = NetworkState::new(&self.config);
        aks::show_again(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1.36.3", "1.36.4", true)]
    #[case("1.36.3", "1.37.0", true)]
    #[case("1.36.3", "1.37", true)]
    #[case("1.36.3", "1.36.3", true)]
    #[case("1.36.3", "1.38.0", false)]
    #[case("1.36.3", "1.35.9", false)]
    #[case("1.36.3", "latest", false)]
    #[case("1.36.3", "1.36.3.1", false)]
    fn upgrades_go_one_minor_at_a_time(#[case] from: &str, #[case] to: &str, #[case] allowed: bool) {
        let current = json!({"properties": {"kubernetesVersion": from}});
        let Value::Object(wanted) = json!({"kubernetesVersion": to}) else { unreachable!() };
        assert_eq!(check_version(&current, &wanted).is_ok(), allowed);
    }

    #[test]
    fn a_put_changes_what_it_names_and_keeps_the_rest() {
        let mut kept = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        merge(&mut kept, &json!({"a": {"b": 3}, "d": [2, 3]}));
        assert_eq!(kept, json!({"a": {"b": 3, "c": 2}, "d": [2, 3]}));
    }
}
