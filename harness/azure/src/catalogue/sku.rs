//! A size and its series, and the sizes of a region.

use std::collections::HashMap;
use std::sync::Arc;

use harness_units::Percent;

use super::region::Region;

/// Processor architecture, as Azure names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Architecture {
    /// `amd64` in Kubernetes.
    #[default]
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

/// Who makes a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpuVendor {
    /// NVIDIA.
    Nvidia,
    /// AMD.
    Amd,
}

impl GpuVendor {
    /// The value of `karpenter.azure.com/sku-gpu-manufacturer`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nvidia => "nvidia",
            Self::Amd => "amd",
        }
    }

    /// The resource that its devices are on a node.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Nvidia => "nvidia.com/gpu",
            Self::Amd => "amd.com/gpu",
        }
    }
}

/// What the sizes of a series have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Its name in the data, such as `Ds_v5`.
    pub name: String,
    /// The quota that its cores count against, `standardDSv5Family`.
    pub quota_family: String,
    /// Processor architecture.
    pub architecture: Architecture,
    /// `V1`, `V2` or `V1,V2`.
    pub hyper_v_generations: &'static str,
    /// Premium storage.
    pub premium_io: bool,
    /// Encryption at host.
    pub encryption_at_host: bool,
    /// Sold as spot.
    pub low_priority: bool,
    /// `NVMe` for series without SCSI.
    pub disk_controller_types: Option<&'static str>,
}

/// One size, as one region sells it.
#[derive(Debug, Clone)]
pub struct Sku {
    /// `Standard_D4s_v5`.
    pub name: String,
    /// The family letter, `D`: what Karpenter calls `karpenter.azure.com/sku-family`.
    pub family: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory, GiB.
    pub memory_gib: f64,
    /// Size of the storage cache, GiB; 0 for none, or where it is not known.
    pub cache_gib: u64,
    /// Size of the temporary disk, GiB; 0 for none, or where it is not known.
    pub temp_gib: u64,
    /// Size of the local NVMe disks that an OS disk can be on, GiB; 0 for none, or where it is not known.
    pub nvme_gib: u64,
    /// GPUs.
    pub gpus: u32,
    /// Who makes its GPUs, where AKS supports them.
    pub supported_gpu: Option<GpuVendor>,
    /// Accelerated networking.
    pub accelerated_networking: bool,
    /// The list price of an on-demand VM in the region, US dollars per hour. 0 in [`sizes`](super::sizes), which has no region.
    pub price_per_hour: f64,
    /// What it shares with its series.
    pub series: Arc<Series>,
}

impl Sku {
    /// `D4s_v5`.
    pub fn size(&self) -> &str {
        self.name.strip_prefix("Standard_").unwrap_or(&self.name)
    }

    /// A part of the list price, in millionths of a US dollar per hour.
    pub fn micro_usd_per_hour(&self, of_list_price: Percent) -> u64 {
        (self.price_per_hour * f64::from(of_list_price.0) * 1e4).round() as u64
    }

    /// Where an ephemeral OS disk may live, as `SupportedEphemeralOSDiskPlacements` names it; nowhere when `None`.
    ///
    /// Rule: Microsoft's "Ephemeral OS disks for Azure VMs", as the recorded lists in `pkg/fake` of the provider have it. An NVMe disk takes
    /// one in a series without SCSI; a temporary disk or a cache does where the series has premium storage, or is of version 4 or later.
    pub fn ephemeral_os_disk(&self) -> Option<&'static str> {
        if self.nvme_gib > 0 {
            return Some("NvmeDisk");
        }
        let somewhere = self.temp_gib > 0 || self.cache_gib > 0;
        (somewhere && (self.series.premium_io || self.series.encryption_at_host)).then_some("ResourceDisk,CacheDisk")
    }

    /// Whether it takes ultra disks.
    ///
    /// Rule: as the recorded lists in `pkg/fake` of the provider have it, each size with encryption at host but the DS series, which are older. Not
    /// every region and zone has ultra disks; no list of that comes with the provider.
    pub fn takes_ultra_disks(&self) -> bool {
        self.series.encryption_at_host && !self.series.name.starts_with("DS")
    }

    /// How many network interfaces it takes. The documented steps of the general-purpose series; nothing here depends on it.
    pub const fn nics(&self) -> u32 {
        match self.vcpus {
            0..=4 => 2,
            5..=8 => 4,
            _ => 8,
        }
    }

    /// How many data disks it takes. The documented steps of the general-purpose series; nothing here depends on it.
    pub const fn data_disks(&self) -> u32 {
        match self.vcpus {
            0..=2 => 4,
            3..=4 => 8,
            5..=8 => 16,
            _ => 32,
        }
    }
}

/// The sizes of one region, or of all of them.
#[derive(Debug)]
pub struct Catalogue {
    pub(super) skus: Vec<Arc<Sku>>,
    pub(super) by_name: HashMap<String, usize>,
    pub(super) region: Option<&'static Region>,
}

impl Catalogue {
    /// A size by its name, in any case.
    pub fn get(&self, name: &str) -> Option<&Arc<Sku>> {
        self.by_name.get(&name.to_ascii_lowercase()).and_then(|index| self.skus.get(*index))
    }

    /// Every size, in the order of the data.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Sku>> {
        self.skus.iter()
    }

    /// The zones of the region, `1`, `2` and `3`; none where the region has none. Azure sells some sizes in fewer zones of a region than
    /// it has; no list of that comes with the provider.
    pub fn zones(&self) -> &[&'static str] {
        self.region.map_or(&[], |region| &region.zones)
    }

    /// The region's name for people, such as `West Europe`; empty for the sizes of all regions.
    pub fn display_name(&self) -> &str {
        self.region.map_or("", |region| &region.display_name)
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
