//! The Deployments of a run.

use std::collections::BTreeMap;

use harness_scenario::plan::Workload;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{Container, Namespace, PodSpec, PodTemplateSpec, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Client;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams, PropagationPolicy};

use crate::RunError;
use crate::labels;

/// What real pods run. On a simulated kubelet nothing is pulled; elsewhere the smallest image that there is.
const IMAGE: &str = "registry.k8s.io/pause:3.10";

/// Creates the run's namespace and a Deployment with no replicas for each workload.
pub(crate) async fn create(client: &Client, run_id: &str, workloads: &[Workload]) -> Result<(), RunError> {
    let name = labels::namespace(run_id);
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            labels: Some(labels::of_run(run_id)),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    Api::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await
        .map_err(RunError::kube(format!("create the namespace {name}")))?;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &name);
    for workload in workloads {
        deployments
            .create(&PostParams::default(), &deployment(run_id, workload))
            .await
            .map_err(RunError::kube(format!("create the Deployment {name}/{}", workload.name)))?;
    }
    Ok(())
}

/// Asks for the deletion of the run's namespace and of what is in it. One that is gone is no error.
pub(crate) async fn delete(client: &Client, run_id: &str) -> Result<(), RunError> {
    let name = labels::namespace(run_id);
    let parameters =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
    match Api::<Namespace>::all(client.clone()).delete(&name, &parameters).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(RunError::kube(format!("delete the namespace {name}"))(error)),
    }
}

/// Whether the run's namespace is still there.
pub(crate) async fn namespace_exists(client: &Client, run_id: &str) -> Result<bool, RunError> {
    let name = labels::namespace(run_id);
    Api::<Namespace>::all(client.clone())
        .get_opt(&name)
        .await
        .map(|namespace| namespace.is_some())
        .map_err(RunError::kube(format!("look for the namespace {name}")))
}

fn deployment(run_id: &str, workload: &Workload) -> Deployment {
    let selector = BTreeMap::from([(labels::WORKLOAD.to_owned(), workload.name.clone())]);
    let mut all_labels = labels::of_run(run_id);
    all_labels.extend(selector.clone());
    Deployment {
        metadata: ObjectMeta {
            name: Some(workload.name.clone()),
            labels: Some(all_labels.clone()),
            ..ObjectMeta::default()
        },
        spec: Some(DeploymentSpec {
            replicas: Some(0),
            selector: LabelSelector { match_labels: Some(selector), ..LabelSelector::default() },
            strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), ..DeploymentStrategy::default() }),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(all_labels), ..ObjectMeta::default() }),
                spec: Some(pod_spec(workload)),
            },
            // A pod that waits for capacity is what is measured, not a stuck rollout.
            progress_deadline_seconds: None,
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn pod_spec(workload: &Workload) -> PodSpec {
    let requests = BTreeMap::from([
        ("cpu".to_owned(), Quantity(workload.cpu.to_string())),
        ("memory".to_owned(), Quantity(workload.memory.to_string())),
    ]);
    PodSpec {
        containers: vec![Container {
            name: "main".to_owned(),
            image: Some(IMAGE.to_owned()),
            resources: Some(ResourceRequirements { requests: Some(requests), ..ResourceRequirements::default() }),
            ..Container::default()
        }],
        node_selector: Some(workload.node_selector.clone()).filter(|selector| !selector.is_empty()),
        tolerations: Some(workload.tolerations.iter().map(toleration).collect()),
        // Nothing in these pods needs an API token, and a projected volume is work for everybody.
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(1),
        ..PodSpec::default()
    }
}

fn toleration(toleration: &harness_scenario::plan::Toleration) -> Toleration {
    Toleration {
        key: Some(toleration.key.clone()),
        operator: Some(toleration.operator.clone()),
        value: toleration.value.clone(),
        effect: toleration.effect.clone(),
        ..Toleration::default()
    }
}
