//! Limits: quantities, and large enough for one node.

use crate::derive::{SkuFact, fit};
use crate::finding::{Finding, Severity};
use crate::object::Object;
use crate::pool::NodePool;
use harness_units::Bytes;

const RULE: &str = "limits";

pub(super) fn are_quantities(object: &Object<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in object.node.entries_at(&["spec", "limits"]) {
        let readable = entry.value.scalar().is_some_and(|text| text.parse::<Bytes>().is_ok());
        if !readable {
            let message =
                format!("the limit of `{}` is {}, which is not a quantity", entry.key, entry.value.describe());
            findings.push(object.refused(
                RULE,
                entry.value.mark,
                message,
                "write it as Kubernetes does, such as 1000 or 1000Gi",
            ));
        }
    }
    findings
}

/// Limits that not even one node of the smallest fitting size stays within. A limit of 0 is how a pool is switched off.
pub fn check_skus(pools: &[NodePool], skus: &[SkuFact]) -> Vec<Finding> {
    pools.iter().filter_map(|pool| too_small(pool, skus)).collect()
}

fn too_small(pool: &NodePool, skus: &[SkuFact]) -> Option<Finding> {
    let limits = &pool.limits;
    if limits.switch_off() {
        let message = format!("the limits of `{}` switch the pool off", pool.name);
        return Some(
            Finding::new(Severity::Warning, RULE, &pool.file, pool.limits_mark, message)
                .effect("the provisioner makes no node for it; running nodes stay")
                .fix("raise the limits when the pool is meant to be used"),
        );
    }
    // A size of which nothing is known may be small enough.
    if !fit::unknown_sizes(pool, skus).is_empty() {
        return None;
    }
    let fitting = fit::fitting(pool, skus);
    let smallest = fitting.iter().min_by_key(|sku| (sku.vcpus, sku.memory_mib))?;
    if fitting.iter().any(|sku| fit::nodes_within(limits, sku) > 0) {
        return None;
    }
    let message = format!(
        "the limits of `{}` are smaller than one node: the smallest size that fits is {} ({} CPU, {})",
        pool.name,
        smallest.name,
        smallest.vcpus,
        Bytes(smallest.memory_mib << 20)
    );
    Some(
        Finding::new(Severity::Error, RULE, &pool.file, pool.limits_mark, message)
            .effect("every size is left out before a node is made: pods stay pending with FailedScheduling")
            .fix("raise the limits, or write 0 to switch the pool off"),
    )
}
