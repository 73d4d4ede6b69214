//! The sizes of VMs and pods. The caller provides the VM sizes: this crate has no catalogue of its own.

use serde::{Deserialize, Serialize};

use harness_units::{Bytes, Millicores};

/// One VM size as the node auto-provisioner sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkuFact {
    /// `Standard_D4s_v5`: `node.kubernetes.io/instance-type` and `karpenter.azure.com/sku-name`.
    pub name: String,
    /// `D`: `karpenter.azure.com/sku-family`.
    pub family: String,
    /// The family by whose quota its cores count, such as `standardDSv5Family`.
    pub quota_family: String,
    /// `Ds_v5`: `karpenter.azure.com/sku-series`.
    pub series: String,
    /// `5`: `karpenter.azure.com/sku-version`.
    pub version: String,
    /// `amd64` or `arm64`: `kubernetes.io/arch`.
    pub architecture: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB: `karpenter.azure.com/sku-memory`.
    pub memory_mib: u64,
    /// The zones as nodes are labelled, such as `eastus-1`.
    pub zones: Vec<String>,
    /// Number of GPUs; 0 for none.
    pub gpus: u32,
    /// `karpenter.azure.com/sku-gpu-name`, where it has GPUs; `None` with GPUs means not known, and any name is taken to fit.
    pub gpu_name: Option<String>,
    /// Whether it is sold as spot.
    pub spot_capable: bool,
    /// Whether it takes premium disks.
    pub premium_storage: bool,
    /// Whether it has accelerated networking.
    pub accelerated_networking: bool,
    /// The on-demand price in millionths of a US dollar per hour.
    pub price_on_demand_micro_usd_per_hour: u64,
    /// CPU that pods can request on a node of this size.
    pub allocatable_cpu: Millicores,
    /// Memory that pods can request on a node of this size.
    pub allocatable_memory: Bytes,
}

/// The requests of one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodSize {
    /// CPU request.
    pub cpu: Millicores,
    /// Memory request.
    pub memory: Bytes,
}
