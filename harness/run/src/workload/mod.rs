//! What a run deploys: a namespace with its quota, and for each workload a Deployment with its disruption budget and its autoscaler.

mod affinity;
mod autoscaler;
mod deployment;
mod namespace;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use harness_plan::{Plan, Workload};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use kube::api::{Api, ListParams, ObjectMeta, PostParams};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::requests::once;
use crate::{RunError, labels};

pub(crate) use namespace::{delete, exists, force_terminating};

/// Creates the run's namespace with its quota, a PriorityClass for each priority, and for each workload a Deployment with no replicas and the objects that go with
/// it. An autoscaler sleeps until its Deployment has replicas (`pkg/controller/podautoscaler/horizontal.go` of Kubernetes:
/// `ScalingDisabled`). The pods keep off the nodes of the NodePools in `avoid`.
pub(crate) async fn create(client: &Client, run_id: &str, plan: &Plan, avoid: &[String]) -> Result<(), RunError> {
    let owner = namespace::create(client, run_id).await?;
    for value in priorities(plan) {
        let class = deployment::priority_class(run_id, value, &owner);
        let doing = format!("create the PriorityClass of priority {value}");
        once(doing, Api::all(client.clone()).create(&PostParams::default(), &class)).await?;
    }
    if let Some(quota) = &plan.namespace_quota {
        put(client, run_id, &namespace::quota(run_id, quota)).await?;
    }
    for workload in &plan.workloads {
        if let Some(budget) = workload.disruption_budget {
            put(client, run_id, &deployment::budget(run_id, workload, budget)).await?;
        }
        put(client, run_id, &deployment::deployment(run_id, workload, avoid)).await?;
        if let Some(autoscale) = &workload.autoscale {
            put(client, run_id, &autoscaler::autoscaler(run_id, workload, autoscale)).await?;
        }
    }
    Ok(())
}

fn priorities(plan: &Plan) -> BTreeSet<i32> {
    plan.workloads.iter().filter_map(|workload| workload.priority).collect()
}

/// The PriorityClasses of the run that still exist: the garbage collector deletes them after the namespace.
pub(crate) async fn priority_classes(client: &Client, run_id: &str, plan: &Plan) -> Result<Vec<String>, RunError> {
    if priorities(plan).is_empty() {
        return Ok(Vec::new());
    }
    let of_run = ListParams::default().labels(&labels::selector(run_id));
    let found = Api::<PriorityClass>::all(client.clone()).list_metadata(&of_run).await;
    let found = found.map_err(RunError::failed("list the run's PriorityClasses"))?;
    Ok(found.items.into_iter().filter_map(|class| class.metadata.name).collect())
}

async fn put<K>(client: &Client, run_id: &str, object: &K) -> Result<(), RunError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize + DeserializeOwned + Clone + Debug,
{
    let namespace = labels::namespace(run_id);
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let name = object.meta().name.as_deref().unwrap_or_default();
    let doing = format!("create the {} {namespace}/{name}", K::kind(&()));
    once(doing, api.create(&PostParams::default(), object)).await.map(drop)
}

/// The metadata of an object that belongs to a workload: its name, and the labels by which the run finds it.
fn metadata(run_id: &str, workload: &Workload) -> ObjectMeta {
    let mut all = labels::of_run(run_id);
    all.extend(selector(workload));
    ObjectMeta { name: Some(workload.name.clone()), labels: Some(all), ..ObjectMeta::default() }
}

/// The label by which the pods of a workload are selected.
fn selector(workload: &Workload) -> BTreeMap<String, String> {
    BTreeMap::from([(labels::WORKLOAD.to_owned(), workload.name.clone())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_units::{Bytes, Millicores};

    /// A workload with nothing special.
    pub(super) fn plain() -> Workload {
        Workload { replicas_peak: 1, ..Workload::new("web", "general-purpose", Millicores(500), Bytes(512 << 20)) }
    }

    #[test]
    fn what_belongs_to_a_workload_can_be_found_by_its_run() {
        let labels = metadata("r1", &plain()).labels.unwrap();
        assert_eq!(labels[labels::RUN], "r1");
        assert_eq!(labels[labels::WORKLOAD], "web");
    }
}
