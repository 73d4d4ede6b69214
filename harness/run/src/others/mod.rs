//! What is on the target and does not belong to the run. The run lists it before it changes anything and again after cleanup. It leaves all of it
//! alone, counts none of it, and does not start where it would have to change some of it.

mod look;

use std::collections::BTreeSet;

use harness_azure::control::{Client as AzureClient, VmState};
use harness_azure::facts::VmRef;
use harness_cluster::{Cluster, flux};
use harness_plan::{Action, ObjectAddress, Plan};
use harness_record::event::{Inventory, InventoryMoment, InventoryObject};
use harness_record::{EventKind, owner};
use harness_simulation::{ClusterParts, FaultKind};
use k8s_openapi::api::core::v1::ObjectReference;

use self::look::{JOB, Look, NODE_CLAIM, vms};
use crate::hub::Hub;
use crate::labels::NODEPOOL;
use crate::requests::repeated;
use crate::{RunError, scope};

/// How many of the things that are in the way are named.
const NAMED_MAX: usize = 5;

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
        let look = Look::take(&cluster.client()).await?;
        let (same_names, unread) = look.of_the_same_name(made, &cluster.client()).await?;
        let mut before = look.inventory(InventoryMoment::Before, None);
        before.unread.extend(unread);
        before.vms = vms(cluster, None).await?;
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
        let mut after = Look::take(&cluster.client()).await?.inventory(InventoryMoment::After, Some(&self.before));
        after.vms = vms(cluster, Some(&self.before)).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

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
}
