//! The VM sizes of the simulated Azure, as facts for the planner.

use harness_azure::allocatable::node_resources;
use harness_azure::catalogue::{Architecture, Sku, catalogue};
use harness_tree::SkuFact;
use harness_units::{Bytes, Millicores};

use crate::error::InputError;

/// Returns every VM size that is sold in the location of the simulated Azure.
///
/// # Errors
/// The embedded catalogue is broken, which its own tests exclude.
pub fn sku_facts() -> Result<Vec<SkuFact>, InputError> {
    let location = harness_azure::Config::default().location;
    Ok(catalogue()?.iter().map(|sku| fact(sku, location.as_str())).collect())
}

fn fact(sku: &Sku, location: &str) -> SkuFact {
    let resources = node_resources(sku);
    let (series, version) = series_and_version(&sku.size);
    SkuFact {
        name: sku.name.clone(),
        family: sku.family.clone(),
        quota_family: sku.series.quota_family.clone(),
        series,
        version,
        architecture: match sku.series.architecture {
            Architecture::X64 => "amd64".to_owned(),
            Architecture::Arm64 => "arm64".to_owned(),
        },
        vcpus: sku.vcpus,
        memory_mib: (sku.memory_gib * 1024.0) as u64,
        zones: sku.series.zones.iter().map(|zone| format!("{location}-{zone}")).collect(),
        gpus: sku.gpus,
        gpu_name: None,
        spot_capable: sku.series.low_priority,
        premium_storage: sku.series.premium_io,
        accelerated_networking: sku.series.accelerated_networking,
        price_on_demand_micro_usd_per_hour: (sku.price_per_hour * 1e6).round() as u64,
        allocatable_cpu: Millicores(resources.allocatable_cpu_m),
        allocatable_memory: Bytes(resources.allocatable_memory_bytes),
    }
}

/// `D4s_v5` is of the series `Ds_v5`, version `5`; a size without a version is of version `1`
/// (`pkg/providers/instancetype/instancetype.go` of the provider).
fn series_and_version(size: &str) -> (String, String) {
    let letters = size.find(|c: char| c.is_ascii_digit()).unwrap_or(size.len());
    let (family, rest) = size.split_at(letters);
    let series = format!("{family}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-'));
    let version = size.rsplit_once("_v").map_or("1", |(_, version)| version);
    (series, version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("D4s_v5", "Ds_v5", "5")]
    #[case("DS2_v2", "DS_v2", "2")]
    #[case("B2s", "Bs", "1")]
    #[case("NC4as_T4_v3", "NCas_T4_v3", "3")]
    fn series_as_the_provider_names_them(#[case] size: &str, #[case] series: &str, #[case] version: &str) {
        assert_eq!(series_and_version(size), (series.to_owned(), version.to_owned()));
    }

    #[test]
    fn every_size_of_the_catalogue_is_a_fact() {
        let facts = sku_facts().unwrap();
        let size = facts.iter().find(|fact| fact.name == "Standard_D4s_v5").unwrap();
        assert_eq!((size.vcpus, size.allocatable_cpu), (4, Millicores(3860)));
        assert!(size.zones.contains(&"eastus-1".to_owned()));
    }
}
