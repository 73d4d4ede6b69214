//! `harness flux`, with layers that depend on each other: install, status, reconcile, uninstall, and back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use harness_cluster::git::Author;
use harness_testing::repository;
use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use crate::shared::SharedCluster;

impl SharedCluster {
    fn push(&self, tree: &Path) {
        self.with(async |cluster| {
            cluster.git().unwrap().push_tree(tree, "A tree", &Author::default()).await.unwrap();
        });
    }

    /// Names and UIDs of every object of a kind.
    fn uids(&self, group: &str, version: &str, kind: &str) -> BTreeMap<String, String> {
        self.with(async |cluster| {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let api: Api<DynamicObject> = Api::all_with(cluster.client(), &resource);
            let found = api.list(&ListParams::default()).await.unwrap();
            found.items.into_iter().map(|it| (it.metadata.name.unwrap(), it.metadata.uid.unwrap())).collect()
        })
    }

    fn pools(&self) -> [BTreeMap<String, String>; 2] {
        [self.uids("karpenter.sh", "v1", "NodePool"), self.uids("karpenter.azure.com", "v1beta1", "AKSNodeClass")]
    }

    fn kustomization(&self, name: &str) -> DynamicObject {
        self.with(async |cluster| cluster.flux().kustomizations().get(name).await.unwrap())
    }
}

/// A tree of layers whose alphabetical order is not their order.
struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    fn new(layers: &[(&str, &str, &[&str])]) -> Self {
        let tree = Self { folder: tempfile::tempdir().unwrap() };
        let documents = layers.iter().map(|(name, path, needs)| {
            let needs: Vec<Value> = needs.iter().map(|need| json!({"name": need})).collect();
            let spec = json!({
                "interval": "10m", "retryInterval": "5s", "timeout": "1m", "prune": true, "path": path, "dependsOn": needs,
                "sourceRef": {"kind": "GitRepository", "name": "node-config"},
            });
            let layer = json!({
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": {"name": name, "namespace": "flux-system"}, "spec": spec,
            });
            layer.to_string()
        });
        tree.write("layers.yaml", &documents.collect::<Vec<_>>().join("\n---\n"));
        tree.write("kustomization.yaml", "kind: Kustomization\nresources: [layers.yaml]\n");
        for layer in ["apps", "monitoring"] {
            tree.write(&format!("{layer}/kustomization.yaml"), "kind: Kustomization\nresources: [config.yaml]\n");
            tree.write(
                &format!("{layer}/config.yaml"),
                &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": layer, "namespace": "default"}})
                    .to_string(),
            );
        }
        // A kind without a status, whose controller does not even run.
        tree.write("monitoring/kustomization.yaml", "kind: Kustomization\nresources: [config.yaml, provider.yaml]\n");
        let provider = json!({
            "apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Provider",
            "metadata": {"name": "chat", "namespace": "flux-system"},
            "spec": {"type": "generic", "address": "http://127.0.0.1:9/"},
        });
        tree.write("monitoring/provider.yaml", &provider.to_string());
        copy(&repository("fixtures/node-config"), &tree.folder.path().join("infrastructure"));
        tree
    }

    fn write(&self, file: &str, text: &str) {
        let path: PathBuf = self.folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

const GOOD: &[(&str, &str, &[&str])] = &[
    ("a-monitoring", "./monitoring", &["m-apps"]),
    ("m-apps", "./apps", &["z-infra"]),
    ("z-infra", "./infrastructure", &[]),
];

fn find<'a>(all: &'a Value, kind: &str, name: &str) -> &'a Value {
    let found = all.as_array().unwrap().iter().find(|it| it["kind"] == kind && it["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name} in {all:#}"))
}

fn outcomes(report: &Value) -> Vec<&str> {
    report["objects"].as_array().unwrap().iter().map(|it| it["outcome"].as_str().unwrap()).collect()
}

fn strings(value: &Value) -> String {
    value.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Flux is installed, inspected, reconciled, removed and installed again; what it deployed stays.
pub(crate) fn every_command_works(cluster: &SharedCluster) {
    let before = cluster.with(async |cluster| cluster.git().unwrap().head().await.unwrap().unwrap());
    a_fresh_cluster_has_flux(cluster);
    let good = Tree::new(GOOD);
    cluster.push(good.folder.path());
    an_install_changes_nothing_and_finds_the_layers(cluster);
    a_reconciliation_keeps_the_order(cluster);
    what_is_broken_is_reported(cluster);
    cluster.push(good.folder.path());
    let repaired = cluster.data(&["flux", "reconcile"], 0);
    assert_eq!(find(&repaired["objects"], "Kustomization", "m-apps")["ending"], "reconciled", "{repaired:#}");

    let pools = cluster.pools();
    assert_eq!(pools.each_ref().map(BTreeMap::len), [3, 3], "{pools:?}");
    a_removal_keeps_what_was_deployed(cluster);
    assert_eq!(cluster.pools(), pools, "the removal touched what was deployed");
    an_install_restores_everything(cluster);
    assert_eq!(cluster.pools(), pools, "the installation made it again");
    a_dead_controller_is_started_again(cluster);
    what_a_user_suspended_stays_suspended(cluster);
    cluster.with(async |cluster| {
        cluster.git().unwrap().restore(&before, &Author::default()).await.unwrap();
    });
    cluster.data(&["flux", "reconcile"], 0);
}

fn a_fresh_cluster_has_flux(cluster: &SharedCluster) {
    let status = cluster.data(&["flux", "status"], 0);
    assert_eq!((&status["ready"], &status["target"]), (&json!(true), &json!("local")), "{status:#}");
    for controller in ["source-controller", "kustomize-controller"] {
        let all = status["controllers"].as_array().unwrap();
        let found = all.iter().find(|it| it["name"] == controller).unwrap();
        assert_eq!(found["running"], true, "{status:#}");
        assert!(found["version"].as_str().unwrap().starts_with('v') && found["cpuMillicores"].is_u64(), "{status:#}");
        assert!(found["rssBytes"].as_u64().unwrap() > 10_000_000, "{status:#}");
    }
    assert_eq!(find(&status["objects"], "GitRepository", "node-config")["reason"], "Succeeded", "{status:#}");
    let kustomization = find(&status["objects"], "Kustomization", "node-config");
    assert!(kustomization["revision"].as_str().unwrap().starts_with("main@sha1:"), "{status:#}");
    assert!(kustomization["lastReconciledAt"].is_string(), "{status:#}");
}

fn an_install_changes_nothing_and_finds_the_layers(cluster: &SharedCluster) {
    let report = cluster.data(&["flux", "install"], 0);
    assert!(outcomes(&report).iter().all(|outcome| *outcome == "unchanged"), "{report:#}");
    assert!(outcomes(&report).len() >= 10, "{report:#}");
    assert!(report["controllers"].as_array().unwrap().iter().all(|it| it["changed"] == false), "{report:#}");
    let checks: Vec<&str> =
        report["checks"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    for check in ["api-server", "access", "namespace", "custom-resources", "controllers", "git"] {
        assert!(checks.contains(&check), "{checks:?}");
    }
    assert!(report["checks"].as_array().unwrap().iter().all(|it| it["status"] == "ok"), "{report:#}");
    // The reconciliation of the root created them.
    for (layer, ..) in GOOD {
        let layer = find(&report["reconciliation"]["objects"], "Kustomization", layer);
        assert_eq!(layer["ending"], "reconciled", "{report:#}");
    }
}

fn a_reconciliation_keeps_the_order(cluster: &SharedCluster) {
    let report = cluster.data(&["flux", "reconcile"], 0);
    let expected = [
        ("GitRepository", "node-config"),
        ("Kustomization", "node-config"),
        ("Kustomization", "z-infra"),
        ("Kustomization", "m-apps"),
        ("Kustomization", "a-monitoring"),
    ];
    assert_eq!(report["objects"].as_array().unwrap().len(), expected.len(), "{report:#}");
    let mut free_at = Timestamp::UNIX_EPOCH;
    for (kind, name) in expected {
        let one = find(&report["objects"], kind, name);
        let requested = one["requestedAt"].as_str().unwrap();
        let requested_at: Timestamp = requested.parse().unwrap();
        // Requested only after its dependencies were reconciled.
        assert!(
            requested_at >= free_at,
            "{name} was requested at {requested_at}, before its dependencies were reconciled at {free_at}: {report:#}"
        );
        free_at = requested_at + SignedDuration::from_millis(one["tookMs"].as_i64().unwrap());
        if kind == "Kustomization" {
            // Flux itself reports that it has handled that request, and when.
            let status = &cluster.kustomization(name).data["status"];
            assert_eq!(status["lastHandledReconcileAt"], requested, "{status:#}");
        }
    }

    let status = cluster.data(&["flux", "status"], 0);
    assert_eq!(find(&status["objects"], "Provider", "chat")["ready"], "static", "{status:#}");

    // One by name, with its source and nothing else.
    let report = cluster.data(&["flux", "reconcile", "kustomization/a-monitoring"], 0);
    let names: Vec<&str> =
        report["objects"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["node-config", "a-monitoring"], "{report:#}");
    let report = cluster.data(&["flux", "reconcile", "a-monitoring", "--without-source"], 0);
    assert_eq!(report["objects"].as_array().unwrap().len(), 1, "{report:#}");
    let (code, stdout, stderr) = cluster.command(&["flux", "reconcile", "nobody"]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("`nobody`") && stderr.contains("Kustomization/flux-system/m-apps"), "{stderr}");
}

fn what_is_broken_is_reported(cluster: &SharedCluster) {
    let more: [(&str, &str, &[&str]); 3] =
        [("c-one", "./apps", &["c-two"]), ("c-two", "./apps", &["c-one"]), ("lost", "./apps", &["nowhere"])];
    let broken = Tree::new(&[GOOD, &more].concat());
    broken.write("apps/kustomization.yaml", "kind: Kustomization\nresources: [missing.yaml]\n");
    cluster.push(broken.folder.path());
    let report = cluster.data(&["flux", "reconcile"], 1);
    let ending = |name: &str| {
        let one = find(&report["objects"], "Kustomization", name);
        let text = |key: &str| one[key].as_str().unwrap_or_default();
        (text("ending"), text("reason"), text("message"))
    };
    assert_eq!(ending("z-infra").0, "reconciled", "{report:#}");
    let (apps, reason, message) = ending("m-apps");
    assert_eq!((apps, reason), ("failed", "BuildFailed"), "{report:#}");
    assert!(message.contains("missing.yaml"), "{report:#}");
    let (monitoring, _, message) = ending("a-monitoring");
    assert!(monitoring == "held-back" && message.contains("m-apps"), "{report:#}");
    let (_, reason, message) = ending("c-one");
    assert_eq!(reason, "DependencyCycle", "{report:#}");
    assert!(
        message.ends_with(
            "Kustomization flux-system/c-one -> Kustomization flux-system/c-two -> Kustomization flux-system/c-one"
        ),
        "{message}"
    );
    let (_, reason, message) = ending("lost");
    assert!(reason == "MissingDependency" && message.contains("nowhere"), "{report:#}");

    let status = cluster.data(&["flux", "status"], 1);
    let apps = find(&status["objects"], "Kustomization", "m-apps");
    assert_eq!((&apps["ready"], &apps["reason"]), (&json!("no"), &json!("BuildFailed")), "{status:#}");
    assert!(strings(&status["troubles"]).contains("m-apps is not Ready: BuildFailed"), "{status:#}");
    let warnings = status["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|it| it["name"] == "m-apps" && it["reason"] == "BuildFailed"), "{status:#}");
    let (code, stdout, _) = cluster.command(&["flux", "status"]);
    assert!(
        code == 1 && stdout.contains("wrong: Kustomization flux-system/m-apps is not Ready: BuildFailed"),
        "{stdout}"
    );
    // What was in force stays in force.
    assert!(cluster.uids("", "v1", "ConfigMap").contains_key("apps"));
}

fn a_removal_keeps_what_was_deployed(cluster: &SharedCluster) {
    let (code, stdout, stderr) = cluster.command(&["flux", "uninstall"]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("--yes"), "{stderr}");
    let would = cluster.data(&["flux", "uninstall", "--dry-run"], 0);
    assert!(would["deleted"].as_array().unwrap().len() > 10, "{would:#}");
    cluster.data(&["flux", "status"], 0);

    let report = cluster.data(&["flux", "uninstall", "--yes"], 0);
    assert_eq!((&report["lost"], &report["left"]), (&json!([]), &json!([])), "{report:#}");
    let before = report["deployedBefore"].as_array().unwrap();
    for (kind, count) in [("NodePool", 3), ("AKSNodeClass", 3), ("ConfigMap", 2)] {
        assert!(before.contains(&json!({"kind": kind, "count": count})), "{report:#}");
    }
    assert_eq!(report["deployedAfter"], report["deployedBefore"]);
    assert_eq!(report["suspended"].as_array().unwrap().len(), 6, "{report:#}");
    let provider = find(&report["deleted"], "Provider", "chat");
    assert_eq!(provider["outcome"], "deleted", "{report:#}");
    assert!(report["controllers"].as_array().unwrap().iter().all(|it| it["changed"] == true), "{report:#}");
    assert!(cluster.uids("", "v1", "ConfigMap").contains_key("apps"));
    assert!(cluster.uids("", "v1", "Namespace").contains_key("flux-system"));
    let crds = cluster.uids("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    assert!(!crds.keys().any(|name| name.ends_with("fluxcd.io")), "{crds:?}");
    assert!(crds.contains_key("nodepools.karpenter.sh"), "{crds:?}");

    let status = cluster.data(&["flux", "status"], 1);
    assert!(strings(&status["troubles"]).contains("harness flux install"), "{status:#}");
    assert_eq!(cluster.command(&["flux", "reconcile"]).0, 3);
    let out = tempfile::tempdir().unwrap();
    let (code, _, stderr) = cluster.command(&["run", "scale-burst", "--out", out.path().to_str().unwrap()]);
    assert!(code == 3 && stderr.contains("harness flux install --cluster"), "{code}: {stderr}");
    let (code, stdout, _) = cluster.command(&["flux", "uninstall", "--yes"]);
    assert!(code == 0 && stdout.contains("nothing to remove"), "{stdout}");
}

fn an_install_restores_everything(cluster: &SharedCluster) {
    let would = cluster.data(&["flux", "install", "--dry-run"], 0);
    assert!(outcomes(&would).contains(&"created") && would["reconciliation"].is_null(), "{would:#}");
    assert_eq!(cluster.command(&["flux", "status"]).0, 1, "a dry run installed something");

    let report = cluster.data(&["flux", "install"], 0);
    let namespace = find(&report["objects"], "Namespace", "flux-system");
    assert_eq!(namespace["outcome"], "unchanged", "{report:#}");
    let created = outcomes(&report).iter().filter(|outcome| **outcome == "created").count();
    assert_eq!(created, outcomes(&report).len() - 1, "{report:#}");
    assert!(report["controllers"].as_array().unwrap().iter().all(|it| it["changed"] == true), "{report:#}");
    for (layer, ..) in GOOD {
        let layer = find(&report["reconciliation"]["objects"], "Kustomization", layer);
        assert_eq!(layer["ending"], "reconciled", "{report:#}");
    }
    let again = cluster.data(&["flux", "install"], 0);
    assert!(outcomes(&again).iter().all(|outcome| *outcome == "unchanged"), "{again:#}");
    let status = cluster.data(&["flux", "status"], 0);
    assert!(status["deployed"].as_array().unwrap().contains(&json!({"kind": "NodePool", "count": 3})), "{status:#}");
}

fn a_dead_controller_is_started_again(cluster: &SharedCluster) {
    cluster.with(async |cluster| cluster.kill("source-controller").await.unwrap());
    let status = cluster.data(&["flux", "status"], 1);
    assert!(
        strings(&status["troubles"]).contains("source-controller does not run (signal: 9 (SIGKILL))"),
        "{status:#}"
    );
    let (code, _, stderr) = cluster.command(&["flux", "reconcile"]);
    assert!(code == 3 && stderr.contains("source-controller does not run"), "{stderr}");
    let report = cluster.data(&["flux", "install"], 0);
    let started: Vec<&Value> =
        report["controllers"].as_array().unwrap().iter().filter(|it| it["changed"] == true).collect();
    assert_eq!(started, [&json!({"name": "source-controller", "changed": true})], "{report:#}");
}

fn what_a_user_suspended_stays_suspended(cluster: &SharedCluster) {
    cluster.with(async |cluster| {
        let patch = json!({"spec": {"suspend": true}});
        let api = cluster.flux().kustomizations();
        api.patch("a-monitoring", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    });
    let status = cluster.data(&["flux", "status"], 0);
    assert_eq!(find(&status["objects"], "Kustomization", "a-monitoring")["suspended"], true, "{status:#}");
    let report = cluster.data(&["flux", "reconcile", "a-monitoring"], 1);
    assert_eq!(find(&report["objects"], "Kustomization", "a-monitoring")["reason"], "Suspended", "{report:#}");
    let report = cluster.data(&["flux", "install"], 0);
    let layer = find(&report["reconciliation"]["objects"], "Kustomization", "a-monitoring");
    assert_eq!(layer["ending"], "suspended", "{report:#}");
    assert_eq!(cluster.kustomization("a-monitoring").data["spec"]["suspend"], true);

    // As an interrupted removal leaves it.
    cluster.with(async |cluster| {
        let patch = json!({"metadata": {"annotations": {"harness.dev/suspended-by": "flux-uninstall"}}});
        let api = cluster.flux().kustomizations();
        api.patch("a-monitoring", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    });
    let report = cluster.data(&["flux", "install"], 0);
    assert_eq!(find(&report["objects"], "Kustomization", "a-monitoring")["outcome"], "resumed", "{report:#}");
    let layer = find(&report["reconciliation"]["objects"], "Kustomization", "a-monitoring");
    assert_eq!(layer["ending"], "reconciled", "{report:#}");
    let after = cluster.kustomization("a-monitoring");
    assert!(after.data["spec"]["suspend"].is_null(), "{after:?}");
    assert!(!after.metadata.annotations.unwrap_or_default().contains_key("harness.dev/suspended-by"));
}
