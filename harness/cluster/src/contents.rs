//! What a cluster holds besides its own parts: two looks, before and after, say what somebody left behind.

use std::collections::{BTreeMap, BTreeSet};

use harness_azure::control::VmState;
use harness_simulation::Behaviour;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};

use crate::aks_parts::{NODEPOOL, is_of_aks};
use crate::cluster::Cluster;
use harness_components::control::Phase;
use harness_plan::Capability;

/// Kinds of which a run makes or causes objects: group, version, kind. Workloads go with their namespace.
const KINDS: [(&str, &str, &str); 5] = [
    ("karpenter.sh", "v1", "NodePool"),
    ("karpenter.sh", "v1", "NodeClaim"),
    ("karpenter.azure.com", "v1beta1", "AKSNodeClass"),
    ("", "v1", "Node"),
    ("", "v1", "Namespace"),
];

/// A cluster could not be looked at.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}: {reason}")]
pub struct ContentsError {
    doing: String,
    reason: String,
}

impl ContentsError {
    fn when<E: std::fmt::Display>(doing: impl Into<String>) -> impl FnOnce(E) -> Self {
        let doing = doing.into();
        move |error| Self { doing, reason: error.to_string() }
    }
}

/// What is on a cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// Objects and VMs, as `Kind name`; those that are made for a NodePool with its name.
    things: BTreeMap<String, Option<String>>,
    /// The Git tree in force, by its object name.
    tree: Option<String>,
    /// How the simulated Azure behaves, its faults included.
    azure: Option<Behaviour>,
    /// The control plane's Kubernetes version as the simulated Azure says it.
    kubernetes: Option<String>,
    /// Live faults, by name.
    faults: BTreeSet<String>,
    /// Whether the Git server does something wrong on purpose.
    git_fault: bool,
    /// Components without a process.
    stopped: BTreeSet<String>,
    /// Why the cluster has failed.
    failure: Option<String>,
}

impl Contents {
    /// How many objects of a kind there are: NodePool, NodeClaim, AKSNodeClass, Node, Namespace or VirtualMachine.
    pub fn number_of(&self, kind: &str) -> usize {
        let of_kind = |thing: &&String| thing.strip_prefix(kind).is_some_and(|name| name.starts_with(' '));
        self.things.keys().filter(of_kind).count()
    }

    /// What of this was not there before, a phrase each; empty when the cluster is as it was then.
    pub fn left_since(&self, before: &Self) -> Vec<String> {
        let mut left: Vec<String> = self.failure.iter().map(|why| format!("the cluster has failed: {why}")).collect();
        left.extend(self.stopped.difference(&before.stopped).map(|name| format!("{name} is not running")));
        // A pool that was there before gets and loses nodes as its owner's pods do.
        let is_of_others = |pool: &Option<String>| {
            pool.as_ref().is_some_and(|pool| before.things.contains_key(&format!("NodePool {pool}")))
        };
        let came =
            self.things.iter().filter(|(thing, pool)| !before.things.contains_key(*thing) && !is_of_others(pool));
        left.extend(came.map(|(thing, _)| thing.clone()));
        if self.tree != before.tree {
            left.push("the Git tree is another one".to_owned());
        }
        if self.git_fault && !before.git_fault {
            left.push("a fault of the Git server".to_owned());
        }
        left.extend(self.faults.difference(&before.faults).map(|name| format!("Azure fault {name}")));
        if self.azure != before.azure {
            left.push("the simulated Azure behaves in another way".to_owned());
        }
        if self.kubernetes != before.kubernetes {
            let version = self.kubernetes.as_deref().unwrap_or("none");
            left.push(format!("the control plane's Kubernetes version is {version}"));
        }
        left
    }
}

impl Cluster {
    /// Looks at what is on the cluster now: asks the API server, the Git server, Azure and the supervisor.
    ///
    /// # Errors
    /// When one of them does not answer.
    pub async fn contents(&self) -> Result<Contents, ContentsError> {
        let mut contents = Contents::default();
        if self.capabilities().contains(&Capability::ComponentControl) {
            let status = self.status().await.map_err(ContentsError::when("ask for the state of the components"))?;
            let stopped = status.components.into_iter().filter(|component| component.process.is_none());
            contents.stopped = stopped.map(|component| component.name).collect();
            contents.failure = (status.phase == Phase::Failed)
                .then(|| status.failure.map_or_else(String::new, |why| format!("{}: {}", why.component, why.reason)));
        }
        if contents.failure.is_some() {
            // What remains to be asked may not answer any more.
            return Ok(contents);
        }
        for (group, version, kind) in KINDS {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let api: Api<DynamicObject> = Api::all_with(self.client(), &resource);
            let found = api
                .list_metadata(&ListParams::default())
                .await
                .map_err(ContentsError::when(format!("list every {kind}")))?;
            let of_others = found.items.into_iter().filter(|object| !is_of_aks(kind, &object.metadata));
            let things = of_others.filter_map(|object| {
                let pool = object.metadata.labels.and_then(|mut labels| labels.remove(NODEPOOL));
                Some((format!("{kind} {}", object.metadata.name?), pool))
            });
            contents.things.extend(things);
        }
        if let Some(metrics) = self.metrics() {
            let loads = metrics.report().await.map_err(ContentsError::when("read the loads of the metrics APIs"))?;
            let things = loads.iter().map(|load| format!("load of {}/{}", load.namespace, load.workload));
            contents.things.extend(things.map(|thing| (thing, None)));
        }
        contents.git_fault =
            self.has_git_fault().await.map_err(ContentsError::when("ask for the fault of the Git server"))?;
        if let Some(git) = self.git() {
            let newest = git.log(1).await.map_err(ContentsError::when("read the head of the node configuration"))?;
            contents.tree = newest.into_iter().next().map(|commit| commit.tree);
        }
        if let Some(azure) = self.azure() {
            let vms = azure.vms().await.map_err(ContentsError::when("list the simulated Azure's VMs"))?;
            let alive = vms.into_iter().filter(|record| record.state != VmState::Deleted);
            let pool = |name: &str| (!name.is_empty()).then(|| name.to_owned());
            let things = alive.map(|record| (format!("VirtualMachine {}", record.vm.name), pool(&record.vm.nodepool)));
            contents.things.extend(things);
            let faults = azure.faults().await.map_err(ContentsError::when("list the simulated Azure's faults"))?;
            contents.faults = faults.into_iter().map(|state| state.fault.terms.id).collect();
            let kubernetes = azure.kubernetes_version().await;
            contents.kubernetes =
                Some(kubernetes.map_err(ContentsError::when("read the control plane's Kubernetes version"))?);
            contents.azure =
                Some(azure.behaviour().await.map_err(ContentsError::when("read the simulated Azure's behaviour"))?);
        }
        Ok(contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_since_is_left() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let things = |of: &[&str]| names(of).into_iter().map(|name| (name, None)).collect::<BTreeMap<_, _>>();
        let before = Contents { things: things(&["Namespace default", "Node mine"]), ..Contents::default() };
        assert_eq!(before.left_since(&before), Vec::<String>::new());
        let after = Contents {
            things: things(&["Namespace default", "NodeClaim a"]),
            tree: Some("another".to_owned()),
            stopped: names(&["karpenter"]),
            faults: names(&["no-capacity-1"]),
            ..Contents::default()
        };
        let left =
            ["karpenter is not running", "NodeClaim a", "the Git tree is another one", "Azure fault no-capacity-1"];
        assert_eq!(after.left_since(&before), left);
    }
}
