//! What is on the target and is not the run's. It is looked at before the run changes anything and after cleanup, and belongs to whoever made it:
//! the run keeps off it, does not count it, and is not started where it would change it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::try_join_all;
use harness_azure::control::{Client as AzureClient, VmState};
use harness_azure::facts::VmRef;
use harness_cluster::flux;
use harness_cluster::{Cluster, is_of_aks};
use harness_plan::{Action, ObjectAddress, Plan};
use harness_record::event::{Inventory, InventoryMoment, InventoryObject, InventoryVm};
use harness_record::{EventKind, owner};
use harness_simulation::{ClusterParts, FaultKind};
use harness_units::Span;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::discovery::{ApiCapabilities, pinned_kind, verbs};
use serde_json::Value;

use crate::hub::Hub;
use crate::objects::resource;
use crate::requests::{repeated, repeated_within};
use crate::{RunError, labels, scope};

/// How long one look may take.
const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// How many of the things that are in the way are named.
const NAMED_MAX: usize = 5;

/// The label with the name of the NodePool of a NodeClaim or Node.
pub(crate) const NODEPOOL: &str = "karpenter.sh/nodepool";
/// Flux marks what it applies with the Kustomization that it belongs to (fluxcd/pkg `ssa/manager.go`, `GetOwnerLabels`).
pub(crate) const KUSTOMIZATION: [&str; 2] =
    ["kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace"];

/// The kinds of which a look is taken: what decides which nodes there are, workloads, and Flux's objects. What belongs to a workload or a
/// Kustomization goes with it.
const KINDS: [(&str, &str, &str); 24] = [
    ("", "v1", "Namespace"),
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
const NODE: &str = "Node";
const NODE_CLAIM: &str = "NodeClaim";
const JOB: &str = "Job";
/// The field manager of the autoscaler, which writes the subresource `scale` (kubernetes `pkg/controller/podautoscaler/horizontal.go`); people do that
/// as `kubectl`.
const AUTOSCALER: &str = "kube-controller-manager";

/// Namespaces that every cluster has: a tree may declare them.
const OF_THE_CLUSTER: [&str; 5] = ["default", "flux-system", "kube-node-lease", "kube-public", "kube-system"];

/// Where the run's own facts and VMs start: the simulator may have served other runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    /// The newest fact of before the run.
    pub(crate) fact: u64,
    /// The newest VM of before the run.
    pub(crate) instance: u64,
}

impl Opening {
    /// The present.
    async fn read(client: &AzureClient) -> Result<Self, RunError> {
        let ledger = client.ledger(0).await.map_err(RunError::failed("read the simulated Azure's ledger"))?;
        Ok(Self { fact: ledger.fact, instance: ledger.instance })
    }
}

/// What is not the run's.
#[derive(Debug)]
pub(crate) struct Others {
    /// What was there before.
    before: Inventory,
    /// Where the run's own facts and VMs start; `None` on a target without the simulated Azure.
    pub(crate) opening: Option<Opening>,
    /// What AKS has put into the cluster; `None` on a target without the simulated Azure.
    parts: Option<ClusterParts>,
    /// The NodePools that the run brings into being.
    own_pools: BTreeSet<String>,
    /// What has a name that the run gives to an object of its own.
    same_names: Vec<InventoryObject>,
}

impl Others {
    /// Looks at what is there before the run changes anything, and records it. `made` are the objects that the run makes.
    ///
    /// # Errors
    /// The API server or Azure does not answer, or refuses for another reason than that the run may not list a kind.
    pub(crate) async fn look(
        plan: &Plan,
        made: &BTreeSet<ObjectAddress>,
        cluster: &Cluster,
        hub: &Hub,
    ) -> Result<Self, RunError> {
        let opening = match cluster.azure() {
            Some(azure) => Some(Opening::read(&azure).await?),
            None => None,
        };
        let parts = match cluster.azure() {
            Some(azure) => {
                Some(repeated("ask what AKS has put into the cluster", async || azure.cluster_parts().await).await?)
            }
            None => None,
        };
        let mut before = take(InventoryMoment::Before, cluster, None).await?;
        let (same_names, unread) = of_the_same_name(made, &cluster.client()).await?;
        before.unread.extend(unread);
        hub.record(EventKind::Inventory(before.clone()));
        let mut own_pools = scope::nodepools(plan);
        own_pools.extend(aks_pools(plan).filter(|pool| !is_there(&before, "NodePool", pool)).map(str::to_owned));
        Ok(Self { before, opening, parts, own_pools, same_names })
    }

    /// Looks at what became of it, and records that.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub(crate) async fn look_again(&self, cluster: &Cluster, hub: &Hub) -> Result<(), RunError> {
        let after = take(InventoryMoment::After, cluster, Some(&self.before)).await?;
        hub.record(EventKind::Inventory(after));
        Ok(())
    }

    /// What a cluster must be like for this plan, where this one is not: the run would change what is not its own.
    pub(crate) fn unmet(&self, plan: &Plan) -> Option<String> {
        let unmet = self.would_be_taken_over().or_else(|| self.applied_by_the_root());
        unmet.or_else(|| self.disturbs(plan)).or_else(|| self.has_other_parts(plan))
    }

    /// Flux would take over an object that the tree or a later commit has too, and delete it when the tree is restored.
    fn would_be_taken_over(&self) -> Option<String> {
        let named = names(self.same_names.iter())?;
        Some(format!(
            "a cluster without objects of the names in the tree that are not the run's: {named}; Flux would take them over and delete them at \
             the end: use another cluster, or another name"
        ))
    }

    /// A run replaces the content of the repository for as long as it lasts.
    fn applied_by_the_root(&self) -> Option<String> {
        let named = names(self.before.objects.iter().filter(|object| self.of_root(object)))?;
        Some(format!(
            "a cluster on which the Kustomization {}/{} applies nothing, since a run replaces what is in its repository: Flux would delete {named}; \
             apply these in another way, or use another cluster",
            flux::NAMESPACE,
            flux::NAME
        ))
    }

    fn of_root(&self, object: &InventoryObject) -> bool {
        object.applied_by == format!("{}/{}", flux::NAMESPACE, flux::NAME)
    }

    /// A new node image or version of Kubernetes makes Karpenter replace every node, and another price, whichever size it is of, those for which there
    /// are cheaper ones now. A zone goes away with every VM in it.
    fn disturbs(&self, plan: &Plan) -> Option<String> {
        let named = names(self.before.objects.iter().filter(|object| object.kind == NODE_CLAIM))?;
        let of_action = |action: &Action| match action {
            Action::PublishNodeImage(_) | Action::UpgradeKubernetes(_) => {
                Some(format!("with `{}` Karpenter would replace {named}", action.as_str()))
            }
            Action::AzurePrice(_) => Some(format!(
                "with `{}` Karpenter would replace those of {named} for which there are cheaper ones then",
                action.as_str()
            )),
            _ => None,
        };
        let of_fault = |kind: &FaultKind| match kind {
            FaultKind::ZoneOutage { zone } => {
                Some(format!("`{}` would stop the VMs of those of {named} that are in zone {zone}", kind.as_str()))
            }
            _ => None,
        };
        let would = plan.actions().find_map(|planned| of_action(&planned.action));
        let would = would.or_else(|| plan.faults().find_map(|fault| of_fault(&fault.kind)))?;
        Some(format!("a cluster without nodes that are not the run's: {would}; use another cluster"))
    }

    /// The pods of AKS's DaemonSets would come to the nodes of others, or go from them.
    fn has_other_parts(&self, plan: &Plan) -> Option<String> {
        let (wanted, there) = plan.azure.cluster.zip(self.parts).filter(|(wanted, there)| wanted != there)?;
        let named = names(self.before.objects.iter().filter(|object| object.kind == NODE_CLAIM))?;
        Some(format!(
            "a cluster without nodes that are not the run's, or one with `azure.cluster: {wanted}`: it is `{there}`, and the DaemonSets of AKS are on \
             {named} too: start another with `harness up --azure-cluster {wanted}`"
        ))
    }

    /// Whether a VM is the run's: Azure accepted it since, for a NodePool that the run brings into being. The controller gives the label of its NodePool
    /// to every VM that it makes for one, so that one without has somebody else made.
    pub(crate) fn owns(&self, vm: &VmRef) -> bool {
        let since = self.opening.is_none_or(|opening| vm.instance > opening.instance);
        since && self.own_pools.contains(&vm.nodepool)
    }

    /// The names of the VMs that are the run's and still there; `None` where all that there are are the run's.
    ///
    /// # Errors
    /// Azure does not answer.
    pub(crate) async fn own_vms(
        &self,
        azure: &AzureClient,
    ) -> Result<Option<Vec<String>>, harness_azure::control::ControlError> {
        let vms = azure.vms().await?.into_iter().filter(|record| record.state != VmState::Deleted);
        let (own, others): (Vec<_>, Vec<_>) = vms.partition(|record| self.owns(&record.vm));
        Ok((!others.is_empty()).then(|| own.into_iter().map(|record| record.vm.name.clone()).collect()))
    }

    /// The NodePools that the run's pods keep off: those that were there before, but for the ones that AKS makes itself, which are part of what is
    /// tested.
    pub(crate) fn pools_to_avoid(&self, plan: &Plan) -> Vec<String> {
        let pools = self.before.objects.iter().filter(|object| object.kind == "NodePool").map(|pool| &pool.name);
        pools.filter(|pool| !aks_pools(plan).any(|of_aks| of_aks == *pool)).cloned().collect()
    }

    /// Whether there were NodeClaims before.
    pub(crate) fn has_claims(&self) -> bool {
        self.before.objects.iter().any(|object| object.kind == NODE_CLAIM)
    }

    /// Selects the NodeClaims that are not the run's.
    pub(crate) fn claims_selector(&self) -> String {
        let own = Vec::from_iter(self.own_pools.iter().map(String::as_str)).join(",");
        if own.is_empty() { String::new() } else { format!("{NODEPOOL} notin ({own})") }
    }

    /// Whether a Kubernetes Event is about something that was there before, or belongs to it by its name.
    pub(crate) fn are_meant_by(&self, about: &ObjectReference) -> bool {
        let [kind, namespace, name] =
            [&about.kind, &about.namespace, &about.name].map(|it| it.as_deref().unwrap_or(""));
        self.before.objects.iter().any(|object| match (object.kind.as_str(), kind) {
            // A pool of the run may have a name that starts with that of another.
            ("NodePool", NODE_CLAIM) => owner(kind, name) == object.name,
            ("Deployment" | "StatefulSet" | "DaemonSet" | JOB | "CronJob", "Pod" | "ReplicaSet" | JOB) => {
                object.namespace == namespace && is_generated(name, &object.name)
            }
            // What Flux says of its sources and of the cluster's namespaces matters to every run.
            ("Namespace", _) => false,
            (own, _) => own == kind && object.namespace == namespace && object.name == name,
        })
    }
}

/// What has the name of an object that the run makes and is not a run's, and the kinds of such objects that the run may not list.
async fn of_the_same_name(
    made: &BTreeSet<ObjectAddress>,
    client: &Client,
) -> Result<(Vec<InventoryObject>, Vec<String>), RunError> {
    let doing = "look for objects of the names that the run gives to its own";
    let kinds: BTreeSet<(&str, &str)> = made.iter().map(|at| (at.api_version.as_str(), at.kind.as_str())).collect();
    let lists = repeated_within(LOOK_LIMIT, doing, async || {
        try_join_all(kinds.iter().map(|(api_version, kind)| list_of_kind(client, api_version, kind))).await
    });
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    for ((api_version, kind), listed) in kinds.iter().copied().zip(lists.await?) {
        let Some(objects) = listed else {
            unread.push(kind.to_owned());
            continue;
        };
        let of_kind = || made.iter().filter(|at| (at.api_version.as_str(), at.kind.as_str()) == (api_version, kind));
        // The API server does not ask for the namespace of an object that has none.
        let is_made = |object: &InventoryObject| {
            let is_there =
                |at: &ObjectAddress| object.namespace.is_empty() || at.namespace.as_ref() == Some(&object.namespace);
            of_kind().any(|at| at.name == object.name && is_there(at))
        };
        let stays = |object: &DynamicObject| object.metadata.deletion_timestamp.is_none();
        let objects = objects.into_iter().filter(|object| stays(object) && !is_of_a_run(&object.metadata));
        let objects = objects.map(|object| describe(kind, object));
        // A tree may declare the namespaces that every cluster has.
        let is_shared = |object: &InventoryObject| {
            is_of_the_harness(object) || kind == "Namespace" && OF_THE_CLUSTER.contains(&object.name.as_str())
        };
        found.extend(objects.filter(|object| is_made(object) && !is_shared(object)));
    }
    Ok((found, unread))
}

/// Whether a controller makes this name from that of an owner.
fn is_generated(name: &str, owner: &str) -> bool {
    name == owner || name.strip_prefix(owner).is_some_and(|rest| rest.starts_with('-'))
}

/// The NodePools that AKS makes itself and the tree does not have.
fn aks_pools(plan: &Plan) -> impl Iterator<Item = &str> {
    let objects = plan.node_config.aks_defaults.iter().filter(|object| object["kind"] == "NodePool");
    objects.filter_map(|object| object["metadata"]["name"].as_str())
}

fn is_there(inventory: &Inventory, kind: &str, name: &str) -> bool {
    inventory.objects.iter().any(|object| object.kind == kind && object.name == name)
}

/// The first few; `None` for none.
fn names<'a>(objects: impl Iterator<Item = &'a InventoryObject>) -> Option<String> {
    let mut names: Vec<String> = objects.map(ToString::to_string).collect();
    let more = names.len().saturating_sub(NAMED_MAX);
    names.truncate(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!names.is_empty()).then(|| format!("{}{more}", names.join(", ")))
}

/// What is there. With `before`, only what was there then.
async fn take(moment: InventoryMoment, cluster: &Cluster, before: Option<&Inventory>) -> Result<Inventory, RunError> {
    let client = &cluster.client();
    let lists = repeated_within(LOOK_LIMIT, "look at what is on the cluster", async || {
        try_join_all(KINDS.map(|(group, version, kind)| list(client, resource(group, version, kind)))).await
    });
    let lists = lists.await?;
    let mut inventory = Inventory { moment, objects: Vec::new(), vms: Vec::new(), unread: BTreeSet::new() };
    let (mut found, mut run_namespaces) = (Vec::new(), BTreeSet::new());
    for ((_, _, kind), listed) in KINDS.into_iter().zip(lists) {
        let Some(objects) = listed else {
            inventory.unread.insert(kind.to_owned());
            continue;
        };
        for object in objects {
            if kind == "Namespace" && is_of_a_run(&object.metadata) {
                run_namespaces.extend(object.metadata.name.clone());
            }
            found.push((kind, object));
        }
    }
    for (kind, object) in found {
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        if is_passing(kind, &object)
            || is_of_aks(kind, &object.metadata)
            || is_of_a_run(&object.metadata)
            || run_namespaces.contains(&namespace)
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
    if let Some(azure) = cluster.azure() {
        let vms = repeated("list the simulated Azure's VMs", async || azure.vms().await).await?;
        let there = vms.into_iter().filter(|record| record.state != VmState::Deleted).map(|record| InventoryVm {
            name: record.vm.name.clone(),
            instance: record.vm.instance,
            nodeclaim: record.vm.nodeclaim.clone(),
            nodepool: record.vm.nodepool.clone(),
        });
        inventory.vms = there
            .filter(|vm| before.is_none_or(|before| before.vms.iter().any(|known| known.name == vm.name)))
            .collect();
    }
    Ok(inventory)
}

/// The objects of a kind; `None` where the run may not list them. A kind that is not served has none.
async fn list(client: &Client, kind: ApiResource) -> Result<Option<Vec<DynamicObject>>, kube::Error> {
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
async fn list_of_kind(
    client: &Client,
    api_version: &str,
    kind: &str,
) -> Result<Option<Vec<DynamicObject>>, kube::Error> {
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

fn describe(kind: &str, object: DynamicObject) -> InventoryObject {
    let is_unready = match kind {
        NODE => !has_condition(&object, "Ready"),
        NODE_CLAIM => !has_condition(&object, "Registered"),
        _ => false,
    };
    let DynamicObject { metadata, data, .. } = object;
    let labels: BTreeMap<String, String> = metadata.labels.unwrap_or_default();
    let owners = metadata.owner_references.unwrap_or_default();
    let is_of_pool = matches!(kind, NODE_CLAIM | NODE);
    let of_flux = KUSTOMIZATION.map(|label| labels.get(label));
    let written = metadata.managed_fields.unwrap_or_default().into_iter();
    let (scaled, written): (Vec<_>, Vec<_>) =
        written.filter(|entry| entry.subresource.as_deref() != Some("status")).partition(|entry| {
            entry.subresource.as_deref() == Some("scale") && entry.manager.as_deref() == Some(AUTOSCALER)
        });
    let last = written.into_iter().max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    let created = metadata.creation_timestamp.map(|time| time.0);
    InventoryObject {
        kind: kind.to_owned(),
        namespace: metadata.namespace.unwrap_or_default(),
        name: metadata.name.unwrap_or_default(),
        uid: metadata.uid.unwrap_or_default(),
        generation: metadata.generation,
        nodepool: labels.get(NODEPOOL).filter(|_| is_of_pool).cloned().unwrap_or_default(),
        nodeclaim: owners.into_iter().find(|it| it.kind == NODE_CLAIM).map(|it| it.name).unwrap_or_default(),
        is_unready,
        expires: created.and_then(|created| expiry(created, &data["spec"]["expireAfter"])),
        is_autoscaled: !scaled.is_empty(),
        written_at: last.as_ref().and_then(|entry| Some(entry.time.as_ref()?.0)),
        applied_by: match of_flux {
            [Some(name), Some(namespace)] => format!("{namespace}/{name}"),
            _ => String::new(),
        },
        written_by: last.and_then(|entry| entry.manager).unwrap_or_default(),
    }
}

/// `Never` and what nobody can read as a duration is no moment.
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
        (object.clone(), describe(kind, object))
    }

    fn controller() -> Value {
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "name": "a", "uid": "u", "controller": true})
    }

    fn others() -> Others {
        let of = |kind: &str, namespace: &str, name: &str| InventoryObject {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..InventoryObject::default()
        };
        let objects = vec![
            of("Namespace", "", "mine"),
            of("NodePool", "", "mine"),
            of("Node", "", "aks-vm-1"),
            of("Deployment", "mine", "shop"),
        ];
        let before = Inventory { moment: InventoryMoment::Before, objects, vms: Vec::new(), unread: BTreeSet::new() };
        let own_pools = BTreeSet::from(["web".to_owned()]);
        Others { before, opening: None, parts: None, own_pools, same_names: Vec::new() }
    }

    /// Before, what controllers said of somebody else's pods and nodes could be a reason of the run.
    #[rstest]
    #[case("NodePool", "", "mine", true)]
    #[case("NodeClaim", "", "mine-x2k4l", true)]
    #[case("NodeClaim", "", "web-x2k4l", false)]
    #[case("NodeClaim", "", "mineral-x2k4l", false)]
    // Before, this one of the run's pool `mine-fast` was one of the pool `mine`: that Azure had no capacity for it was not recorded.
    #[case("NodeClaim", "", "mine-fast-x2k4l", false)]
    #[case("Node", "", "aks-vm-1", true)]
    #[case("Node", "", "aks-vm-2", false)]
    #[case("Pod", "mine", "shop-7c9d-abcde", true)]
    #[case("Pod", "other", "shop-7c9d-abcde", false)]
    #[case("Pod", "mine", "shopping-7c9d-abcde", false)]
    #[case("Namespace", "", "mine", false)]
    #[case("Kustomization", "flux-system", "node-config", false)]
    fn what_controllers_say_of_others_is_known_by_its_object(
        #[case] kind: &str,
        #[case] namespace: &str,
        #[case] name: &str,
        #[case] expected: bool,
    ) {
        let [kind, namespace, name] = [kind, namespace, name].map(|it| Some(it.to_owned()));
        let about = ObjectReference { kind, namespace, name, ..ObjectReference::default() };
        assert_eq!(others().are_meant_by(&about), expected);
    }

    #[test]
    fn the_nodeclaims_of_others_are_those_of_no_pool_of_the_run() {
        assert_eq!(others().claims_selector(), "karpenter.sh/nodepool notin (web)");
        let without_pools = Others { own_pools: BTreeSet::new(), ..others() };
        assert_eq!(without_pools.claims_selector(), "");
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
