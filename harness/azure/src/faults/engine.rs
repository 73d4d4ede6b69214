//! The live faults: how each is set, which cases it hits, and when it ends.

use tokio::time::Instant;

use super::refusals::Refusals;
use crate::api::FaultState;
use crate::catalogue::sizes;
use crate::clock::monotonic_ns;
use crate::draws::happens;
use crate::facts::{FactKind, FactLog, QuotaSet};
use harness_simulation::{Fault, FaultKind, FaultTerms};
use harness_units::Span;

/// How many faults may be live at the same time.
const FAULTS_MAX: usize = 256;

fn known_quota(scope: &str) -> bool {
    ["regional", "spot"].contains(&scope) || sizes().is_ok_and(|all| all.knows_family(scope))
}

/// A fault in force.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) fault: Fault,
    /// The cases that it has met: matching VMs or calls that no fault before it has decided.
    met: u64,
    applied: u64,
    pub(super) since_ns: u64,
    ends: Option<Instant>,
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

/// A quota that a fault set, and that a list that lags may still show.
#[derive(Debug)]
pub(super) struct PastQuota {
    pub(super) set: QuotaSet,
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
}

/// The faults in force, in the order in which they were set; the first that applies decides.
#[derive(Debug, Default)]
pub(crate) struct FaultEngine {
    pub(super) live: Vec<Live>,
    named: u64,
    /// The calls so far, each a case of the faults of calls.
    pub(super) calls: u64,
    pub(super) refusals: Refusals,
    /// In the order of their ends; empty while no list lags.
    pub(super) past_quotas: Vec<PastQuota>,
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

    /// Counts applications to VMs that run already (instant faults and zone outages).
    pub(crate) fn applied(&mut self, id: &str, times: u64) {
        if let Some(l) = self.live.iter_mut().find(|l| l.fault.terms.id == id) {
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
    pub(super) fn hit<T>(
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
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::PRESENT_NS;
    use crate::facts::VmRef;
    use crate::faults::Subject;
    use crate::quota::QuotaLimits;
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
}
