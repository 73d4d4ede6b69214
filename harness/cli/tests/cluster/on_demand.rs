//! Components that start when a run first needs them.

use std::collections::BTreeSet;

use harness_cluster::Cluster;
use harness_plan::Capability;
use serde_json::{Value, json};

use crate::own::processes;
use crate::shared::SharedCluster;

async fn pid_of(cluster: &Cluster, name: &str) -> Option<u32> {
    let status = cluster.status().await.unwrap();
    processes(&status).into_iter().find(|(known, _)| known == name).map(|(_, pid)| pid)
}

/// What a capability needs is started once, and again after it was killed.
pub(crate) fn starts_once_and_again_after_a_kill(shared: &SharedCluster) {
    shared.with(async |cluster| provide(cluster).await);
}

async fn provide(cluster: Cluster) {
    let names = ["notification-controller", "image-reflector-controller", "image-automation-controller"];
    for name in names {
        assert_eq!(pid_of(&cluster, name).await, None, "{name} runs before it is needed");
    }
    let git = cluster.git().unwrap();
    let head = git.head().await.unwrap().unwrap();
    let capabilities = BTreeSet::from([Capability::Gitops, Capability::FluxNotification, Capability::ImageAutomation]);
    cluster.provide(&capabilities).await.unwrap();
    let mut before = Vec::new();
    for name in names {
        before.push(pid_of(&cluster, name).await.unwrap_or_else(|| panic!("{name} does not run")));
    }
    cluster.kill(names[0]).await.unwrap();
    cluster.provide(&capabilities).await.unwrap();
    assert_ne!(pid_of(&cluster, names[0]).await, Some(before[0]));
    assert_eq!(pid_of(&cluster, names[1]).await, Some(before[1]), "what runs is left alone");

    // Their identities have the rights that they need: a Receiver becomes Ready, and refuses a wrong token.
    let receiver = json!({
        "apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver",
        "metadata": {"name": "push", "namespace": "flux-system"},
        "spec": {"type": "github", "secretRef": {"name": "push-token"}, "resources": [
            {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "name": "node-config"},
        ]},
    });
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "push-token", "namespace": "flux-system"},
        "stringData": {"token": "right"},
    });
    apply_through_git(&cluster, &[secret, receiver]).await;
    cluster.call_receiver("push", "right", "abc").await.unwrap();
    let refused = cluster.call_receiver("push", "wrong", "abc").await.unwrap_err().to_string();
    assert!(refused.contains("400") && refused.contains("flux-system/push"), "{refused}");
    git.restore(&head, &harness_cluster::git::Author::default()).await.unwrap();
    cluster.flux().fetch_now().await.unwrap();
}

/// Commits a tree and waits until Flux has applied it.
async fn apply_through_git(cluster: &Cluster, objects: &[Value]) {
    let tree = tempfile::tempdir().unwrap();
    let documents: Vec<String> = objects.iter().map(Value::to_string).collect();
    std::fs::write(tree.path().join("objects.yaml"), documents.join("\n---\n")).unwrap();
    let kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [objects.yaml]\n";
    std::fs::write(tree.path().join("kustomization.yaml"), kustomization).unwrap();
    let git = cluster.git().unwrap();
    git.push_tree(tree.path(), "objects", &harness_cluster::git::Author::default()).await.unwrap();
    cluster.flux().fetch_now().await.unwrap();
}

/// The image registry of the cluster accepts images, and one digest belongs to one tag.
pub(crate) fn the_registry_takes_images(shared: &SharedCluster) {
    shared.with(async |cluster| publish(cluster).await);
}

async fn publish(cluster: Cluster) {
    let registry = cluster.image_registry().unwrap();
    cluster.provide(&BTreeSet::from([Capability::ImageRegistry])).await.unwrap();
    let mut digests = BTreeSet::new();
    for tag in ["1.0.0", "1.1.0", "1.0.0"] {
        digests.insert(cluster.publish_image("demo/app", tag).await.unwrap());
    }
    assert_eq!(digests.len(), 2, "an image is identified by its tag: {digests:?}");
    let url = format!("http://{registry}/v2/demo/app/tags/list");
    let answer = reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap();
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let tags: BTreeSet<&str> = body["tags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(tags, BTreeSet::from(["1.0.0", "1.1.0"]), "{body}");
}
