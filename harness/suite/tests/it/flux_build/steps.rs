//! The kustomization, found or generated, what the Flux Kustomization adds to it, and the objects.

use harness_tree::upstream::{BuildNoteKind, BuildOutcome, BuildStage};
use serde_json::json;

use super::{assert_refused, config_map, flux, names, noted, values};

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        image: registry.test/web:1
";

/// `scanManifests` of `kustomize_generator.go` (github.com/fluxcd/pkg/kustomize): a folder with a kustomization is taken as a whole.
#[test]
fn a_kustomization_is_generated_where_there_is_none() {
    let inner = config_map("inner", "{}");
    let tree = [
        ("a.yaml", &*config_map("a", "{}")),
        ("notes.txt", "no manifest"),
        ("base/kustomization.yaml", "namePrefix: base-\nresources: [inner.yaml]\n"),
        ("base/inner.yaml", &inner),
        ("deep/er/c.yml", &config_map("c", "{}")),
    ];
    let Some(answer) = flux(&tree, &json!({})) else { return };
    assert_eq!(names(&answer), ["a", "base-inner", "c"]);
    assert_eq!(noted(&answer, BuildNoteKind::Generated), ["kustomization.yaml"]);
    let origins: Vec<&str> = answer.objects.iter().map(|object| &*object.origin.as_ref().unwrap().path).collect();
    assert_eq!(origins, ["a.yaml", "base/inner.yaml", "deep/er/c.yml"]);
}

/// The generator reads every YAML file that nothing ignores.
#[test]
fn a_file_that_is_no_manifest_stops_the_generator_and_is_named() {
    let Some(answer) = flux(&[("a.yaml", &config_map("a", "{}")), ("Taskfile.yaml", "version: 3\n")], &json!({}))
    else {
        return;
    };
    assert_refused(&answer, BuildStage::Generate, &["failed to decode Kubernetes YAML from Taskfile.yaml"]);
}

/// `GenerateManifest` unmarshals the entry kustomization without being strict and writes it again; kustomize reads a base by itself.
#[test]
fn an_unknown_field_is_dropped_from_the_entry_and_refused_in_a_base() {
    let a = config_map("a", "{}");
    let entry = [("kustomization.yaml", "resources: [a.yaml]\nressources: [b.yaml]\n"), ("a.yaml", &*a)];
    let Some(answer) = flux(&entry, &json!({})) else { return };
    assert_eq!(names(&answer), ["a"]);
    let base = [
        ("kustomization.yaml", "resources: [base]\n"),
        ("base/kustomization.yaml", "resources: [a.yaml]\nressources: [b.yaml]\n"),
        ("base/a.yaml", &*a),
    ];
    let answer = flux(&base, &json!({})).unwrap();
    assert_refused(&answer, BuildStage::Build, &["unknown field \"ressources\"", "'base'"]);
}

#[test]
fn components_are_added_and_missing_ones_refused_or_left_out() {
    let tree = [
        ("tree/kustomization.yaml", "resources: [a.yaml]\n"),
        ("tree/a.yaml", &*config_map("a", "{}")),
        (
            "spot/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -spot\n",
        ),
    ];
    let spec = |ignored: bool| json!({"path": "tree", "components": ["../spot", "../missing"], "ignoreMissingComponents": ignored});
    let build = |ignored| {
        super::build(&harness_tree::upstream::FluxBuildRequest {
            path: "tree".to_owned(),
            files: super::files(&tree),
            kustomization: super::kustomization(&spec(ignored)),
            ..Default::default()
        })
    };
    let Some(answer) = build(true) else { return };
    assert_eq!(names(&answer), ["a-spot"]);
    assert_eq!(noted(&answer, BuildNoteKind::MissingComponent), ["missing"]);
    assert_refused(&build(false).unwrap(), BuildStage::Build, &["evalsymlink failure on 'missing'"]);
}

#[test]
fn the_flux_kustomization_patches_and_renames() {
    let tree = [
        ("kustomization.yaml", "images: [{name: registry.test/web, newTag: '2'}]\nresources: [web.yaml]\n"),
        ("web.yaml", DEPLOYMENT),
    ];
    let spec = json!({
        "targetNamespace": "shop",
        "namePrefix": "blue-",
        "nameSuffix": "-1",
        "images": [{"name": "registry.test/web", "newName": "mirror.test/web"}],
        "patches": [
            {"patch": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n"},
            {"patch": "- {op: add, path: /metadata/labels, value: {team: blue}}", "target": {"kind": "Deployment"}},
        ],
    });
    let Some(answer) = flux(&tree, &spec) else { return };
    let web = values(&answer)[0];
    assert_eq!(web["metadata"], json!({"name": "blue-web-1", "namespace": "shop", "labels": {"team": "blue"}}));
    assert_eq!(web["spec"]["replicas"], 3);
    // The tag of the kustomization stays: fields are merged one by one.
    assert_eq!(web["spec"]["template"]["spec"]["containers"][0]["image"], "mirror.test/web:2");
}

#[test]
fn a_patch_without_its_object_is_refused() {
    let spec = json!({"patches": [{"patch": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: wbe}\n"}]});
    let Some(answer) = flux(&[("web.yaml", DEPLOYMENT)], &spec) else { return };
    assert_refused(&answer, BuildStage::Build, &["no matches for Id", "wbe"]);
}

#[test]
fn common_metadata_is_set_on_objects_and_not_on_their_templates() {
    let spec = json!({"commonMetadata": {"labels": {"team": "blue"}, "annotations": {"owner": "ops"}}});
    let Some(answer) = flux(&[("web.yaml", DEPLOYMENT)], &spec) else { return };
    let web = values(&answer)[0];
    assert_eq!(web["metadata"], json!({"name": "web", "labels": {"team": "blue"}, "annotations": {"owner": "ops"}}));
    assert!(web["spec"]["template"].get("metadata").is_none());
    assert!(answer.objects[0].yaml.as_ref().unwrap().contains("team: blue"), "what is printed has them too");
}

#[test]
fn numbers_and_dates_are_those_of_yaml_1_1() {
    let data = "apiVersion: example.test/v1\nkind: Thing\nmetadata: {name: a}\n\
                spec: {octal: 0755, hex: 0x1f, grouped: 1_000, date: 2026-01-01, on: 'on', text: '010', float: 1e3}\n";
    let Some(answer) = flux(&[("a.yaml", data)], &json!({})) else { return };
    let spec = &values(&answer)[0]["spec"];
    assert_eq!((&spec["octal"], &spec["hex"], &spec["grouped"]), (&json!(493), &json!(31), &json!(1000)));
    assert_eq!(
        (&spec["date"], &spec["text"], &spec["on"]),
        (&json!("2026-01-01T00:00:00Z"), &json!("010"), &json!("on"))
    );
}

/// `DisabledPluginConfig` in `Build` of `kustomize_generator.go`.
#[test]
fn helm_and_plugins_are_refused() {
    let helm = [("kustomization.yaml", "helmCharts: [{name: podinfo, repo: 'https://charts.test', version: 6.7.0}]\n")];
    let Some(answer) = flux(&helm, &json!({})) else { return };
    assert_refused(&answer, BuildStage::Build, &["must specify --enable-helm"]);
    let stamp = "apiVersion: example.test/v1\nkind: Stamp\nmetadata:\n  name: s\n  annotations:\n    \
                 config.kubernetes.io/function: |\n      exec: {path: ./stamp.sh}\n";
    let exec = [
        ("kustomization.yaml", "resources: [a.yaml]\ntransformers: [stamp.yaml]\n"),
        ("a.yaml", &*config_map("a", "{}")),
        ("stamp.yaml", stamp),
        ("stamp.sh", "#!/bin/sh\ntouch /tmp/harness-flux-build-ran\n"),
    ];
    assert_refused(&flux(&exec, &json!({})).unwrap(), BuildStage::Build, &["external plugins disabled"]);
    assert!(!std::path::Path::new("/tmp/harness-flux-build-ran").exists());
}

#[test]
fn a_generated_object_has_its_kustomization_and_no_annotation() {
    let tree = [
        ("base/kustomization.yaml", "configMapGenerator: [{name: a, literals: [k=v]}]\n"),
        ("kustomization.yaml", "resources: [base]\n"),
    ];
    let Some(answer) = flux(&tree, &json!({})) else { return };
    let origin = answer.objects[0].origin.as_ref().unwrap();
    assert_eq!((&*origin.path, &*origin.configured_in), ("", "base/kustomization.yaml"));
    assert_eq!(origin.generator, "ConfigMapGenerator");
    assert!(values(&answer)[0]["metadata"].get("annotations").is_none());
    // Those who ask for it get it.
    let asked = flux(&tree, &json!({"buildMetadata": ["originAnnotations"]})).unwrap();
    assert!(values(&asked)[0]["metadata"]["annotations"]["config.kubernetes.io/origin"].is_string());
}

/// With the annotations there the first annotation could be added by a JSON patch, and without them it cannot.
#[test]
fn the_tracking_of_origins_does_not_change_what_is_built() {
    let tree = [
        (
            "kustomization.yaml",
            "resources: [a.yaml]\npatches: [{target: {kind: ConfigMap}, patch: '[{op: add, path: /metadata/annotations/x, value: y}]'}]\n",
        ),
        ("a.yaml", &*config_map("a", "{}")),
    ];
    let Some(answer) = flux(&tree, &json!({})) else { return };
    assert_refused(&answer, BuildStage::Build, &["/metadata/annotations/x"]);
}

/// A tree's schema is a global in upstream's code, and must not reach the next build of the process.
#[test]
fn a_schema_of_one_tree_is_not_seen_by_the_next() {
    let Some(program) = super::program() else { return };
    let schema = r#"{"definitions": {"v1.Thing": {"type": "object", "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"},
        "metadata": {"type": "object"}, "spec": {"type": "object", "properties": {"items": {"type": "array", "items": {"type": "object"},
        "x-kubernetes-patch-merge-key": "key", "x-kubernetes-patch-strategy": "merge"}}}},
        "x-kubernetes-group-version-kind": [{"group": "example.test", "kind": "Thing", "version": "v1"}]}}}"#;
    let thing =
        "apiVersion: example.test/v1\nkind: Thing\nmetadata: {name: a}\nspec: {items: [{key: one, value: 1}]}\n";
    let entry = "resources: [a.yaml]\npatches: [{patch: '{apiVersion: example.test/v1, kind: Thing, metadata: {name: a}, spec: {items: [{key: two, value: 2}]}}'}]\n";
    let with = format!("openapi: {{path: schema.json}}\n{entry}");
    let mut client = program.for_files();
    let mut count = |entry: &str| {
        let request = harness_tree::upstream::FluxBuildRequest {
            path: ".".to_owned(),
            files: super::files(&[("kustomization.yaml", entry), ("a.yaml", thing), ("schema.json", schema)]),
            ..Default::default()
        };
        let answer = client.build(&request).unwrap();
        values(&answer)[0]["spec"]["items"].as_array().unwrap().len()
    };
    assert_eq!([count(entry), count(&with), count(entry), count(&with)], [1, 2, 1, 2]);
}

#[test]
fn encrypted_values_are_named_and_the_sops_part_is_dropped() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: 'ENC[AES256_GCM,data:x,type:str]'}\n\
                  sops: {mac: 'ENC[AES256_GCM,data:y,type:str]', version: 3.9.0}\n";
    let spec = json!({"decryption": {"provider": "sops"}});
    let Some(answer) = flux(&[("a.yaml", secret)], &spec) else { return };
    assert_eq!(answer.objects[0].encrypted, ["/data/password"]);
    // base64 of `**SOPS**`, as in the dry run of the flux CLI: ciphertext is not base64, and the API server would refuse it.
    assert_eq!(values(&answer)[0]["data"]["password"], "KipTT1BTKio=");
    assert!(values(&answer)[0].get("sops").is_none());
}

/// `apply` of the kustomize-controller normalizes first, and with it drops `sops` from what is a Secret otherwise.
#[test]
fn an_encrypted_secret_without_decryption_is_refused_where_the_controller_sees_it() {
    let secret = |field: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n{field}: {{k: 'ENC[AES256_GCM,data:x,type:str]'}}\nsops: {{mac: 'ENC[y]'}}\n"
        )
    };
    let Some(answer) = flux(&[("a.yaml", &secret("data"))], &json!({})) else { return };
    assert_refused(&answer, BuildStage::Apply, &["Secret/a is SOPS encrypted"]);
    assert_eq!(answer.objects.len(), 1, "the objects are there");
    let answer = flux(&[("a.yaml", &secret("stringData"))], &json!({})).unwrap();
    assert_eq!(answer.outcome, BuildOutcome::Built, "its ciphertext is applied: {answer:?}");
}

#[test]
fn a_list_is_its_items_and_a_kustomization_of_kustomize_is_not_applied() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n\
                - {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n";
    let Some(answer) = flux(&[("list.yaml", list)], &json!({})) else { return };
    assert_eq!(names(&answer), ["a", "b"]);
}
