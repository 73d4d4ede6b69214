//! How long a workload runs short of pods that it lost.

use harness_plan::{Action, LatencyName};

use super::groups::{Grouping, Labels};
use super::source::Source;
use crate::samples::{Cause, Censored, Sample};
use crate::steps::Steps;
use crate::timeline::{Placed, desired_replicas};

/// What changes the Ready or the desired pods of a workload; changes of one moment are taken in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// The plan wants this many.
    Desired(i64),
    /// The plan deletes one, which is created again.
    Taken,
    /// A pod turns Ready.
    Ready,
    /// A pod stops being Ready.
    Lost,
}

pub(super) fn collect(source: &Source<'_>, into: &mut Grouping<'_>) {
    let Source { plan, timelines, horizon, .. } = source;
    for workload in &plan.workloads {
        // The log does not say how many pods an autoscaler wants.
        if workload.stays_pending || workload.autoscale.is_some() {
            continue;
        }
        let Some(name) = timelines.names.get(&workload.name).filter(|name| !name.is_none()) else { continue };
        let desired = desired_replicas(plan, timelines, horizon, &workload.name);
        let mut steps: Vec<(u64, Step)> =
            desired.all().iter().map(|(at_us, to)| (*at_us, Step::Desired(*to))).collect();
        for (action, planned) in timelines.actions.of_plan() {
            if matches!(planned, Action::Replace(replace) if replace.workload() == workload.name)
                && action.error.is_none()
            {
                steps.push((action.sent_us.unwrap_or(action.intended_us), Step::Taken));
            }
        }
        let ready = Steps::from_changes(source.readiness.changes(&timelines.pods, |pod| pod.workload == name));
        let mut before = 0;
        for (at_us, value) in ready.all() {
            let step = if *value > before { Step::Ready } else { Step::Lost };
            steps.extend((0..value.abs_diff(before)).map(|_| (*at_us, step)));
            before = *value;
        }
        steps.retain(|(at_us, _)| *at_us < horizon.us);
        steps.sort_unstable();
        let nodepool = source.names.get(&workload.class).unwrap_or_default();
        let labels = Labels { workload: name, placed: Placed { nodepool, ..Placed::default() }, ..Labels::default() };
        for shortage in shortages(&steps) {
            let from_us = shortage.from_us;
            let sample = match shortage.end {
                Some((end_us, true)) => Sample::measured(from_us, end_us),
                Some((end_us, false)) => {
                    Sample::censored(from_us, Censored { at_least_us: end_us - from_us, cause: Cause::Withdrawn })
                }
                None => Sample::censored(from_us, horizon.censor(from_us, None, false)),
            };
            into.add(LatencyName::WorkloadRecovered, Some(&labels), sample);
        }
    }
}

/// A workload short of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shortage {
    from_us: u64,
    /// When it ended, and whether new pods ended it; otherwise the plan wanted fewer.
    end: Option<(u64, bool)>,
}

/// Shortages that the plan did not cause. While the workload grows it is short because of the plan, and so it is after the plan has
/// deleted a pod, until another one is Ready.
fn shortages(steps: &[(u64, Step)]) -> Vec<Shortage> {
    let (mut ready, mut desired, mut excused, mut by_plan) = (0_i64, 0_i64, 0_i64, 0_i64);
    let mut growing = false;
    // Since when, and how many pods were desired then.
    let mut short: Option<(u64, i64)> = None;
    let mut all = Vec::new();
    for (at_us, step) in steps {
        match *step {
            Step::Desired(to) => {
                growing |= to > desired;
                desired = to;
            }
            Step::Taken => excused += 1,
            Step::Ready => {
                ready += 1;
                by_plan = (by_plan - 1).max(0);
            }
            Step::Lost => {
                ready -= 1;
                if excused > 0 {
                    excused -= 1;
                    by_plan += 1;
                } else if !growing && short.is_none() && ready < desired - by_plan {
                    short = Some((*at_us, desired));
                }
            }
        }
        growing &= ready < desired - by_plan;
        if let Some((from_us, then)) = short
            && ready >= then.min(desired) - by_plan
        {
            all.push(Shortage { from_us, end: Some((*at_us, *step == Step::Ready)) });
            short = None;
        }
    }
    all.extend(short.map(|(from_us, _)| Shortage { from_us, end: None }));
    all
}

#[cfg(test)]
mod tests {
    use super::Step::{Desired, Lost, Ready, Taken};
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case::lost_and_back(vec![(0, Desired(2)), (1, Ready), (2, Ready), (5, Lost), (9, Ready)], vec![(5, Some((9, true)))])]
    #[case::two_lost_are_one_shortage(
        vec![(0, Desired(2)), (1, Ready), (2, Ready), (5, Lost), (6, Lost), (8, Ready), (9, Ready)],
        vec![(5, Some((9, true)))]
    )]
    #[case::never_back(vec![(0, Desired(1)), (1, Ready), (5, Lost)], vec![(5, None)])]
    #[case::a_scale_down_is_the_plans(vec![(0, Desired(2)), (1, Ready), (2, Ready), (4, Desired(1)), (5, Lost)], vec![])]
    #[case::a_growth_is_the_plans(vec![(0, Desired(1)), (1, Ready), (4, Desired(3)), (5, Ready), (6, Ready)], vec![])]
    #[case::what_the_plan_takes_is_the_plans(vec![(0, Desired(1)), (1, Ready), (4, Taken), (5, Lost), (8, Ready)], vec![])]
    #[case::but_not_what_goes_beside_it(
        vec![(0, Desired(2)), (1, Ready), (1, Ready), (4, Taken), (5, Lost), (6, Lost), (8, Ready), (9, Ready)],
        vec![(6, Some((9, true)))]
    )]
    #[case::fewer_are_asked_for(
        vec![(0, Desired(2)), (1, Ready), (1, Ready), (5, Lost), (7, Desired(1))],
        vec![(5, Some((7, false)))]
    )]
    #[case::more_are_asked_for_meanwhile(
        vec![(0, Desired(1)), (1, Ready), (5, Lost), (6, Desired(3)), (7, Ready)],
        vec![(5, Some((7, true)))]
    )]
    fn what_the_plan_did_not_cause(#[case] steps: Vec<(u64, Step)>, #[case] expected: Vec<(u64, Option<(u64, bool)>)>) {
        let found: Vec<_> = shortages(&steps).into_iter().map(|it| (it.from_us, it.end)).collect();
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn shortages_do_not_overlap_and_only_the_last_is_open(steps in vec((0_u64..100, 0_u8..4, 0_i64..6), 0..60)) {
            let mut steps: Vec<(u64, Step)> = steps
                .into_iter()
                .map(|(at_us, kind, to)| (at_us, [Desired(to), Taken, Ready, Lost][usize::from(kind)]))
                .collect();
            steps.sort_unstable();
            let found = shortages(&steps);
            for pair in found.windows(2) {
                prop_assert!(pair[0].end.is_some_and(|(end_us, _)| end_us <= pair[1].from_us));
            }
            prop_assert!(found.iter().all(|it| it.end.is_none_or(|(end_us, _)| end_us >= it.from_us)));
        }
    }
}
