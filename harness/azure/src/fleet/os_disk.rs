//! The OS disk of a machine: on the host, or a managed disk.
//!
//! Sizes and the choice that AKS makes where the body leaves it open: "Storage options for applications in AKS", sections "Default OS disk
//! sizing" and "Ephemeral OS disk" (Microsoft).

use serde::Serialize;

use crate::catalogue::Sku;

const BYTES_PER_GIB: u64 = 1 << 30;

/// Why a machine cannot have the OS disk that it asks for.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub(crate) enum DiskError {
    #[error("The Virtual Machine size {0} does not support Ephemeral OS disk.")]
    NeverEphemeral(String),
    #[error(
        "The virtual machine size {size} has a cache size of {place_bytes} bytes, but the OS disk requires {disk_bytes} bytes. Use a VM size with \
         larger cache or disable ephemeral OS."
    )]
    TooLarge { size: String, place_bytes: u64, disk_bytes: u64 },
}

/// Where on its host an ephemeral OS disk is, as `diffDiskSettings.placement` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Placement {
    #[serde(rename = "NvmeDisk")]
    Nvme,
    #[serde(rename = "CacheDisk")]
    Cache,
    /// The temporary disk.
    #[serde(rename = "ResourceDisk")]
    Resource,
}

/// What kind of OS disk a machine has, as `osDiskType` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OsDisk {
    Managed,
    Ephemeral(Placement),
}

impl OsDisk {
    /// Returns the disk of a machine whose body asks for `kind` of this size. NAP always says which one
    /// (`configureOSDiskType` in `pkg/providers/instance/aksmachineinstancehelpers.go` of Azure/karpenter-provider-azure
    /// v1.14.0); AKS takes an ephemeral one where nobody does and the size allows it.
    pub(super) fn decide(sku: &Sku, kind: Option<&str>, size_gib: u32) -> Result<Self, DiskError> {
        match kind {
            Some(kind) if kind.eq_ignore_ascii_case("ephemeral") => match find_placement(sku, size_gib) {
                Some(placement) => Ok(Self::Ephemeral(placement)),
                None => Err(refusal(sku, size_gib)),
            },
            Some(_) => Ok(Self::Managed),
            None => Ok(find_placement(sku, size_gib).map_or(Self::Managed, Self::Ephemeral)),
        }
    }

    /// The value of `osDiskType`.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Managed => "Managed",
            Self::Ephemeral(_) => "Ephemeral",
        }
    }
}

/// An OS disk's size in GiB where the body gives none.
pub(super) const fn default_size_gib(sku: &Sku) -> u32 {
    match sku.vcpus {
        0..=7 => 128,
        8..=15 => 256,
        16..=63 => 512,
        _ => 1024,
    }
}

/// The type of the managed disks of a size: the fastest that it takes.
pub(crate) fn storage_tier(sku: &Sku) -> &'static str {
    if sku.series.premium_io { "Premium_LRS" } else { "Standard_LRS" }
}

/// The first place on the host that takes a disk of this size. The order of AKS, which spares the temporary disk for workloads
/// (Azure/AKS issue 2672), and of the provider (`FindMaxEphemeralSizeGBAndPlacement` in
/// `pkg/providers/instancetype/instancetypes.go`).
fn find_placement(sku: &Sku, size_gib: u32) -> Option<Placement> {
    sku.ephemeral_os_disk()?;
    let places =
        [(sku.nvme_gib, Placement::Nvme), (sku.cache_gib, Placement::Cache), (sku.temp_gib, Placement::Resource)];
    places.into_iter().find(|(gib, _)| *gib >= u64::from(size_gib)).map(|(_, placement)| placement)
}

/// The refusal of an ephemeral OS disk that the size has no place for; texts of rancher/rancher issue 33679 and Azure/AKS issue 1988.
fn refusal(sku: &Sku, size_gib: u32) -> DiskError {
    let size = sku.name.clone();
    if sku.ephemeral_os_disk().is_none() {
        return DiskError::NeverEphemeral(size);
    }
    let largest_gib = sku.nvme_gib.max(sku.cache_gib).max(sku.temp_gib);
    DiskError::TooLarge {
        size,
        place_bytes: largest_gib * BYTES_PER_GIB,
        disk_bytes: u64::from(size_gib) * BYTES_PER_GIB,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::sizes;
    use rstest::rstest;

    // Sizes of the document above, and of each place.
    #[rstest]
    #[case("Standard_DS2_v2", 100, OsDisk::Managed)]
    #[case("Standard_DS2_v2", 60, OsDisk::Ephemeral(Placement::Cache))]
    #[case("Standard_D8s_v3", 100, OsDisk::Ephemeral(Placement::Cache))]
    #[case("Standard_D4ds_v5", 128, OsDisk::Ephemeral(Placement::Resource))]
    #[case("Standard_D4ds_v6", 128, OsDisk::Ephemeral(Placement::Nvme))]
    #[case("Standard_D4s_v5", 30, OsDisk::Managed)]
    fn a_disk_is_on_the_host_where_it_fits(#[case] size: &str, #[case] size_gib: u32, #[case] expected: OsDisk) {
        let sku = sizes().unwrap().get(size).unwrap();
        assert_eq!(OsDisk::decide(sku, None, size_gib).unwrap(), expected);
        assert_eq!(OsDisk::decide(sku, Some("Managed"), size_gib).unwrap(), OsDisk::Managed);
        assert_eq!(OsDisk::decide(sku, Some("Ephemeral"), size_gib).is_ok(), expected != OsDisk::Managed);
    }
}
