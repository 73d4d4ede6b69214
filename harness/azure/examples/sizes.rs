//! Writes `src/catalogue/sizes.txt` and `src/catalogue/regions.txt`:
//! `cargo run -p harness-azure --example sizes -- PROVIDER AUTOSCALER`, where PROVIDER is the folder of the module
//! `github.com/Azure/karpenter-provider-azure` in Go's module cache (`go list -m -f '{{.Dir}}'`), and AUTOSCALER the file
//! `cluster-autoscaler/cloudprovider/azure/azure_instance_types.go` of kubernetes/autoscaler.
//!
//! What comes from where:
//! - names and quota families: `pkg/providers/instancetype/known_skus.yaml` of the provider, and the sizes that only the autoscaler has
//! - virtual processors, memory, GPUs and architecture: the autoscaler's list, which is generated from the Resource SKUs API; for the
//!   sizes that are too new for it, `DOCUMENTED` and `GIB_PER_VCPU`
//! - GPUs that AKS supports: `pkg/utils/supported-gpus.yaml` of the provider
//! - prices, and with them the regions where a size is sold: `pkg/providers/pricing/zz_generated.pricing.go` of the provider
//! - regions and their zones: `pkg/fake/locations.json` of the provider
//! - disks and abilities: rules on the names (Microsoft's "Azure virtual machine sizes naming conventions" and the page of each series),
//!   here in `local_disks` and `abilities`. The tests compare them with the recorded Resource SKUs in `pkg/fake` of the provider.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use harness_azure::catalogue::SizeName;
use serde_json::Value;

/// GiB for each virtual processor of the series that are too new for the autoscaler's list. Source: the page of each series.
const GIB_PER_VCPU: [(&str, f64); 12] = [
    ("Ds_v7", 4.0),
    ("Dds_v7", 4.0),
    ("Dls_v7", 2.0),
    ("Dlds_v7", 2.0),
    ("Es_v7", 8.0),
    ("Eds_v7", 8.0),
    ("Dns_v6", 4.0),
    ("Dnds_v6", 4.0),
    ("Dnls_v6", 2.0),
    ("Dnlds_v6", 2.0),
    ("Ens_v6", 8.0),
    ("Ends_v6", 8.0),
];

/// Virtual processors, memory in GiB and GPUs of the other sizes that are too new for the autoscaler's list, or too old. A size with a part
/// of a GPU counts as one with one. Source: the page of each series; of M416*_9_v3 and the like, the ratio of that series (950 GiB for
/// each of the terabytes in the name); PB6s has no page any more, and its memory is that of its successor NP10s for each processor.
const DOCUMENTED: [(&str, u32, f64, u32); 32] = [
    // The autoscaler cuts parts of a GiB off.
    ("B1ls", 1, 0.5, 0),
    ("D1", 1, 3.5, 0),
    ("D1_v2", 1, 3.5, 0),
    ("D1_v2_Promo", 1, 3.5, 0),
    ("DS1", 1, 3.5, 0),
    ("DS1_v2", 1, 3.5, 0),
    ("DS1_v2_Promo", 1, 3.5, 0),
    ("M8ms", 8, 218.75, 0),
    ("M8-2ms", 8, 218.75, 0),
    ("M8-4ms", 8, 218.75, 0),
    ("M16ms", 16, 437.5, 0),
    ("M16-4ms", 16, 437.5, 0),
    ("M16-8ms", 16, 437.5, 0),
    ("M416s_9_v3", 416, 8550.0, 0),
    ("M416s_10_v3", 416, 9500.0, 0),
    ("M416s_12_v3", 416, 11400.0, 0),
    ("M416ds_9_v3", 416, 8550.0, 0),
    ("M416ds_10_v3", 416, 9500.0, 0),
    ("M416ds_12_v3", 416, 11400.0, 0),
    ("NC36ds_xl_RTXPRO6000BSE_v6", 36, 132.0, 1),
    ("NC72ds_xl_RTXPRO6000BSE_v6", 72, 264.0, 1),
    ("NC144ds_xl_RTXPRO6000BSE_v6", 144, 516.0, 1),
    ("NC288ds_xl_RTXPRO6000BSE_v6", 288, 1032.0, 2),
    ("NC24lds_xl_RTXPRO6000BSE_v6", 24, 66.0, 1),
    ("NC36lds_xl_RTXPRO6000BSE_v6", 36, 66.0, 1),
    ("NC72lds_xl_RTXPRO6000BSE_v6", 72, 132.0, 1),
    ("NC144lds_xl_RTXPRO6000BSE_v6", 144, 264.0, 1),
    ("NC288lds_xl_RTXPRO6000BSE_v6", 288, 516.0, 2),
    ("ND128isr_NDR_GB200_v6", 128, 900.0, 4),
    ("ND128isr_GB300_v6", 128, 900.0, 4),
    ("ND96is_MI300X_v5", 96, 1850.0, 8),
    ("PB6s", 6, 100.0, 0),
];

/// Sizes with an Arm processor whose name does not say so: that of NVIDIA's GB200 and GB300.
const ARM_WITHOUT_THE_LETTER: [&str; 2] = ["ND128isr_NDR_GB200_v6", "ND128isr_GB300_v6"];

/// Local disks in GiB for each virtual processor: temporary disk, cache, NVMe disk. Source: the page of each series.
const LOCAL_DISKS: [(&str, f64, f64, f64); 50] = [
    ("A_v2", 10.0, 0.0, 0.0),
    ("D", 50.0, 0.0, 0.0),
    ("D_v2", 50.0, 0.0, 0.0),
    ("D_v3", 25.0, 0.0, 0.0),
    ("E_v3", 25.0, 0.0, 0.0),
    ("Ds_v3", 8.0, 25.0, 0.0),
    ("Es_v3", 16.0, 25.0, 0.0),
    ("Da_v4", 25.0, 0.0, 0.0),
    ("Ea_v4", 25.0, 0.0, 0.0),
    ("Das_v4", 8.0, 25.0, 0.0),
    ("Eas_v4", 16.0, 25.0, 0.0),
    ("Dd_v4", 37.5, 0.0, 0.0),
    ("Dd_v5", 37.5, 0.0, 0.0),
    ("Ed_v4", 37.5, 0.0, 0.0),
    ("Ed_v5", 37.5, 0.0, 0.0),
    ("Dds_v4", 37.5, 25.0, 0.0),
    ("Dds_v5", 37.5, 25.0, 0.0),
    ("Dlds_v5", 37.5, 25.0, 0.0),
    ("Dads_v5", 37.5, 25.0, 0.0),
    ("Dpds_v5", 37.5, 25.0, 0.0),
    ("Dplds_v5", 37.5, 25.0, 0.0),
    ("Eds_v4", 37.5, 25.0, 0.0),
    ("Eds_v5", 37.5, 25.0, 0.0),
    ("Ebds_v5", 37.5, 25.0, 0.0),
    ("Eads_v5", 37.5, 25.0, 0.0),
    ("Epds_v5", 37.5, 25.0, 0.0),
    ("F", 16.0, 0.0, 0.0),
    ("Fs", 4.0, 12.0, 0.0),
    ("Fs_v2", 8.0, 16.0, 0.0),
    ("G", 192.0, 0.0, 0.0),
    ("GS", 28.0, 132.0, 0.0),
    ("Ls_v2", 10.0, 0.0, 0.0),
    ("Ls_v3", 10.0, 0.0, 0.0),
    ("Las_v3", 10.0, 0.0, 0.0),
    ("Ms", 32.0, 99.125, 0.0),
    ("Mms", 32.0, 99.125, 0.0),
    ("Dds_v6", 0.0, 0.0, 55.0),
    ("Dlds_v6", 0.0, 0.0, 55.0),
    ("Dnds_v6", 0.0, 0.0, 55.0),
    ("Dnlds_v6", 0.0, 0.0, 55.0),
    ("Dads_v6", 0.0, 0.0, 55.0),
    ("Dalds_v6", 0.0, 0.0, 55.0),
    ("Dpds_v6", 0.0, 0.0, 55.0),
    ("Dplds_v6", 0.0, 0.0, 55.0),
    ("Eds_v6", 0.0, 0.0, 55.0),
    ("Ends_v6", 0.0, 0.0, 55.0),
    ("Eads_v6", 0.0, 0.0, 55.0),
    ("Epds_v6", 0.0, 0.0, 55.0),
    ("Dds_v7", 0.0, 0.0, 55.0),
    ("Eds_v7", 0.0, 0.0, 55.0),
];

/// The same for sizes that do not follow their series, in GiB. Source: the page of each series, and the recorded Resource SKUs.
const LOCAL_DISKS_OF_SIZES: [(&str, u32, u32); 20] = [
    ("B1ls", 4, 30),
    ("B1s", 4, 30),
    ("B1ms", 4, 30),
    ("B2s", 8, 30),
    ("B2ms", 16, 30),
    ("B4ms", 32, 30),
    ("B8ms", 64, 30),
    ("B12ms", 96, 30),
    ("B16ms", 128, 30),
    ("B20ms", 160, 30),
    ("NC4as_T4_v3", 176, 36),
    ("NC8as_T4_v3", 352, 72),
    ("NC16as_T4_v3", 352, 144),
    ("NC64as_T4_v3", 2816, 576),
    ("NC24ads_A100_v4", 64, 256),
    ("NC48ads_A100_v4", 128, 512),
    ("NC96ads_A100_v4", 256, 1024),
    ("NC6s_v3", 736, 320),
    ("NC12s_v3", 1474, 640),
    ("NC24s_v3", 2948, 1280),
];

/// Regions with prices that the provider's list of locations leaves out, with their names; access to them is restricted, and none has zones.
const UNLISTED: [(&str, &str); 1] = [("swedensouth", "Sweden South")];

/// What is known about one size.
struct Size {
    name: String,
    quota_family: String,
    vcpus: u32,
    memory_gib: f64,
    gpus: u32,
    arm: bool,
    /// `nvidia` or `amd`, where AKS supports its GPUs.
    supported_gpu: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(provider), Some(autoscaler)) = (arguments.next(), arguments.next()) else {
        return Err("give the folder of the provider's module and the autoscaler's azure_instance_types.go".into());
    };
    let provider = Path::new(&provider);
    let sizes = sizes(provider, &std::fs::read_to_string(&autoscaler).map_err(|e| format!("{autoscaler}: {e}"))?)?;
    let blocks = blocks(&sizes);
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalogue");
    std::fs::write(target.join("sizes.txt"), sizes_text(&blocks)?)?;
    std::fs::write(target.join("regions.txt"), regions_text(provider, &blocks)?)?;
    println!("{} sizes in {} series", sizes.len(), blocks.len());
    Ok(())
}

fn read(provider: &Path, file: &str) -> Result<String, Box<dyn Error>> {
    let path = provider.join(file);
    Ok(std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// The text between quotes that follows `key` in a line.
fn quoted<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split_once(key)?.1.split('"').nth(1)
}

fn sizes(provider: &Path, autoscaler: &str) -> Result<Vec<Size>, Box<dyn Error>> {
    let known: Vec<BTreeMap<String, String>> =
        serde_saphyr::from_str(&read(provider, "pkg/providers/instancetype/known_skus.yaml")?)?;
    let mut families: BTreeMap<String, String> =
        known.into_iter().filter_map(|mut entry| Some((entry.remove("name")?, entry.remove("family")?))).collect();
    let gpus: BTreeMap<String, Value> = serde_saphyr::from_str(&read(provider, "pkg/utils/supported-gpus.yaml")?)?;
    let mut listed = BTreeMap::new();
    for entry in autoscaler.split("\": {").skip(1) {
        let number =
            |key: &str| -> Option<f64> { entry.split_once(key)?.1.split(',').next()?.trim().parse::<f64>().ok() };
        let read = || {
            Some((
                quoted(entry, "InstanceType:")?,
                quoted(entry, "SkuFamily:")?,
                number("VCPU:")? as u32,
                number("MemoryMb:")? / 1024.0,
                number("GPU:")? as u32,
                quoted(entry, "Architecture:")? == "arm64",
            ))
        };
        let (name, family, vcpus, gib, gpus, arm) =
            read().ok_or("an entry of the autoscaler's list has another form")?;
        families.entry(name.to_owned()).or_insert_with(|| family.to_owned());
        listed.insert(name, (vcpus, gib, gpus, arm));
    }
    let mut sizes = Vec::new();
    for (name, quota_family) in families {
        let size = name.strip_prefix("Standard_").ok_or_else(|| format!("{name} is not a Standard size"))?;
        let facts = documented(size).or_else(|| listed.get(name.as_str()).copied());
        let (vcpus, memory_gib, gpus_of, arm) = facts.ok_or_else(|| format!("nothing is known about {name}"))?;
        let supported = gpus.get(name.trim_end_matches("_Promo").to_ascii_lowercase().as_str());
        sizes.push(Size {
            supported_gpu: supported.and_then(|entry| entry["gpu"].as_str()).map(str::to_owned),
            arm: arm || ARM_WITHOUT_THE_LETTER.contains(&size),
            gpus: gpus_of,
            name: size.to_owned(),
            quota_family,
            vcpus,
            memory_gib,
        });
    }
    Ok(sizes)
}

fn documented(size: &str) -> Option<(u32, f64, u32, bool)> {
    if let Some((_, vcpus, gib, gpus)) = DOCUMENTED.iter().find(|(name, ..)| *name == size) {
        return Some((*vcpus, *gib, *gpus, false));
    }
    let name = SizeName::parse(size)?;
    let (_, ratio) = GIB_PER_VCPU.iter().find(|(series, _)| *series == name.series())?;
    let vcpus: u32 = name.cpus.parse().ok()?;
    Some((vcpus, f64::from(vcpus) * ratio, 0, name.features.contains('p')))
}

/// The sizes by series, in the order of their names; sizes of one series by their processors.
fn blocks(sizes: &[Size]) -> BTreeMap<String, Vec<&Size>> {
    let mut blocks: BTreeMap<(String, String), Vec<&Size>> = BTreeMap::new();
    for size in sizes {
        let series = SizeName::parse(&size.name).map_or_else(
            || size.name.clone(),
            |name| {
                let promo = if name.promo { "_Promo" } else { "" };
                // The GPU is part of the key here, because it decides on abilities and prices.
                let accelerator = name.accelerator.map(|a| format!("_{a}")).unwrap_or_default();
                format!("{}{accelerator}{promo}", name.series())
            },
        );
        blocks.entry((series, format!("{} {}", size.quota_family, abilities(size)))).or_default().push(size);
    }
    let mut named = BTreeMap::new();
    for ((series, _), mut sizes) in blocks {
        sizes.sort_by(|a, b| (a.vcpus, a.memory_gib as u64, &a.name).cmp(&(b.vcpus, b.memory_gib as u64, &b.name)));
        let mut name = series.clone();
        let mut number = 1;
        while named.contains_key(&name) {
            number += 1;
            name = format!("{series}#{number}");
        }
        named.insert(name, sizes);
    }
    named
}

fn version(name: &SizeName<'_>) -> u32 {
    name.version.parse().unwrap_or(1)
}

/// What the sizes of a series can, as the words of `sizes.txt`. Whatever is not said is usual: x64, both generations, premium disks,
/// encryption at host, spot.
fn abilities(size: &Size) -> String {
    let Some(name) = SizeName::parse(&size.name) else {
        return if size.arm { "arm64 gen2 nvme-only".to_owned() } else { "gen2 nvme-only".to_owned() };
    };
    let letters = format!("{}{}", name.family, name.subfamily);
    let version = version(&name);
    // DS and GS say it in capitals.
    let premium = name.features.contains('s') || (letters != "NS" && name.subfamily.ends_with('S'));
    let gpu = ["NC", "ND", "NV", "NG", "NCC"].contains(&letters.as_str());
    let old = version < 4 && !premium;
    let large_memory = name.family == "M" && (version >= 3 || ["208", "416", "624", "832"].contains(&name.cpus));
    let gen2 = size.arm
        || version >= 6
        || name.is_confidential()
        || letters == "FX"
        || (letters == "ND" && version >= 2)
        || (gpu && letters != "NV" && version >= 4)
        || large_memory;
    let mut words = Vec::new();
    if size.arm {
        words.push("arm64");
    }
    if gen2 {
        words.push("gen2");
    } else if old || letters == "NP" {
        words.push("gen1");
    }
    if !premium {
        words.push("no-premium");
    }
    if old {
        words.push("no-encryption");
    }
    // Source: Microsoft's "Use Azure Spot Virtual Machines": B-series and promo versions of any size are not supported.
    if name.family == "B" || name.promo {
        words.push("no-spot");
    }
    if version >= 6 {
        words.push("nvme-only");
    }
    words.join(" ")
}

/// Whether a size has accelerated networking. Source: Microsoft's "Accelerated Networking overview": most sizes with two or more
/// processors; the oldest series and small burstable sizes have not.
fn accelerated(size: &Size) -> bool {
    let Some(name) = SizeName::parse(&size.name) else { return true };
    let letters = format!("{}{}", name.family, name.subfamily);
    let unversioned = version(&name) < 2;
    let never = ["A", "D", "DS", "G", "GS", "H", "NC", "ND", "NV"].contains(&letters.as_str()) && unversioned;
    size.vcpus >= 2 && !never && name.family != "A" && !(letters == "B" && unversioned && size.vcpus < 12)
}

/// Temporary disk, cache and NVMe disk in GiB.
fn local_disks(size: &Size) -> (u32, u32, u32) {
    let Some(name) = SizeName::parse(&size.name) else { return (0, 0, 0) };
    if let Some((_, temporary, cache)) = LOCAL_DISKS_OF_SIZES.iter().find(|(named, ..)| *named == size.name) {
        return (*temporary, *cache, 0);
    }
    let whole = |ratio: f64| (f64::from(size.vcpus) * ratio) as u32;
    let series = name.series();
    if series == "DS" || series == "DS_v2" {
        // The memory-optimized half of the series, from 11 on, has another ratio.
        let large = name.cpus.len() == 2;
        return if large { (whole(14.0), whole(36.0), 0) } else { (whole(7.0), whole(43.0), 0) };
    }
    let nvme_of_v7 = name.features.contains('d') && version(&name) == 7;
    match LOCAL_DISKS.iter().find(|(named, ..)| *named == series) {
        Some((_, temporary, cache, nvme)) => (whole(*temporary), whole(*cache), whole(*nvme)),
        None if nvme_of_v7 => (0, 0, whole(55.0)),
        None => (0, 0, 0),
    }
}

fn sizes_text(blocks: &BTreeMap<String, Vec<&Size>>) -> Result<String, Box<dyn Error>> {
    let mut text = String::from(
        "# The VM sizes of Azure that node auto-provisioning knows. Generated: see examples/sizes.rs for the sources and the rules.\n\
         #\n\
         # A series: = NAME QUOTA-FAMILY ABILITIES, of which only the unusual are said: arm64; gen1 or gen2 (one generation only);\n\
         # no-premium, no-encryption (at host), no-spot; nvme-only (no SCSI).\n\
         # A size: SIZE VCPUS MEMORY-GIB and, where it has them, temp=GIB cache=GIB nvme=GIB (local disks), gpus=N, nvidia or amd (a GPU\n\
         # that AKS supports), slow-network (no accelerated networking).\n",
    );
    for (series, sizes) in blocks {
        let abilities = abilities(sizes[0]);
        let family = sizes[0].quota_family.replace(' ', "%20");
        writeln!(text, "= {series} {family} {abilities}")?;
        // A space at the end of the line helps nobody.
        if abilities.is_empty() {
            text.truncate(text.len() - 2);
            text.push('\n');
        }
        for size in sizes {
            write!(text, "{} {} {}", size.name, size.vcpus, size.memory_gib)?;
            let (temporary, cache, nvme) = local_disks(size);
            for (key, value) in [("temp", temporary), ("cache", cache), ("nvme", nvme), ("gpus", size.gpus)] {
                if value > 0 {
                    write!(text, " {key}={value}")?;
                }
            }
            if let Some(vendor) = &size.supported_gpu {
                write!(text, " {vendor}")?;
            }
            if !accelerated(size) {
                write!(text, " slow-network")?;
            }
            text.push('\n');
        }
    }
    Ok(text)
}

fn regions_text(provider: &Path, blocks: &BTreeMap<String, Vec<&Size>>) -> Result<String, Box<dyn Error>> {
    let locations: Vec<Value> = serde_json::from_str(&read(provider, "pkg/fake/locations.json")?)?;
    let mut prices: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let table = read(provider, "pkg/providers/pricing/zz_generated.pricing.go")?;
    let mut region = String::new();
    for line in table.lines() {
        if let Some(name) = quoted(line, "initialOnDemandPrices[") {
            name.clone_into(&mut region);
        } else if let Some((name, price)) = line.trim().strip_prefix("\"Standard_").and_then(|l| l.split_once("\":")) {
            let price = price.trim().trim_end_matches(',').trim_end_matches('0').trim_end_matches('.');
            prices.entry(region.clone()).or_default().insert(name.to_owned(), price.to_owned());
        }
    }
    let mut text = String::from(
        "# The regions of Azure: where each size is sold, and for how much. Generated: see examples/sizes.rs for the sources.\n\
         #\n\
         # A region: = NAME DISPLAY-NAME ZONES (`-` for a region without zones).\n\
         # A series of sizes.txt: SERIES and US dollars per hour of each of its sizes in their order, `-` where it is not sold; `PRICE/vcpu`\n\
         # where all of them are sold for as much for each processor; `=REGION` where all prices are those of a region before.\n\
         # A series without a line is not sold there.\n",
    );
    let mut before: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    // The regions with the most sizes first: most others have some of their prices.
    let mut order: Vec<&String> = prices.keys().collect();
    order.sort_by_key(|region| (std::cmp::Reverse(prices[*region].len()), (*region).clone()));
    for region in order {
        let known = locations.iter().find(|location| location["name"] == region.as_str());
        let unlisted = UNLISTED.iter().find(|(name, _)| name == region).map(|(_, display)| *display);
        let display = known.and_then(|known| known["displayName"].as_str()).or(unlisted);
        let display = display.ok_or_else(|| format!("{region} has prices, and is not a location"))?.replace(' ', "%20");
        let mappings = known.and_then(|known| known["availabilityZoneMappings"].as_array()).into_iter().flatten();
        let zones: Vec<&str> = mappings.filter_map(|zone| zone["logicalZone"].as_str()).collect();
        let zones = if zones.is_empty() { "-".to_owned() } else { zones.join(",") };
        writeln!(text, "= {region} {display} {zones}")?;
        for (series, sizes) in blocks {
            let Some(line) = price_line(sizes, &prices[region]) else { continue };
            let earlier = before.entry(series.clone()).or_default();
            match earlier.get(&line).filter(|region| region.len() + 1 < line.len()) {
                Some(region) => writeln!(text, "{series} ={region}")?,
                None => writeln!(text, "{series} {line}")?,
            }
            earlier.entry(line).or_insert_with(|| region.clone());
        }
    }
    Ok(text)
}

fn price_line(sizes: &[&Size], prices: &BTreeMap<String, String>) -> Option<String> {
    let of: Vec<Option<&String>> = sizes.iter().map(|size| prices.get(&size.name)).collect();
    if of.iter().all(Option::is_none) {
        return None;
    }
    let micro = |price: &str| (price.parse::<f64>().unwrap_or_default() * 1e6).round() as u64;
    let units: Option<BTreeSet<u64>> = of
        .iter()
        .zip(sizes)
        .map(|(price, size)| {
            let (price, vcpus) = (micro(price.as_ref()?), u64::from(size.vcpus));
            price.is_multiple_of(vcpus).then_some(price / vcpus)
        })
        .collect();
    if let Some(unit) =
        units.filter(|units| units.len() == 1 && sizes.len() > 1).and_then(|units| units.first().copied())
    {
        return Some(format!("{}/vcpu", unit as f64 / 1e6));
    }
    Some(of.iter().map(|price| price.map_or("-", |price| price.as_str())).collect::<Vec<_>>().join(" "))
}
