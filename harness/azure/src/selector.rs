//! Which VMs, and which sizes, a selector means.

use harness_simulation::{CapacityType, VmSelector};

use crate::catalogue::Sku;
use crate::facts::VmRef;

/// Whether a selector means this VM.
pub(crate) fn is_meant(only: &VmSelector, vm: &VmRef) -> bool {
    let names = [&vm.name, &vm.machine, &vm.nodeclaim];
    let is_one = |wanted: &String| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
    let size = Size { name: &vm.sku, family: &vm.family, quota_family: &vm.quota_family };
    only.vm.as_ref().is_none_or(is_one)
        && (only.vms.is_empty() || only.vms.iter().any(is_one))
        && same(&only.nodepool, &[&vm.nodepool])
        && is_size_meant(only, &size, &vm.zone, vm.capacity_type)
}

/// Whether a selector without names of VMs means every VM of this size and capacity type in a zone, such as `eastus-1`; with an empty zone: in
/// whatever zone.
pub(crate) fn is_sku_meant(only: &VmSelector, sku: &Sku, zone: &str, capacity_type: CapacityType) -> bool {
    let size = Size { name: &sku.name, family: &sku.family, quota_family: &sku.series.quota_family };
    is_size_meant(only, &size, zone, capacity_type)
}

/// Whether a VM is in a zone, which is named by its number or as nodes carry it.
pub(crate) fn is_in_zone(zone: &str, vm: &VmRef) -> bool {
    is_zone_meant(&Some(zone.to_owned()), &vm.zone)
}

fn is_zone_meant(wanted: &Option<String>, zone: &str) -> bool {
    same(wanted, &[zone, zone.rsplit('-').next().unwrap_or(zone)])
}

struct Size<'a> {
    name: &'a str,
    family: &'a str,
    quota_family: &'a str,
}

fn is_size_meant(only: &VmSelector, size: &Size<'_>, zone: &str, capacity_type: CapacityType) -> bool {
    same(&only.sku, &[size.name, size.name.trim_start_matches("Standard_")])
        && same(&only.family, &[size.family, size.quota_family])
        && is_zone_meant(&only.zone, zone)
        && only.capacity_type.is_none_or(|wanted| wanted == capacity_type)
}

fn same(wanted: &Option<String>, candidates: &[&str]) -> bool {
    wanted.as_deref().is_none_or(|wanted| candidates.iter().any(|candidate| candidate.eq_ignore_ascii_case(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(r#"{}"#, true)]
    #[case(r#"{"zone":"1"}"#, true)]
    #[case(r#"{"zone":"eastus-1"}"#, true)]
    #[case(r#"{"zone":"2"}"#, false)]
    #[case(r#"{"family":"f"}"#, true)]
    #[case(r#"{"family":"standardFSv2Family"}"#, true)]
    #[case(r#"{"family":"D"}"#, false)]
    #[case(r#"{"sku":"Standard_F4s_v2"}"#, true)]
    #[case(r#"{"sku":"F4s_v2"}"#, true)]
    #[case(r#"{"capacityType":"on-demand"}"#, false)]
    #[case(r#"{"vm":"web-1","nodepool":"web","capacityType":"spot"}"#, true)]
    #[case(r#"{"vms":["web-2","aks-p-web-1-00000001-vm"]}"#, true)]
    #[case(r#"{"vms":["web-2"]}"#, false)]
    #[case(r#"{"vm":"web-1","vms":["web-2"]}"#, false)]
    fn selectors(#[case] selector: &str, #[case] expected: bool) {
        let selector: VmSelector = serde_json::from_str(selector).unwrap();
        assert_eq!(is_meant(&selector, &VmRef::example()), expected);
    }
}
