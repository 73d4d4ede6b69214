//! About how long a phase takes.

use std::time::Duration;

use super::PhaseSchedule;
use harness_plan::Condition;
use harness_simulation::Distribution;

/// The provisioner gathers pods for at most this long before it makes nodes, and then polls the creation every few seconds.
/// Source: BATCH_MAX_DURATION 10s of Karpenter, the machine poll of 3 to 5 s of the Azure provider.
const BATCH_AND_POLL: Duration = Duration::from_secs(15);

/// Where the scenario says nothing of boots.
const BOOT: Duration = Duration::from_secs(15);

/// How long the pools of a scenario's own tree may keep a node that has nothing to do.
pub(crate) const CONSOLIDATE_AFTER: Duration = Duration::from_secs(30);

/// From the last pod's end to the last node's: `consolidateAfter`, 15 s of validation, a loop of 10 s, 5 s of draining, and 15 s for the
/// deletion of the VM with its polls.
const CONSOLIDATION: Duration = CONSOLIDATE_AFTER.saturating_add(Duration::from_secs(45));

const PODS_GONE: Duration = Duration::from_secs(5);

/// A controller that is notified acts within seconds; one that polls takes half of its interval on average.
const OBSERVED: Duration = Duration::from_secs(15);

/// From a push to a revision whose health checks have passed.
const APPLIED: Duration = Duration::from_secs(10);

/// Never more than the phase's own deadline.
pub(crate) fn expected(scheduled: &PhaseSchedule, boot: Option<&Distribution>) -> Duration {
    let arrived = scheduled.scalings.iter().map(|scaling| scaling.end).max().unwrap_or_default();
    let provisioned = || BATCH_AND_POLL + boot.map_or(BOOT, slow);
    let Some(then) = scheduled.until.iter().map(|until| takes(until, &provisioned)).max() else {
        return scheduled.length.as_duration();
    };
    (arrived + then).min(scheduled.length.as_duration())
}

fn takes(until: &Condition, provisioned: &impl Fn() -> Duration) -> Duration {
    match until {
        Condition::AllPodsReady | Condition::ReadyPods(_) | Condition::Happened(_) => provisioned(),
        Condition::NoPods => PODS_GONE,
        Condition::NoNodes | Condition::Nodes(_) => CONSOLIDATION,
        Condition::AllNodesReplaced => CONSOLIDATION + provisioned(),
        Condition::Settled(span) => CONSOLIDATION + span.as_duration(),
        Condition::Field(_) | Condition::Notified(_) => OBSERVED,
        Condition::InForce => APPLIED,
        Condition::Any(alternatives) => {
            alternatives.iter().map(|until| takes(until, provisioned)).min().unwrap_or_default()
        }
    }
}

/// A slow one, since a phase waits for the slowest.
pub(super) fn slow(boot: &Distribution) -> Duration {
    match boot {
        Distribution::Constant(value) => value.as_duration(),
        Distribution::Lognormal { p95, .. } => p95.as_duration(),
        Distribution::Samples(samples) => samples.iter().map(|sample| sample.as_duration()).max().unwrap_or_default(),
    }
}
