//! The namespace of a run's workloads.

use std::collections::BTreeMap;

use harness_plan::NamespaceQuota;
use k8s_openapi::api::core::v1::{Namespace, Pod, ResourceQuota, ResourceQuotaSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, PostParams, PropagationPolicy};

use crate::RunError;
use crate::labels;
use crate::requests::{existing, once};

/// Creates the run's namespace. Returns a reference to it for objects outside of it that are deleted with it.
pub(super) async fn create(client: &Client, run_id: &str) -> Result<OwnerReference, RunError> {
    let name = labels::namespace(run_id);
    let metadata =
        ObjectMeta { name: Some(name.clone()), labels: Some(labels::of_run(run_id)), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    let namespaces = Api::all(client.clone());
    let doing = format!("create the namespace {name}");
    let created = once(doing, namespaces.create(&PostParams::default(), &namespace)).await?;
    Ok(OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        name,
        uid: created.metadata.uid.unwrap_or_default(),
        ..OwnerReference::default()
    })
}

/// The quota for the pods of the run.
pub(super) fn quota(run_id: &str, planned: &NamespaceQuota) -> ResourceQuota {
    let hard: BTreeMap<String, Quantity> = [
        ("requests.cpu", planned.cpu.map(|cpu| cpu.to_string())),
        ("requests.memory", planned.memory.map(|memory| memory.to_string())),
        ("pods", planned.pods.map(|pods| pods.to_string())),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), Quantity(value?))))
    .collect();
    ResourceQuota {
        metadata: ObjectMeta {
            name: Some("harness".to_owned()),
            labels: Some(labels::of_run(run_id)),
            ..ObjectMeta::default()
        },
        spec: Some(ResourceQuotaSpec { hard: Some(hard), ..ResourceQuotaSpec::default() }),
        status: None,
    }
}

/// Asks for the deletion of the run's namespace and of everything in it.
pub(crate) async fn delete(client: &Client, run_id: &str) -> Result<(), kube::Error> {
    let name = labels::namespace(run_id);
    let parameters =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
    existing(Api::<Namespace>::all(client.clone()).delete(&name, &parameters).await).map(drop)
}

/// Whether the run's namespace still exists.
pub(crate) async fn exists(client: &Client, run_id: &str) -> Result<bool, RunError> {
    let name = labels::namespace(run_id);
    let found = Api::<Namespace>::all(client.clone()).get_opt(&name).await;
    found.map(|found| found.is_some()).map_err(RunError::failed(format!("look for the namespace {name}")))
}

/// Deletes the pods without a grace period that nobody will end: on a node that crashed they wait for a kubelet that does not answer.
pub(crate) async fn force_terminating(client: &Client, run_id: &str) -> Result<(), RunError> {
    let namespace = labels::namespace(run_id);
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let found = pods.list_metadata(&ListParams::default()).await;
    let found = found.map_err(RunError::failed(format!("list the pods of {namespace}")))?;
    for pod in found.items.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_some()) {
        let name = pod.metadata.name.unwrap_or_default();
        let deleted = existing(pods.delete(&name, &DeleteParams::default().grace_period(0)).await);
        deleted.map_err(RunError::failed(format!("delete the pod {namespace}/{name} at once")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_units::{Bytes, Millicores};
    use serde_json::json;

    #[test]
    fn a_quota_limits_what_the_plan_names_and_nothing_else() {
        let planned = NamespaceQuota { cpu: Some(Millicores(4_000)), memory: Some(Bytes(8 << 30)), pods: None };
        let written = serde_json::to_value(quota("r1", &planned)).unwrap();
        assert_eq!(written["spec"]["hard"], json!({"requests.cpu": "4", "requests.memory": "8Gi"}));
        let pods = NamespaceQuota { pods: Some(3), ..NamespaceQuota::default() };
        assert_eq!(serde_json::to_value(quota("r1", &pods)).unwrap()["spec"]["hard"], json!({"pods": "3"}));
    }
}
