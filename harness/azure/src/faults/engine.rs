//! The live faults: which calls and VMs each affects, and when it ends.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::{FaultState, ProvisioningError};
use crate::catalogue::catalogue;
use crate::draws::happens;
use crate::facts::{FactKind, FactLog, VmRef};
use crate::quota::QuotaLimits;
use harness_simulation::{ArmFaultMode, CapacityCode, Fault, FaultKind, VmSelector};
use harness_units::Span;

/// How many faults may be live at the same time.
const FAULTS_MAX: usize = 256;

/// How often an outage reports the number of refused calls: clients retry without end.
const REFUSALS_EVERY: Duration = Duration::from_secs(1);

/// A VM that a fault may affect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) vm: &'a VmRef,
    pub(crate) quota_family: &'a str,
    pub(crate) ordinal: u64,
    pub(crate) seed: u64,
}

/// Whether a selector means this VM.
pub(crate) fn is_meant(only: &VmSelector, vm: &VmRef, quota_family: &str) -> bool {
    let same = |wanted: &Option<String>, candidates: &[&str]| {
        wanted.as_deref().is_none_or(|w| candidates.iter().any(|c| c.eq_ignore_ascii_case(w)))
    };
    let zone_number = vm.zone.rsplit('-').next().unwrap_or(&vm.zone);
    same(&only.vm, &[&vm.name, &vm.machine, &vm.nodeclaim])
        && same(&only.sku, &[&vm.sku, vm.sku.trim_start_matches("Standard_")])
        && same(&only.family, &[&vm.family, quota_family])
        && same(&only.zone, &[&vm.zone, zone_number])
        && same(&only.nodepool, &[&vm.nodepool])
        && only.capacity_type.is_none_or(|c| c == vm.capacity_type)
}

fn known_quota(scope: &str) -> bool {
    ["regional", "spot"].contains(&scope) || catalogue().is_ok_and(|all| all.knows_family(scope))
}

#[derive(Debug)]
struct Live {
    fault: Fault,
    applied: u64,
    ends: Option<Instant>,
}

/// The faults in force, in the order in which they were set; the first that applies decides.
#[derive(Debug, Default)]
pub(crate) struct FaultEngine {
    live: Vec<Live>,
    named: u64,
    calls: u64,
    refusals: Refusals,
}

/// Calls that outages refused.
#[derive(Debug, Default)]
struct Refusals {
    unreported: u64,
    reported_at: Option<Instant>,
}

impl Refusals {
    fn count(&mut self, facts: &FactLog) {
        self.unreported += 1;
        if self.reported_at.is_none_or(|at| at.elapsed() >= REFUSALS_EVERY) {
            self.reported_at = Some(Instant::now());
            self.report(facts);
        }
    }

    fn report(&mut self, facts: &FactLog) {
        let calls = std::mem::take(&mut self.unreported);
        if calls > 0 {
            facts.push(FactKind::Refused { calls });
        }
    }

    /// Reports the rest; the next outage reports its first call immediately.
    fn end(&mut self, facts: &FactLog) {
        self.report(facts);
        self.reported_at = None;
    }
}

/// A fault that cannot be set.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum FaultError {
    #[error("fault {fault}: {problem}")]
    Invalid { fault: String, problem: String },
    #[error("fault quota: unknown quota family `{0}`; give regional, spot, a quota family or its letters")]
    UnknownQuota(String),
    #[error("there are {FAULTS_MAX} faults already; remove one first")]
    TooMany,
}

impl FaultEngine {
    /// Sets a fault; one of the same name is replaced. Gives it a name if it has none.
    pub(crate) fn add(&mut self, mut fault: Fault, facts: &FactLog) -> Result<Fault, FaultError> {
        if let Some(problem) = fault.problems().first() {
            let fault = if fault.id.is_empty() { fault.kind.as_str().to_owned() } else { fault.id };
            return Err(FaultError::Invalid { fault, problem: problem.to_string() });
        }
        if let FaultKind::Quota { scope, .. } = &fault.kind {
            if !known_quota(scope) {
                return Err(FaultError::UnknownQuota(scope.to_string()));
            }
            // A second limit takes the place of the first.
            if fault.id.is_empty() {
                fault.id = format!("quota-{scope}");
            }
        }
        if fault.id.is_empty() {
            self.named += 1;
            fault.id = format!("fault-{}", self.named);
        }
        self.remove(&fault.id, facts);
        if self.live.len() >= FAULTS_MAX {
            return Err(FaultError::TooMany);
        }
        facts.push(FactKind::FaultStarted { id: fault.id.clone(), fault: fault.kind.as_str().to_owned() });
        self.live.push(Live {
            ends: fault.lasts.map(|l| Instant::now() + l.as_duration()),
            fault: fault.clone(),
            applied: 0,
        });
        Ok(fault)
    }

    /// Ends a fault. False when there is none of that name.
    pub(crate) fn remove(&mut self, id: &str, facts: &FactLog) -> bool {
        let Some(at) = self.live.iter().position(|l| l.fault.id == id) else {
            return false;
        };
        self.end(at, facts);
        true
    }

    /// Ends every fault.
    pub(crate) fn clear(&mut self, facts: &FactLog) {
        while !self.live.is_empty() {
            self.end(0, facts);
        }
        self.calls = 0;
    }

    /// Ends those whose time is over.
    pub(crate) fn expire(&mut self, facts: &FactLog) {
        let now = Instant::now();
        while let Some(at) = self.live.iter().position(|l| l.ends.is_some_and(|e| e <= now)) {
            self.end(at, facts);
        }
    }

    /// Counts an application from outside (instant faults).
    pub(crate) fn applied(&mut self, id: &str, times: u64) {
        if let Some(l) = self.live.iter_mut().find(|l| l.fault.id == id) {
            l.applied += times;
        }
    }

    pub(crate) fn states(&self) -> Vec<FaultState> {
        let now = Instant::now();
        self.live
            .iter()
            .map(|l| FaultState {
                fault: l.fault.clone(),
                applied: l.applied,
                remaining: l.ends.map(|e| Span::from(e.saturating_duration_since(now))),
            })
            .collect()
    }

    fn end(&mut self, at: usize, facts: &FactLog) {
        let over = self.live.remove(at);
        if matches!(over.fault.kind, FaultKind::ArmOutage { .. }) {
            self.refusals.end(facts);
        }
        facts.push(FactKind::FaultEnded {
            id: over.fault.id,
            fault: over.fault.kind.as_str().to_owned(),
            applied: over.applied,
        });
    }

    /// The first live fault that `wants` this and that hits in this case; counts it.
    fn hit<T>(
        &mut self,
        facts: &FactLog,
        seed: u64,
        owner: &str,
        ordinal: u64,
        wants: impl Fn(&FaultKind) -> Option<T>,
    ) -> Option<(String, T)> {
        self.expire(facts);
        for at in 0..self.live.len() {
            let l = &self.live[at];
            let Some(found) = wants(&l.fault.kind) else {
                continue;
            };
            let share = l.fault.kind.share().0;
            let id = l.fault.id.clone();
            if !happens(seed, &format!("fault/{id}"), owner, ordinal, share) {
                continue;
            }
            self.live[at].applied += 1;
            if self.live[at].fault.count.is_some_and(|c| self.live[at].applied >= u64::from(c)) {
                self.end(at, facts);
            }
            return Some((id, found));
        }
        None
    }

    /// The first live fault that `wants` this VM, which its selector means.
    fn hit_vm<T>(
        &mut self,
        facts: &FactLog,
        s: Subject<'_>,
        wants: impl Fn(&FaultKind) -> Option<T>,
    ) -> Option<(String, T)> {
        self.hit(facts, s.seed, &s.vm.nodepool, s.ordinal, |kind| {
            kind.only().filter(|only| is_meant(only, s.vm, s.quota_family)).and_then(|_| wants(kind))
        })
    }

    /// Whether the PUT itself is refused because the subscription may not use the size.
    pub(crate) fn size_not_supported(&mut self, facts: &FactLog, s: Subject<'_>) -> bool {
        let refused = Some(CapacityCode::VMSizeNotSupported);
        self.hit_vm(facts, s, |k| matches!(k, FaultKind::NoCapacity { code, .. } if *code == refused).then_some(()))
            .is_some()
    }

    /// Whether there is no machine for this VM.
    pub(crate) fn no_capacity(&mut self, facts: &FactLog, s: Subject<'_>) -> Option<(String, Option<CapacityCode>)> {
        self.hit_vm(facts, s, |k| match k {
            FaultKind::NoCapacity { only, code, .. } if *code != Some(CapacityCode::VMSizeNotSupported) => {
                // The codes of a zone or a region would make the controller exclude the other capacity type as well.
                Some(code.or(only.capacity_type.map(|_| CapacityCode::SkuNotAvailable)))
            }
            _ => None,
        })
    }

    /// Whether the creation fails with a given code and text.
    pub(crate) fn operation_fail(&mut self, facts: &FactLog, s: Subject<'_>) -> Option<(String, ProvisioningError)> {
        self.hit_vm(facts, s, |k| match k {
            FaultKind::OperationFail { code, message, .. } => {
                Some(ProvisioningError { code: code.clone(), message: message.clone() })
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

    /// Whether this call is throttled: the whole seconds of `Retry-After`.
    pub(crate) fn throttle(&mut self, facts: &FactLog, seed: u64, operation: &str) -> Option<u64> {
        if self.live.is_empty() {
            return None;
        }
        self.calls += 1;
        self.hit(facts, seed, "call", self.calls, |k| match k {
            FaultKind::Throttle { retry_after, operation: only, .. }
                if only.as_deref().is_none_or(|o| o == operation) =>
            {
                Some(retry_after.as_duration().as_secs_f64().ceil() as u64)
            }
            _ => None,
        })
        .map(|(_, secs)| secs)
    }

    /// Whether Azure Resource Manager is down for this call.
    pub(crate) fn outage(&mut self, facts: &FactLog) -> Option<ArmFaultMode> {
        if self.live.is_empty() {
            return None;
        }
        let (_, mode) = self.hit(facts, 0, "call", 0, |k| match k {
            FaultKind::ArmOutage { mode } => Some(*mode),
            _ => None,
        })?;
        self.refusals.count(facts);
        if !self.live.iter().any(|l| matches!(l.fault.kind, FaultKind::ArmOutage { .. })) {
            // This call was the last of a counted outage, whose end came before it was noted.
            self.refusals.end(facts);
        }
        Some(mode)
    }

    /// Whether this connection is refused. It does not count as an application of the fault, which counts calls.
    pub(crate) fn refusing(&mut self, facts: &FactLog) -> bool {
        self.expire(facts);
        let refused =
            self.live.iter().any(|l| matches!(l.fault.kind, FaultKind::ArmOutage { mode: ArmFaultMode::Refused }));
        if refused {
            self.refusals.count(facts);
        }
        refused
    }

    /// The limits with those of live quota faults over them.
    pub(crate) fn limits(&mut self, base: &QuotaLimits, facts: &FactLog) -> QuotaLimits {
        self.expire(facts);
        let mut limits = base.clone();
        for l in &self.live {
            if let FaultKind::Quota { scope, cores } = &l.fault.kind {
                limits.set(scope, *cores);
            }
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_simulation::CapacityType;
    use harness_units::Share;
    use rstest::rstest;

    fn vm() -> VmRef {
        VmRef {
            name: "aks-p-web-1-00000001-vm".into(),
            machine: "web-1".into(),
            nodeclaim: "web-1".into(),
            nodepool: "web".into(),
            sku: "Standard_F4s_v2".into(),
            family: "F".into(),
            zone: "eastus-1".into(),
            capacity_type: CapacityType::Spot,
            vcpus: 4,
            price_micro_usd_per_hour: 169_000,
            on_demand_micro_usd_per_hour: 169_000,
        }
    }

    fn subject(vm: &VmRef, ordinal: u64) -> Subject<'_> {
        Subject { vm, quota_family: "standardFSv2Family", ordinal, seed: 7 }
    }

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
    fn selectors(#[case] selector: &str, #[case] expected: bool) {
        let selector: VmSelector = serde_json::from_str(selector).unwrap();
        assert_eq!(is_meant(&selector, &vm(), "standardFSv2Family"), expected);
    }

    #[test]
    fn a_count_ends_a_fault_and_says_so() {
        let facts = FactLog::default();
        let mut engine = FaultEngine::default();
        let kind = FaultKind::NeverRegister { only: VmSelector::default(), share: Share::WHOLE };
        engine.add(Fault::new(kind).named("n").times(2), &facts).unwrap();
        let vm = vm();
        let hits = (0..5).filter(|n| engine.never_register(&facts, subject(&vm, *n)).is_some()).count();
        assert_eq!(hits, 2);
        let last = facts.after(0).facts.pop().unwrap().kind;
        assert_eq!(last, FactKind::FaultEnded { id: "n".into(), fault: "neverRegister".into(), applied: 2 });
    }

    #[test]
    fn a_fault_with_a_time_is_over_after_it() {
        let facts = FactLog::default();
        let base = QuotaLimits::default();
        let limit = |cores| Fault::new(FaultKind::Quota { scope: "F".into(), cores });
        let mut engine = FaultEngine::default();
        engine.add(limit(3).named("long").lasting(Span::from_secs(3600)), &facts).unwrap();
        engine.add(limit(2).named("over").lasting(Span::from_micros(1)), &facts).unwrap();
        // A microsecond can be longer than it takes to ask.
        while engine.limits(&base, &facts).family("standardFSv2Family", "F") != 3 {}
        assert_eq!(engine.states().len(), 1);
        engine.remove("long", &facts);
        assert_eq!(engine.limits(&base, &facts), base);
    }

    #[test]
    fn a_share_hits_the_same_vms_each_time() {
        let run = || -> Vec<u64> {
            let facts = FactLog::default();
            let mut engine = FaultEngine::default();
            let kind = FaultKind::StuckBoot { only: VmSelector::default(), share: Share(0.25) };
            engine.add(Fault::new(kind).named("s"), &facts).unwrap();
            let vm = vm();
            (0..400).filter(|n| engine.boot(&facts, subject(&vm, *n), Duration::ZERO).0.is_none()).collect()
        };
        let first = run();
        assert!((70..130).contains(&first.len()), "{}", first.len());
        assert_eq!(first, run());
    }

    #[test]
    fn impossible_faults_are_refused() {
        for (text, why) in [
            (r#"{"throttle":{"share":0}}"#, "fault throttle: throttle.share: a fault that never happens"),
            (r#"{"quota":{"scope":"ZZ","cores":1},"id":"z"}"#, "unknown quota family `ZZ`"),
            (r#"{"armOutage":{},"count":0}"#, "count: a fault that never applies"),
        ] {
            let fault: Fault = serde_json::from_str(text).unwrap();
            let refused = FaultEngine::default().add(fault, &FactLog::default()).unwrap_err();
            assert!(refused.to_string().contains(why), "{refused}");
        }
    }

    #[test]
    fn a_shortage_of_one_capacity_type_does_not_rule_out_the_other() {
        let mut engine = FaultEngine::default();
        let facts = FactLog::default();
        let only = |text: &str| serde_json::from_str(text).unwrap();
        let shortage = |text| FaultKind::NoCapacity { only: only(text), code: None, share: Share::WHOLE };
        let vm = vm();
        engine.add(Fault::new(shortage(r#"{"capacityType":"spot"}"#)).named("n"), &facts).unwrap();
        let code = engine.no_capacity(&facts, subject(&vm, 0)).unwrap().1;
        assert_eq!(code, Some(CapacityCode::SkuNotAvailable));
        engine.add(Fault::new(shortage("{}")).named("n"), &facts).unwrap();
        assert_eq!(engine.no_capacity(&facts, subject(&vm, 1)).unwrap().1, None);
    }
}
