//! The catalogue in the form of `Microsoft.Compute/skus`.
//!
//! Shape and capability names: the recorded answers in `pkg/fake/zz_generated.sku.*.go` of
//! Azure/karpenter-provider-azure v1.14.0; what the provider reads of them: Azure/skewer v0.0.24 `sku.go`.

use serde_json::{Value, json};

use super::sku::{Catalogue, Sku};

const GIB: u64 = 1 << 30;

/// The whole answer for one region. Big and always the same, so callers keep it.
pub(crate) fn resource_skus(catalogue: &Catalogue, location: &str) -> Value {
    let zones = catalogue.zones();
    let value: Vec<Value> = catalogue.iter().map(|sku| resource_sku(sku, location, zones)).collect();
    json!({ "value": value })
}

fn resource_sku(sku: &Sku, location: &str, zones: &[&str]) -> Value {
    // An ability of the zones, where there are any.
    let mut capabilities = capabilities(sku);
    let mut zone_details = Vec::new();
    if sku.takes_ultra_disks() {
        let ultra = json!({"name": "UltraSSDAvailable", "value": "True"});
        if zones.is_empty() {
            capabilities.push(ultra);
        } else {
            zone_details.push(json!({"name": zones, "capabilities": [ultra]}));
        }
    }
    json!({
        "resourceType": "virtualMachines",
        "name": sku.name,
        "tier": "Standard",
        "size": sku.size(),
        "family": sku.series.quota_family,
        "locations": [location],
        "locationInfo": [{"location": location, "zones": zones, "zoneDetails": zone_details}],
        "capabilities": capabilities,
        "restrictions": [],
    })
}

fn capabilities(sku: &Sku) -> Vec<Value> {
    let series = &sku.series;
    let flag = |b: bool| {
        if b { "True".to_owned() } else { "False".to_owned() }
    };
    let mut named: Vec<(&str, String)> = vec![
        ("MaxResourceVolumeMB", (sku.temp_gib * 1024).to_string()),
        ("OSVhdSizeMB", "1047552".to_owned()),
        ("vCPUs", sku.vcpus.to_string()),
        ("MemoryPreservingMaintenanceSupported", flag(true)),
        ("HyperVGenerations", series.hyper_v_generations.to_owned()),
        ("MemoryGB", sku.memory_gib.to_string()),
        ("MaxDataDiskCount", sku.data_disks().to_string()),
        ("CpuArchitectureType", series.architecture.azure().to_owned()),
        ("LowPriorityCapable", flag(series.low_priority)),
        ("PremiumIO", flag(series.premium_io)),
        ("VMDeploymentTypes", "IaaS".to_owned()),
        ("vCPUsAvailable", sku.vcpus.to_string()),
        ("vCPUsPerCore", "2".to_owned()),
        ("EphemeralOSDiskSupported", flag(sku.ephemeral_os_disk().is_some())),
        ("EncryptionAtHostSupported", flag(series.encryption_at_host)),
        ("CapacityReservationSupported", flag(false)),
        ("AcceleratedNetworkingEnabled", flag(sku.accelerated_networking)),
        ("RdmaEnabled", flag(false)),
        ("MaxNetworkInterfaces", sku.nics().to_string()),
    ];
    if sku.cache_gib > 0 {
        named.push(("CachedDiskBytes", (sku.cache_gib * GIB).to_string()));
    }
    if sku.nvme_gib > 0 {
        named.push(("NvmeDiskSizeInMiB", (sku.nvme_gib * 1024).to_string()));
    }
    if let Some(placements) = sku.ephemeral_os_disk() {
        named.push(("SupportedEphemeralOSDiskPlacements", placements.to_owned()));
    }
    if let Some(controllers) = series.disk_controller_types {
        named.push(("DiskControllerTypes", controllers.to_owned()));
    }
    if sku.gpus > 0 {
        named.push(("GPUs", sku.gpus.to_string()));
    }
    named.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::catalogue;

    // Before, the answer was the same for every region: 146 sizes, each in three zones.
    #[test]
    fn the_answer_has_what_the_region_sells_in_the_zones_that_it_has() {
        for (region, zones) in [("westeurope", 3), ("northcentralus", 0)] {
            let sold = catalogue(region).unwrap();
            let answer = resource_skus(sold, region);
            let sizes = answer["value"].as_array().unwrap();
            assert_eq!(sizes.len(), sold.iter().count());
            for size in sizes {
                assert_eq!(size["locationInfo"][0]["zones"].as_array().unwrap().len(), zones, "{size}");
            }
            // The controller reads all of it every few hours; Azure's own answer is of the same order.
            assert!(answer.to_string().len() < 4 << 20, "{}", answer.to_string().len());
        }
    }

    // Before, no size had it, and a NodePool that asked for it found none.
    #[test]
    fn ultra_disks_are_an_ability_of_zones_where_there_are_any() {
        let size = |region: &str, name: &str| {
            resource_sku(catalogue(region).unwrap().get(name).unwrap(), region, catalogue(region).unwrap().zones())
        };
        let ultra = json!({"name": "UltraSSDAvailable", "value": "True"});
        let has = |size: &Value| size["capabilities"].as_array().unwrap().contains(&ultra);
        let zonal = size("eastus", "Standard_D4s_v5");
        assert_eq!(
            zonal["locationInfo"][0]["zoneDetails"],
            json!([{"name": ["1", "2", "3"], "capabilities": [ultra]}])
        );
        assert!(!has(&zonal));
        let regional = size("westus", "Standard_D4s_v5");
        assert!(has(&regional) && regional["locationInfo"][0]["zoneDetails"] == json!([]), "{regional}");
        assert_eq!(size("eastus", "Standard_DS2_v2")["locationInfo"][0]["zoneDetails"], json!([]));
    }

    #[test]
    fn a_local_disk_takes_an_os_disk_where_azure_says_so() {
        let capability = |size: &str, name: &str| {
            let sku = catalogue("eastus").unwrap().get(size).unwrap();
            let all = capabilities(sku);
            all.iter().find(|entry| entry["name"] == name).map(|entry| entry["value"].as_str().unwrap().to_owned())
        };
        let placements = "SupportedEphemeralOSDiskPlacements";
        assert_eq!(capability("Standard_D4ds_v6", placements).as_deref(), Some("NvmeDisk"));
        assert_eq!(capability("Standard_D4ds_v6", "NvmeDiskSizeInMiB").as_deref(), Some("225280"));
        assert_eq!(capability("Standard_D4ds_v5", placements).as_deref(), Some("ResourceDisk,CacheDisk"));
        assert_eq!(capability("Standard_D4s_v5", placements), None);
    }
}
