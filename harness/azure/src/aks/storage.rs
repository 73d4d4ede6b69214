//! The storage of AKS: its storage classes, and the PersistentVolumes that the disk and file drivers make for the claims that ask for one.
//!
//! What the drivers' controllers do is in kubernetes-csi/external-provisioner (`pkg/controller/controller.go`) and in `CreateVolume` of
//! kubernetes-sigs/azuredisk-csi-driver (`pkg/azuredisk/controllerserver.go`). No disk exists: what matters is where a volume lets its pod run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use harness_units::Bytes;
use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::{CSIDriver, StorageClass};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::ClusterResourceScope;
use kube::runtime::controller::Action;
use kube::runtime::{Controller, watcher};
use kube::{Resource, ResourceExt};
use rand::RngExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{AksError, FIELD_MANAGER};
use crate::config::Config;
use crate::draws::child;
use crate::world::World;

/// The storage classes and drivers.
const OBJECTS: &str = include_str!("../../../../kind-config/aks/storage.yaml");
const DISK_DRIVER: &str = "disk.csi.azure.com";
const FILE_DRIVER: &str = "file.csi.azure.com";
/// Who is to make the volume of a claim: the volume controller of Kubernetes says so once a volume is wanted.
const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
/// The Node that the scheduler has chosen for the first pod of a claim.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// Who has made a volume.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// The zone of a Node as the disk driver writes it; empty outside of any.
const ZONE: &str = "topology.disk.csi.azure.com/zone";
/// The number of zones that a zone-redundant disk is said to be in, whatever the region has (`CreateVolume`).
const ZONES_MAX: u32 = 4;
/// The pause before another attempt.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

fn objects<K: Object>() -> Result<Vec<K>, AksError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(OBJECTS).map_err(|error| AksError::content(&error))?;
    let of_kind = documents.into_iter().filter(|document| document["kind"] == K::kind(&()).as_ref());
    of_kind.map(|document| Ok(serde_json::from_value(document)?)).collect()
}

/// A kind of object that is in no namespace.
trait Object:
    Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + Serialize + DeserializeOwned
{
}

impl Object for StorageClass {}
impl Object for CSIDriver {}

/// Applies the storage classes and drivers.
pub(super) async fn apply(client: &kube::Client) -> Result<(), AksError> {
    apply_all::<CSIDriver>(client).await?;
    apply_all::<StorageClass>(client).await
}

/// Deletes them. Volumes stay, as the objects of the cluster's user that they are.
pub(super) async fn delete(client: &kube::Client) -> Result<(), AksError> {
    delete_all::<StorageClass>(client).await?;
    delete_all::<CSIDriver>(client).await
}

async fn apply_all<K: Object>(client: &kube::Client) -> Result<(), AksError> {
    let api: Api<K> = Api::all(client.clone());
    for object in objects::<K>()? {
        let name = object.name_any();
        let applied = api.patch(&name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(&object)).await;
        applied.map_err(|source| AksError::request("apply", format!("{} {name}", K::kind(&())), source))?;
    }
    Ok(())
}

async fn delete_all<K: Object>(client: &kube::Client) -> Result<(), AksError> {
    let api: Api<K> = Api::all(client.clone());
    for object in objects::<K>()? {
        let name = object.name_any();
        let deleted = unless_gone(api.delete(&name, &DeleteParams::default()).await);
        deleted.map_err(|source| AksError::request("delete", format!("{} {name}", K::kind(&())), source))?;
    }
    Ok(())
}

fn unless_gone<T>(answer: kube::Result<T>) -> kube::Result<()> {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop),
    }
}

/// What a reconciliation needs.
struct Drivers {
    client: kube::Client,
    config: Config,
}

/// Makes the volume of each claim that waits for one of the drivers, and deletes it after its claim. Does not end.
pub(super) async fn provision(world: &World, client: kube::Client) {
    let drivers = Arc::new(Drivers { client: client.clone(), config: world.config.clone() });
    let claims: Api<PersistentVolumeClaim> = Api::all(client.clone());
    let claims = Controller::new(claims, watcher::Config::default()).run(
        |claim, drivers| async move { drivers.make_volume(&claim).await.map(|()| Action::await_change()) },
        |_, error, _| retry(error),
        Arc::clone(&drivers),
    );
    let volumes: Api<PersistentVolume> = Api::all(client);
    let volumes = Controller::new(volumes, watcher::Config::default()).run(
        |volume, drivers| async move { drivers.clear_away(&volume).await.map(|()| Action::await_change()) },
        |_, error, _| retry(error),
        drivers,
    );
    futures::join!(claims.for_each(async |_| {}), volumes.for_each(async |_| {}));
}

fn retry(error: &AksError) -> Action {
    tracing::warn!(%error, "trying again");
    Action::requeue(RETRY_PAUSE)
}

impl Drivers {
    async fn make_volume(&self, claim: &PersistentVolumeClaim) -> Result<(), AksError> {
        let spec = claim.spec.clone().unwrap_or_default();
        let driver = claim.annotations().get(PROVISIONER).map(String::as_str);
        let Some(driver) = driver.filter(|driver| [DISK_DRIVER, FILE_DRIVER].contains(driver)) else {
            return Ok(());
        };
        let is_done = spec.volume_name.is_some() || claim.metadata.deletion_timestamp.is_some();
        let Some(class) = spec.storage_class_name.as_deref().filter(|_| !is_done) else { return Ok(()) };
        let classes: Api<StorageClass> = Api::all(self.client.clone());
        let class = classes.get(class).await;
        let class = class.map_err(|source| AksError::request("read", "the StorageClass of a claim", source))?;
        let waits = class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer");
        let selected = claim.annotations().get(SELECTED_NODE);
        let zones = match (driver, redundancy(&class), waits, selected) {
            (_, _, true, None) => return Ok(()),
            (FILE_DRIVER, ..) => None,
            (_, Redundancy::Zones, ..) => Some(every_zone(&self.config.location)),
            (_, Redundancy::Local, true, Some(node)) => match self.zone_of(node).await? {
                Some(zone) => Some(vec![zone]),
                None => return self.choose_again(claim).await,
            },
            (_, Redundancy::Local, ..) => Some(vec![self.some_zone(claim, &class).await?]),
        };
        let volume = volume(claim, &class, driver, zones, &self.config)?;
        let volumes: Api<PersistentVolume> = Api::all(self.client.clone());
        match volumes.create(&PostParams::default(), &volume).await {
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            created => created.map(drop).map_err(|source| {
                AksError::request("create", format!("PersistentVolume {}", volume.name_any()), source)
            }),
        }
    }

    /// The zone of a Node as the driver writes it; `None` if the Node is gone.
    async fn zone_of(&self, node: &str) -> Result<Option<String>, AksError> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let found = nodes.get_opt(node).await;
        let found = found.map_err(|source| AksError::request("read", format!("Node {node}"), source))?;
        Ok(found.map(|node| node.labels().get(ZONE).cloned().unwrap_or_default()))
    }

    /// Has the scheduler choose another Node, as the provisioner does where it cannot make a volume for the one that was chosen.
    async fn choose_again(&self, claim: &PersistentVolumeClaim) -> Result<(), AksError> {
        let namespace = claim.namespace().unwrap_or_default();
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), &namespace);
        let patch = json!({"metadata": {"annotations": {SELECTED_NODE: null}}});
        let patched = claims.patch(&claim.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await;
        unless_gone(patched).map_err(|source| {
            AksError::request("patch", format!("PersistentVolumeClaim {namespace}/{}", claim.name_any()), source)
        })
    }

    /// The zone of a disk that is made before its first pod: one that the class allows, or else one of those that have Nodes; empty where no Node is in
    /// any.
    async fn some_zone(&self, claim: &PersistentVolumeClaim, class: &StorageClass) -> Result<String, AksError> {
        let terms = class.allowed_topologies.iter().flatten();
        let expressions = terms.flat_map(|term| term.match_label_expressions.iter().flatten());
        let mut values: BTreeSet<String> =
            expressions.filter(|it| it.key == ZONE).flat_map(|it| it.values.iter().cloned()).collect();
        if values.is_empty() {
            let nodes: Api<Node> = Api::all(self.client.clone());
            let nodes = nodes.list_metadata(&ListParams::default()).await;
            let nodes = nodes.map_err(|source| AksError::request("list", "the Nodes", source))?;
            values = nodes.items.iter().filter_map(|node| node.labels().get(ZONE)).cloned().collect();
        }
        Ok(pick_zone(values, self.config.behaviour.seed, &claim.name_any()))
    }

    /// Deletes a volume whose claim is gone, if its class said so.
    async fn clear_away(&self, volume: &PersistentVolume) -> Result<(), AksError> {
        let made_by = volume.annotations().get(PROVISIONED_BY).map(String::as_str);
        let is_own = made_by.is_some_and(|driver| [DISK_DRIVER, FILE_DRIVER].contains(&driver));
        let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
        let policy = volume.spec.as_ref().and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref());
        if !is_own
            || phase != Some("Released")
            || policy != Some("Delete")
            || volume.metadata.deletion_timestamp.is_some()
        {
            return Ok(());
        }
        let volumes: Api<PersistentVolume> = Api::all(self.client.clone());
        let name = volume.name_any();
        unless_gone(volumes.delete(&name, &DeleteParams::default()).await)
            .map_err(|source| AksError::request("delete", format!("PersistentVolume {name}"), source))
    }
}

/// How many zones have a copy of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Redundancy {
    /// One, or none.
    Local,
    /// Each.
    Zones,
}

/// By the disk's type; the driver reads the parameter's name and its alias whatever their case.
fn redundancy(class: &StorageClass) -> Redundancy {
    let parameters = class.parameters.iter().flatten();
    let mut types = parameters
        .filter(|(key, _)| ["skuname", "storageaccounttype"].iter().any(|name| key.eq_ignore_ascii_case(name)));
    let is_zonal = types.next().is_some_and(|(_, value)| value.to_ascii_lowercase().ends_with("zrs"));
    if is_zonal { Redundancy::Zones } else { Redundancy::Local }
}

/// One of these values that is a zone, or else none, which is the empty one: `PickAvailabilityZone` of the driver (`pkg/azureutils`).
fn pick_zone(values: BTreeSet<String>, seed: u64, claim: &str) -> String {
    let zones: Vec<String> = values.into_iter().filter(|value| !value.is_empty()).collect();
    let chosen = child(seed, "disk", claim, 0).random_range(0..zones.len().max(1));
    zones.into_iter().nth(chosen).unwrap_or_default()
}

/// The zones of a zone-redundant disk; Nodes outside of any can have it too.
fn every_zone(location: &str) -> Vec<String> {
    (1..=ZONES_MAX).map(|zone| format!("{location}-{zone}")).chain([String::new()]).collect()
}

/// The volume of a claim; `zones` says from where it can be reached, if not from everywhere.
fn volume(
    claim: &PersistentVolumeClaim,
    class: &StorageClass,
    driver: &str,
    zones: Option<Vec<String>>,
    config: &Config,
) -> Result<PersistentVolume, AksError> {
    let spec = claim.spec.clone().unwrap_or_default();
    let uid = claim.uid().unwrap_or_default();
    let name = format!("pvc-{uid}");
    let (namespace, claim_name) = (claim.namespace().unwrap_or_default(), claim.name_any());
    let requests = spec.resources.and_then(|resources| resources.requests).unwrap_or_default();
    let requested = requests.get("storage").and_then(|quantity| quantity.0.parse::<Bytes>().ok());
    // Azure sells whole GiB.
    let gib = requested.map_or(1, |requested| requested.0.div_ceil(1 << 30)).max(1);
    let terms = zones
        .into_iter()
        .flatten()
        .map(|zone| json!({"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}));
    let terms: Vec<Value> = terms.collect();
    let node_affinity = (!terms.is_empty()).then(|| json!({"required": {"nodeSelectorTerms": terms}}));
    let mut attributes: BTreeMap<String, String> = class.parameters.clone().unwrap_or_default();
    attributes.extend([
        ("csi.storage.k8s.io/pv/name".to_owned(), name.clone()),
        ("csi.storage.k8s.io/pvc/name".to_owned(), claim_name.clone()),
        ("csi.storage.k8s.io/pvc/namespace".to_owned(), namespace.clone()),
    ]);
    let group = format!("/subscriptions/{}/resourceGroups/{}", config.subscription_id, config.node_resource_group);
    let handle = match driver {
        FILE_DRIVER => format!("{}#{name}#", config.node_resource_group),
        _ => format!("{group}/providers/Microsoft.Compute/disks/{name}"),
    };
    Ok(serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: driver}},
        "spec": {
            "capacity": {"storage": format!("{gib}Gi")},
            "accessModes": spec.access_modes,
            "volumeMode": spec.volume_mode,
            "persistentVolumeReclaimPolicy": class.reclaim_policy.as_deref().unwrap_or("Delete"),
            "storageClassName": class.name_any(),
            "mountOptions": class.mount_options,
            "csi": {"driver": driver, "volumeHandle": handle, "volumeAttributes": attributes},
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "namespace": namespace, "name": claim_name, "uid": uid, "resourceVersion": claim.resource_version(),
            },
            "nodeAffinity": node_affinity,
        },
    }))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn claim() -> PersistentVolumeClaim {
        serde_json::from_value(json!({
            "metadata": {"name": "data-0", "namespace": "shop", "uid": "u1"},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "own", "resources": {"requests": {"storage": "1500Mi"}}},
        }))
        .unwrap()
    }

    fn class(parameters: Value) -> StorageClass {
        let class = json!({"metadata": {"name": "own"}, "provisioner": DISK_DRIVER, "parameters": parameters});
        serde_json::from_value(class).unwrap()
    }

    #[rstest]
    #[case(json!({}), Redundancy::Local)]
    #[case(json!({"skuName": "Premium_LRS"}), Redundancy::Local)]
    #[case(json!({"skuname": "StandardSSD_ZRS"}), Redundancy::Zones)]
    #[case(json!({"storageAccountType": "premium_zrs"}), Redundancy::Zones)]
    fn the_type_of_a_disk_says_where_its_copies_are(#[case] parameters: Value, #[case] expected: Redundancy) {
        assert_eq!(redundancy(&class(parameters)), expected);
    }

    #[test]
    fn a_volume_is_for_its_claim_and_for_the_nodes_that_can_reach_it() {
        let (claim, class, config) = (claim(), class(json!({"skuname": "Premium_LRS"})), Config::default());
        let made = volume(&claim, &class, DISK_DRIVER, Some(vec!["eastus-2".to_owned()]), &config).unwrap();
        let spec = serde_json::to_value(made.spec.unwrap()).unwrap();
        assert_eq!(made.metadata.name.as_deref(), Some("pvc-u1"));
        assert_eq!(spec["capacity"]["storage"], "2Gi");
        assert_eq!((&spec["claimRef"]["namespace"], &spec["claimRef"]["uid"]), (&json!("shop"), &json!("u1")));
        assert_eq!(spec["persistentVolumeReclaimPolicy"], "Delete");
        let terms = json!([{"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["eastus-2"]}]}]);
        assert_eq!(spec["nodeAffinity"]["required"]["nodeSelectorTerms"], terms);

        let redundant = volume(&claim, &class, DISK_DRIVER, Some(every_zone("eastus")), &config).unwrap();
        let terms = redundant.spec.unwrap().node_affinity.unwrap().required.unwrap().node_selector_terms;
        assert_eq!(terms.len(), 5, "four zones, and none");
        let share = volume(&claim, &class, FILE_DRIVER, None, &config).unwrap();
        assert!(share.spec.unwrap().node_affinity.is_none(), "a share can be reached from everywhere");
    }

    /// What upstream's suite expects where no Node is in a zone ("should schedule a pod with a regional PV whose CSI topology zone is empty").
    #[test]
    fn a_disk_without_a_zone_is_for_the_nodes_that_are_in_none() {
        let pick = |values: &[&str]| pick_zone(values.iter().map(|&value| value.to_owned()).collect(), 7, "data-0");
        assert_eq!([pick(&[]), pick(&[""])], ["", ""]);
        assert_eq!(pick(&["", "eastus-2"]), "eastus-2", "a Node that is in no zone does not count beside one that is");

        let (claim, class) = (claim(), class(json!({"skuname": "Standard_LRS"})));
        let made = volume(&claim, &class, DISK_DRIVER, Some(vec![pick(&[""])]), &Config::default()).unwrap();
        let affinity = serde_json::to_value(made.spec.unwrap().node_affinity).unwrap();
        let terms = json!([{"matchExpressions": [{"key": ZONE, "operator": "In", "values": [""]}]}]);
        assert_eq!(affinity["required"]["nodeSelectorTerms"], terms);
    }

    #[test]
    fn aks_has_nine_storage_classes_of_which_one_is_the_default() {
        let classes = objects::<StorageClass>().unwrap();
        assert_eq!(classes.len(), 9);
        let is_default = |class: &&StorageClass| {
            class.annotations().get("storageclass.kubernetes.io/is-default-class").is_some_and(|value| value == "true")
        };
        let default: Vec<String> = classes.iter().filter(is_default).map(ResourceExt::name_any).collect();
        assert_eq!(default, ["default"]);
        let drivers: Vec<String> = objects::<CSIDriver>().unwrap().iter().map(ResourceExt::name_any).collect();
        assert_eq!(drivers, [DISK_DRIVER, FILE_DRIVER]);
    }
}
