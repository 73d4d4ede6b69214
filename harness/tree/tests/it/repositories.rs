//! Whole repositories: what Flux applies of them is found from their Kustomizations.

use harness_tree::validate::{Validation, ValidationInputs, validate};
use harness_tree::{Files, Severity, SkuFact, SourceFile};
use rstest::rstest;

const POOL: &str = "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: general}\nspec:\n  \
    disruption: {consolidationPolicy: WhenEmptyOrUnderutilized, consolidateAfter: 1m}\n  template:\n    spec:\n      \
    nodeClassRef: {group: karpenter.azure.com, kind: AKSNodeClass, name: general}\n      requirements: []\n";
const CLASS: &str = "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {name: general}\nspec: {imageFamily: Ubuntu}\n";

/// A Flux Kustomization of the repository itself, with more in its `spec`.
fn applies(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec:\n  \
         interval: 10m\n  prune: true\n  path: {path}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{more}"
    )
}

fn names(resources: &str) -> String {
    format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [{resources}]\n")
}

fn checked(files: &[(&str, &str)], folder: &str, aks_defaults: bool) -> Validation {
    let files: Vec<SourceFile> = files.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect();
    let skus: Vec<SkuFact> = Vec::new();
    validate(&ValidationInputs { files: &Files::from(files), folder, skus: &skus, aks_defaults }, None)
}

/// `severity rule file: message` of each finding that is more than a note.
fn serious(files: &[(&str, &str)]) -> Vec<String> {
    let findings = checked(files, "", false).findings;
    let serious = findings.iter().filter(|finding| finding.severity > Severity::Note);
    serious.map(|it| format!("{} {} {}: {}", it.severity, it.rule, it.file, it.message)).collect()
}

/// Before, a class in another layer was missing, whatever did not belong to Flux was an error, and two clusters had each other's pools.
#[rstest]
#[case::a_class_in_another_layer(&[
    ("clusters/p/pools.yaml", &*applies("pools", "./pools", "  dependsOn: [{name: classes}]\n")),
    ("clusters/p/classes.yaml", &applies("classes", "./classes", "")),
    ("pools/pool.yaml", POOL),
    ("classes/class.yaml", CLASS),
])]
#[case::files_that_nothing_applies(&[
    ("clusters/p/tree.yaml", &*applies("tree", "./tree", "")),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
    ("Taskfile.yaml", "version: 3\n"),
    ("setup/broken.yaml", "a: [\n"),
    (".github/workflows/ci.yaml", "name: ci\n"),
    ("tree/.sops.yaml", "creation_rules: []\n"),
])]
#[case::two_clusters(&[
    ("clusters/p/tree.yaml", &*applies("tree", "./overlays/p", "")),
    ("clusters/s/tree.yaml", &applies("tree", "./overlays/s", "")),
    ("overlays/p/kustomization.yaml", &names("../../base")),
    ("overlays/s/kustomization.yaml", &format!("{}patches: [{{target: {{kind: NodePool}}, patch: '[{{op: add, path: /spec/weight, value: 7}}]'}}]\n", names("../../base"))),
    ("base/kustomization.yaml", &names("pool.yaml, class.yaml")),
    ("base/pool.yaml", POOL),
    ("base/class.yaml", CLASS),
])]
#[case::a_parent_that_applies_itself_and_patches_its_children(&[
    ("cluster/a-pools.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: pools, namespace: flux-system}\nspec: {prune: true, path: ./pools}\n"),
    ("cluster/kustomization.yaml", &*names("a-pools.yaml, root.yaml")),
    ("cluster/root.yaml", &applies("root", "./cluster", "  patches:\n  - target: {kind: Kustomization}\n    patch: |\n      apiVersion: kustomize.toolkit.fluxcd.io/v1\n      kind: Kustomization\n      metadata: {name: any}\n      spec:\n        interval: 5m\n        sourceRef: {kind: GitRepository, name: flux-system}\n        postBuild: {substitute: {CLASS: general}}\n")),
    ("pools/pool.yaml", &POOL.replace("name: general}\n      requirements", "name: \"${CLASS}\"}\n      requirements")),
    ("pools/class.yaml", CLASS),
])]
#[case::values_of_a_config_map(&[
    ("cluster/root.yaml", &*applies("root", "./cluster", "")),
    ("cluster/settings.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: flux-system}\ndata: {CLASS: general}\n"),
    ("cluster/pools.yaml", &applies("pools", "./pools", "  postBuild: {substituteFrom: [{kind: ConfigMap, name: settings}]}\n")),
    ("pools/pool.yaml", &POOL.replace("name: general}\n      requirements", "name: \"${CLASS}\"}\n      requirements")),
    ("pools/class.yaml", CLASS),
])]
#[case::values_that_only_the_cluster_has(&[
    ("clusters/p/tree.yaml", &*applies("tree", "./tree", "  postBuild: {substituteFrom: [{kind: Secret, name: s}]}\n")),
    ("tree/pool.yaml", &POOL.replace("spec:\n  disruption", "spec:\n  limits: {cpu: \"${CPUS}\"}\n  disruption")),
    ("tree/class.yaml", CLASS),
])]
#[case::a_patch_that_looks_like_a_kustomization(&[
    ("clusters/p/tree.yaml", &*applies("tree", "./tree", "")),
    ("tree/kustomization.yaml", &format!("{}patches: [{{path: patch.yaml}}]\n", names("pool.yaml, class.yaml, more.yaml"))),
    ("tree/more.yaml", &applies("more", "./more", "")),
    ("tree/patch.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: flux-system}\nspec: {wait: true}\n"),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
    ("more/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"),
])]
// Before, it was taken for a root that applies the whole repository.
#[case::a_patch_with_a_source(&[
    ("clusters/p/tree.yaml", &*applies("tree", "./tree", "")),
    ("tree/kustomization.yaml", &format!("{}patches: [{{path: patch.yaml}}]\n", names("pool.yaml, class.yaml, more.yaml"))),
    ("tree/more.yaml", &applies("more", "./more", "")),
    ("tree/patch.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: flux-system}\nspec: {sourceRef: {kind: GitRepository, name: flux-system}}\n"),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
    ("more/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"),
    ("docker-compose.yaml", "services: {}\n"),
])]
#[case::a_top_further_down(&[
    ("kubernetes/clusters/p/root.yaml", &*applies("root", "./clusters/p", "").replace("GitRepository", "OCIRepository")),
    ("kubernetes/clusters/p/tree.yaml", &applies("tree", "./tree", "").replace("GitRepository", "OCIRepository")),
    ("kubernetes/tree/pool.yaml", POOL),
    ("kubernetes/tree/class.yaml", CLASS),
])]
#[case::a_path_that_stays_within_the_source(&[
    ("clusters/p/tree.yaml", &*applies("tree", "../tree", "")),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
])]
#[case::a_path_of_another_source(&[
    ("clusters/p/tree.yaml", &*applies("tree", "./tree", "")),
    ("clusters/p/update.yaml", &applies("update", "./tree", "").replace("name: flux-system}\n", "name: flux-infra}\n")),
    ("clusters/p/source.yaml", "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-infra, namespace: flux-system}\nspec: {interval: 1m, url: \"https://example.com/infra\"}\n"),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
])]
#[case::a_path_with_a_variable(&[
    ("clusters/p/tree.yaml", &*applies("tree", "./tree", "")),
    ("clusters/p/more.yaml", &applies("more", "./more/${ENVIRONMENT}", "")),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
])]
#[case::an_artifact_that_begins_further_down(&[
    ("kubernetes/clusters/p/ks.yaml", &*applies("tree", "./apps/overlays/p", "").replace("kind: GitRepository", "kind: OCIRepository")),
    ("kubernetes/apps/overlays/p/kustomization.yaml", &names("../../base")),
    ("kubernetes/apps/base/kustomization.yaml", &names("pool.yaml, class.yaml")),
    ("kubernetes/apps/base/pool.yaml", POOL),
    ("kubernetes/apps/base/class.yaml", CLASS),
    ("talos/kustomization.yaml", &names("none.yaml")),
])]
#[case::an_archive(&[
    ("clusters/p/tree.yaml", &*applies("tree", "./tree", "")),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
    (".archive/kustomization.yaml", &names("../clusters/p/tree.yaml, none.yaml")),
])]
#[case::an_archive_where_nothing_is_applied_by_flux(&[
    ("tree/kustomization.yaml", &*names("pool.yaml, class.yaml")),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
    (".archive/kustomization.yaml", &names("none.yaml")),
    (".archive/pool.yaml", &POOL.replace("WhenEmptyOrUnderutilized", "Never")),
])]
#[case::a_kustomization_of_a_component(&[
    ("clusters/p/tree.yaml", &*applies("tree", "./tree", "  components: [../component]\n  postBuild: {substitute: {APP: web}}\n")),
    ("component/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [child.yaml]\n"),
    ("component/child.yaml", &applies("'${APP}-db'", "./db", "  dependsOn: [{name: '${APP}'}]\n")),
    ("clusters/p/web.yaml", &applies("web", "./db", "")),
    ("db/class.yaml", CLASS),
    ("tree/pool.yaml", POOL),
])]
#[case::what_others_complete(&[
    ("clusters/p/tree.yaml", &*applies("tree", "./tree", "  patches: [{target: {kind: Kustomization}, patch: '{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: x}, spec: {interval: 1m, prune: true}}'}]\n")),
    ("tree/kustomization.yaml", &names("pools.yaml")),
    ("tree/pools.yaml", &applies("pools", "./pools", "").replace("  interval: 10m\n", "")),
    ("tree/off.yaml", &applies("off", "./off", "").replace("  interval: 10m\n", "")),
    ("off/off.yaml", &POOL.replace("WhenEmptyOrUnderutilized", "Never")),
    ("pools/pool.yaml", POOL),
    ("pools/class.yaml", CLASS),
])]
#[case::one_object_in_two_clusters(&[
    ("clusters/p/a.yaml", &*applies("a", "./tree", "  kubeConfig: {secretRef: {name: east}}\n")),
    ("clusters/p/b.yaml", &applies("b", "./tree", "  kubeConfig: {secretRef: {name: west}}\n  patches: [{target: {kind: NodePool}, patch: '[{op: add, path: /spec/weight, value: 7}]'}]\n")),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
])]
fn what_works_is_no_finding(#[case] files: &[(&str, &str)]) {
    assert_eq!(serious(files), Vec::<String>::new());
}

/// Before, what a path with variables stands for was not checked.
#[test]
fn a_path_with_variables_stands_for_each_cluster() {
    let files = [
        ("apps/flux-system/flux.yaml", &*applies("flux-system", "./clusters/${ENVIRONMENT}/${CLUSTER}", "")),
        ("clusters/p/00/kustomization.yaml", &names("tree.yaml")),
        ("clusters/p/00/tree.yaml", &applies("tree", "./tree", "")),
        // Flux makes a kustomization here.
        ("clusters/q/01/tree.yaml", &applies("tree", "./tree/q", "")),
        // A folder that only holds folders is not a cluster: nobody sets `${CLUSTER}` to it.
        ("clusters/r/on-the-way/a/kustomization.yaml", &names("../../../../none.yaml")),
        ("tree/pool.yaml", POOL),
        ("tree/class.yaml", CLASS),
        ("tree/q/class.yaml", &CLASS.replace("Ubuntu", "Windows")),
    ];
    let found = serious(&files);
    assert!(found.iter().any(|it| it.contains("tree/q/class.yaml")), "{found:?}");
    assert!(!found.iter().any(|it| it.contains("clusters/r")), "{found:?}");
}

/// Before, nothing was said of any of them.
#[rstest]
#[case::waiting_for_each_other(&[
    ("clusters/p/a.yaml", &*applies("a", "./a", "  dependsOn: [{name: b}]\n")),
    ("clusters/p/b.yaml", &applies("b", "./b", "  dependsOn: [{name: a}]\n")),
    ("a/pool.yaml", POOL),
    ("b/class.yaml", CLASS),
], "error flux-dependency clusters/p/a.yaml: Kustomizations wait for each other: `flux-system/a` waits for `flux-system/b` waits for `flux-system/a`")]
#[case::waiting_for_nobody(&[
    ("clusters/p/a.yaml", &*applies("a", "./a", "  dependsOn: [{name: controllers}]\n")),
    ("a/pool.yaml", POOL),
    ("a/class.yaml", CLASS),
], "warning flux-dependency clusters/p/a.yaml: `flux-system/a` waits for the Kustomization `flux-system/controllers`, which is not in the tree")]
#[case::two_owners(&[
    ("clusters/p/a.yaml", &*applies("a", "./tree", "")),
    ("clusters/p/b.yaml", &applies("b", "./tree", "  patches: [{target: {kind: NodePool}, patch: '[{op: add, path: /spec/weight, value: 7}]'}]\n")),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
], "warning flux-two-owners tree/pool.yaml: both `flux-system/a` and `flux-system/b` apply the NodePool `general`, and not the same")]
#[case::health_of_nothing(&[
    ("clusters/p/a.yaml", &*applies("a", "./tree", "  healthChecks: [{apiVersion: karpenter.sh/v1, kind: NodePool, name: genral}]\n")),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
], "warning flux-health-check clusters/p/a.yaml: `flux-system/a` waits for the health of NodePool `genral`, which nothing in the tree applies")]
#[case::no_such_folder(&[
    ("clusters/p/a.yaml", &*applies("a", "./treee", "")),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
], "warning flux-path clusters/p/a.yaml: there is no folder `./treee` in this tree: what the Kustomization applies is not checked")]
#[case::a_secret_that_nobody_decrypts(&[
    ("clusters/p/a.yaml", &*applies("a", "./tree", "")),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
    ("tree/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: default}\nstringData: {a: 'ENC[x]'}\nsops: {mac: x}\n"),
], "warning flux-decryption tree/secret.yaml: the Secret `s` is encrypted with SOPS, and `flux-system/a` has no `decryption`")]
#[case::a_pool_that_was_forgotten(&[
    ("clusters/p/a.yaml", &*applies("a", "./tree", "")),
    ("tree/kustomization.yaml", &names("class.yaml")),
    ("tree/pool.yaml", POOL),
    ("tree/class.yaml", CLASS),
], "warning not-applied tree/pool.yaml: nothing applies the NodePool `general`")]
#[case::a_broken_file_does_not_hide_the_rest(&[
    ("clusters/p/a.yaml", &*applies("a", "./a", "")),
    ("clusters/p/b.yaml", &applies("b", "./b", "")),
    ("a/broken.yaml", "a: [\n"),
    ("b/pool.yaml", &POOL.replace("1m", "1d")),
    ("b/class.yaml", CLASS),
], "error disruption b/pool.yaml: `consolidateAfter` is the text `1d`, which is not a duration of Karpenter")]
fn what_cannot_work_is_found(#[case] files: &[(&str, &str)], #[case] expected: &str) {
    let found = serious(files);
    assert!(found.iter().any(|finding| finding == expected), "{found:#?}");
}

/// A folder is judged as the Kustomization applies it that points at it, and nothing else is.
#[test]
fn a_folder_is_judged_as_it_is_applied() {
    let wrong = POOL.replace("1m", "1d");
    let files = [
        ("clusters/p/a.yaml", &*applies("a", "./a", "  postBuild: {substitute: {AFTER: 1m}}\n")),
        ("clusters/p/b.yaml", &applies("b", "./b", "")),
        ("a/pool.yaml", &POOL.replace("1m", "\"${AFTER}\"")),
        ("a/class.yaml", CLASS),
        ("b/pool.yaml", &wrong),
    ];
    let validation = checked(&files, "a", false);
    assert_eq!((validation.folders.as_slice(), validation.count(Severity::Error)), (["a".to_owned()].as_slice(), 0));
    assert_eq!(checked(&files, "b", false).count(Severity::Error), 1);
    // A base that no Kustomization names is judged as it stands.
    let base = checked(&[("base/pool.yaml", &wrong), ("x.yaml", "a: [\n")], "base", false);
    assert!(base.findings.iter().any(|finding| finding.rule == "disruption"), "{:?}", base.findings);
}

/// Before, the class of AKS's own pools was an error, exit 2, on every tutorial of node auto-provisioning.
#[test]
fn what_aks_makes_itself_is_there() {
    let files =
        [("pool.yaml", &*POOL.replace("kind: AKSNodeClass, name: general", "kind: AKSNodeClass, name: default"))];
    let errors = |aks_defaults| checked(&files, "", aks_defaults).count(Severity::Error);
    assert_eq!((errors(true), errors(false)), (0, 1));
    // One of the tree's own takes its place.
    let own = [files[0], ("class.yaml", &*CLASS.replace("name: general", "name: default"))];
    let notes = checked(&own, "", true).findings;
    assert!(notes.iter().all(|finding| finding.rule != "node-class-exists"), "{notes:?}");
}

/// Before, each folder that Argo CD inflates a chart for was an error, and each template too.
#[test]
fn what_only_argo_cd_builds_is_one_warning() {
    let application =
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec: {source: {path: apps/a}}\n";
    let chart = format!("{}helmCharts: [{{name: c}}]\n", names(""));
    let files = [
        ("argo/application.yaml", application),
        ("apps/a/kustomization.yaml", &chart),
        ("apps/b/kustomization.yaml", &chart),
        ("templates/kustomization.yaml", &names("../none")),
        ("pools/kustomization.yaml", &names("pool.yaml, class.yaml")),
        ("pools/pool.yaml", POOL),
        ("pools/class.yaml", CLASS),
    ];
    let [warning] = &serious(&files)[..] else { panic!("{:?}", serious(&files)) };
    assert!(
        warning.starts_with("warning kustomization-extensions apps/a/kustomization.yaml: Flux cannot build 3 folders"),
        "{warning}"
    );
    let alone = checked(&files, "apps/a", false);
    assert_eq!(alone.count(Severity::Error), 1, "{:?}", alone.findings);
}

/// The messages of a rule's notes.
fn notes(files: &[(&str, &str)], rule: &str) -> Vec<String> {
    let findings = checked(files, "", false).findings;
    findings.into_iter().filter(|it| it.rule == rule && it.severity == Severity::Note).map(|it| it.message).collect()
}

#[test]
fn what_is_absent_is_said_once() {
    // Before, each Kustomization had a note of its own for the same Secret and the same source.
    let values = "  postBuild: {substituteFrom: [{kind: Secret, name: vars}]}\n";
    let [a, b, c] = ["a", "b", "c"].map(|name| applies(name, "./tree", values));
    let other = "{kind: OCIRepository, name: charts}";
    let [d, e] =
        ["d", "e"].map(|name| applies(name, "./x", "").replace("{kind: GitRepository, name: flux-system}", other));
    let files = [
        ("clusters/p/a.yaml", a.as_str()),
        ("clusters/p/b.yaml", &b),
        ("clusters/p/c.yaml", &c),
        ("clusters/p/d.yaml", &d),
        ("clusters/p/e.yaml", &e),
        ("tree/class.yaml", CLASS),
    ];
    assert_eq!(
        notes(&files, "flux-substitution"),
        [
            "the Secret `flux-system/vars`, from which `flux-system/a` and 2 other Kustomizations take values, is not in the tree"
        ]
    );
    assert_eq!(
        notes(&files, "flux-source"),
        [
            "what `flux-system/d` and 1 other Kustomization apply comes from another source, OCIRepository `flux-system/charts`, and is not checked"
        ]
    );
}

#[test]
fn what_flux_operator_makes_is_not_known() {
    // Before, nothing was said of it, and a class that a ResourceSet may make was missing.
    let set = "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: pools, namespace: flux-system}\nspec: {resources: []}\n";
    let apply = applies("a", "./tree", "");
    let files = [("clusters/p/a.yaml", apply.as_str()), ("tree/set.yaml", set), ("tree/pool.yaml", POOL)];
    assert_eq!(
        notes(&files, "resource-set"),
        ["the objects that flux-operator makes of the ResourceSet `pools` are not checked"]
    );
    assert_eq!(serious(&files), [] as [&str; 0]);
}

#[test]
fn what_a_patch_may_complete_is_no_error() {
    // Before, each such object lacked an `interval`, which a patch of the parent gives to all of them.
    let child = applies("child", "./child", "").replace("  interval: 10m\n", "");
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r, namespace: x}\nspec: {chartRef: {kind: OCIRepository, name: c}}\n";
    let missing = |resources: &str| {
        let (apply, names) = (applies("parent", "./parent", ""), names(resources));
        let files = [
            ("clusters/p/a.yaml", apply.as_str()),
            ("parent/kustomization.yaml", &names),
            ("parent/child.yaml", &child),
            ("child/release.yaml", release),
        ];
        serious(&files).iter().filter(|it| it.contains("`spec.interval` is missing")).count()
    };
    assert_eq!(missing("child.yaml"), 2);
    assert_eq!(missing("child.yaml, 'https://github.com/a/b?ref=v1'"), 0);
}
