//! The sizes of VMs and pods. The caller provides the VM sizes: this crate has no catalogue of its own.

use std::fmt::Debug;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::pool::NodePool;
use harness_units::{Bytes, Millicores};

/// One VM size as the node auto-provisioner sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkuFact {
    /// `Standard_D4s_v5`: `node.kubernetes.io/instance-type` and `karpenter.azure.com/sku-name`.
    pub name: String,
    /// The region that these facts are of, such as `westeurope`; empty where the caller has none.
    pub region: String,
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
    /// The availability zones as nodes are labelled, such as `eastus-1`; none in a region without.
    pub zones: Vec<String>,
    /// Number of GPUs that AKS supports; 0 for none.
    pub gpus: u32,
    /// `nvidia` or `amd`: `karpenter.azure.com/sku-gpu-manufacturer`, where it has GPUs; `None` with GPUs means `nvidia`.
    pub gpu_manufacturer: Option<String>,
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
    /// Why the node auto-provisioner never uses it in this region; `None` for a size that it uses.
    pub unusable: Option<Unusable>,
}

/// Why the node auto-provisioner never uses a size that exists. As text: what follows "it is a size that".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "camelCase")]
pub enum Unusable {
    /// The region does not sell it.
    #[strum(to_string = "is not sold there")]
    NotSold,
    /// A confidential size (DC and EC).
    #[strum(to_string = "is for confidential computing")]
    Confidential,
    /// A size of which only a part of the processors can be used, such as `E8-4s_v5`.
    #[strum(to_string = "has constrained CPUs")]
    ConstrainedCpus,
    /// A GPU that AKS does not support.
    #[strum(to_string = "has a GPU that AKS does not support")]
    UnsupportedGpu,
    /// A size that AKS does not allow in node pools, or that is on the provisioner's own list.
    #[strum(to_string = "AKS or the provisioner excludes by name")]
    Restricted,
    /// A size whose name the provisioner cannot read.
    #[strum(to_string = "has a name that the provisioner cannot read")]
    UnreadableName,
}

/// Whoever knows the VM sizes of a region.
pub trait SkuSource: Debug + Sync {
    /// The sizes of the region that these pools are for.
    fn skus_for(&self, pools: &[NodePool]) -> Arc<[SkuFact]>;
}

/// The sizes of one region, whatever the pools are for.
impl SkuSource for Vec<SkuFact> {
    fn skus_for(&self, _pools: &[NodePool]) -> Arc<[SkuFact]> {
        self.as_slice().into()
    }
}

/// What DaemonSets take of each node before the first pod of a workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeOverhead {
    /// Their requests together.
    pub requests: PodSize,
    /// Their pods, which count against the node's `maxPods`.
    pub pods: u64,
}

/// The requests of one pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodSize {
    /// CPU request.
    pub cpu: Millicores,
    /// Memory request.
    pub memory: Bytes,
}
