//! Quota: cores in use against limits, as Azure's compute quota counts them.
//!
//! Regular VMs count against their family and against the region's `cores`; spot VMs only against `lowPriorityCores`
//! (Microsoft: "Spot quota" in the per-VM quota documentation).

use std::collections::BTreeMap;

use harness_simulation::CapacityType;

/// The limits of vCPUs, of the region and of each family.
///
/// The defaults are generous on purpose: a run that asks about quota sets it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QuotaLimits {
    /// `cores`: vCPUs of regular VMs in the region.
    pub(crate) regional_cores: i64,
    /// `lowPriorityCores`: vCPUs of spot VMs in the region.
    pub(crate) low_priority_cores: i64,
    /// vCPUs of a family that is not named in `families`.
    pub(crate) family_default: i64,
    /// vCPUs by quota family (`standardFSv2Family`, any case) or by family letter (`F`: each quota family of that letter).
    pub(crate) families: BTreeMap<String, i64>,
}

impl Default for QuotaLimits {
    fn default() -> Self {
        Self {
            regional_cores: 100_000,
            low_priority_cores: 100_000,
            family_default: 100_000,
            families: BTreeMap::new(),
        }
    }
}

impl QuotaLimits {
    /// The limits of a behaviour: by `regional`, `spot`, family letter or quota family.
    pub(crate) fn new(cores: &BTreeMap<String, u32>) -> Self {
        let mut limits = Self::default();
        for (scope, cores) in cores {
            limits.set(scope, *cores);
        }
        limits
    }

    /// Replaces one limit.
    pub(crate) fn set(&mut self, scope: &str, cores: u32) {
        let cores = i64::from(cores);
        match scope {
            "regional" => self.regional_cores = cores,
            "spot" => self.low_priority_cores = cores,
            family => {
                self.families.retain(|name, _| !name.eq_ignore_ascii_case(family));
                self.families.insert(family.to_owned(), cores);
            }
        }
    }

    /// The limit of a quota family. Its full name beats its letter.
    pub(crate) fn family(&self, quota_family: &str, letter: &str) -> i64 {
        let find = |name: &str| self.families.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| *v);
        find(quota_family).or_else(|| find(letter)).unwrap_or(self.family_default)
    }
}

/// Which quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum QuotaScope {
    /// One quota family, by its name.
    Family(String),
    /// `cores`.
    Regional,
    /// `lowPriorityCores`.
    LowPriority,
}

/// A VM would not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuotaExceeded {
    /// Which quota.
    pub(crate) scope: QuotaScope,
    /// vCPUs allowed.
    pub(crate) limit: i64,
    /// vCPUs in use.
    pub(crate) used: i64,
    /// The requested vCPUs.
    pub(crate) required: i64,
}

/// vCPUs in use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Quota {
    families: BTreeMap<String, i64>,
    /// vCPUs of regular VMs.
    pub(crate) regional: i64,
    /// vCPUs of spot VMs.
    pub(crate) low_priority: i64,
}

impl Quota {
    /// Takes the cores of a VM, or takes nothing and returns the exceeded quota (the family's before the region's).
    ///
    /// # Errors
    /// [`QuotaExceeded`].
    pub(crate) fn reserve(
        &mut self,
        limits: &QuotaLimits,
        quota_family: &str,
        letter: &str,
        capacity_type: CapacityType,
        vcpus: u32,
    ) -> Result<(), QuotaExceeded> {
        let required = i64::from(vcpus);
        let fits = |scope: QuotaScope, used: i64, limit: i64| {
            if used + required > limit { Err(QuotaExceeded { scope, limit, used, required }) } else { Ok(()) }
        };
        match capacity_type {
            CapacityType::Spot => fits(QuotaScope::LowPriority, self.low_priority, limits.low_priority_cores)?,
            CapacityType::OnDemand => {
                fits(
                    QuotaScope::Family(quota_family.to_owned()),
                    self.family(quota_family),
                    limits.family(quota_family, letter),
                )?;
                fits(QuotaScope::Regional, self.regional, limits.regional_cores)?;
            }
        }
        self.take(quota_family, capacity_type, vcpus);
        Ok(())
    }

    /// Counts the cores of a VM, whatever the limits.
    pub(crate) fn take(&mut self, quota_family: &str, capacity_type: CapacityType, vcpus: u32) {
        let taken = i64::from(vcpus);
        match capacity_type {
            CapacityType::Spot => self.low_priority += taken,
            CapacityType::OnDemand => {
                self.regional += taken;
                *self.families.entry(quota_family.to_owned()).or_default() += taken;
            }
        }
    }

    /// Gives the cores of a VM back.
    pub(crate) fn release(&mut self, quota_family: &str, capacity_type: CapacityType, vcpus: u32) {
        let given = i64::from(vcpus);
        match capacity_type {
            CapacityType::Spot => self.low_priority -= given,
            CapacityType::OnDemand => {
                self.regional -= given;
                if let Some(used) = self.families.get_mut(quota_family) {
                    *used -= given;
                    if *used == 0 {
                        self.families.remove(quota_family);
                    }
                }
            }
        }
    }

    /// vCPUs of regular VMs of a quota family in use.
    pub(crate) fn family(&self, quota_family: &str) -> i64 {
        self.families.get(quota_family).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAMILIES: [(&str, &str); 3] =
        [("standardDSv5Family", "D"), ("standardDSv3Family", "D"), ("standardFSv2Family", "F")];

    proptest! {
        /// Against a model that keeps the VMs themselves and counts them anew each time.
        #[test]
        fn usage_is_always_the_sum_of_the_vms(
            steps in prop::collection::vec((0usize..3, any::<bool>(), 1u32..64, any::<bool>()), 1..200),
            regional in 0i64..500,
            low in 0i64..200,
            family_f in 0i64..200,
            family_default in 0i64..300,
        ) {
            let limits = QuotaLimits {
                regional_cores: regional,
                low_priority_cores: low,
                family_default,
                families: [("F".to_owned(), family_f)].into(),
            };
            let mut quota = Quota::default();
            let mut vms: Vec<(usize, CapacityType, u32)> = Vec::new();
            for (family, spot, vcpus, remove) in steps {
                if remove && !vms.is_empty() {
                    let (f, c, v) = vms.swap_remove(vcpus as usize % vms.len());
                    quota.release(FAMILIES[f].0, c, v);
                } else {
                    let capacity = if spot { CapacityType::Spot } else { CapacityType::OnDemand };
                    let sum = |p: &dyn Fn(&(usize, CapacityType, u32)) -> bool| -> i64 {
                        vms.iter().filter(|vm| p(vm)).map(|vm| i64::from(vm.2)).sum()
                    };
                    let required = i64::from(vcpus);
                    let fits = if spot {
                        sum(&|vm| vm.1 == CapacityType::Spot) + required <= low
                    } else {
                        let limit = if family == 2 { family_f } else { family_default };
                        sum(&|vm| vm.1 == CapacityType::OnDemand && vm.0 == family) + required <= limit
                            && sum(&|vm| vm.1 == CapacityType::OnDemand) + required <= regional
                    };
                    let (name, letter) = FAMILIES[family];
                    let before = quota.clone();
                    let got = quota.reserve(&limits, name, letter, capacity, vcpus);
                    prop_assert_eq!(got.is_ok(), fits);
                    if fits { vms.push((family, capacity, vcpus)) } else { prop_assert_eq!(&before, &quota) }
                }
                let of = |c: CapacityType| -> i64 { vms.iter().filter(|v| v.1 == c).map(|v| i64::from(v.2)).sum() };
                prop_assert_eq!(quota.low_priority, of(CapacityType::Spot));
                prop_assert_eq!(quota.regional, of(CapacityType::OnDemand));
                for (i, (name, _)) in FAMILIES.iter().enumerate() {
                    let used: i64 = vms.iter().filter(|v| v.0 == i && v.1 == CapacityType::OnDemand).map(|v| i64::from(v.2)).sum();
                    prop_assert_eq!(quota.family(name), used);
                }
            }
        }
    }

    #[test]
    fn the_family_is_named_before_the_region() {
        let limits = QuotaLimits {
            regional_cores: 4,
            families: [("standardfsv2family".to_owned(), 0)].into(),
            ..QuotaLimits::default()
        };
        let mut quota = Quota::default();
        let refused = quota.reserve(&limits, "standardFSv2Family", "F", CapacityType::OnDemand, 8);
        assert_eq!(refused.unwrap_err().scope, QuotaScope::Family("standardFSv2Family".into()));
        let refused = quota.reserve(&limits, "standardDSv5Family", "D", CapacityType::OnDemand, 8);
        assert_eq!(refused.unwrap_err().scope, QuotaScope::Regional);
        quota.reserve(&limits, "standardFSv2Family", "F", CapacityType::Spot, 8).unwrap();
    }
}
