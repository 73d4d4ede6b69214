//! A size and its series.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use harness_simulation::CapacityType;

/// Processor architecture, as Azure names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Architecture {
    /// `amd64` in Kubernetes.
    #[default]
    #[serde(rename = "x64")]
    X64,
    /// `arm64` in Kubernetes.
    Arm64,
}

impl Architecture {
    /// Azure's name, `CpuArchitectureType`.
    pub const fn azure(self) -> &'static str {
        match self {
            Self::X64 => "x64",
            Self::Arm64 => "Arm64",
        }
    }

    /// The value of `kubernetes.io/arch`.
    pub const fn kubernetes(self) -> &'static str {
        match self {
            Self::X64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// What the sizes of a series have in common.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Series {
    /// Its name, `Dsv5`.
    pub series: String,
    /// The quota that its cores count against, `standardDSv5Family`.
    pub quota_family: String,
    /// Processor architecture.
    #[serde(default)]
    pub architecture: Architecture,
    /// `V1`, `V2` or `V1,V2`.
    #[serde(default = "both_generations")]
    pub hyper_v_generations: String,
    /// Premium storage.
    #[serde(default = "yes")]
    pub premium_io: bool,
    /// Encryption at host.
    #[serde(default = "yes")]
    pub encryption_at_host: bool,
    /// Accelerated networking.
    #[serde(default = "yes")]
    pub accelerated_networking: bool,
    /// Sold as spot.
    #[serde(default = "yes")]
    pub low_priority: bool,
    /// Where an ephemeral OS disk may live (`ResourceDisk`, `CacheDisk`); nowhere when empty.
    #[serde(default)]
    pub ephemeral_os_disk: Vec<String>,
    /// `NVMe` for series without SCSI.
    #[serde(default)]
    pub disk_controller_types: Option<String>,
    /// The price of a spot VM as a part of the regular price.
    #[serde(default = "spot_price_share")]
    pub spot_price_share: f64,
    /// The zones where it is sold.
    #[serde(default = "all_zones")]
    pub zones: Vec<String>,
    /// Its sizes, until each shares the series.
    pub(super) sizes: Vec<Sku>,
}

fn yes() -> bool {
    true
}

fn both_generations() -> String {
    "V1,V2".to_owned()
}

/// An assumption: see `skus.yaml`.
fn spot_price_share() -> f64 {
    0.3
}

fn all_zones() -> Vec<String> {
    ["1", "2", "3"].map(str::to_owned).to_vec()
}

/// One size.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sku {
    /// `Standard_D4s_v5`.
    #[serde(skip)]
    pub name: String,
    /// `D4s_v5`.
    pub size: String,
    /// The family letter, `D`: what Karpenter calls `karpenter.azure.com/sku-family`.
    #[serde(skip)]
    pub family: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory, GiB.
    pub memory_gib: f64,
    /// US dollars per hour, eastus, regular.
    pub price_per_hour: f64,
    /// Size of the storage cache, GiB.
    #[serde(default)]
    pub cache_gib: u64,
    /// Size of the temporary disk, GiB.
    #[serde(default)]
    pub temp_gib: u64,
    /// NVIDIA devices.
    #[serde(default)]
    pub gpus: u32,
    /// Network interfaces at most.
    pub nics: u32,
    /// Data disks at most.
    pub data_disks: u32,
    /// What it shares with its series.
    #[serde(skip)]
    pub series: Arc<Series>,
}

impl Sku {
    /// Millionths of a US dollar per hour, eastus, for a VM of this capacity type.
    pub fn price_micro_usd_per_hour(&self, capacity_type: CapacityType) -> u64 {
        let share = match capacity_type {
            CapacityType::Spot => self.series.spot_price_share,
            CapacityType::OnDemand => 1.0,
        };
        (self.price_per_hour * share * 1e6).round() as u64
    }
}

/// Every size.
#[derive(Debug)]
pub struct Catalogue {
    pub(crate) skus: Vec<Arc<Sku>>,
    pub(crate) by_name: HashMap<String, Arc<Sku>>,
}

impl Catalogue {
    /// A size by its name, in any case.
    pub fn get(&self, name: &str) -> Option<&Arc<Sku>> {
        self.by_name.get(&name.to_ascii_lowercase())
    }

    /// Every size, in the order of the data.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Sku>> {
        self.skus.iter()
    }

    /// The quota families, each once and with its letter, in the order of the data.
    pub fn quota_families(&self) -> Vec<(&str, &str)> {
        let mut families: Vec<(&str, &str)> = Vec::new();
        for sku in &self.skus {
            let quota_family = sku.series.quota_family.as_str();
            if families.iter().all(|(f, _)| *f != quota_family) {
                families.push((quota_family, &sku.family));
            }
        }
        families
    }

    /// Whether this is a family letter or a quota family of any size.
    pub fn knows_family(&self, family: &str) -> bool {
        self.skus
            .iter()
            .any(|s| s.family.eq_ignore_ascii_case(family) || s.series.quota_family.eq_ignore_ascii_case(family))
    }
}
