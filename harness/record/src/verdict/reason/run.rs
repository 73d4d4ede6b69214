//! Causes that lie in the run itself: how it ended, what it killed, what it could not do.

use harness_plan::Component;

use super::cause::{About, Cause, Extent, Kind, Work};
use crate::event::{ActionStamps, EndReason, PhaseOutcome};
use crate::timeline::Timelines;
use crate::verdict::outcome::Evidence;

/// Why the run did not complete.
pub(super) fn ending<'a>(evidence: &Evidence<'a>) -> Option<Cause<'a>> {
    let timelines = evidence.source.timelines;
    let stopped = |outcome| outcome == PhaseOutcome::Cancelled;
    let cancelled = timelines.phases.all.iter().find(|phase| phase.ended.is_none_or(|(_, outcome)| stopped(outcome)));
    let (how, phase, detail) = match &timelines.ended {
        Some((EndReason::Completed, _)) => return None,
        Some((how, detail)) => (Some(*how), cancelled, detail.as_str()),
        None => (None, timelines.phases.current(), ""),
    };
    let at_us = timelines.last_us;
    let phase = phase.map(|phase| phase.name.as_str());
    Some(Cause {
        kind: Kind::Ended { how, phase, detail, at_us },
        extent: Extent { about: About::everything(), from_us: 0, to_us: u64::MAX },
    })
}

/// Killed components and failed actions.
pub(super) fn causes<'a>(evidence: &Evidence<'a>) -> Vec<Cause<'a>> {
    let timelines = evidence.source.timelines;
    let kills = timelines.actions.kills().map(|(component, at_us, again_us)| Cause {
        kind: Kind::Killed { component: *component, at_us, again_us },
        extent: Extent { about: about(*component), from_us: at_us, to_us: again_us.unwrap_or(u64::MAX) },
    });
    kills.chain(failures(timelines.actions.all.iter(), timelines)).collect()
}

/// The actions of the plan that failed. A run without them is not the one that was planned, whatever held in it.
pub(super) fn undone<'a>(evidence: &Evidence<'a>) -> Vec<Cause<'a>> {
    let timelines = evidence.source.timelines;
    failures(timelines.actions.undone(), timelines).collect()
}

/// Those of these actions that failed.
fn failures<'a>(
    actions: impl Iterator<Item = &'a ActionStamps>,
    timelines: &'a Timelines,
) -> impl Iterator<Item = Cause<'a>> {
    actions.filter_map(|action| {
        let error = action.error.as_deref()?;
        let ended = timelines.phases.named(&action.phase).and_then(|phase| phase.ended);
        Some(Cause {
            kind: Kind::ActionFailed { what: timelines.actions.describe(action), phase: &action.phase, error },
            extent: Extent {
                about: About::everything(),
                from_us: action.intended_us,
                to_us: ended.map_or(u64::MAX, |(at_us, _)| at_us.max(action.intended_us)),
            },
        })
    })
}

/// What does not work without a component.
fn about(component: Component) -> About<'static> {
    match component {
        Component::Etcd | Component::KubeApiserver => About::everything(),
        // Flux applies objects without them.
        Component::KubeControllerManager
        | Component::KubeScheduler
        | Component::Kwok
        | Component::KwokLeases
        | Component::Karpenter => About::every_pool(),
        // It also serves what it has fetched.
        Component::SourceController => About::work([Work::Fetch, Work::Apply]),
        Component::KustomizeController => About::work([Work::Apply]),
        // The other controllers of Flux send it their events before they go on: in the recorded run trouble-notification-controller-killed the fetch
        // takes 15 s longer.
        Component::NotificationController => About::work([Work::Fetch, Work::Apply, Work::Notify]),
        Component::ImageReflectorController | Component::ImageAutomationController | Component::ImageRegistry => {
            About::work([Work::UpdateImage])
        }
    }
}
