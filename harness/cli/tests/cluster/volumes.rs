//! A claim gets a volume where its pod can run, as from the disk and file drivers of AKS.

use harness_cluster::Cluster;
use harness_testing::{limits, wait_for};
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::autoscaler::{administrator, remove};
use crate::shared::SharedCluster;

const NAMESPACE: &str = "volumes";
/// A class of disks that are in one zone; those of AKS are in all of them, where the cluster is.
const ONE_ZONE: &str = "volumes-one-zone";
const ZONE: &str = "topology.disk.csi.azure.com/zone";

/// Pods of the system pool, so that nothing is provisioned but volumes.
pub(crate) fn claims_get_a_volume_where_their_pod_runs(shared: &SharedCluster) {
    shared.with(async |cluster| claims(cluster).await);
}

async fn claims(cluster: Cluster) {
    let client = administrator(&cluster).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    create(&namespaces, json!({"metadata": {"name": NAMESPACE}})).await;
    let classes: Api<StorageClass> = Api::all(client.clone());
    create(
        &classes,
        json!({
            "metadata": {"name": ONE_ZONE}, "provisioner": "disk.csi.azure.com",
            "parameters": {"skuname": "Premium_LRS"}, "volumeBindingMode": "WaitForFirstConsumer",
        }),
    )
    .await;
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    // The default class is one of disks in every zone.
    let cases =
        [("one-zone", Some(ONE_ZONE), "2Gi"), ("zones", None, "1Gi"), ("share", Some("azurefile-csi"), "100Gi")];
    for (name, class, size) in cases {
        let spec = json!({
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": class,
        });
        create(&claims, json!({"metadata": {"name": name}, "spec": spec})).await;
        create(&pods, pod(name)).await;
    }

    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    let nodes: Api<Node> = Api::all(client.clone());
    let mut made = Vec::new();
    for (name, _, size) in cases {
        let pod = wait_for(&format!("{name} is Ready"), limits::AUTOSCALED, async || {
            let pod = pods.get(name).await.map_err(|error| error.to_string())?;
            let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
            let is_ready = conditions.clone().any(|condition| condition.type_ == "Ready" && condition.status == "True");
            if is_ready { Ok(pod) } else { Err(format!("{:?}", conditions.collect::<Vec<_>>())) }
        })
        .await;
        let claim = claims.get(name).await.unwrap();
        assert_eq!(claim.status.unwrap().phase.as_deref(), Some("Bound"));
        let volume = volumes.get(&claim.spec.unwrap().volume_name.unwrap()).await.unwrap();
        made.push(volume.name_any());
        let spec = volume.spec.unwrap();
        assert_eq!(spec.capacity.unwrap()["storage"].0, size);
        let terms = spec.node_affinity.and_then(|affinity| affinity.required);
        let zones: Vec<String> = terms
            .map(|required| required.node_selector_terms)
            .into_iter()
            .flatten()
            .flat_map(|term| term.match_expressions.into_iter().flatten())
            .flat_map(|requirement| requirement.values.into_iter().flatten())
            .collect();
        let node = nodes.get(&pod.spec.unwrap().node_name.unwrap()).await.unwrap();
        let expected = match name {
            "one-zone" => vec![node.labels()[ZONE].as_str()],
            "zones" => vec!["eastus-1", "eastus-2", "eastus-3", "eastus-4", ""],
            _ => vec![],
        };
        assert_eq!(zones, expected, "{name}");
    }

    remove(&namespaces, NAMESPACE).await;
    wait_for("the volumes are gone with their claims", limits::AUTOSCALED, async || {
        let there = volumes.list_metadata(&Default::default()).await.map_err(|error| error.to_string())?;
        let left: Vec<String> =
            there.items.iter().map(ResourceExt::name_any).filter(|name| made.contains(name)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    classes.delete(ONE_ZONE, &DeleteParams::default()).await.unwrap();
}

async fn create<K>(api: &Api<K>, object: Value)
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned + serde::Serialize,
{
    wait_for("it is created", limits::ANSWER, async || {
        let created = api.create(&PostParams::default(), &serde_json::from_value(object.clone()).unwrap()).await;
        created.map(drop).map_err(|error| error.to_string())
    })
    .await;
}

fn pod(claim: &str) -> Value {
    json!({
        "metadata": {"name": claim},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
            "containers": [{"name": "main", "image": "example/none"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}],
        },
    })
}
