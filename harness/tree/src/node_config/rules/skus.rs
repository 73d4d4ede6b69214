//! Requirements that no VM size meets, and pools that compete for the same pods.

use crate::derive::{SkuFact, fit};
use crate::finding::{Finding, Severity};
use crate::object::Object;
use crate::pool::{NodePool, Operator};
use harness_yaml::suggest;
use harness_yaml::{Node, Problem};

/// Labels with few values, which are the same everywhere.
const CLOSED: [(&str, &[&str]); 4] = [
    ("kubernetes.io/arch", &["amd64", "arm64"]),
    ("kubernetes.io/os", &["linux"]),
    ("karpenter.sh/capacity-type", &["on-demand", "spot"]),
    ("karpenter.azure.com/placement-scope", &["zonal", "regional"]),
];

const NO_NODE: &str = "no node is ever made for it: pods stay pending with FailedScheduling";

/// Values that a label of a node cannot have on AKS.
pub(super) fn values_exist(object: &Object<'_>) -> Vec<Finding> {
    const RULE: &str = "requirement-values";
    let mut findings = Vec::new();
    for item in object.node.items_at(&["spec", "template", "spec", "requirements"]) {
        let key = item.get("key").and_then(Node::text).unwrap_or_default();
        if item.get("operator").and_then(Node::text) != Some("In") {
            continue;
        }
        for value in item.items_at(&["values"]) {
            let text = value.text().unwrap_or_default();
            if let Some((_, known)) =
                CLOSED.iter().find(|(closed, _)| *closed == key).filter(|(_, known)| !known.contains(&text))
            {
                let same = known.iter().find(|known| known.eq_ignore_ascii_case(text));
                let edits = same.map(|right| object.replacing(value, right)).unwrap_or_default();
                let message = format!("no node on AKS has {key}={text}");
                let fix = suggest::hint(text, known.iter().copied());
                findings.push(object.error(RULE, value.mark, message).effect(NO_NODE).fix(fix).edits(edits));
            }
            let number = text.len() == 1 && text != "0" && text.chars().all(|c| c.is_ascii_digit());
            if key == "topology.kubernetes.io/zone" && number {
                let message = format!("`{text}` is not a zone of a node");
                let fix = format!("write it with the region, such as `eastus-{text}`");
                findings.push(object.error(RULE, value.mark, message).effect(NO_NODE).fix(fix));
            }
        }
    }
    findings
}

/// Values of a pool's requirements that no node has, with paths from the NodePool: sizes, families and zones that are not sold.
pub fn values_are_sold(pool: &NodePool, skus: &[SkuFact]) -> Vec<Problem> {
    let mut found = Vec::new();
    for (index, requirement) in pool.requirements.iter().enumerate() {
        if !matches!(requirement.operator, Operator::In | Operator::NotIn) {
            continue;
        }
        let Some(sold) = fit::known_values(skus, &requirement.key) else { continue };
        for (place, value) in requirement.values.iter().enumerate() {
            if !sold.contains(value) {
                let (index, place) = (index.to_string(), place.to_string());
                let path = ["spec", "template", "spec", "requirements", &index, "values", &place];
                let message = format!("no node has {}={value}", requirement.key);
                found.push(Problem::unknown(&path, message, value, sold.iter().map(String::as_str)));
            }
        }
    }
    found
}

/// Pools that no size of the catalogue fits.
pub(super) fn some_size(pools: &[NodePool], skus: &[SkuFact]) -> Vec<Finding> {
    const RULE: &str = "no-vm-size";
    let unfit = pools.iter().filter(|pool| pool.replicas.is_none() && fit::fitting(pool, skus).is_empty());
    unfit
        .map(|pool| {
            let alone = pool.requirements.iter().find(|requirement| {
                let single = NodePool { requirements: vec![(*requirement).clone()], ..NodePool::default() };
                fit::fitting(&single, skus).is_empty()
            });
            let why = match alone {
                Some(requirement) => format!("none has what it requires of {}", requirement.key),
                None => "none has everything that it requires at once".to_owned(),
            };
            let message =
                format!("of the {} VM sizes that are known here no one fits `{}`: {why}", skus.len(), pool.name);
            Finding::new(Severity::Warning, RULE, &pool.file, pool.requirements_mark, message)
                .effect(format!("unless the region sells one that does, {NO_NODE}"))
                .fix("widen the requirements, or check the names against `az vm list-skus`")
        })
        .collect()
}

/// Two pools of one weight that both could serve a pod.
pub(super) fn overlap(pools: &[NodePool], skus: &[SkuFact]) -> Vec<Finding> {
    const RULE: &str = "pools-overlap";
    let mut findings = Vec::new();
    for (index, pool) in pools.iter().enumerate() {
        let other = pools[..index].iter().find(|other| competes(pool, other, skus));
        if let Some(other) = other {
            let message = format!("`{}` and `{}` have the same weight, and VM sizes in common", other.name, pool.name);
            findings.push(
                Finding::new(Severity::Warning, RULE, &pool.file, pool.mark, message)
                    .effect("Karpenter takes either of them for a pod that fits both: placement, limits and cost are a matter of chance")
                    .fix("give one a `weight`, a taint, or requirements that exclude the other"),
            );
        }
    }
    findings
}

fn competes(a: &NodePool, b: &NodePool, skus: &[SkuFact]) -> bool {
    let taints = |pool: &NodePool| {
        let mut taints: Vec<String> =
            pool.taints.iter().filter(|taint| taint.effect != "PreferNoSchedule").map(ToString::to_string).collect();
        taints.sort();
        taints
    };
    let unused = |pool: &NodePool| pool.replicas.is_some() || pool.limits.switch_off();
    if a.weight != b.weight || taints(a) != taints(b) || unused(a) || unused(b) {
        return false;
    }
    let both = NodePool {
        requirements: a.requirements.iter().chain(&b.requirements).cloned().collect(),
        ..NodePool::default()
    };
    // Requirements on labels that no size decides, such as a team's own, must be met by one value too.
    let own_meet = a.requirements.iter().filter(|one| one.operator == Operator::In).all(|one| {
        b.requirements
            .iter()
            .filter(|other| other.key == one.key)
            .all(|other| other.operator != Operator::In || one.values.iter().any(|value| other.admits(Some(value))))
    });
    own_meet && !fit::fitting(&both, skus).is_empty()
}
