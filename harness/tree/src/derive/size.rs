//! How large a derived pod is, and how many a pool can hold.

use super::SkuFact;
use super::fit::{nodes_within, pods_on};
use super::sku::PodSize;
use harness_plan::Limits;
use harness_units::{Bytes, Millicores};

/// A derived pod takes this fraction of a node: several share a node, and a node is not full of daemons.
const PARTS: u64 = 7;

/// A node is called middle-sized among the sizes up to this many CPUs; a pool of a whole family has sizes with hundreds, which a test
/// should not fill.
const MIDDLE_VCPUS_MAX: u32 = 8;

/// Requests are rounded down to these, so that plans are readable.
const CPU_STEP: u64 = 10;
const MEMORY_STEP: u64 = 16 << 20;

/// The size of a derived pod. `fitting` is sorted by size and not empty.
pub fn derived_size(fitting: &[&SkuFact], limits: &Limits) -> Option<PodSize> {
    let possible: Vec<&&SkuFact> = fitting.iter().filter(|sku| nodes_within(limits, sku) > 0).collect();
    let small: Vec<&&SkuFact> = possible.iter().copied().filter(|sku| sku.vcpus <= MIDDLE_VCPUS_MAX).collect();
    let among = if small.is_empty() { &possible } else { &small };
    let middle = among.get(among.len().saturating_sub(1) / 2)?;
    Some(PodSize {
        cpu: Millicores((middle.allocatable_cpu.0 / PARTS / CPU_STEP * CPU_STEP).max(CPU_STEP)),
        memory: Bytes((middle.allocatable_memory.0 / PARTS / MEMORY_STEP * MEMORY_STEP).max(MEMORY_STEP)),
    })
}

/// How many pods a pool can hold at most, and how many it holds whichever of its sizes the provisioner takes. Both are
/// `u64::MAX` where nothing limits the pool.
pub fn capacity(fitting: &[&SkuFact], limits: &Limits, pod: PodSize, max_pods: u64) -> (u64, u64) {
    let pods = |sku: &&&SkuFact| nodes_within(limits, sku).saturating_mul(pods_on(sku, pod, max_pods));
    let possible = || fitting.iter().filter(|sku| nodes_within(limits, sku) > 0 && pods_on(sku, pod, max_pods) > 0);
    let most = possible().map(|sku| pods(&sku)).max().unwrap_or(0);
    let surely = possible().map(|sku| pods(&sku)).min().unwrap_or(0);
    (most, surely)
}
