//! How pods reach one pool and no other.

use std::collections::BTreeMap;

use super::SkuFact;
use super::fit;
use crate::pool::{NodePool, Taint, is_well_known};
use harness_plan::Toleration;

/// The label of every node with the name of its pool.
const NODEPOOL: &str = "karpenter.sh/nodepool";

/// The way to a pool, or why there is none.
#[derive(Clone, Debug)]
pub struct Aim<'a> {
    /// The pool.
    pub pool: &'a NodePool,
    /// The sizes that the pool can use, smallest first.
    pub fitting: Vec<&'a SkuFact>,
    /// The pods' `nodeSelector`.
    pub node_selector: BTreeMap<String, String>,
    /// The pods' tolerations: one for each taint of the pool.
    pub tolerations: Vec<Toleration>,
    /// Why this selector.
    pub because: String,
    /// Why the pool cannot be tested.
    pub untestable: Option<String>,
}

/// Aims at a pool among all pools of its tree.
pub fn aim<'a>(pool: &'a NodePool, pools: &[NodePool], skus: &'a [SkuFact]) -> Aim<'a> {
    let fitting = fit::fitting(pool, skus);
    let (key, value, because) = selector(pool, pools);
    Aim {
        pool,
        untestable: untestable(pool, &fitting, skus),
        fitting,
        node_selector: BTreeMap::from([(key, value)]),
        tolerations: pool.taints.iter().map(toleration).collect(),
        because,
    }
}

impl Aim<'_> {
    /// Leads to another state of the same pool too, as a commit makes it: its taints are tolerated as well, and where its nodes do not carry the
    /// label the pool is named directly.
    pub fn widen(&mut self, state: &NodePool) {
        for toleration in state.taints.iter().map(toleration) {
            if !self.tolerations.contains(&toleration) {
                self.tolerations.push(toleration);
            }
        }
        let lost = self.node_selector.iter().find(|(key, value)| !is_well_known(key) && !state.can_have(key, value));
        if let Some((key, value)) = lost {
            self.because =
                format!("its nodes do not always carry the label {key}={value}, so that it is named directly");
            self.node_selector = BTreeMap::from([(NODEPOOL.to_owned(), state.name.clone())]);
        }
    }
}

fn toleration(taint: &Taint) -> Toleration {
    Toleration {
        key: taint.key.clone(),
        operator: if taint.value.is_some() { "Equal" } else { "Exists" }.to_owned(),
        value: taint.value.clone(),
        effect: Some(taint.effect.clone()),
    }
}

fn selector(pool: &NodePool, pools: &[NodePool]) -> (String, String, String) {
    let others = || pools.iter().filter(|other| other.name != pool.name);
    let own = pool.labels.iter().find(|(key, value)| {
        // A label of the provisioner's own follows from the VM size, and another pool may offer the same size.
        !is_well_known(key) && !others().any(|other| other.can_have(key, value))
    });
    if let Some((key, value)) = own {
        let because = format!("no other pool of the tree can have the label {key}={value}");
        return (key.clone(), value.clone(), because);
    }
    let twin = others().find(|other| same_nodes(other, pool) && other.weight != pool.weight);
    let because = match twin {
        Some(twin) => format!(
            "`{}` has the same requirements and weight {}, against {} here: without naming the pool every pod goes to the heavier one",
            twin.name, twin.weight, pool.weight
        ),
        None => "no label of the pool is its own, so that it is named directly".to_owned(),
    };
    (NODEPOOL.to_owned(), pool.name.clone(), because)
}

fn same_nodes(a: &NodePool, b: &NodePool) -> bool {
    let sorted = |pool: &NodePool| {
        let mut requirements: Vec<String> = pool
            .requirements
            .iter()
            .map(|requirement| {
                let mut values = requirement.values.clone();
                values.sort();
                format!("{} {:?} {values:?}", requirement.key, requirement.operator)
            })
            .collect();
        requirements.sort();
        requirements
    };
    sorted(a) == sorted(b) && a.labels == b.labels && a.taints == b.taints
}

fn untestable(pool: &NodePool, fitting: &[&SkuFact], skus: &[SkuFact]) -> Option<String> {
    if let Some(replicas) = pool.replicas {
        return Some(format!(
            "it is static (replicas: {replicas}): it keeps that many nodes and does not react to pods"
        ));
    }
    if let Some(taint) = pool.startup_taints.first() {
        return Some(format!(
            "nothing here removes its startup taint {taint}, so that its nodes never count as initialized"
        ));
    }
    if pool.limits.switch_off() {
        return Some("its limits switch it off".to_owned());
    }
    let system = |key: &str| ["kubernetes.io/os", "beta.kubernetes.io/os"].contains(&key);
    if pool.requirements.iter().any(|requirement| system(&requirement.key) && !requirement.admits(Some("linux"))) {
        return Some("the AKS node auto-provisioner makes Linux nodes only".to_owned());
    }
    if fitting.is_empty() {
        return Some(match (fit::unknown_sizes(pool, skus).first(), skus.first()) {
            (Some((requirement, value)), _) => {
                format!("nothing is known here of VM sizes with {}={value}, which it asks for", requirement.key)
            }
            (None, Some(sku)) if !sku.region.is_empty() => {
                format!("no VM size that is sold in {} meets its requirements", sku.region)
            }
            (None, _) => "no VM size that the target offers meets its requirements".to_owned(),
        });
    }
    fit::lacking_values(pool, fitting).map(|(requirement, wanted, there)| {
        format!("`minValues` wants {wanted} values of {}, and the VM sizes that fit have {there}", requirement.key)
    })
}
