//! A tree of another team: other names, two pools with equal requirements, spot, a startup taint, Arm.

use crate::common::{builtin, inputs, lines, skus, tree};
use harness_plan::{Check, Plan};
use harness_scenario::plan;
use harness_tree::NodeConfigTree;
use rstest::rstest;

fn pool(name: &str, spec: &str, template: &str, requirements: &[(&str, &str)]) -> String {
    let requirements: String = requirements
        .iter()
        .map(|(key, values)| format!("        - {{key: {key}, operator: In, values: [{values}]}}\n"))
        .collect();
    format!(
        "apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {{name: {name}}}
spec:
{spec}  template:
    spec:
      nodeClassRef: {{group: karpenter.azure.com, kind: AKSNodeClass, name: default}}
{template}      requirements:
{requirements}---
"
    )
}

const FAMILY: &str = "karpenter.azure.com/sku-family";
const CAPACITY: &str = "karpenter.sh/capacity-type";
const ARCH: &str = "kubernetes.io/arch";

fn five_pools() -> NodeConfigTree {
    let mut text =
        "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {name: default}\n---\n".to_owned();
    let twins = [(FAMILY, "D"), (ARCH, "amd64")];
    text += &pool("preferred", "  weight: 50\n", "", &twins);
    text += &pool("fallback", "  weight: 10\n", "", &twins);
    text += &pool(
        "cheap",
        "  limits: {cpu: 16}\n",
        "      taints: [{key: spot, effect: NoSchedule}]\n",
        &[(FAMILY, "F"), (CAPACITY, "spot")],
    );
    text += &pool(
        "cilium",
        "",
        "      startupTaints: [{key: node.cilium.io/agent-not-ready, effect: NoExecute, value: \"true\"}]\n",
        &[(FAMILY, "D")],
    );
    text += &pool("arm", "", "", &[(FAMILY, "D"), (ARCH, "arm64")]);
    tree(&[("pools.yaml", &text)]).unwrap_or_else(|found| panic!("{}", lines(&found)))
}

fn planned(tree: &NodeConfigTree) -> Plan {
    let skus = skus();
    let inputs = inputs(tree, &skus);
    plan(&builtin("scale-burst"), &inputs).unwrap_or_else(|errors| panic!("{}", lines(&errors)))
}

#[test]
fn each_pool_gets_a_workload_of_its_own_or_a_reason() {
    let plan = planned(&five_pools());
    insta::assert_json_snapshot!("five-pools-workloads", plan.workloads);
    insta::assert_json_snapshot!("five-pools-classes", plan.node_config.classes);
    insta::assert_json_snapshot!("five-pools-notes", plan.notes);
}

#[test]
fn a_pool_is_not_asked_for_more_pods_than_it_can_hold() {
    let plan = planned(&five_pools());
    let cheap = plan.workloads.iter().find(|workload| workload.class == "cheap").unwrap();
    assert!(cheap.replicas_peak > 0 && cheap.replicas_peak < 40, "{}", cheap.replicas_peak);
    assert!(plan.notes.iter().any(|note| note.contains("`cheap` has")), "{:?}", plan.notes);
}

#[test]
fn expectations_cover_only_what_exists() {
    let plan = planned(&five_pools());
    let placement = plan.expectations.iter().find_map(|one| match &one.check {
        Check::Placement(check) => Some(check.workloads.names().to_vec()),
        _ => None,
    });
    assert_eq!(placement.unwrap(), ["arm", "cheap", "fallback", "preferred"]);
    let limits = plan.expectations.iter().find_map(|one| match &one.check {
        Check::Limits(check) => Some(check.nodepools.names().to_vec()),
        _ => None,
    });
    assert_eq!(limits.unwrap(), ["cheap"]);
}

#[rstest]
#[case::windows("", "", &[("kubernetes.io/os", "windows")], "Linux nodes only")]
#[case::fixed("  replicas: 3\n", "", &[(FAMILY, "D")], "static (replicas: 3)")]
#[case::off("  limits: {cpu: 0}\n", "", &[(FAMILY, "D")], "switch it off")]
#[case::no_size("", "", &[("karpenter.azure.com/sku-cpu", "\"3\"")], "no VM size")]
// Before, a family of which nothing is known was said to meet no requirement.
#[case::unknown_size("", "", &[(FAMILY, "M")], "nothing is known here of VM sizes with karpenter.azure.com/sku-family=M")]
#[case::contradiction("", "", &[(FAMILY, "D"), (FAMILY, "E")], "no VM size")]
fn pools_without_a_workload_have_a_reason(
    #[case] spec: &str,
    #[case] template: &str,
    #[case] requirements: &[(&str, &str)],
    #[case] reason: &str,
) {
    let class = "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {name: default}\n";
    let tree = tree(&[("class.yaml", class), ("pool.yaml", &pool("only", spec, template, requirements))]).unwrap();
    let skus = skus();
    let inputs = inputs(&tree, &skus);
    let errors = plan(&builtin("scale-burst"), &inputs).unwrap_err();
    assert_eq!(errors.len(), 1, "{}", lines(&errors));
    assert!(errors[0].message.contains("no class of the tree `other` can be tested"), "{}", errors[0]);
    assert!(errors[0].hint.as_ref().unwrap().contains(reason), "{}", errors[0]);
}

#[rstest]
#[case("1", 1)]
#[case("4", 0)]
fn min_values_must_be_possible(#[case] count: &str, #[case] workloads: usize) {
    let class = "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {name: default}\n";
    let names = "Standard_F2s_v2, Standard_F4s_v2, Standard_F8s_v2, Standard_F99s_v9";
    let text = pool("only", "", "", &[("node.kubernetes.io/instance-type", names)])
        .replace("]}", &format!("], minValues: {count}}}"));
    let tree = tree(&[("class.yaml", class), ("pool.yaml", &text)]).unwrap_or_else(|found| panic!("{}", lines(&found)));
    let skus = skus();
    let inputs = inputs(&tree, &skus);
    let plan = plan(&builtin("scale-burst"), &inputs);
    assert_eq!(plan.map(|plan| plan.workloads.len()).unwrap_or(0), workloads);
}

#[rstest]
#[case::known(Some("T4"), 1)]
#[case::other(Some("A100"), 0)]
#[case::not_known(None, 1)]
fn a_gpu_pool_gets_pods_that_fit(#[case] name: Option<&str>, #[case] workloads: usize) {
    let class = "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {name: default}\n";
    let pool = pool(
        "gpu",
        "",
        "",
        &[("karpenter.azure.com/sku-gpu-name", "T4"), ("karpenter.azure.com/sku-gpu-count", "\"1\"")],
    );
    let tree = tree(&[("class.yaml", class), ("pool.yaml", &pool)]).unwrap();
    let mut skus = skus();
    skus.iter_mut().filter(|sku| sku.gpus > 0).for_each(|sku| sku.gpu_name = name.map(str::to_owned));
    let inputs = inputs(&tree, &skus);
    let planned = plan(&builtin("scale-burst"), &inputs).map(|plan| plan.workloads).unwrap_or_default();
    assert_eq!(planned.len(), workloads);
    for workload in planned {
        assert_eq!(workload.node_selector["karpenter.sh/nodepool"], "gpu");
        assert!(workload.cpu.0 * 7 <= 3860);
    }
}

#[test]
fn a_label_that_another_pool_may_have_is_not_enough() {
    let class = "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {name: default}\n---\n";
    let labelled = |name: &str, label: &str| {
        pool(name, "", "", &[(FAMILY, "D")]).replacen(
            "  template:\n",
            &format!("  template:\n    metadata: {{labels: {{{label}}}}}\n"),
            1,
        )
    };
    let any_tier =
        pool("any", "", "", &[(FAMILY, "D")]).replace("[D]}\n", "[D]}\n        - {key: tier, operator: Exists}\n");
    let text = format!("{class}{}{}{any_tier}", labelled("gold", "tier: gold"), labelled("team", "team: a"));
    let plan = planned(&tree(&[("all.yaml", &text)]).unwrap_or_else(|found| panic!("{}", lines(&found))));
    let selector =
        |name: &str| plan.workloads.iter().find(|workload| workload.class == name).unwrap().node_selector.clone();
    // `any` also makes nodes with tier=gold for a pod that asks for it.
    assert_eq!(selector("gold")["karpenter.sh/nodepool"], "gold");
    assert_eq!(selector("team")["team"], "a");
}

#[rstest]
#[case::at_once("", "3m", "")]
#[case::soon("  disruption: {consolidateAfter: 30s}\n", "3m", "")]
#[case::later(
    "  disruption: {consolidateAfter: 10m}\n",
    "12m30s",
    "the deadline of the phase `drain` is 12m30s instead of 3m: NodePool `slow` has `consolidateAfter: 10m`"
)]
#[case::never(
    "  disruption: {consolidateAfter: Never}\n",
    "3m",
    "the phase `drain` fails if NodePool `slow` has a node: with `consolidateAfter: Never` Karpenter removes no empty ones"
)]
fn a_phase_waits_as_long_as_the_pools_wait_before_they_remove_a_node(
    #[case] spec: &str,
    #[case] within: &str,
    #[case] note: &str,
) {
    let class = "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {name: default}\n---\n";
    // The nodes of one that is switched off need no time.
    let off = pool("off", "  limits: {cpu: 0}\n  disruption: {consolidateAfter: 5h}\n", "", &[(FAMILY, "E")]);
    let text = format!("{class}{}{off}", pool("slow", spec, "", &[(FAMILY, "D")]));
    let plan = planned(&tree(&[("pools.yaml", &text)]).unwrap_or_else(|found| panic!("{}", lines(&found))));
    let drain = plan.phases.iter().find(|phase| phase.name == "drain").unwrap();
    assert_eq!(drain.within.unwrap().to_string(), within);
    let said: Vec<&String> = plan.notes.iter().filter(|note| note.contains("drain")).collect();
    assert_eq!(said, if note.is_empty() { vec![] } else { vec![note] });
    let expected = format!("drain reaches no-nodes within {within}");
    assert!(
        plan.expectations.iter().any(|expectation| expectation.name.ends_with(&expected)),
        "{:#?}",
        plan.expectations
    );
}
