//! Which VM sizes a pool can use, how large a derived pod is, and how many of them a pool can hold.
//!
//! Source of the labels: computeRequirements in pkg/providers/instancetype/instancetype.go of karpenter-provider-azure v1.14.0.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::SkuFact;
use super::sku::{NodeOverhead, PodSize};
use crate::pool::{NodePool, Operator, Requirement};
use crate::region::{REGION_LABEL, REGIONAL_ZONE, ZONE_LABELS};
use harness_plan::Limits;
use harness_units::{Bytes, Millicores};

/// What the provisioner never uses, whatever a pool asks for: less than 2 CPUs or 3.5 GiB.
/// Source: pkg/providers/instancetype/instancetypes.go, hasMinimumCPU and hasMinimumMemory.
const VCPUS_MIN: u32 = 2;
const MEMORY_MIN_MIB: u64 = 3584;

/// The part of a size's memory that its node does not have: the provider's default for VM overhead.
/// Source: pkg/operator/options, VM_MEMORY_OVERHEAD_PERCENT = 0.075.
const VM_MEMORY_OVERHEAD: f64 = 0.075;

/// The label that says whether a node is in an availability zone, with its two values.
const PLACEMENT_SCOPE: &str = "karpenter.azure.com/placement-scope";
const ZONAL: &str = "zonal";
const REGIONAL: &str = "regional";

/// The labels with the name of a size, or with a part of it.
const NAME_LABELS: [&str; 6] = [
    "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type",
    "karpenter.azure.com/sku-name",
    "karpenter.azure.com/sku-series",
    "karpenter.azure.com/sku-family",
    "karpenter.azure.com/sku-version",
];

/// The values that a node of this size can have for a label; `None` where the size decides nothing about the label.
pub(crate) fn label_values<'a>(sku: &'a SkuFact, key: &str) -> Option<Vec<Cow<'a, str>>> {
    let one = |value: &'a str| if value.is_empty() { Vec::new() } else { vec![Cow::Borrowed(value)] };
    let number = |value: u64| vec![Cow::Owned(value.to_string())];
    let flag = |value: bool| one(if value { "true" } else { "false" });
    let values = match key {
        "node.kubernetes.io/instance-type" | "karpenter.azure.com/sku-name" | "beta.kubernetes.io/instance-type" => {
            one(&sku.name)
        }
        "karpenter.azure.com/sku-family" => one(&sku.family),
        "karpenter.azure.com/sku-series" => one(&sku.series),
        "karpenter.azure.com/sku-version" => one(&sku.version),
        "karpenter.azure.com/sku-cpu" | "kubernetes.azure.com/sku-cpu" => number(u64::from(sku.vcpus)),
        "karpenter.azure.com/sku-memory" | "kubernetes.azure.com/sku-memory" => number(sku.memory_mib),
        "karpenter.azure.com/sku-gpu-count" => number(u64::from(sku.gpus)),
        "karpenter.azure.com/sku-gpu-manufacturer" if sku.gpus > 0 => {
            one(sku.gpu_manufacturer.as_deref().unwrap_or("nvidia"))
        }
        "karpenter.azure.com/sku-gpu-manufacturer" => Vec::new(),
        // A caller that does not know the model leaves it open: better to try the pool than to call it untestable.
        "karpenter.azure.com/sku-gpu-name" if sku.gpus > 0 && sku.gpu_name.is_none() => return None,
        "karpenter.azure.com/sku-gpu-name" => one(sku.gpu_name.as_deref().unwrap_or_default()),
        "karpenter.azure.com/sku-networking-accelerated" => flag(sku.accelerated_networking),
        "karpenter.azure.com/sku-storage-premium-capable" => flag(sku.premium_storage),
        "kubernetes.io/arch" | "beta.kubernetes.io/arch" => one(&sku.architecture),
        "kubernetes.io/os" | "beta.kubernetes.io/os" => one("linux"),
        // Every size can also be had outside the zones: instanceTypeZones in instancetypes.go.
        key if ZONE_LABELS.contains(&key) => {
            sku.zones.iter().map(String::as_str).chain([REGIONAL_ZONE]).map(Cow::Borrowed).collect()
        }
        PLACEMENT_SCOPE if sku.zones.is_empty() => one(REGIONAL),
        PLACEMENT_SCOPE => vec![Cow::Borrowed(ZONAL), Cow::Borrowed(REGIONAL)],
        REGION_LABEL if sku.region.is_empty() => return None,
        REGION_LABEL => one(&sku.region),
        "karpenter.sh/capacity-type" => {
            let spot = sku.spot_capable.then_some(Cow::Borrowed("spot"));
            std::iter::once(Cow::Borrowed("on-demand")).chain(spot).collect()
        }
        _ => return None,
    };
    Some(values)
}

/// The values that nodes of these sizes can have for a label; `None` where it is not the size that decides them, for at least one of them.
pub fn known_values(skus: &[SkuFact], key: &str) -> Option<BTreeSet<String>> {
    let mut known: BTreeSet<Cow<'_, str>> = BTreeSet::new();
    for sku in skus.iter().filter(|sku| sku.unusable.is_none()) {
        known.extend(label_values(sku, key)?);
    }
    let known: BTreeSet<String> = known.into_iter().map(Cow::into_owned).collect();
    Some(known).filter(|values| !values.is_empty())
}

/// Whether nothing is known of a size, or of a series, family or version of sizes, that has this name: Azure has more sizes than any list,
/// and new ones every month. A known name that is only written in another way is a mistake.
pub(crate) fn is_unknown_size(skus: &[SkuFact], key: &str, value: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().trim_start_matches("standard").replace(['_', '-'], "");
    let wanted = plain(value);
    NAME_LABELS.contains(&key)
        && !skus.iter().any(|sku| label_values(sku, key).into_iter().flatten().any(|known| plain(&known) == wanted))
}

/// The sizes, series, families and versions that a pool asks for and of which nothing is known, each with its requirement.
pub(crate) fn unknown_sizes<'a>(pool: &'a NodePool, skus: &[SkuFact]) -> Vec<(&'a Requirement, &'a str)> {
    let named = pool.requirements.iter().filter(|requirement| requirement.operator == Operator::In);
    named
        .flat_map(|requirement| requirement.values.iter().map(move |value| (requirement, value.as_str())))
        .filter(|(requirement, value)| is_unknown_size(skus, &requirement.key, value))
        .collect()
}

/// Whether a size meets a requirement. Labels that the size decides nothing about are met by every size.
fn meets(sku: &SkuFact, requirement: &Requirement) -> bool {
    match label_values(sku, &requirement.key) {
        None => true,
        Some(values) if values.is_empty() => requirement.admits(None),
        Some(values) => values.iter().any(|value| requirement.admits(Some(value))),
    }
}

/// Whether a size can be had where the requirements want it: zone and placement scope belong together.
fn can_be_placed(sku: &SkuFact, requirements: &[Requirement]) -> bool {
    let places = sku.zones.iter().map(|zone| (zone.as_str(), ZONAL)).chain([(REGIONAL_ZONE, REGIONAL)]);
    places.into_iter().any(|(zone, scope)| {
        requirements.iter().all(|requirement| match requirement.key.as_str() {
            key if ZONE_LABELS.contains(&key) => requirement.admits(Some(zone)),
            PLACEMENT_SCOPE => requirement.admits(Some(scope)),
            _ => true,
        })
    })
}

/// Whether the provisioner may use a size for a pool with these requirements.
pub(crate) fn admitted(sku: &SkuFact, requirements: &[Requirement]) -> bool {
    sku.unusable.is_none()
        && sku.vcpus >= VCPUS_MIN
        && sku.memory_mib >= MEMORY_MIN_MIB
        && requirements.iter().all(|requirement| meets(sku, requirement))
        && can_be_placed(sku, requirements)
        // Two requirements on one label must be met by one value.
        && requirements.iter().enumerate().all(|(index, first)| {
            let is_alone = !requirements.iter().enumerate().any(|(other, it)| other != index && it.key == first.key);
            is_alone || label_values(sku, &first.key).is_none_or(|values| {
                values.is_empty()
                    || values.iter().any(|value| {
                        requirements.iter().filter(|other| other.key == first.key).all(|other| other.admits(Some(value)))
                    })
            })
        })
}

/// What binds the nodes of a pool: its requirements, and its labels, which bind them as requirements do.
pub(crate) fn binding(pool: &NodePool) -> Vec<Requirement> {
    let labels = pool.labels.iter().map(|(key, value)| is_label(key, value));
    pool.requirements.iter().cloned().chain(labels).collect()
}

/// The sizes that meet all requirements of a pool, smallest first.
pub(crate) fn fitting<'a>(pool: &NodePool, skus: &'a [SkuFact]) -> Vec<&'a SkuFact> {
    let requirements = binding(pool);
    let mut fitting: Vec<&SkuFact> = skus.iter().filter(|sku| admitted(sku, &requirements)).collect();
    fitting.sort_by(|a, b| {
        let order = |sku: &SkuFact| (sku.vcpus, sku.memory_mib, sku.price_on_demand_micro_usd_per_hour);
        order(a).cmp(&order(b)).then_with(|| a.name.cmp(&b.name))
    });
    fitting
}

/// The sizes with which nodes of a pool can carry all of these labels, such as `karpenter.sh/capacity-type` with `spot`; smallest first.
pub fn fitting_with<'a>(pool: &NodePool, skus: &'a [SkuFact], labels: &[(&str, &str)]) -> Vec<&'a SkuFact> {
    let mut narrowed = pool.clone();
    narrowed.requirements.extend(labels.iter().map(|(key, value)| is_label(key, value)));
    fitting(&narrowed, skus)
}

/// The requirement that a label has a value.
fn is_label(key: &str, value: &str) -> Requirement {
    Requirement { key: key.to_owned(), operator: Operator::In, values: vec![value.to_owned()], min_values: None }
}

/// The requirement whose `minValues` these sizes cannot give, with the number that they can.
pub(crate) fn lacking_values<'a>(pool: &'a NodePool, fitting: &[&SkuFact]) -> Option<(&'a Requirement, u64, usize)> {
    pool.requirements.iter().find_map(|requirement| {
        let wanted = requirement.min_values?;
        let values: BTreeSet<Cow<'_, str>> = fitting
            .iter()
            .flat_map(|sku| label_values(sku, &requirement.key).unwrap_or_default())
            .filter(|value| requirement.admits(Some(value)))
            .collect();
        let decided = fitting.iter().any(|sku| label_values(sku, &requirement.key).is_some());
        (decided && (values.len() as u64) < wanted).then_some((requirement, wanted, values.len()))
    })
}

/// The memory of a node of this size, as it counts against limits.
fn capacity_bytes(sku: &SkuFact) -> u64 {
    let whole = sku.memory_mib << 20;
    whole - (whole as f64 * VM_MEMORY_OVERHEAD).ceil() as u64
}

/// How many nodes of one size stay within limits; `u64::MAX` where nothing limits them.
pub(crate) fn nodes_within(limits: &Limits, sku: &SkuFact) -> u64 {
    let by_cpu = limits.cpu.map(|cpu| cpu.0 / (u64::from(sku.vcpus) * 1000).max(1));
    let by_memory = limits.memory.map(|memory| memory.0 / capacity_bytes(sku).max(1));
    [by_cpu, by_memory, limits.nodes].into_iter().flatten().min().unwrap_or(u64::MAX)
}

/// How many pods of a workload a node of this size takes.
pub fn pods_on(sku: &SkuFact, overhead: NodeOverhead, pod: PodSize, max_pods: u64) -> u64 {
    let NodeOverhead { requests, pods } = overhead;
    let by_cpu = sku.allocatable_cpu.0.saturating_sub(requests.cpu.0) / pod.cpu.0.max(1);
    let by_memory = sku.allocatable_memory.0.saturating_sub(requests.memory.0) / pod.memory.0.max(1);
    by_cpu.min(by_memory).min(max_pods.saturating_sub(pods))
}

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

/// How many pods of a size a pool can hold at most, and how many it holds whichever of its sizes the provisioner takes. Both are
/// `u64::MAX` where nothing limits the pool.
pub fn room_in(pool: &NodePool, skus: &[SkuFact], overhead: NodeOverhead, pod: PodSize, max_pods: u64) -> (u64, u64) {
    let fitting = fitting(pool, skus);
    let of_size =
        |sku: &&SkuFact| nodes_within(&pool.limits, sku).saturating_mul(pods_on(sku, overhead, pod, max_pods));
    let possible = || fitting.iter().map(of_size).filter(|pods| *pods > 0);
    (possible().max().unwrap_or(0), possible().min().unwrap_or(0))
}
