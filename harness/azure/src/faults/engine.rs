//! The live faults: which calls and VMs each affects, and when it ends.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::{FaultState, ProvisioningError};
use crate::catalogue::sizes;
use crate::clock::{PRESENT_NS, monotonic_ns};
use crate::draws::happens;
use crate::facts::{FactKind, FactLog, QuotaSet, VmRef};
use crate::quota::QuotaLimits;
use crate::selector::{is_in_zone, is_meant};
use harness_simulation::{ArmFaultMode, BadAnswer, CapacityCode, Fault, FaultKind, FaultTerms, STALE_LISTS, VersionOf};
use harness_units::Span;

/// How many faults may be live at the same time.
const FAULTS_MAX: usize = 256;

/// How often an outage reports the number of refused calls: clients retry without end.
const REFUSALS_EVERY: Duration = Duration::from_secs(1);

/// A VM that a fault may affect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) vm: &'a VmRef,
    pub(crate) ordinal: u64,
    pub(crate) seed: u64,
}

fn known_quota(scope: &str) -> bool {
    ["regional", "spot"].contains(&scope) || sizes().is_ok_and(|all| all.knows_family(scope))
}

#[derive(Debug)]
struct Live {
    fault: Fault,
    /// The cases that it has met: matching VMs or calls that no fault before it has decided.
    met: u64,
    applied: u64,
    since_ns: u64,
    ends: Option<Instant>,
}

/// A quota that a fault set, and that a list that lags may still show.
#[derive(Debug)]
struct PastQuota {
    set: QuotaSet,
    from_ns: u64,
    to_ns: u64,
}

impl Live {
    /// Whether it hits the next case. The draw of a case is its own, so that what `atLeast` or `nth` decide shifts no other.
    fn hits(&mut self, seed: u64, owner: &str, ordinal: u64) -> bool {
        let FaultTerms { id, at_least, nth, .. } = &self.fault.terms;
        self.met += 1;
        if !nth.is_empty() {
            return nth.iter().any(|number| u64::from(*number) == self.met);
        }
        let share = self.fault.kind.share().unwrap_or_default().0;
        self.applied < u64::from(at_least.unwrap_or(0)) || happens(seed, &format!("fault/{id}"), owner, ordinal, share)
    }

    /// Whether it has been applied as often as it is meant to be.
    fn is_over(&self) -> bool {
        let FaultTerms { count, nth, .. } = &self.fault.terms;
        count.is_some_and(|count| self.applied >= u64::from(count))
            || nth.last().is_some_and(|last| self.met >= u64::from(*last))
    }
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

/// The faults in force, in the order in which they were set; the first that applies decides.
#[derive(Debug, Default)]
pub(crate) struct FaultEngine {
    live: Vec<Live>,
    named: u64,
    calls: u64,
    refusals: Refusals,
    /// In the order of their ends; empty while no list lags.
    past_quotas: Vec<PastQuota>,
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
    #[error("fault quota: unknown quota family `{0}`; give regional, spot, a quota family or its letter")]
    UnknownQuota(String),
    #[error("there are {FAULTS_MAX} faults already; remove one first")]
    TooMany,
}

impl FaultEngine {
    /// Sets a fault; one of the same name is replaced. Gives it a name if it has none.
    pub(crate) fn add(&mut self, mut fault: Fault, facts: &FactLog) -> Result<Fault, FaultError> {
        if let Some(problem) = fault.problems().first() {
            let fault = fault.name().unwrap_or_else(|| fault.kind.as_str().to_owned());
            return Err(FaultError::Invalid { fault, problem: problem.to_string() });
        }
        if let FaultKind::Quota { scope, .. } = &fault.kind
            && !known_quota(scope)
        {
            return Err(FaultError::UnknownQuota(scope.to_string()));
        }
        fault.terms.id = fault.name().unwrap_or_else(|| {
            self.named += 1;
            format!("fault-{}", self.named)
        });
        self.remove(&fault.terms.id, facts);
        if self.live.len() >= FAULTS_MAX {
            return Err(FaultError::TooMany);
        }
        let quota = match &fault.kind {
            FaultKind::Quota { scope, cores } => Some(QuotaSet { scope: scope.clone(), cores: *cores }),
            _ => None,
        };
        facts.push(FactKind::FaultStarted { id: fault.terms.id.clone(), fault: fault.kind.as_str().to_owned(), quota });
        self.live.push(Live {
            ends: fault.terms.lasts.map(|l| Instant::now() + l.as_duration()),
            fault: fault.clone(),
            met: 0,
            applied: 0,
            since_ns: monotonic_ns(),
        });
        Ok(fault)
    }

    /// Ends a fault. False when there is none of that name.
    pub(crate) fn remove(&mut self, id: &str, facts: &FactLog) -> bool {
        let Some(at) = self.live.iter().position(|l| l.fault.terms.id == id) else {
            return false;
        };
        self.end(at, facts);
        true
    }

    /// Ends every fault, and starts again: the draws of a fault without a name depend on the number that it gets.
    pub(crate) fn clear(&mut self, facts: &FactLog) {
        while !self.live.is_empty() {
            self.end(0, facts);
        }
        self.calls = 0;
        self.named = 0;
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
        if let Some(l) = self.live.iter_mut().find(|l| l.fault.terms.id == id) {
            l.applied += times;
        }
    }

    /// Whether the fault of this name has not ended.
    pub(crate) fn is_live(&self, id: &str) -> bool {
        self.live.iter().any(|l| l.fault.terms.id == id)
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
        let lags = self.live.iter().any(|l| matches!(l.fault.kind, FaultKind::StaleList { .. }));
        match &over.fault.kind {
            FaultKind::Quota { scope, cores } if lags => self.past_quotas.push(PastQuota {
                set: QuotaSet { scope: scope.clone(), cores: *cores },
                from_ns: over.since_ns,
                to_ns: monotonic_ns(),
            }),
            _ if !lags => self.past_quotas.clear(),
            _ => {}
        }
        facts.push(FactKind::FaultEnded {
            id: over.fault.terms.id,
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
            let Some(found) = wants(&self.live[at].fault.kind) else {
                continue;
            };
            if !self.live[at].hits(seed, owner, ordinal) {
                continue;
            }
            self.live[at].applied += 1;
            let id = self.live[at].fault.terms.id.clone();
            if self.live[at].is_over() {
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

    /// The moment whose state this call answers with.
    pub(crate) fn as_of_ns(&mut self, facts: &FactLog, operation: &str) -> u64 {
        if self.live.is_empty() || !STALE_LISTS.contains(&operation) {
            return PRESENT_NS;
        }
        self.expire(facts);
        let lag = |k: &FaultKind| match k {
            FaultKind::StaleList { by, operation: only } => {
                only.as_deref().is_none_or(|only| only == operation).then_some(*by)
            }
            _ => None,
        };
        let since_ns = self.live.iter().find(|l| lag(&l.fault.kind).is_some()).map(|l| l.since_ns);
        match (since_ns, self.hit(facts, 0, "list", 0, lag)) {
            (Some(since_ns), Some((_, by))) => monotonic_ns().saturating_sub(by.as_micros() * 1_000).max(since_ns),
            _ => PRESENT_NS,
        }
    }

    /// Whether there are lists that still have what is gone.
    pub(crate) fn makes_lists_lag(&mut self, facts: &FactLog) -> bool {
        self.expire(facts);
        self.live.iter().any(|l| matches!(l.fault.kind, FaultKind::StaleList { .. }))
    }

    /// Whether this operation on the managed cluster or an agent pool fails at its end, and with what.
    pub(crate) fn cluster_operation(
        &mut self,
        facts: &FactLog,
        seed: u64,
        owner: &str,
        ordinal: u64,
    ) -> Option<ProvisioningError> {
        let hit = self.hit(facts, seed, owner, ordinal, |k| match k {
            FaultKind::ClusterOperationFail { code, message, .. } => {
                Some(ProvisioningError { code: code.clone(), message: message.clone() })
            }
            _ => None,
        });
        hit.map(|(_, error)| error)
    }

    /// What is wrong with the answer to this call.
    pub(crate) fn bad_answer(&mut self, facts: &FactLog, seed: u64, operation: &str) -> Option<BadAnswer> {
        if self.live.is_empty() {
            return None;
        }
        let hit = self.hit(facts, seed, "answer", self.calls, |k| match k {
            FaultKind::BadAnswer { answer, operation: only, .. } => {
                only.as_deref().is_none_or(|only| only == operation).then_some(*answer)
            }
            _ => None,
        });
        hit.map(|(_, answer)| answer)
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

    /// The limits at a moment, with those of the quota faults of then over them.
    pub(crate) fn limits_at(&mut self, base: &QuotaLimits, at_ns: u64, facts: &FactLog) -> QuotaLimits {
        self.expire(facts);
        let past = self.past_quotas.iter().filter(|past| (past.from_ns..past.to_ns).contains(&at_ns));
        let past = past.map(|past| (past.from_ns, past.set.scope.as_str(), past.set.cores));
        let live = self.live.iter().filter(|l| l.since_ns <= at_ns).filter_map(|l| match &l.fault.kind {
            FaultKind::Quota { scope, cores } => Some((l.since_ns, scope.as_str(), *cores)),
            _ => None,
        });
        let mut set: Vec<_> = past.chain(live).collect();
        // The last one set counts.
        set.sort_by_key(|(from_ns, ..)| *from_ns);
        let mut limits = base.clone();
        for (_, scope, cores) in set {
            limits.set(scope, cores);
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_simulation::VmSelector;
    use harness_units::Share;

    fn subject(vm: &VmRef, ordinal: u64) -> Subject<'_> {
        Subject { vm, ordinal, seed: 7 }
    }

    #[test]
    fn a_count_ends_a_fault_and_says_so() {
        let facts = FactLog::default();
        let mut engine = FaultEngine::default();
        let kind = FaultKind::NeverRegister { only: VmSelector::default(), share: Share::WHOLE };
        engine.add(Fault::new(kind).named("n").times(2), &facts).unwrap();
        let vm = VmRef::example();
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
        while engine.limits_at(&base, PRESENT_NS, &facts).family("standardFSv2Family", "F") != 3 {}
        assert_eq!(engine.states().len(), 1);
        engine.remove("long", &facts);
        assert_eq!(engine.limits_at(&base, PRESENT_NS, &facts), base);
    }

    /// Which of the first boots a fault makes endless, by number.
    fn stuck(fault: Fault, seed: u64, boots: u64) -> Vec<u64> {
        let facts = FactLog::default();
        let mut engine = FaultEngine::default();
        engine.add(fault, &facts).unwrap();
        let vm = VmRef::example();
        let boot = |n: &u64| engine.boot(&facts, Subject { seed, ..subject(&vm, *n) }, Duration::ZERO).0.is_none();
        (0..boots).filter(boot).collect()
    }

    fn by_share(share: f64) -> Fault {
        Fault::new(FaultKind::StuckBoot { only: VmSelector::default(), share: Share(share) }).named("s")
    }

    #[test]
    fn a_share_hits_the_same_vms_each_time() {
        let first = stuck(by_share(0.25), 7, 400);
        assert!((70..130).contains(&first.len()), "{}", first.len());
        assert_eq!(first, stuck(by_share(0.25), 7, 400));
    }

    #[test]
    fn a_share_alone_can_hit_nothing_and_at_least_1_cannot() {
        // Six creations and a quarter of them, as in a small run: none is hit in (3/4)^6 = 18 % of the seeds.
        let none = |fault: &Fault| (0..1000).filter(|seed| stuck(fault.clone(), *seed, 6).is_empty()).count();
        assert!((140..220).contains(&none(&by_share(0.25))), "{}", none(&by_share(0.25)));
        assert_eq!(none(&by_share(0.25).at_least(1)), 0);
    }

    #[test]
    fn the_first_are_hit_and_the_share_decides_over_the_rest_as_it_would_alone() {
        for seed in 0..50 {
            let mut expected = stuck(by_share(0.25), seed, 100);
            expected.retain(|n| *n >= 3);
            expected.splice(0..0, 0..3);
            assert_eq!(stuck(by_share(0.25).at_least(3), seed, 100), expected);
        }
    }

    #[test]
    fn chosen_cases_are_hit_for_every_seed_and_no_other() {
        let facts = FactLog::default();
        for seed in 0..50 {
            assert_eq!(stuck(by_share(1.0).on_the([2, 5]), seed, 100), [1, 4]);
        }
        let mut engine = FaultEngine::default();
        engine.add(by_share(1.0).on_the([2]), &facts).unwrap();
        let vm = VmRef::example();
        assert!(engine.boot(&facts, subject(&vm, 0), Duration::ZERO).1.is_none());
        assert_eq!(engine.states().len(), 1);
        assert!(engine.boot(&facts, subject(&vm, 1), Duration::ZERO).1.is_some());
        assert!(engine.states().is_empty(), "there is nothing left to do");
    }

    #[test]
    fn a_fault_without_a_name_is_the_same_one_after_all_were_cleared() {
        let facts = FactLog::default();
        let mut engine = FaultEngine::default();
        let unnamed = || Fault { terms: FaultTerms::default(), ..by_share(0.5) };
        let mut add = || {
            let id = engine.add(unnamed(), &facts).unwrap().terms.id;
            engine.clear(&facts);
            id
        };
        assert_eq!(add(), add());
    }

    #[test]
    fn impossible_faults_are_refused() {
        for (text, why) in [
            (r#"{"throttle":{"share":0}}"#, "fault throttle: throttle.share: a fault that never happens"),
            (r#"{"quota":{"scope":"Z","cores":1},"id":"z"}"#, "unknown quota family `Z`"),
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
        let vm = VmRef::example();
        engine.add(Fault::new(shortage(r#"{"capacityType":"spot"}"#)).named("n"), &facts).unwrap();
        let why = engine.creation(&facts, subject(&vm, 0)).unwrap().1;
        assert_eq!(why, CreationFailure::NoCapacity(Some(CapacityCode::SkuNotAvailable)));
        engine.add(Fault::new(shortage("{}")).named("n"), &facts).unwrap();
        assert_eq!(engine.creation(&facts, subject(&vm, 1)).unwrap().1, CreationFailure::NoCapacity(None));
    }
}
