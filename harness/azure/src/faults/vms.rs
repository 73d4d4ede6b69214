//! What the live faults do to a VM: to its creation, its boot, its registration and its deletion.

use std::time::Duration;

use super::engine::FaultEngine;
use crate::api::ProvisioningError;
use crate::facts::{FactLog, VmRef};
use crate::selector::{is_in_zone, is_meant};
use harness_simulation::{CapacityCode, FaultKind, VersionOf};

/// A VM that a fault may affect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) vm: &'a VmRef,
    pub(crate) ordinal: u64,
    pub(crate) seed: u64,
}

/// Why the creation of a VM fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CreationFailure {
    /// Azure has no machine for it; holds the code that the fault gives, if it gives one.
    NoCapacity(Option<CapacityCode>),
    /// Its subnet has no address left.
    SubnetFull,
    /// Azure says that it fails, and makes the VM.
    False(FalseFailure),
    /// Another error of Azure.
    Other(ProvisioningError),
}

/// A VM whose creation Azure calls failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FalseFailure {
    pub(crate) error: ProvisioningError,
    /// When Azure says so, from when it begins to make the VM.
    pub(crate) reported_after: Duration,
    /// How long after that it has booted.
    pub(crate) boots_after: Duration,
    /// How long its Node outlives it.
    pub(crate) node_stays: Duration,
}

impl FaultEngine {
    /// The first live fault that `wants` this VM, which its selector means.
    fn hit_vm<T>(
        &mut self,
        facts: &FactLog,
        s: Subject<'_>,
        wants: impl Fn(&FaultKind) -> Option<T>,
    ) -> Option<(String, T)> {
        self.hit(facts, s.seed, &s.vm.nodepool, s.ordinal, |kind| {
            kind.only().filter(|only| is_meant(only, s.vm)).and_then(|_| wants(kind))
        })
    }

    /// Whether the PUT itself is refused because the subscription may not use the size.
    pub(crate) fn size_not_supported(&mut self, facts: &FactLog, s: Subject<'_>) -> bool {
        let refused = Some(CapacityCode::VMSizeNotSupported);
        self.hit_vm(facts, s, |k| matches!(k, FaultKind::NoCapacity { code, .. } if *code == refused).then_some(()))
            .is_some()
    }

    /// Whether the creation of this VM fails, and why.
    pub(crate) fn creation(&mut self, facts: &FactLog, s: Subject<'_>) -> Option<(String, CreationFailure)> {
        let no_capacity = self.hit_vm(facts, s, |k| match k {
            FaultKind::NoCapacity { only, code, .. } if *code != Some(CapacityCode::VMSizeNotSupported) => {
                // The codes of a zone or a region would make the controller exclude the other capacity type as well.
                Some(code.or(only.capacity_type.map(|_| CapacityCode::SkuNotAvailable)))
            }
            _ => None,
        });
        if let Some((id, code)) = no_capacity {
            return Some((id, CreationFailure::NoCapacity(code)));
        }
        let out = self.hit(facts, s.seed, &s.vm.nodepool, s.ordinal, |k| match k {
            FaultKind::ZoneOutage { zone } => is_in_zone(zone, s.vm).then_some(CapacityCode::ZonalAllocationFailed),
            _ => None,
        });
        if let Some((id, code)) = out {
            return Some((id, CreationFailure::NoCapacity(Some(code))));
        }
        let full = self.hit_vm(facts, s, |k| matches!(k, FaultKind::SubnetFull { .. }).then_some(()));
        if let Some((id, ())) = full {
            return Some((id, CreationFailure::SubnetFull));
        }
        let error =
            |code: &String, message: &String| ProvisioningError { code: code.clone(), message: message.clone() };
        self.hit_vm(facts, s, |k| match k {
            FaultKind::OperationFail { code, message, .. } => Some(CreationFailure::Other(error(code, message))),
            FaultKind::FalseFailure { code, message, reported_after, boots_after, node_stays, .. } => {
                Some(CreationFailure::False(FalseFailure {
                    error: error(code, message),
                    reported_after: reported_after.as_duration(),
                    boots_after: boots_after.as_duration(),
                    node_stays: node_stays.as_duration(),
                }))
            }
            _ => None,
        })
    }

    /// Applies the faults to a drawn boot time: `None` never ends. Also returns the name of the fault that applied.
    pub(crate) fn boot(
        &mut self,
        facts: &FactLog,
        s: Subject<'_>,
        drawn: Duration,
    ) -> (Option<Duration>, Option<String>) {
        let stuck = self.hit_vm(facts, s, |k| matches!(k, FaultKind::StuckBoot { .. }).then_some(()));
        if let Some((id, ())) = stuck {
            return (None, Some(id));
        }
        let slow = self.hit_vm(facts, s, |k| match k {
            FaultKind::SlowBoot { factor, extra, .. } => Some((factor.0, extra.as_duration())),
            _ => None,
        });
        match slow {
            Some((id, (factor, extra))) => {
                let longer = Duration::try_from_secs_f64(drawn.as_secs_f64() * factor).unwrap_or(drawn);
                (Some(longer.saturating_add(extra)), Some(id))
            }
            None => (Some(drawn), None),
        }
    }

    /// The fault by which the zone of this VM is down.
    pub(crate) fn zone_outage(&mut self, facts: &FactLog, vm: &VmRef) -> Option<String> {
        self.expire(facts);
        let is_down = |kind: &FaultKind| matches!(kind, FaultKind::ZoneOutage { zone } if is_in_zone(zone, vm));
        self.live.iter().find(|l| is_down(&l.fault.kind)).map(|l| l.fault.terms.id.clone())
    }

    /// How much longer the deletion of this VM takes.
    pub(crate) fn slow_delete(&mut self, facts: &FactLog, s: Subject<'_>) -> Option<(String, Duration)> {
        self.hit_vm(facts, s, |k| match k {
            FaultKind::SlowDelete { extra, .. } => Some(extra.as_duration()),
            _ => None,
        })
    }

    /// The fault by which this VM never shows up as a Node.
    pub(crate) fn never_register(&mut self, facts: &FactLog, s: Subject<'_>) -> Option<String> {
        let hit = self.hit_vm(facts, s, |k| matches!(k, FaultKind::NeverRegister { .. }).then_some(()));
        hit.map(|(id, ())| id)
    }

    /// Of what AKS makes this VM newer than it was asked for.
    pub(crate) fn newer_version(&mut self, facts: &FactLog, s: Subject<'_>) -> Option<(String, VersionOf)> {
        self.hit_vm(facts, s, |k| match k {
            FaultKind::NewerVersion { of, .. } => Some(*of),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_simulation::Fault;
    use harness_units::Share;

    #[test]
    fn a_shortage_of_one_capacity_type_does_not_rule_out_the_other() {
        let mut engine = FaultEngine::default();
        let facts = FactLog::default();
        let only = |text: &str| serde_json::from_str(text).unwrap();
        let shortage = |text| FaultKind::NoCapacity { only: only(text), code: None, share: Share::WHOLE };
        let vm = VmRef::example();
        engine.add(Fault::new(shortage(r#"{"capacityType":"spot"}"#)).named("n"), &facts).unwrap();
        let why = engine.creation(&facts, Subject { vm: &vm, ordinal: 0, seed: 7 }).unwrap().1;
        assert_eq!(why, CreationFailure::NoCapacity(Some(CapacityCode::SkuNotAvailable)));
        engine.add(Fault::new(shortage("{}")).named("n"), &facts).unwrap();
        assert_eq!(
            engine.creation(&facts, Subject { vm: &vm, ordinal: 1, seed: 7 }).unwrap().1,
            CreationFailure::NoCapacity(None)
        );
    }
}
