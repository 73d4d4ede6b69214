//! What an AKS node offers to pods.
//!
//! Formula: AKS's documented reservations as the provider computes them, `pkg/providers/instancetype/instancetype.go`
//! of Azure/karpenter-provider-azure v1.14.0. A node that offered less than the provider promised to the scheduler
//! would leave pods pending, so both must agree.

use crate::catalogue::{GpuVendor, Sku};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The eviction threshold `memory.available` of AKS kubelets, MiB.
const EVICTION_MIB: u64 = 750;

/// The share of a size's memory that the guest never sees; the provider's default `VM_MEMORY_OVERHEAD_PERCENT`.
const VM_OVERHEAD: f64 = 0.075;

/// The size of the root file system on an OS disk of 128 GiB, KiB, as nodes of public AKS clusters show it in `kubectl describe node`. The rest is
/// other partitions and what the file system takes for itself, which grows with the disk.
const ROOT_OF_128_GIB_KIB: u64 = 129_886_128;

/// The share of a root file system that kubelets keep free: `nodefs.available` of `DefaultEvictionHard`
/// (`pkg/kubelet/eviction/defaults_linux.go` of Kubernetes), a percentage in single precision there.
const NODEFS_AVAILABLE: f32 = 0.1;

/// A node's resources, as its status shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeResources {
    /// Processors, millicores.
    pub capacity_cpu_m: u64,
    /// Memory, bytes.
    pub capacity_memory_bytes: u64,
    /// Processors for pods, millicores.
    pub allocatable_cpu_m: u64,
    /// Memory for pods, bytes.
    pub allocatable_memory_bytes: u64,
    /// GPUs that AKS supports, with their maker.
    pub gpus: Option<(GpuVendor, u32)>,
}

/// Brackets of (upper bound, rate); an infinite bound ends them.
const MEMORY_GIB: [(f64, f64); 5] = [(4.0, 0.25), (8.0, 0.20), (16.0, 0.10), (128.0, 0.06), (f64::INFINITY, 0.02)];
const CPU: [(f64, f64); 4] = [(1.0, 0.06), (2.0, 0.04), (4.0, 0.02), (f64::INFINITY, 0.01)];

fn tax(brackets: &[(f64, f64)], amount: f64) -> f64 {
    let mut lower = 0.0;
    let mut sum = 0.0;
    for &(upper, rate) in brackets {
        if lower > amount {
            break;
        }
        sum += (upper.min(amount) - lower) * rate;
        lower = upper;
    }
    sum
}

/// The resources of a node of this size.
pub fn node_resources(sku: &Sku) -> NodeResources {
    // The provider cuts 3.5 GiB to 3 before it takes the overhead off; the reservation is of the whole.
    let whole = sku.memory_gib.trunc() as u64 * GIB;
    let capacity = whole - (whole as f64 * VM_OVERHEAD).ceil() as u64;
    let reserved_mib = (1024.0 * tax(&MEMORY_GIB, sku.memory_gib)) as u64;
    let reserved_cpu_m = (1000.0 * tax(&CPU, f64::from(sku.vcpus))) as u64;
    let capacity_cpu_m = u64::from(sku.vcpus) * 1000;
    NodeResources {
        capacity_cpu_m,
        capacity_memory_bytes: capacity,
        allocatable_cpu_m: capacity_cpu_m - reserved_cpu_m,
        allocatable_memory_bytes: capacity.saturating_sub((reserved_mib + EVICTION_MIB) * MIB),
        gpus: sku.supported_gpu.filter(|_| sku.gpus > 0).map(|vendor| (vendor, sku.gpus)),
    }
}

/// The ephemeral storage in bytes of a node whose OS disk has this many GiB: its capacity, and what is allocatable to pods.
///
/// The provider promises neither: it counts 10⁹ bytes for each GiB of the disk and takes nothing off (`ephemeralStorage` in
/// `pkg/providers/instancetype/instancetype.go`). A pod that requests nearly all of that is given a node on which it does not fit, on AKS too.
pub fn ephemeral_storage(os_disk_gib: u32) -> (u64, u64) {
    let whole = u64::from(os_disk_gib) * ROOT_OF_128_GIB_KIB / 128 * 1024;
    let kept = (whole as f64 * f64::from(NODEFS_AVAILABLE)) as u64;
    (whole, whole - kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::sizes;
    use rstest::rstest;

    /// The table of the reference for Karpenter on AKS; MiB to the nearest.
    #[rstest]
    #[case("Standard_B2s", 1900, 2015)]
    #[case("Standard_DS2_v2", 1900, 4242)]
    #[case("Standard_DS3_v2", 3860, 10054)]
    #[case("Standard_D2s_v3", 1900, 4985)]
    #[case("Standard_D2s_v5", 1900, 4985)]
    #[case("Standard_D4s_v3", 3860, 11743)]
    #[case("Standard_D4s_v5", 3860, 11743)]
    #[case("Standard_D8s_v5", 7820, 25915)]
    #[case("Standard_E2s_v3", 1900, 11743)]
    #[case("Standard_E4s_v3", 3860, 25915)]
    #[case("Standard_E4s_v5", 3860, 25915)]
    #[case("Standard_F2s_v2", 1900, 2015)]
    #[case("Standard_F4s_v2", 3860, 4985)]
    #[case("Standard_F8s_v2", 7820, 11743)]
    #[case("Standard_F16s_v2", 15740, 25915)]
    fn allocatable_is_what_aks_leaves(#[case] name: &str, #[case] cpu_m: u64, #[case] memory_mib: u64) {
        let r = node_resources(sizes().unwrap().get(name).unwrap());
        let mib = (r.allocatable_memory_bytes as f64 / MIB as f64).round() as u64;
        assert_eq!((r.allocatable_cpu_m, mib), (cpu_m, memory_mib));
    }

    #[test]
    fn no_size_offers_more_than_it_has() {
        // The provider uses no smaller size: hasMinimumMemory in `pkg/providers/instancetype/instancetypes.go`.
        for sku in sizes().unwrap().iter().filter(|sku| sku.memory_gib >= 3.5) {
            let r = node_resources(sku);
            assert!(r.allocatable_cpu_m < r.capacity_cpu_m, "{}", sku.name);
            assert!(r.allocatable_memory_bytes < r.capacity_memory_bytes, "{}", sku.name);
        }
    }

    // `kubectl describe node` of three AKS nodes of 2025 and 2026: capacity 129886128Ki, allocatable 119703055367.
    #[test]
    fn pods_get_nine_tenths_of_the_root_file_system() {
        assert_eq!(ephemeral_storage(128), (129_886_128 * 1024, 119_703_055_367));
        let (whole, for_pods) = ephemeral_storage(64);
        assert!(for_pods < whole && whole < 64 << 30);
    }
}
