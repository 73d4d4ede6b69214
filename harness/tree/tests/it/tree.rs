//! Node configurations: what is read, and what is refused, with its message and its place.

use crate::common::{builtin_tree, lines, skus, tree};
use harness_tree::derive::{NodeOverhead, PodSize, pods_on};
use harness_tree::{Finding, Severity, SkuFact, SourceFile, builtin_node_config, check_skus, read_tree};
use harness_units::{Bytes, Millicores};
use rstest::rstest;

const CLASS: &str = "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {name: default}\nspec: {imageFamily: Ubuntu}\n";

const POOL: &str = "apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: pool}
spec:
  template:
    spec:
      nodeClassRef: {group: karpenter.azure.com, kind: AKSNodeClass, name: default}
      requirements:
        - {key: karpenter.azure.com/sku-family, operator: In, values: [D]}
  disruption:
    consolidationPolicy: WhenEmpty
    consolidateAfter: 30s
    budgets: [{nodes: \"10%\"}]
  limits: {cpu: 100}
";

fn findings(files: &[(&str, &str)]) -> Vec<Finding> {
    match tree(files) {
        Ok(tree) => tree.findings,
        Err(findings) => findings,
    }
}

#[test]
fn the_built_in_tree_is_clean() {
    let tree = builtin_tree();
    assert_eq!(lines(&tree.findings), "");
    assert_eq!(lines(&check_skus(&tree.pools, &skus())), "");
    let names: Vec<&str> = tree.pools.iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!(names, ["compute-optimized", "general-purpose", "memory-optimized"]);
    assert_eq!(tree.pools[0].at(), "node-classes/compute-optimized.yaml:2:1");
}

#[test]
fn the_digest_does_not_depend_on_the_order_of_files() {
    let mut files = builtin_node_config();
    let first = read_tree("node-config", &files).unwrap().sha256;
    files.reverse();
    assert_eq!(read_tree("node-config", &files).unwrap().sha256, first);
    files[0].text.push('\n');
    assert_ne!(read_tree("node-config", &files).unwrap().sha256, first);
}

#[rstest]
#[case::dead_version(
    "apiVersion: karpenter.sh/v1\n",
    "apiVersion: karpenter.sh/v1beta1\n",
    1,
    "api-version",
    "karpenter.sh/v1`"
)]
#[case::no_such_class("name: default}", "name: defualt}", 7, "node-class-exists", "did you mean `default`?")]
#[case::no_group("group: karpenter.azure.com, ", "", 7, "node-class-ref", "group: karpenter.azure.com")]
#[case::wrong_group(
    "group: karpenter.azure.com",
    "group: karpenter.k8s.aws",
    7,
    "node-class-ref",
    "karpenter.azure.com"
)]
#[case::reference_version(
    "name: default}",
    "name: default, apiVersion: v1}",
    7,
    "unknown-field",
    "group: karpenter.azure.com"
)]
#[case::operator("operator: In", "operator: in", 9, "requirements", "did you mean `In`?")]
#[case::no_values("values: [D]", "values: []", 9, "requirements", "at least one value")]
#[case::numeric("operator: In, values: [D]", "operator: Gt, values: [D]", 9, "requirements", "values: [\"8\"]")]
#[case::min_values("values: [D]}", "values: [D], minValues: 2}", 9, "requirements", "1 to 50")]
#[case::restricted("karpenter.azure.com/sku-family", "karpenter.azure.com/sku-familiy", 9, "labels", "sku-family`?")]
#[case::policy(
    "WhenEmpty\n",
    "WhenEmptyOrUnderUtilized\n",
    11,
    "disruption",
    "did you mean `WhenEmptyOrUnderutilized`?"
)]
#[case::expire_after(
    "    consolidateAfter: 30s\n",
    "    consolidateAfter: 30s\n    expireAfter: 720h\n",
    13,
    "unknown-field",
    "spec.template.spec.expireAfter"
)]
#[case::consolidate_after("    consolidateAfter: 30s\n", "", 10, "disruption", "consolidateAfter: 0s")]
#[case::duration("30s", "30", 12, "disruption", "Never")]
#[case::budget("\"10%\"", "10", 13, "budgets", "write `\"10\"`")]
#[case::weight("  limits: {cpu: 100}", "  weight: 200", 14, "weight-and-replicas", "1 to 100")]
#[case::static_limits(
    "  limits: {cpu: 100}",
    "  replicas: 2\n  limits: {cpu: 100}",
    15,
    "weight-and-replicas",
    "limits.nodes"
)]
#[case::limit("cpu: 100", "cpu: lots", 14, "limits", "1000Gi")]
#[case::unknown("  limits:", "  limit:", 14, "unknown-field", "did you mean `limits`?")]
#[case::name("name: pool", "name: Pool_1", 3, "object-name", "lower-case")]
fn pools_that_cannot_work(
    #[case] right: &str,
    #[case] wrong: &str,
    #[case] line: u32,
    #[case] rule: &str,
    #[case] fix: &str,
) {
    assert!(POOL.contains(right), "the case changes something");
    let text = POOL.replacen(right, wrong, 1);
    let found = tree(&[("class.yaml", CLASS), ("pool.yaml", &text)]).unwrap_err();
    let errors: Vec<&Finding> = found.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert_eq!(errors.len(), 1, "{}", lines(&found));
    let error = errors[0];
    assert_eq!((error.file.as_str(), error.line, error.rule), ("pool.yaml", line, rule), "{error}");
    assert!(error.fix.as_ref().unwrap().contains(fix), "{error}");
    assert!(!error.effect.is_empty(), "{error}");
}

#[rstest]
#[case("location", "cluster's region")]
#[case("resourceGroup", "node resource group")]
#[case("subnetName", "vnetSubnetID")]
#[case("instanceTypes", "instance-type")]
#[case("osDisk", "osDiskSizeGB")]
#[case("userData", "DaemonSet")]
fn fields_that_node_classes_never_had(#[case] field: &str, #[case] fix: &str) {
    let class = CLASS.replace("spec: {", &format!("spec:\n  {field}: x\n  ")).replace("Ubuntu}", "Ubuntu");
    let found = tree(&[("class.yaml", &class), ("pool.yaml", POOL)]).unwrap_err();
    assert_eq!(found.len(), 2 - usize::from(found.len() == 1), "{}", lines(&found));
    let error = found.iter().find(|finding| finding.severity == Severity::Error).unwrap();
    assert_eq!((error.line, error.column, error.rule), (5, 3, "unknown-field"), "{error}");
    assert!(error.fix.as_ref().unwrap().contains(fix), "{error}");
}

#[rstest]
#[case("imageFamily: Ubuntu", "imageFamily: Ubuntu2004", "did you mean `Ubuntu2204`?")]
#[case("imageFamily: Ubuntu", "osDiskSizeGB: 8", "from 30 to 2048")]
#[case("imageFamily: Ubuntu", "maxPods: 500", "from 10 to 250")]
fn values_that_node_classes_cannot_have(#[case] right: &str, #[case] wrong: &str, #[case] fix: &str) {
    let class = CLASS.replace(right, wrong);
    let found = tree(&[("class.yaml", &class), ("pool.yaml", POOL)]).unwrap_err();
    let error = found.iter().find(|finding| finding.severity == Severity::Error).unwrap();
    assert_eq!((error.line, error.rule), (4, "node-class-values"), "{error}");
    assert!(error.fix.as_ref().unwrap().contains(fix), "{error}");
}

#[test]
fn a_budget_that_blocks_for_ever_is_a_warning() {
    let text = POOL
        .replace("[{nodes: \"10%\"}]", "[{nodes: \"50%\", schedule: \"0 0 * * 6\", duration: 48h}, {nodes: \"0\"}]");
    let found = findings(&[("class.yaml", CLASS), ("pool.yaml", &text)]);
    let warning = found.iter().find(|finding| finding.severity == Severity::Warning).unwrap();
    assert_eq!((warning.rule, warning.line), ("budget-blocks-always", 13));
    assert!(tree(&[("class.yaml", CLASS), ("pool.yaml", &text)]).is_ok());
}

#[test]
fn an_old_node_class_version_is_a_note() {
    let class = CLASS.replace("v1beta1", "v1alpha2");
    let found = findings(&[("class.yaml", &class), ("pool.yaml", POOL)]);
    assert!(found.iter().all(|finding| finding.severity == Severity::Note), "{}", lines(&found));
    assert!(found.iter().any(|finding| finding.rule == "api-version"), "{}", lines(&found));
}

#[test]
fn limits_below_one_node_are_refused_and_zero_is_a_switch() {
    let check = |limits: &str| {
        let text = POOL.replace("limits: {cpu: 100}", limits);
        check_skus(&tree(&[("class.yaml", CLASS), ("pool.yaml", &text)]).unwrap().pools, &skus())
    };
    let small = check("limits: {cpu: 1}");
    assert_eq!((small[0].severity, small[0].line, small[0].column), (Severity::Error, 14, 3));
    assert!(small[0].message.contains("2 CPU"), "{}", small[0]);
    assert_eq!(check("limits: {cpu: 0}")[0].severity, Severity::Warning);
    assert_eq!(check("limits: {memory: 4Gi}")[0].severity, Severity::Error);
    assert!(check("limits: {cpu: 2}").is_empty());
}

#[rstest]
#[case::twice(&[("a.yaml", POOL), ("b.yaml", POOL), ("class.yaml", CLASS)], "b.yaml", 3, "a second NodePool named `pool`; the first is at a.yaml:1")]
#[case::none(&[("class.yaml", CLASS)], "class.yaml", 1, "the tree has no NodePool")]
#[case::broken(&[("pool.yaml", "a: [1\nb: 2\n"), ("class.yaml", CLASS)], "pool.yaml", 2, "not YAML")]
#[case::missing_file(&[("kustomization.yaml", "resources:\n  - pool.yml\n"), ("pool.yaml", POOL)], "kustomization.yaml", 2, "there is no `pool.yml`")]
#[case::outside(&[("kustomization.yaml", "resources: [../pool.yaml]\n"), ("pool.yaml", POOL)], "kustomization.yaml", 1, "outside of the tree")]
#[case::circle(&[("kustomization.yaml", "resources: [base]\n"), ("base/kustomization.yaml", "resources: [../base]\n")], "base/kustomization.yaml", 1, "leads back")]
#[case::field_of_a_base(&[("kustomization.yaml", "resources: [base]\n"), ("base/kustomization.yaml", "resouces: [pool.yaml]\n"), ("base/pool.yaml", POOL)], "base/kustomization.yaml", 1, "no field `resouces`")]
fn trees_that_cannot_be_built(
    #[case] files: &[(&str, &str)],
    #[case] file: &str,
    #[case] line: u32,
    #[case] message: &str,
) {
    let found = tree(files).unwrap_err();
    let error = found.iter().find(|finding| finding.message.contains(message));
    let error = error.unwrap_or_else(|| panic!("{}", lines(&found)));
    assert_eq!((error.severity, error.file.as_str(), error.line), (Severity::Error, file, line), "{error}");
}

/// Before, both were errors by which Flux would apply nothing: Flux reads the outermost kustomization without what it does not know, and
/// production Flux fetches a base of another repository.
#[rstest]
#[case::unknown_field("resources: [pool.yaml, class.yaml]\nresouces: [x]\n", Severity::Warning, "no field `resouces`")]
#[case::repeated_field("resources: [x]\nresources: [pool.yaml, class.yaml]\n", Severity::Warning, "given twice")]
#[case::number_for_a_text("resources: [pool.yaml, class.yaml]\ncommonLabels: {a: 1}\n", Severity::Note, "")]
#[case::remote("resources: [pool.yaml, class.yaml, 'https://example.com/x.yaml']\n", Severity::Note, "not in the tree")]
#[case::patch_of_a_remote(
    "resources: [pool.yaml, class.yaml, 'https://example.com/x.yaml']\npatches: [{patch: '{apiVersion: v1, kind: Pod, metadata: {name: x}}'}]\n",
    Severity::Note,
    "not among the resources"
)]
fn what_flux_builds_all_the_same_is_no_error(
    #[case] kustomization: &str,
    #[case] severity: Severity,
    #[case] part: &str,
) {
    let files = [("kustomization.yaml", kustomization), ("pool.yaml", POOL), ("class.yaml", CLASS)];
    let tree = tree(&files).unwrap_or_else(|found| panic!("{}", lines(&found)));
    assert_eq!(tree.pools.len(), 1);
    let found = tree.findings.iter().find(|finding| !part.is_empty() && finding.message.contains(part));
    assert_eq!(
        found.map(|finding| finding.severity),
        Some(severity).filter(|_| !part.is_empty()),
        "{}",
        lines(&tree.findings)
    );
}

#[test]
fn folders_are_followed_and_what_is_not_checked_is_reported() {
    let files = [
        ("kustomization.yaml", "resources: [base, pool.yaml]\ncrds: [crd.yaml]\n"),
        ("base/kustomization.yaml", "resources: [./class.yaml]\n"),
        ("base/class.yaml", CLASS),
        ("pool.yaml", POOL),
        ("unused.yaml", "not: [an object\n"),
    ];
    let tree = tree(&files).unwrap_or_else(|found| panic!("{}", lines(&found)));
    assert_eq!(tree.pools.len(), 1);
    let note = &tree.findings[0];
    assert_eq!((note.rule, note.line), ("kustomization-unchecked", 2), "{note}");
}

#[test]
fn several_objects_in_one_file_keep_their_lines() {
    let text = format!("{CLASS}---\n{POOL}");
    let tree = read_tree("other", &[SourceFile::new("all.yaml", text)]).unwrap();
    assert_eq!(tree.pools[0].at(), "all.yaml:6:1");
}

#[rstest]
#[case::cpu_is_short((0, 0, 0), 250, 15)]
#[case::with_what_daemon_sets_request((590, 1250, 8), 250, 13)]
#[case::max_pods_are_few((0, 0, 0), 10, 10)]
#[case::and_daemon_sets_have_most_of_them((590, 1250, 8), 10, 2)]
#[case::or_all((590, 1250, 8), 6, 0)]
fn a_node_takes_what_daemon_sets_leave(
    #[case] (cpu, mib, pods): (u64, u64, u64),
    #[case] max_pods: u64,
    #[case] expected: u64,
) {
    let sku = SkuFact { allocatable_cpu: Millicores(3860), allocatable_memory: Bytes(12 << 30), ..SkuFact::default() };
    let overhead = NodeOverhead { requests: PodSize { cpu: Millicores(cpu), memory: Bytes(mib << 20) }, pods };
    let pod = PodSize { cpu: Millicores(250), memory: Bytes(64 << 20) };
    assert_eq!(pods_on(&sku, overhead, pod, max_pods), expected);
}
