//! VM sizes for tests: a part of what AKS offers, with allocatable resources by AKS's formula (computed from the formulas of
//! karpenter-provider-azure v1.14.0).

use harness_tree::{Finding, NodeConfigTree, SkuFact, SourceFile, builtin_node_config, read_tree};
use harness_units::{Bytes, Millicores};

/// name, vCPU, GiB, allocatable millicores, allocatable MiB, micro-dollars an hour.
const SIZES: [(&str, u32, u64, u64, u64, u64); 19] = [
    ("Standard_B2s", 2, 4, 1900, 2015, 41_600),
    ("Standard_DS2_v2", 2, 7, 1900, 4242, 146_000),
    ("Standard_DS3_v2", 4, 14, 3860, 10_054, 293_000),
    ("Standard_D2s_v3", 2, 8, 1900, 4985, 96_000),
    ("Standard_D4s_v3", 4, 16, 3860, 11_743, 192_000),
    ("Standard_D8s_v3", 8, 32, 7820, 25_915, 384_000),
    ("Standard_D2s_v5", 2, 8, 1900, 4985, 96_000),
    ("Standard_D4s_v5", 4, 16, 3860, 11_743, 192_000),
    ("Standard_D8s_v5", 8, 32, 7820, 25_915, 384_000),
    ("Standard_D2ps_v5", 2, 8, 1900, 4985, 77_000),
    ("Standard_D4ps_v5", 4, 16, 3860, 11_743, 154_000),
    ("Standard_E2s_v3", 2, 16, 1900, 11_743, 126_000),
    ("Standard_E4s_v3", 4, 32, 3860, 25_915, 252_000),
    ("Standard_E4s_v5", 4, 32, 3860, 25_915, 252_000),
    ("Standard_F2s_v2", 2, 4, 1900, 2015, 84_600),
    ("Standard_F4s_v2", 4, 8, 3860, 4985, 169_000),
    ("Standard_F8s_v2", 8, 16, 7820, 11_743, 338_000),
    ("Standard_F16s_v2", 16, 32, 15_740, 25_915, 677_000),
    ("Standard_NC4as_T4_v3", 4, 28, 3860, 22_373, 526_000),
];

/// The sizes that the tests' target offers.
pub(crate) fn skus() -> Vec<SkuFact> {
    SIZES.iter().map(sku).collect()
}

fn sku(&(name, vcpus, gib, cpu, mib, price): &(&str, u32, u64, u64, u64, u64)) -> SkuFact {
    let size = name.trim_start_matches("Standard_");
    let gpu = size.starts_with("NC");
    let arm = size.contains("ps_");
    let family = if gpu { "N" } else { &size[..1] };
    SkuFact {
        name: name.to_owned(),
        family: family.to_owned(),
        quota_family: format!("standard{family}Family"),
        series: size.replace(|c: char| c.is_ascii_digit(), ""),
        version: size.rsplit_once("_v").map_or("1", |(_, version)| version).to_owned(),
        architecture: if arm { "arm64" } else { "amd64" }.to_owned(),
        vcpus,
        memory_mib: gib * 1024,
        zones: ["eastus-1", "eastus-2", "eastus-3"].map(str::to_owned).to_vec(),
        gpus: u32::from(gpu),
        gpu_name: gpu.then(|| "T4".to_owned()),
        spot_capable: true,
        premium_storage: true,
        accelerated_networking: true,
        price_on_demand_micro_usd_per_hour: price,
        allocatable_cpu: Millicores(cpu),
        allocatable_memory: Bytes(mib << 20),
        ..SkuFact::default()
    }
}

/// The built-in node configuration.
pub(crate) fn builtin_tree() -> NodeConfigTree {
    read_tree("node-config", &builtin_node_config()).unwrap_or_else(|findings| panic!("{}", lines(&findings)))
}

/// A tree of files without a kustomization.
pub(crate) fn tree(files: &[(&str, &str)]) -> Result<NodeConfigTree, Vec<Finding>> {
    let files: Vec<SourceFile> = files.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect();
    read_tree("other", &files)
}

/// The findings, one line each.
pub(crate) fn lines<T: std::fmt::Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
