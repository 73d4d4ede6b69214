//! One look at what is on the cluster: which kinds, how they are listed, and what of each object matters.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::try_join_all;
use harness_azure::control::VmState;
use harness_cluster::{Cluster, flux, is_of_aks};
use harness_plan::ObjectAddress;
use harness_record::event::{Inventory, InventoryMoment, InventoryObject, InventoryVm};
use harness_units::Span;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::discovery::{ApiCapabilities, pinned_kind, verbs};
use serde_json::Value;

use crate::requests::{repeated, repeated_within};
use crate::{RunError, labels};

/// How long one look may take.
const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// The kinds of which a look is taken: what decides which nodes there are, workloads with their volumes and addresses, and Flux's objects. What else
/// belongs to a workload or a Kustomization goes with it.
const KINDS: [(&str, &str, &str); 27] = [
    ("", "v1", NAMESPACE),
    ("", "v1", NODE),
    ("karpenter.sh", "v1", "NodePool"),
    ("karpenter.sh", "v1", NODE_CLAIM),
    ("karpenter.azure.com", "v1beta1", "AKSNodeClass"),
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "StatefulSet"),
    ("apps", "v1", "DaemonSet"),
    ("batch", "v1", JOB),
    ("batch", "v1", "CronJob"),
    ("policy", "v1", "PodDisruptionBudget"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler"),
    ("", "v1", "Service"),
    ("", "v1", "PersistentVolumeClaim"),
    ("", "v1", "PersistentVolume"),
    ("source.toolkit.fluxcd.io", "v1", "GitRepository"),
    ("source.toolkit.fluxcd.io", "v1", "OCIRepository"),
    ("source.toolkit.fluxcd.io", "v1", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "v1", "Bucket"),
    ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "v2", "HelmRelease"),
    ("image.toolkit.fluxcd.io", "v1", "ImageRepository"),
    ("image.toolkit.fluxcd.io", "v1", "ImagePolicy"),
    ("image.toolkit.fluxcd.io", "v1", "ImageUpdateAutomation"),
    ("notification.toolkit.fluxcd.io", "v1beta3", "Alert"),
    ("notification.toolkit.fluxcd.io", "v1beta3", "Provider"),
    ("notification.toolkit.fluxcd.io", "v1", "Receiver"),
];
const NAMESPACE: &str = "Namespace";
const NODE: &str = "Node";
pub(super) const NODE_CLAIM: &str = "NodeClaim";
pub(super) const JOB: &str = "Job";
/// The field manager of the autoscaler, which writes the subresource `scale` (kubernetes `pkg/controller/podautoscaler/horizontal.go`); people do that
/// as `kubectl`.
const AUTOSCALER: &str = "kube-controller-manager";

/// Namespaces that every cluster has: a tree may declare them.
const OF_THE_CLUSTER: [&str; 5] = ["default", "flux-system", "kube-node-lease", "kube-public", "kube-system"];

/// The objects of a kind; `None` where the run may not list them.
type Listed = Option<Vec<DynamicObject>>;

/// What the API server listed at one moment.
pub(super) struct Look(Vec<(GroupVersionKind, Listed)>);

impl Look {
    /// Lists what a look is taken of.
    ///
    /// # Errors
    /// The API server does not answer, or refuses for another reason than that the run may not list a kind.
    pub(super) async fn take(client: &Client) -> Result<Self, RunError> {
        let kinds = KINDS.map(|(group, version, kind)| GroupVersionKind::gvk(group, version, kind));
        let lists = repeated_within(LOOK_LIMIT, "look at what is on the cluster", async || {
            try_join_all(kinds.iter().map(|kind| list(client, ApiResource::from_gvk(kind)))).await
        });
        let lists = lists.await?;
        Ok(Self(kinds.into_iter().zip(lists).collect()))
    }

    /// The objects that belong to somebody: neither to a run, to AKS nor to the harness, and not about to end by themselves. With `before`, only those
    /// that were there then.
    pub(super) fn inventory(&self, moment: InventoryMoment, before: Option<&Inventory>) -> Inventory {
        let of_a_run = self.namespaces_of_runs();
        let mut inventory = Inventory { moment, objects: Vec::new(), vms: Vec::new(), unread: BTreeSet::new() };
        for (GroupVersionKind { kind, .. }, listed) in &self.0 {
            let Some(objects) = listed else {
                inventory.unread.insert(kind.clone());
                continue;
            };
            for object in objects {
                let metadata = &object.metadata;
                if is_passing(kind, object)
                    || is_of_aks(kind, metadata)
                    || is_of_a_run(metadata)
                    || metadata.namespace.as_deref().is_some_and(|namespace| of_a_run.contains(namespace))
                {
                    continue;
                }
                let mut object = describe(kind, object);
                if is_of_the_harness(&object) {
                    continue;
                }
                let known = before.map(|before| before.objects.iter().find(|known| known.has_name_of(&object)));
                match known {
                    // It came during the run.
                    Some(None) => continue,
                    // Only of what somebody has changed it matters who.
                    Some(Some(known)) if known.generation == object.generation => object.written_by.clear(),
                    None => object.written_by.clear(),
                    Some(Some(_)) => {}
                }
                inventory.objects.push(object);
            }
        }
        inventory
    }

    fn namespaces_of_runs(&self) -> BTreeSet<&str> {
        let namespaces = self.0.iter().filter(|(kind, _)| kind.kind == NAMESPACE).flat_map(|(_, listed)| listed);
        let of_runs = namespaces.flatten().filter(|namespace| is_of_a_run(&namespace.metadata));
        of_runs.filter_map(|namespace| namespace.metadata.name.as_deref()).collect()
    }

    /// What has the name of an object that the run makes and is not a run's, and the kinds of such objects that the run may not list. Kinds that
    /// this look has not listed are listed now.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(super) async fn of_the_same_name(
        &self,
        made: &BTreeSet<ObjectAddress>,
        client: &Client,
    ) -> Result<(Vec<InventoryObject>, Vec<String>), RunError> {
        let mut by_kind: BTreeMap<(&str, &str), Vec<&ObjectAddress>> = BTreeMap::new();
        for at in made {
            by_kind.entry((&at.api_version, &at.kind)).or_default().push(at);
        }
        let doing = "look for objects of the names that the run gives to its own";
        let lists = repeated_within(LOOK_LIMIT, doing, async || {
            try_join_all(by_kind.keys().map(|(api_version, kind)| self.list_of(client, api_version, kind))).await
        });
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        for (((_, kind), made), listed) in by_kind.iter().zip(lists.await?) {
            match listed.as_deref() {
                Some(objects) => found.extend(of_these_names(kind, made, objects)),
                None => unread.push((*kind).to_owned()),
            }
        }
        Ok((found, unread))
    }

    /// The objects of any kind, as they were listed or are now.
    async fn list_of(&self, client: &Client, api_version: &str, kind: &str) -> Result<Cow<'_, Listed>, kube::Error> {
        let known = self.0.iter().find(|(known, _)| known.kind == kind && known.api_version() == api_version);
        match known {
            Some((_, listed)) => Ok(Cow::Borrowed(listed)),
            None => list_of_kind(client, api_version, kind).await.map(Cow::Owned),
        }
    }
}

/// The simulated Azure's VMs; none on a target without it. With `before`, only those that were there then.
///
/// # Errors
/// The simulated Azure does not answer.
pub(super) async fn vms(cluster: &Cluster, before: Option<&Inventory>) -> Result<Vec<InventoryVm>, RunError> {
    let Some(azure) = cluster.azure() else { return Ok(Vec::new()) };
    let vms = repeated("list the simulated Azure's VMs", async || azure.vms().await).await?;
    let there = vms.into_iter().filter(|record| record.state != VmState::Deleted).map(|record| InventoryVm {
        name: record.vm.name.clone(),
        instance: record.vm.instance,
        nodeclaim: record.vm.nodeclaim.clone(),
        nodepool: record.vm.nodepool.clone(),
    });
    Ok(there.filter(|vm| before.is_none_or(|before| before.vms.iter().any(|known| known.name == vm.name))).collect())
}

/// Those of `objects` with the name of one that the run makes, and not a run's.
fn of_these_names(
    kind: &str,
    made: &[&ObjectAddress],
    objects: &[DynamicObject],
) -> impl Iterator<Item = InventoryObject> {
    let is_made = |metadata: &ObjectMeta| {
        // The API server does not ask for the namespace of an object that has none.
        let is_there = |at: &ObjectAddress| metadata.namespace.is_none() || at.namespace == metadata.namespace;
        made.iter().any(|at| metadata.name.as_ref() == Some(&at.name) && is_there(at))
    };
    let stays = |metadata: &ObjectMeta| metadata.deletion_timestamp.is_none() && !is_of_a_run(metadata);
    let found = objects.iter().filter(move |object| stays(&object.metadata) && is_made(&object.metadata));
    let found = found.map(move |object| describe(kind, object));
    // A tree may declare the namespaces that every cluster has.
    let is_shared = move |object: &InventoryObject| {
        is_of_the_harness(object) || kind == NAMESPACE && OF_THE_CLUSTER.contains(&object.name.as_str())
    };
    found.filter(move |object| !is_shared(object))
}

/// The objects of a kind. A kind that is not served has none.
async fn list(client: &Client, kind: ApiResource) -> Result<Listed, kube::Error> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &kind);
    let everything = ListParams::default();
    let listed = match kind.kind.as_str() {
        // Of these more than the metadata matters.
        NODE | NODE_CLAIM | JOB => api.list(&everything).await.map(|list| list.items),
        _ => api.list_metadata(&everything).await.map(|list| {
            let object = |metadata| DynamicObject { types: None, metadata, data: Value::Null };
            list.items.into_iter().map(|found| object(found.metadata)).collect()
        }),
    };
    match listed {
        Ok(objects) => Ok(Some(objects)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Some(Vec::new())),
        // The API server asks first who may, also where nothing is served.
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 405) => {
            let kind = GroupVersionKind::gvk(&kind.group, &kind.version, &kind.kind);
            Ok(served(client, &kind).await?.is_none().then(Vec::new))
        }
        Err(error) => Err(error),
    }
}

/// As [`list`], of any kind: the API server is asked first under which name it serves the kind.
async fn list_of_kind(client: &Client, api_version: &str, kind: &str) -> Result<Listed, kube::Error> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    match served(client, &GroupVersionKind::gvk(group, version, kind)).await? {
        // A kind without lists, such as TokenReview, keeps no objects.
        Some((kind, capabilities)) if capabilities.supports_operation(verbs::LIST) => list(client, kind).await,
        _ => Ok(Some(Vec::new())),
    }
}

/// How the API server serves a kind; `None` where it does not.
async fn served(
    client: &Client,
    kind: &GroupVersionKind,
) -> Result<Option<(ApiResource, ApiCapabilities)>, kube::Error> {
    match pinned_kind(client, kind).await {
        Ok(served) => Ok(Some(served)),
        Err(kube::Error::Discovery(_)) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether it ends without anybody's doing: it is being deleted, its owner decides over it, or it ends by itself.
fn is_passing(kind: &str, object: &DynamicObject) -> bool {
    let owned = object.metadata.owner_references.iter().flatten().any(|owner| owner.controller == Some(true));
    object.metadata.deletion_timestamp.is_some()
        || owned && !matches!(kind, NODE_CLAIM | NODE)
        || kind == JOB && object.data["spec"]["ttlSecondsAfterFinished"].is_number()
}

fn has_condition(object: &DynamicObject, kind: &str) -> bool {
    let conditions = object.data["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    conditions.iter().any(|condition| condition["type"] == kind && condition["status"] == "True")
}

fn is_of_a_run(metadata: &ObjectMeta) -> bool {
    metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(labels::RUN))
}

/// The two objects by which Flux applies the trees of runs.
fn is_of_the_harness(object: &InventoryObject) -> bool {
    matches!(object.kind.as_str(), "GitRepository" | "Kustomization")
        && object.namespace == flux::NAMESPACE
        && object.name == flux::NAME
}

fn describe(kind: &str, object: &DynamicObject) -> InventoryObject {
    let is_unready = match kind {
        NODE => !has_condition(object, "Ready"),
        NODE_CLAIM => !has_condition(object, "Registered"),
        _ => false,
    };
    let DynamicObject { metadata, data, .. } = object;
    let label = |name: &str| metadata.labels.as_ref()?.get(name).cloned();
    let owners = || metadata.owner_references.iter().flatten();
    let is_of_pool = matches!(kind, NODE_CLAIM | NODE);
    let written = metadata.managed_fields.iter().flatten();
    let (scaled, written): (Vec<_>, Vec<_>) =
        written.filter(|entry| entry.subresource.as_deref() != Some("status")).partition(|entry| {
            entry.subresource.as_deref() == Some("scale") && entry.manager.as_deref() == Some(AUTOSCALER)
        });
    let last = written.into_iter().max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    let created = metadata.creation_timestamp.as_ref().map(|time| time.0);
    InventoryObject {
        kind: kind.to_owned(),
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
        uid: metadata.uid.clone().unwrap_or_default(),
        generation: metadata.generation,
        nodepool: label(labels::NODEPOOL).filter(|_| is_of_pool).unwrap_or_default(),
        nodeclaim: owners().find(|it| it.kind == NODE_CLAIM).map(|it| it.name.clone()).unwrap_or_default(),
        is_unready,
        expires: created.and_then(|created| expiry(created, &data["spec"]["expireAfter"])),
        is_autoscaled: !scaled.is_empty(),
        written_at: last.and_then(|entry| Some(entry.time.as_ref()?.0)),
        applied_by: match labels::KUSTOMIZATION.map(label) {
            [Some(name), Some(namespace)] => format!("{namespace}/{name}"),
            _ => String::new(),
        },
        written_by: last.and_then(|entry| entry.manager.clone()).unwrap_or_default(),
    }
}

/// When a NodeClaim expires; `None` for `Never` and for what is not a duration.
fn expiry(created: Timestamp, after: &Value) -> Option<Timestamp> {
    let after: Span = after.as_str()?.parse().ok()?;
    created.checked_add(SignedDuration::try_from(after.as_duration()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn object(kind: &str, json: Value) -> (DynamicObject, InventoryObject) {
        let object: DynamicObject = serde_json::from_value(json).unwrap();
        let described = describe(kind, &object);
        (object, described)
    }

    fn controller() -> Value {
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "name": "a", "uid": "u", "controller": true})
    }

    #[test]
    fn what_a_comparison_needs_is_read_from_the_object() {
        let managed = |manager: &str, time: &str, subresource: Value| json!({"manager": manager, "time": time, "subresource": subresource, "operation": "Update"});
        let (_, claim) = object(
            "NodeClaim",
            json!({
                "metadata": {
                    "name": "mine-a", "uid": "u", "generation": 3, "creationTimestamp": "2026-01-01T00:00:00Z",
                    "labels": {
                        "karpenter.sh/nodepool": "mine",
                        "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "team",
                    },
                    "managedFields": [
                        managed("karpenter", "2026-01-01T00:00:01Z", Value::Null),
                        managed("kubectl-edit", "2026-01-01T00:00:02Z", Value::Null),
                        managed("karpenter", "2026-01-01T00:00:03Z", json!("status")),
                    ],
                },
                "spec": {"expireAfter": "720h0m0s"},
            }),
        );
        assert_eq!((claim.uid.as_str(), claim.generation, claim.nodepool.as_str()), ("u", Some(3), "mine"));
        assert_eq!((claim.written_by.as_str(), claim.applied_by.as_str()), ("kubectl-edit", "team/apps"));
        assert_eq!(claim.expires, Some("2026-01-31T00:00:00Z".parse().unwrap()));
        let node = json!({"metadata": {"name": "vm", "ownerReferences": [
            {"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "name": "mine-a", "uid": "u"},
        ]}});
        let (_, node) = object("Node", node);
        assert_eq!((node.nodeclaim.as_str(), node.is_unready), ("mine-a", true));
        let ready =
            json!({"metadata": {"name": "vm"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert!(!object("Node", ready).1.is_unready);
    }

    #[test]
    fn what_an_autoscaler_writes_is_told_from_what_others_write() {
        let entry = |manager: &str, subresource: Value, second: u32| {
            let time = format!("2026-01-01T00:00:0{second}Z");
            json!({"manager": manager, "time": time, "subresource": subresource, "operation": "Update"})
        };
        let described =
            |entries: &[Value]| object("Deployment", json!({"metadata": {"name": "shop", "managedFields": entries}})).1;
        let made = entry("kubectl", Value::Null, 1);
        let scaled = described(&[made.clone(), entry("kube-controller-manager", json!("scale"), 5)]);
        let at = |second: u32| Some(format!("2026-01-01T00:00:0{second}Z").parse().unwrap());
        assert_eq!((scaled.is_autoscaled, scaled.written_at, scaled.written_by.as_str()), (true, at(1), "kubectl"));
        let edited = entry("kubectl-edit", Value::Null, 3);
        let both = described(&[made.clone(), edited, entry("kube-controller-manager", json!("scale"), 5)]);
        assert_eq!((both.is_autoscaled, both.written_at, both.written_by.as_str()), (true, at(3), "kubectl-edit"));
        let by_hand = described(&[made, entry("kubectl", json!("scale"), 5)]);
        assert_eq!((by_hand.is_autoscaled, by_hand.written_at, by_hand.written_by.as_str()), (false, at(5), "kubectl"));
    }

    #[rstest]
    #[case::never(json!("Never"))]
    #[case::absent(Value::Null)]
    fn a_nodeclaim_without_an_end_does_not_expire(#[case] after: Value) {
        assert_eq!(expiry(Timestamp::UNIX_EPOCH, &after), None);
    }

    #[rstest]
    #[case::plain("Deployment", json!({"metadata": {"name": "a"}}), false)]
    #[case::going("Deployment", json!({"metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}}), true)]
    #[case::of_a_cronjob("Job", json!({"metadata": {"name": "a", "ownerReferences": [controller()]}}), true)]
    #[case::of_a_pool("NodeClaim", json!({"metadata": {"name": "a", "ownerReferences": [controller()]}}), false)]
    #[case::with_an_end("Job", json!({"metadata": {"name": "a"}, "spec": {"ttlSecondsAfterFinished": 5}}), true)]
    #[case::without_an_end("Job", json!({"metadata": {"name": "a"}, "spec": {}}), false)]
    fn what_ends_without_anybodys_doing_is_left_out(#[case] kind: &str, #[case] json: Value, #[case] expected: bool) {
        assert_eq!(is_passing(kind, &object(kind, json).0), expected);
    }
}
