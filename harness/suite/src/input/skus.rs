//! The VM sizes of the simulated Azure, as facts for the planner.

use std::sync::{Arc, Mutex, PoisonError};

use harness_azure::aks;
use harness_azure::allocatable::node_resources;
use harness_azure::catalogue::{SizeName, Sku, catalogue, sizes};
use harness_tree::derive::{NodeOverhead, PodSize, SkuSource, Unusable};
use harness_tree::{NodePool, SkuFact};
use harness_units::{Bytes, Millicores};

use crate::error::InputError;
use crate::region::Region;

/// The VM sizes of the regions that trees are for.
#[derive(Clone, Copy, Debug, Default)]
pub struct RegionalSkus {
    /// The region that was asked for; without it, that of the pools.
    pub region: Option<Region>,
}

impl SkuSource for RegionalSkus {
    fn skus_for(&self, pools: &[NodePool]) -> Arc<[SkuFact]> {
        // That the embedded catalogue can be read is proved by its tests; without sizes nothing is said about them.
        sku_facts(Region::choose(self.region, pools)).unwrap_or_default()
    }
}

/// Returns every VM size that is known: those that the region sells as they are there, and the others with the reason why the node
/// auto-provisioner never uses them there.
///
/// # Errors
/// The embedded catalogue is broken, which its own tests exclude.
pub fn sku_facts(region: Region) -> Result<Arc<[SkuFact]>, InputError> {
    static KNOWN: Mutex<Vec<(Region, Arc<[SkuFact]>)>> = Mutex::new(Vec::new());
    // A suite plans hundreds of times, and in one region.
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, facts)) = known.iter().find(|(name, _)| *name == region) {
        return Ok(Arc::clone(facts));
    }
    let facts: Arc<[SkuFact]> = facts_of(region.as_str())?.into();
    known.push((region, Arc::clone(&facts)));
    Ok(facts)
}

/// What AKS's DaemonSets take of each node.
pub(crate) fn daemon_sets() -> NodeOverhead {
    let aks::Overhead { cpu, memory, pods } = aks::daemon_sets();
    NodeOverhead { requests: PodSize { cpu, memory }, pods }
}

fn facts_of(region: &str) -> Result<Vec<SkuFact>, InputError> {
    let sold = catalogue(region)?;
    let zones: Vec<String> = sold.zones().iter().map(|zone| format!("{region}-{zone}")).collect();
    let fact = |sku: &Arc<Sku>| match sold.get(&sku.name) {
        Some(sold) => fact(sold, region, &zones, None),
        None => fact(sku, region, &zones, Some(Unusable::NotSold)),
    };
    Ok(sizes()?.iter().map(fact).collect())
}

fn fact(sku: &Sku, region: &str, zones: &[String], not_sold: Option<Unusable>) -> SkuFact {
    let resources = node_resources(sku);
    let name = SizeName::parse(sku.size());
    SkuFact {
        name: sku.name.clone(),
        region: region.to_owned(),
        family: sku.family.clone(),
        quota_family: sku.series.quota_family.clone(),
        series: name.map(|name| name.series()).unwrap_or_default(),
        version: name.map(|name| name.version.to_owned()).unwrap_or_default(),
        architecture: sku.series.architecture.kubernetes().to_owned(),
        vcpus: sku.vcpus,
        memory_mib: (sku.memory_gib * 1024.0) as u64,
        zones: zones.to_vec(),
        gpus: if sku.supported_gpu.is_some() { sku.gpus } else { 0 },
        gpu_manufacturer: sku.supported_gpu.map(|vendor| vendor.label().to_owned()),
        gpu_name: sku.supported_gpu.and(name).map(|name| name.accelerator.unwrap_or_default().to_owned()),
        spot_capable: sku.series.low_priority,
        premium_storage: sku.series.premium_io,
        accelerated_networking: sku.accelerated_networking,
        price_on_demand_micro_usd_per_hour: (sku.price_per_hour * 1e6).round() as u64,
        allocatable_cpu: Millicores(resources.allocatable_cpu_m),
        allocatable_memory: Bytes(resources.allocatable_memory_bytes),
        unusable: not_sold.or_else(|| unusable(sku, name)),
    }
}

/// What AKS does not allow in node pools, and what the provisioner leaves out.
/// Source: `AKSRestrictedVMSizes` and `karpenterRestrictedVMSKUs` in `pkg/providers/instancetype/skus.go` of the provider.
const RESTRICTED: [&str; 7] = ["A1_v2", "B1s", "B1ms", "F1", "F1s", "E64i_v3", "E64is_v3"];

/// Why the provisioner never uses a size that is sold.
/// Source: UpdateInstanceTypes and isSupported in `pkg/providers/instancetype/instancetypes.go` of the provider.
fn unusable(sku: &Sku, name: Option<SizeName<'_>>) -> Option<Unusable> {
    let Some(name) = name else { return Some(Unusable::UnreadableName) };
    if RESTRICTED.contains(&sku.size()) {
        Some(Unusable::Restricted)
    } else if sku.gpus > 0 && sku.supported_gpu.is_none() {
        Some(Unusable::UnsupportedGpu)
    } else if name.constrained.is_some() {
        Some(Unusable::ConstrainedCpus)
    } else {
        name.is_confidential().then_some(Unusable::Confidential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn size(region: &str, name: &str) -> SkuFact {
        sku_facts(region.parse().unwrap()).unwrap().iter().find(|fact| fact.name == name).unwrap().clone()
    }

    #[test]
    fn a_size_has_the_facts_of_its_region() {
        let there = size("eastus", "Standard_D4s_v5");
        assert_eq!((there.vcpus, there.allocatable_cpu), (4, Millicores(3860)));
        assert_eq!((there.zones.len(), there.zones[0].as_str(), there.unusable), (3, "eastus-1", None));
        // Before, every size was one of eastus.
        let elsewhere = size("westeurope", "Standard_D4s_v5");
        assert_eq!((elsewhere.zones[2].as_str(), elsewhere.region.as_str()), ("westeurope-3", "westeurope"));
        assert!(elsewhere.price_on_demand_micro_usd_per_hour > there.price_on_demand_micro_usd_per_hour);
        assert!(size("northcentralus", "Standard_D4s_v5").zones.is_empty());
    }

    #[rstest]
    #[case("Standard_D4s_v5", None)]
    #[case("Standard_D2pls_v5", None)]
    #[case("Standard_DC8as_v5", Some(Unusable::Confidential))]
    #[case("Standard_E8-4s_v5", Some(Unusable::ConstrainedCpus))]
    #[case("Standard_NV4as_v4", Some(Unusable::UnsupportedGpu))]
    #[case("Standard_B1s", Some(Unusable::Restricted))]
    #[case("Standard_ND128isr_GB300_v6", Some(Unusable::NotSold))]
    fn what_the_provisioner_leaves_out_is_known(#[case] name: &str, #[case] unusable: Option<Unusable>) {
        assert_eq!(size("eastus", name).unusable, unusable);
    }

    #[test]
    fn a_gpu_has_the_maker_and_the_name_that_its_label_has() {
        let t4 = size("eastus", "Standard_NC4as_T4_v3");
        assert_eq!((t4.gpus, t4.gpu_manufacturer.as_deref(), t4.gpu_name.as_deref()), (1, Some("nvidia"), Some("T4")));
        let mi300 = size("westus", "Standard_ND96isr_MI300X_v5");
        assert_eq!((mi300.gpu_manufacturer.as_deref(), mi300.gpu_name.as_deref()), (Some("amd"), Some("")));
    }
}
