//! The embedded catalogue against the provider's own lists, in the version that the local cluster runs. They are in Go's module cache where the
//! components have been built; elsewhere there is nothing to compare with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use harness_azure::catalogue::{SizeName, Sku, catalogue, regions, sizes};
use serde_json::Value;

/// The provider's folder in the module cache.
fn provider() -> Option<PathBuf> {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalogue/karpenter/go.mod");
    let pinned = std::fs::read_to_string(pinned).unwrap();
    let module = "github.com/Azure/karpenter-provider-azure ";
    let version =
        pinned.lines().find_map(|line| line.trim().trim_start_matches("require ").strip_prefix(module)).unwrap();
    let version = version.split_whitespace().next().unwrap();
    let cache = Command::new("go").args(["env", "GOMODCACHE"]).output().ok()?;
    let cache = PathBuf::from(String::from_utf8(cache.stdout).ok()?.trim());
    let folder = cache.join(format!("github.com/!azure/karpenter-provider-azure@{version}"));
    if !folder.is_dir() {
        eprintln!("not compared: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

fn read(provider: &Path, file: &str) -> String {
    std::fs::read_to_string(provider.join(file)).unwrap()
}

#[test]
fn every_size_that_the_provider_knows_is_there_with_its_quota_family() {
    let Some(provider) = provider() else { return };
    let known: Vec<BTreeMap<String, String>> =
        serde_saphyr::from_str(&read(&provider, "pkg/providers/instancetype/known_skus.yaml")).unwrap();
    let all = sizes().unwrap();
    for entry in &known {
        let sku = all.get(&entry["name"]).unwrap_or_else(|| panic!("{} is missing: examples/sizes.rs", entry["name"]));
        assert_eq!((&sku.name, &sku.series.quota_family), (&entry["name"], &entry["family"]));
    }
    let names: BTreeSet<&str> = known.iter().map(|entry| entry["name"].as_str()).collect();
    let others: Vec<&str> = all.iter().map(|sku| sku.name.as_str()).filter(|name| !names.contains(name)).collect();
    // Sizes that the provider excludes by name, in pkg/providers/instancetype/skus.go.
    assert_eq!(others, ["Standard_E64i_v3", "Standard_E64is_v3"]);
}

#[test]
fn every_price_of_every_region_is_the_providers() {
    let Some(provider) = provider() else { return };
    let mut prices: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    let mut region = String::new();
    for line in read(&provider, "pkg/providers/pricing/zz_generated.pricing.go").lines() {
        if let Some(rest) = line.trim().strip_prefix("initialOnDemandPrices[\"") {
            region = rest.split('"').next().unwrap().to_owned();
        } else if let Some((name, price)) = line.trim().strip_prefix('"').and_then(|line| line.split_once("\":"))
            && sizes().unwrap().get(name).is_some()
        {
            let price = price.trim().trim_end_matches(',').parse().unwrap();
            prices.entry(region.clone()).or_default().insert(name.to_owned(), price);
        }
    }
    let ours: BTreeMap<String, BTreeMap<String, f64>> = regions()
        .unwrap()
        .map(|region| {
            let sold = catalogue(region.name).unwrap();
            (region.name.to_owned(), sold.iter().map(|sku| (sku.name.clone(), sku.price_per_hour)).collect())
        })
        .collect();
    assert_eq!(ours.keys().collect::<Vec<_>>(), prices.keys().collect::<Vec<_>>());
    for (region, prices) in &prices {
        assert!(ours[region] == *prices, "the prices of {region} differ: examples/sizes.rs");
    }
}

#[test]
fn every_region_has_the_zones_of_the_providers_list() {
    let Some(provider) = provider() else { return };
    let locations: Vec<Value> = serde_json::from_str(&read(&provider, "pkg/fake/locations.json")).unwrap();
    let mut compared = 0;
    for region in regions().unwrap() {
        let Some(known) = locations.iter().find(|location| location["name"] == region.name) else { continue };
        let zones = known["availabilityZoneMappings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let zones: Vec<&str> = zones.iter().filter_map(|zone| zone["logicalZone"].as_str()).collect();
        assert_eq!((&region.zones, region.display_name.as_str()), (&zones, known["displayName"].as_str().unwrap()));
        compared += 1;
    }
    // Of swedensouth the list says nothing.
    assert_eq!(compared, 56);
}

#[test]
fn gpus_are_supported_where_the_provider_says_so() {
    let Some(provider) = provider() else { return };
    let supported: BTreeMap<String, Value> =
        serde_saphyr::from_str(&read(&provider, "pkg/utils/supported-gpus.yaml")).unwrap();
    for sku in sizes().unwrap().iter() {
        let entry = supported.get(sku.name.trim_end_matches("_Promo").to_lowercase().as_str());
        let vendor = entry.map(|entry| entry["gpu"].as_str().unwrap());
        assert_eq!(sku.supported_gpu.map(|vendor| vendor.label()), vendor, "{}", sku.name);
    }
}

/// The capabilities of one recorded size.
fn recorded(text: &str) -> BTreeMap<&str, &str> {
    let places = |entry: &str| entry.find('"').zip(entry.find("Value: lo.ToPtr(\""));
    let entries = text.split("{Name: lo.ToPtr(\"").skip(1);
    entries
        .filter_map(|text| {
            let (name, value) = places(text)?;
            Some((&text[..name], text[value..].split('"').nth(1)?))
        })
        .collect()
}

// The recorded answers of the Resource SKUs API that the provider is tested with. They cover thirty sizes of all kinds; what the rules of
// examples/sizes.rs say of them must be what Azure says.
#[test]
fn abilities_and_disks_are_those_of_the_recorded_sizes() {
    let Some(provider) = provider() else { return };
    let mut compared = 0;
    for region in ["southcentralus", "westcentralus"] {
        let text = read(&provider, &format!("pkg/fake/zz_generated.sku.{region}.go"));
        for block in text.split("\n\t\t{\n").skip(1) {
            let name = block.split("lo.ToPtr(\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            let Some(sku) = sizes().unwrap().get(name) else { continue };
            assert_eq!(of_catalogue(sku), of_azure(&recorded(block), sku), "{name}");
            // The other region has no ultra disks.
            if region == "southcentralus" {
                assert_eq!(sku.takes_ultra_disks(), block.contains("UltraSSDAvailable"), "{name}");
            }
            compared += 1;
        }
    }
    assert!(compared > 25, "{compared}");
}

type Facts = Vec<(&'static str, String)>;

fn of_catalogue(sku: &Sku) -> Facts {
    let gib = |gib: u64| gib.to_string();
    vec![
        ("vCPUs", sku.vcpus.to_string()),
        ("MemoryGB", sku.memory_gib.to_string()),
        ("GPUs", sku.gpus.to_string()),
        ("HyperVGenerations", sku.series.hyper_v_generations.to_owned()),
        ("CpuArchitectureType", sku.series.architecture.azure().to_owned()),
        ("PremiumIO", sku.series.premium_io.to_string()),
        ("LowPriorityCapable", sku.series.low_priority.to_string()),
        ("EncryptionAtHostSupported", sku.series.encryption_at_host.to_string()),
        ("AcceleratedNetworkingEnabled", sku.accelerated_networking.to_string()),
        ("SupportedEphemeralOSDiskPlacements", sku.ephemeral_os_disk().unwrap_or_default().to_owned()),
        ("MaxResourceVolumeMB", gib(sku.temp_gib)),
        ("CachedDiskBytes", gib(sku.cache_gib)),
        ("NvmeDiskSizeInMiB", gib(sku.nvme_gib)),
    ]
}

fn of_azure(recorded: &BTreeMap<&str, &str>, sku: &Sku) -> Facts {
    let text = |key: &str| recorded.get(key).copied().unwrap_or_default().to_owned();
    let flag = |key: &str| text(key).to_lowercase();
    let number = |key: &str| text(key).parse::<u64>().unwrap_or_default();
    // A disk for data takes no OS disk, and is left out of the catalogue.
    let takes_os = text("SupportedEphemeralOSDiskPlacements").contains("NvmeDisk");
    let nvme = if takes_os { number("NvmeDiskSizeInMiB") / 1024 } else { 0 };
    let memory: f64 = text("MemoryGB").parse().unwrap();
    assert!(SizeName::parse(sku.size()).is_some());
    vec![
        ("vCPUs", text("vCPUs")),
        ("MemoryGB", memory.to_string()),
        ("GPUs", number("GPUs").to_string()),
        ("HyperVGenerations", text("HyperVGenerations")),
        ("CpuArchitectureType", text("CpuArchitectureType")),
        ("PremiumIO", flag("PremiumIO")),
        ("LowPriorityCapable", flag("LowPriorityCapable")),
        ("EncryptionAtHostSupported", flag("EncryptionAtHostSupported")),
        ("AcceleratedNetworkingEnabled", flag("AcceleratedNetworkingEnabled")),
        ("SupportedEphemeralOSDiskPlacements", text("SupportedEphemeralOSDiskPlacements")),
        ("MaxResourceVolumeMB", (number("MaxResourceVolumeMB") / 1024).to_string()),
        ("CachedDiskBytes", (number("CachedDiskBytes") >> 30).to_string()),
        ("NvmeDiskSizeInMiB", nvme.to_string()),
    ]
}
