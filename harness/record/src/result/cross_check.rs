//! What was measured, against the simulated Azure's own record of the same VMs.

use super::audit::{Distribution, distribution_of};
use crate::latency::Source;
use crate::timeline::Stamp;

/// What was measured, against the simulated Azure's own record of the same VMs. Both are on one monotonic clock.
///
/// The measured interval is NodeClaim seen to Node Ready seen. Azure's record of the VM is PUT accepted to Node made Ready; it
/// is completed by NodeClaim seen to PUT accepted, which is the controller's time and not an error, so that both intervals have
/// the same start. That start is ours, and is checked by itself: a NodeClaim exists before its PUT, so one that is seen only after
/// its PUT was seen late, and its interval is too short. Such an interval is compared from the PUT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrossCheck {
    /// |measured - Azure's record completed by NodeClaim seen to PUT accepted|. The VM is found by the NodeClaim that its PUT
    /// names, the Node by the name in the NodeClaim: a Node of another VM, a late stamp and a late start all show.
    pub provisioning: Distribution,
    /// Node made Ready (the API server's answer to Azure's write) to Node Ready seen; 0 where the watch was the faster.
    pub observation: Distribution,
    /// What was measured: NodeClaim seen to Node Ready seen.
    pub measured: Distribution,
    /// Azure's own record: PUT accepted to Node made Ready.
    pub recorded: Distribution,
    /// NodeClaim seen to PUT accepted, of those seen before: what the controller takes.
    pub request: Distribution,
    /// PUT accepted to NodeClaim seen, of those seen only after: by how much such a start is late at least.
    pub late_start: Distribution,
}

/// The four moments of one node, microseconds since the run began.
#[derive(Clone, Copy, Debug)]
struct Moments {
    claim_seen_us: u64,
    ready_seen_us: u64,
    accepted_us: u64,
    made_ready_us: u64,
}

impl Moments {
    fn difference_us(&self) -> u64 {
        let measured_us = self.ready_seen_us.saturating_sub(self.claim_seen_us);
        let request_us = self.accepted_us.saturating_sub(self.claim_seen_us);
        measured_us.abs_diff(request_us + self.recorded_us())
    }

    fn recorded_us(&self) -> u64 {
        self.made_ready_us.saturating_sub(self.accepted_us)
    }
}

/// Of every NodeClaim with both records; `None` where there is none, as on a real cloud.
pub(super) fn cross_check(source: &Source<'_>) -> Option<CrossCheck> {
    let timelines = source.timelines;
    let live = |stamp: Option<Stamp>| stamp.filter(|it| it.is_live()).map(Stamp::at_us);
    let moments = |(index, claim): (usize, &crate::timeline::ClaimTimeline)| {
        let vm = source.join.vm(index)?;
        Some(Moments {
            claim_seen_us: live(claim.created)?,
            ready_seen_us: live(source.join.node(index)?.ready)?,
            accepted_us: vm.accepted_us?,
            made_ready_us: vm.ready_us?,
        })
    };
    let all: Vec<Moments> = timelines.nodes.claims.iter().enumerate().filter_map(moments).collect();
    (!all.is_empty()).then(|| compare(&all))
}

fn compare(all: &[Moments]) -> CrossCheck {
    let of = |us: fn(&Moments) -> u64| distribution_of(all.iter().map(us));
    CrossCheck {
        provisioning: of(Moments::difference_us),
        observation: of(|it| it.ready_seen_us.saturating_sub(it.made_ready_us)),
        measured: of(|it| it.ready_seen_us.saturating_sub(it.claim_seen_us)),
        recorded: of(Moments::recorded_us),
        request: distribution_of(all.iter().filter_map(|it| it.accepted_us.checked_sub(it.claim_seen_us))),
        late_start: distribution_of(
            all.iter().filter(|it| it.claim_seen_us > it.accepted_us).map(|it| it.claim_seen_us - it.accepted_us),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;

    /// Seen at once, asked for after 400 ms, made Ready after 7 s, seen Ready 10 ms later.
    fn right() -> Moments {
        Moments { claim_seen_us: 0, accepted_us: 400 * MS, made_ready_us: 7_400 * MS, ready_seen_us: 7_410 * MS }
    }

    /// Histograms keep three digits.
    fn assert_near(us: u64, expected_ms: u64) {
        assert!(us.abs_diff(expected_ms * MS) <= expected_ms.max(1), "{us} us, expected {expected_ms} ms");
    }

    #[test]
    fn what_the_controller_takes_before_its_put_is_no_difference() {
        let check = compare(&[right()]);
        assert_near(check.provisioning.max_us, 10);
        assert_near(check.observation.max_us, 10);
        assert_near(check.request.max_us, 400);
        assert_near(check.measured.max_us, 7_410);
        assert_near(check.recorded.max_us, 7_000);
        assert_eq!(check.late_start.count, 0);
    }

    #[test]
    fn a_late_stamp_shows() {
        let check = compare(&[right(), Moments { ready_seen_us: 8_900 * MS, ..right() }]);
        assert_near(check.provisioning.max_us, 1_500);
        assert_near(check.observation.max_us, 1_500);
    }

    #[test]
    fn a_node_that_was_ready_before_its_vm_is_the_node_of_another() {
        let check = compare(&[Moments { ready_seen_us: 5_400 * MS, ..right() }]);
        assert_near(check.provisioning.max_us, 2_000);
        assert_eq!(check.observation.max_us, 0);
    }

    #[test]
    fn a_begin_after_the_put_is_late_and_makes_the_interval_too_short() {
        let check = compare(&[Moments { claim_seen_us: 1_000 * MS, ..right() }]);
        assert_near(check.late_start.max_us, 600);
        assert_near(check.provisioning.max_us, 590);
        assert_eq!(check.request.count, 0);
    }
}
