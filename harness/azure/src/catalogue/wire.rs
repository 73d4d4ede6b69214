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
    json!({
        "resourceType": "virtualMachines",
        "name": sku.name,
        "tier": "Standard",
        "size": sku.size(),
        "family": sku.series.quota_family,
        "locations": [location],
        "locationInfo": [{"location": location, "zones": zones, "zoneDetails": []}],
        "capabilities": capabilities(sku),
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
