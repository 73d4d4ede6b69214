//! The embedded schemas and rules agree with the real API server.

use std::path::Path;

use harness_cluster::Cluster;
use harness_cluster::dry_run::{DryRun, DryRunner};
use harness_tree::validate::{Validation, ValidationInputs, validate};
use harness_tree::{Severity, SourceFile};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use serde_json::json;

use crate::shared::SharedCluster;

static NO_SKUS: Vec<harness_tree::SkuFact> = Vec::new();

fn tree(folder: &Path) -> Vec<SourceFile> {
    let yaml = |path: &Path| path.extension().is_some_and(|extension| extension == "yaml");
    let mut files: Vec<SourceFile> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| yaml(path))
        .map(|path| {
            let relative = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            SourceFile::new(relative, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Whether a finding predicts that the server refuses an object.
fn predicts_a_refusal(validation: &Validation) -> bool {
    validation.findings.iter().any(|finding| finding.severity == Severity::Error && finding.refused)
}

/// For each tree under `fixtures`, `validate` predicts a refusal exactly where the API server refuses an object.
pub(crate) fn agree_with_the_server(shared: &SharedCluster) {
    shared.with(async |cluster| compare(cluster).await);
}

async fn compare(cluster: Cluster) {
    let mut runner = DryRunner::new(cluster.dry_run_client().unwrap());
    let fixtures = harness_testing::repository("fixtures");
    let refused = std::fs::read_dir(fixtures.join("refused")).unwrap().map(|entry| entry.unwrap().path());
    let (mut agreed, mut refusals) = (0, 0);
    let mut disagreed = Vec::new();
    for folder in std::iter::once(fixtures.join("node-config")).chain(refused) {
        let files = tree(&folder).into();
        let validation =
            validate(&ValidationInputs { files: &files, folder: "", skus: &NO_SKUS, aks_defaults: false }, None);
        // A tree that cannot be built is never sent.
        if validation
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Error && finding.effect.contains(" build"))
        {
            continue;
        }
        let mut answers = Vec::new();
        for object in validation.objects.iter().filter(|object| !object.name.is_empty() && !object.kind.is_empty()) {
            answers.push((object.id(), runner.ask(&object.value()).await.unwrap()));
        }
        // For a kind that the local cluster does not serve, the answer is not known.
        if answers.iter().any(|(_, answer)| *answer == DryRun::NotServed) {
            continue;
        }
        let by_server = answers.iter().any(|(_, answer)| matches!(answer, DryRun::Refused(_)));
        refusals += usize::from(by_server);
        if by_server == predicts_a_refusal(&validation) {
            agreed += 1;
        } else {
            disagreed.push(format!(
                "{}: the server says {answers:#?}, here it is {:#?}",
                folder.display(),
                validation.findings
            ));
        }
    }
    assert!(disagreed.is_empty(), "{}", disagreed.join("\n"));
    assert!(agreed >= 12 && refusals >= 5, "{agreed} trees compared, {refusals} refused");
}

/// Before, the user of a run was asked, who may not write every kind, and each such object ended `validate` with exit 3.
pub(crate) fn any_object_may_be_tried_and_none_is_kept(shared: &SharedCluster) {
    shared.with(async |cluster| {
        let client = cluster.dry_run_client().unwrap();
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "tried"},
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
        });
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tried", "namespace": "default"}});
        let mut runner = DryRunner::new(client.clone());
        for object in [&role, &secret] {
            assert_eq!(runner.ask(object).await.unwrap(), DryRun::Accepted { missing_namespace: None }, "{object}");
        }
        let secrets: Api<DynamicObject> =
            Api::namespaced_with(client, "default", &ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Secret")));
        let kept = secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await;
        let refusal = kept.unwrap_err().to_string();
        assert!(refusal.contains("dry runs only"), "{refusal}");
    });
}
