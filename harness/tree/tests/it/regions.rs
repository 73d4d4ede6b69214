//! Pools against the VM sizes and zones of a region.

use harness_tree::derive::{SkuSource, Unusable, aim};
use harness_tree::validate::{ValidationInputs, validate};
use harness_tree::{Finding, Severity, SkuFact, SourceFile};
use rstest::rstest;

use crate::common::{lines, skus};

const CLASS: &str = "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {name: pool}\nspec: {imageFamily: Ubuntu}\n";

/// The same sizes in a region, with so many zones.
fn skus_in(region: &str, zones: u32) -> Vec<SkuFact> {
    let zones: Vec<String> = (1..=zones).map(|zone| format!("{region}-{zone}")).collect();
    skus().into_iter().map(|sku| SkuFact { region: region.to_owned(), zones: zones.clone(), ..sku }).collect()
}

fn pool(requirements: &str) -> String {
    format!(
        "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {{name: pool}}\nspec:\n  \
         disruption: {{consolidationPolicy: WhenEmptyOrUnderutilized, consolidateAfter: 1m}}\n  template:\n    spec:\n      \
         nodeClassRef: {{group: karpenter.azure.com, kind: AKSNodeClass, name: pool}}\n      requirements: [{requirements}]\n"
    )
}

fn requirement(key: &str, values: &str) -> String {
    format!("{{key: {key}, operator: In, values: [{values}]}}")
}

/// What is found of a pool, without what is said of every tree of loose files.
fn findings(requirements: &str, skus: &dyn SkuSource) -> Vec<Finding> {
    let files = [SourceFile::new("class.yaml", CLASS), SourceFile::new("pool.yaml", pool(requirements))];
    let found =
        validate(&ValidationInputs { files: &files.as_slice().into(), folder: "", skus, aks_defaults: false }, None)
            .findings;
    found.into_iter().filter(|finding| finding.rule != "kustomization-missing").collect()
}

fn only(requirements: &str, skus: &dyn SkuSource) -> Finding {
    let found = findings(requirements, skus);
    assert_eq!(found.len(), 1, "{}", lines(&found));
    found.into_iter().next().unwrap()
}

// Before, the region was eastus whatever the tree said, and zones of any other one were "none has what it requires".
#[rstest]
#[case("topology.kubernetes.io/zone", "westeurope-1, westeurope-2")]
#[case("topology.kubernetes.io/region", "westeurope")]
#[case("karpenter.azure.com/placement-scope", "regional")]
fn zones_of_the_region_are_right(#[case] key: &str, #[case] values: &str) {
    let found = findings(&requirement(key, values), &skus_in("westeurope", 3));
    assert!(found.is_empty(), "{}", lines(&found));
}

#[rstest]
#[case::of_another_region(
    "topology.kubernetes.io/zone",
    "westeurope-1, eastus-2",
    3,
    "`pool` asks for the zone eastus-2, and the cluster is in westeurope"
)]
#[case::another_region(
    "topology.kubernetes.io/region",
    "northeurope",
    3,
    "`pool` asks for the region northeurope, and the cluster is in westeurope"
)]
#[case::fourth_zone(
    "topology.kubernetes.io/zone",
    "westeurope-4",
    3,
    "westeurope has only westeurope-1, westeurope-2, westeurope-3"
)]
#[case::region_without_zones("topology.kubernetes.io/zone", "westeurope-1", 0, "westeurope has no availability zones")]
fn zones_that_the_region_does_not_have_are_warned_of(
    #[case] key: &str,
    #[case] values: &str,
    #[case] zones: u32,
    #[case] message: &str,
) {
    let warning = only(&requirement(key, values), &skus_in("westeurope", zones));
    assert_eq!((warning.severity, warning.rule), (Severity::Warning, "zone-of-the-region"), "{warning}");
    assert!(warning.message.contains(message), "{warning}");
    assert!(warning.fix.as_ref().unwrap().contains("--region"), "{warning}");
}

// Zone 0 exists: instanceTypeZones in pkg/providers/instancetype/instancetypes.go of karpenter-provider-azure v1.14.0 offers every size outside
// the zones as well. Before, no size was said to fit.
#[test]
fn zone_0_is_a_zone_and_a_warning_where_there_are_others() {
    let zero = requirement("topology.kubernetes.io/zone", "\"0\"");
    assert_eq!(only(&zero, &skus_in("westeurope", 3)).rule, "regional-zone");
    assert!(findings(&zero, &skus_in("northcentralus", 0)).is_empty());
    let both = format!("{zero}, {}", requirement("karpenter.azure.com/placement-scope", "zonal"));
    let rules: Vec<&str> = findings(&both, &skus_in("westeurope", 3)).iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["no-vm-size", "regional-zone"]);
}

// Before, a size that was not in the catalogue was "no size fits", although Azure sold it.
#[rstest]
#[case("node.kubernetes.io/instance-type", "Standard_D2zz_v9")]
#[case("karpenter.azure.com/sku-name", "Standard_D2zz_v9")]
#[case("karpenter.azure.com/sku-series", "Dzz_v9")]
#[case("karpenter.azure.com/sku-family", "Z")]
#[case("karpenter.azure.com/sku-version", "\"9\"")]
fn a_size_of_which_nothing_is_known_is_a_note(#[case] key: &str, #[case] value: &str) {
    let note = only(&requirement(key, value), &skus_in("westeurope", 3));
    assert_eq!((note.severity, note.rule), (Severity::Note, "unknown-vm-size"), "{note}");
    assert!(note.message.contains("not known here"), "{note}");
}

#[test]
fn a_known_name_in_another_spelling_is_a_mistake() {
    let warning = only(&requirement("karpenter.azure.com/sku-name", "standard_d4s_v5"), &skus_in("westeurope", 3));
    assert_eq!((warning.severity, warning.rule), (Severity::Warning, "no-vm-size"), "{warning}");
    assert!(warning.message.contains("sold in westeurope"), "{warning}");
}

#[rstest]
#[case(Unusable::NotSold, "`Standard_D4s_v5` is not sold in westeurope")]
#[case(Unusable::Confidential, "`Standard_D4s_v5` is for confidential computing")]
#[case(Unusable::ConstrainedCpus, "`Standard_D4s_v5` has constrained CPUs")]
fn a_size_that_is_never_used_there_is_a_warning_with_the_reason(#[case] why: Unusable, #[case] message: &str) {
    let mut skus = skus_in("westeurope", 3);
    skus.iter_mut().filter(|sku| sku.name == "Standard_D4s_v5").for_each(|sku| sku.unusable = Some(why));
    let warning = only(&requirement("karpenter.azure.com/sku-name", "Standard_D4s_v5"), &skus);
    assert_eq!(warning.rule, "no-vm-size");
    assert!(warning.message.contains(message), "{warning}");
}

// Before, 2 CPUs were said to be too few for the only size that was known, whatever the other one has.
#[test]
fn limits_are_not_judged_where_a_size_is_unknown() {
    let names = requirement("karpenter.azure.com/sku-name", "Standard_D4s_v5, Standard_D1zz_v9");
    let text = pool(&names).replace("spec:\n  disruption", "spec:\n  limits: {cpu: 2}\n  disruption");
    let files = [SourceFile::new("class.yaml", CLASS), SourceFile::new("pool.yaml", text)];
    let skus = skus_in("westeurope", 3);
    let found = validate(
        &ValidationInputs { files: &files.as_slice().into(), folder: "", skus: &skus, aks_defaults: false },
        None,
    )
    .findings;
    assert!(found.iter().all(|finding| finding.severity == Severity::Note), "{}", lines(&found));
}

#[rstest]
#[case(
    "karpenter.azure.com/sku-name",
    "Standard_D2zz_v9",
    "nothing is known here of VM sizes with karpenter.azure.com/sku-name=Standard_D2zz_v9"
)]
#[case("karpenter.azure.com/sku-cpu", "\"3\"", "no VM size that is sold in westeurope")]
fn why_a_class_cannot_be_tested_names_the_size_or_the_region(
    #[case] key: &str,
    #[case] value: &str,
    #[case] reason: &str,
) {
    let files = [SourceFile::new("class.yaml", CLASS), SourceFile::new("pool.yaml", pool(&requirement(key, value)))];
    let tree = harness_tree::read_tree("tree", &files).unwrap();
    let skus: Vec<SkuFact> = skus_in("westeurope", 3);
    let untestable = aim(&tree.pools[0], &tree.pools, &skus).untestable.unwrap();
    assert!(untestable.contains(reason), "{untestable}");
}
