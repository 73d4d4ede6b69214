//! What the live faults do to the calls of Azure Resource Manager: refusals, throttling, wrong answers and answers that are out of date.

use super::engine::FaultEngine;
use crate::api::ProvisioningError;
use crate::clock::{PRESENT_NS, monotonic_ns};
use crate::facts::FactLog;
use crate::quota::QuotaLimits;
use harness_simulation::{ArmFaultMode, BadAnswer, FaultKind, STALE_LISTS};
use harness_units::Span;

/// The moment so far behind, but not before the fault was set.
fn behind(by: Span, since_ns: u64) -> u64 {
    monotonic_ns().saturating_sub(by.as_micros() * 1_000).max(since_ns)
}

impl FaultEngine {
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
            (Some(since_ns), Some((_, by))) => behind(by, since_ns),
            _ => PRESENT_NS,
        }
    }

    /// The oldest moment whose state a list may answer with.
    pub(crate) fn oldest_list_ns(&mut self, facts: &FactLog) -> u64 {
        self.expire(facts);
        let lags = self.live.iter().filter_map(|l| match l.fault.kind {
            FaultKind::StaleList { by, .. } => Some(behind(by, l.since_ns)),
            _ => None,
        });
        lags.min().unwrap_or(PRESENT_NS)
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
