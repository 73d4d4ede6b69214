//! What must hold for any log.

use std::collections::BTreeMap;

use crate::log_builder::{self, Fault, plan, run};
use harness_plan::Limits;
use harness_record::event::*;
use harness_record::latency::{Cause, Censored, Percentile, Samples};
use harness_record::log::{LogWriter, read_log};
use harness_record::summary::{read_hlog, write_hlog};
use harness_record::verdict::Verdict;
use harness_record::{Event, EventKind, ExitCode, Live, Summary};
use harness_units::{Amount, Bytes, Millicores};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

fn faults() -> impl Strategy<Value = Fault> {
    let pool = "compute-optimized";
    prop_oneof![
        Just(Fault::None),
        Just(Fault::Fails { pool, code: "AllocationFailed", message: "no capacity" }),
        Just(Fault::NeverRegisters { pool }),
        Just(Fault::Throttled),
        Just(Fault::Killed { again: true }),
        Just(Fault::OnlyReasons { pool }),
    ]
}

fn censored() -> impl Strategy<Value = Censored> {
    let cause = prop_oneof![Just(Cause::Never), Just(Cause::Withdrawn), Just(Cause::Open), Just(Cause::Unseen)];
    (0_u64..1_000, cause).prop_map(|(at_least_us, cause)| Censored { at_least_us, cause })
}

/// The definition, word for word: sort, censored ones last, take the nearest rank.
fn naive(measured: &[u64], censored: usize, percent: u8) -> Option<Option<u64>> {
    let mut all: Vec<Option<u64>> = measured.iter().copied().map(Some).collect();
    all.sort();
    all.extend(std::iter::repeat_n(None, censored));
    let rank = (1..=all.len()).find(|rank| rank * 100 >= all.len() * usize::from(percent))?;
    all.get(rank - 1).copied()
}

proptest! {
    #[test]
    fn percentiles_are_those_of_the_definition(
        measured in vec(0_u64..1_000, 0..60),
        censored in vec(censored(), 0..20),
        percent in 0_u8..=100,
    ) {
        let samples = Samples::new(measured.clone(), censored.clone());
        let percentile = samples.percentile(percent);
        match naive(&measured, censored.len(), percent) {
            None => prop_assert_eq!(percentile, None),
            Some(Some(us)) => prop_assert_eq!(percentile, Some(Percentile::Measured(us))),
            Some(None) => {
                let Some(Percentile::Beyond(bound)) = percentile else {
                    return Err(TestCaseError::fail(format!("{percentile:?}")));
                };
                prop_assert!(measured.iter().all(|us| *us <= bound));
                prop_assert!(censored.iter().any(|it| it.at_least_us <= bound));
            }
        }
        if let Some(percentile) = percentile {
            let least = samples.percentile_at_least_us(percent).unwrap();
            // The interval is one: the least is no more than what is shown, unless some are censored.
            prop_assert!(least <= percentile.micros() || censored.iter().any(|it| it.cause == Cause::Never));
        }
    }

    #[test]
    fn percentiles_grow(measured in vec(0_u64..1_000, 1..60), censored in vec(censored(), 0..20)) {
        let samples = Samples::new(measured, censored);
        let all: Vec<Percentile> = (0..=100).filter_map(|percent| samples.percentile(percent)).collect();
        prop_assert_eq!(all.len(), 101);
        prop_assert!(all.windows(2).all(|pair| pair[0].micros() <= pair[1].micros()));
        prop_assert!(all.windows(2).all(|pair| pair[0].is_beyond() <= pair[1].is_beyond()));
    }

    /// Watches are separate streams: how they interleave in the log must not matter, as long as each object's own order stays.
    #[test]
    fn interleaving_of_objects_does_not_matter(fault in faults(), keys in vec(0_u64..50, 32)) {
        let events = run(&fault);
        let original = crate::result_of(&plan(), events.clone());
        let stream = |event: &Event| match &event.kind {
            EventKind::Milestone(milestone) => milestone.object.uid.bytes().map(usize::from).sum::<usize>() % 28,
            EventKind::Azure(_) => 29,
            EventKind::Reason(_) => 30,
            EventKind::Action(_) => 31,
            // The frame: header, phases and end in their order.
            _ => usize::MAX,
        };
        let mut queues: BTreeMap<usize, Vec<Event>> = BTreeMap::new();
        for event in events {
            queues.entry(stream(&event)).or_default().push(event);
        }
        let mut streams: Vec<(u64, Vec<Event>)> = queues
            .into_iter()
            .map(|(stream, events)| (keys.get(stream).copied().unwrap_or(0), events))
            .collect();
        streams.sort_by_key(|(key, _)| *key);
        let shuffled = crate::result_of(&plan(), streams.into_iter().flat_map(|(_, events)| events));
        prop_assert_eq!(Summary::from(&original), Summary::from(&shuffled));
        prop_assert_eq!(original.nodes, shuffled.nodes);
        prop_assert_eq!(original.pods_over_time, shuffled.pods_over_time);
        prop_assert_eq!(original.nodes_over_time, shuffled.nodes_over_time);
        prop_assert_eq!(original.latencies, shuffled.latencies);
    }

    /// A kill at any event leaves a result, and never a pass.
    #[test]
    fn any_prefix_has_a_result(fault in faults(), part in 0.0_f64..1.0) {
        let mut events = run(&fault);
        events.truncate((events.len() as f64 * part) as usize);
        let mut live = Live::new(&plan());
        events.iter().for_each(|event| live.apply(event));
        let view = live.view();
        let result = crate::result_of(&plan(), events);
        prop_assert!(matches!(result.exit_code, ExitCode::Failed | ExitCode::Inconclusive), "{}", result.exit_code);
        prop_assert!(!result.reason.is_empty());
        let pods = view.pods;
        let there = u64::from(pods.pending + pods.scheduled + pods.ready + pods.deleting);
        prop_assert_eq!(there, result.counts.pods_created - result.counts.pods_deleted);
        if let Some(last) = result.pods_over_time.last() {
            prop_assert_eq!((last.pending, last.scheduled, last.ready, last.deleting), (pods.pending, pods.scheduled, pods.ready, pods.deleting));
        }
        let all = result.latencies.iter().find(|it| it.name.as_str() == "pod_ready" && it.labels.is_empty());
        prop_assert_eq!(all.map_or(0, |it| it.stats.count), view.pod_ready.count);
        prop_assert_eq!(all.map(|it| it.stats), (view.pod_ready.count > 0).then_some(view.pod_ready));
    }

    #[test]
    fn any_event_survives_the_log(event in any_event()) {
        let mut log = Vec::new();
        let mut writer = LogWriter::new(&mut log);
        let header = run(&Fault::None).swap_remove(0);
        writer.append(&header).unwrap();
        writer.append(&event).unwrap();
        prop_assert_eq!(log.iter().filter(|byte| **byte == b'\n').count(), 2);
        let read: Vec<Event> = read_log(log.as_slice()).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(read, vec![header, event]);
    }

    /// Any events at all, in any order, from anywhere: no panic, and figures that agree with each other.
    #[test]
    fn any_log_has_a_result(events in vec(any_event(), 0..60)) {
        let plan = log_builder::every_check();
        let result = crate::result_of(&plan, events.clone());
        prop_assert_eq!(result.expectations.len(), plan.expectations.len());
        prop_assert_eq!(result.counts.events, events.len() as u64);
        for latency in &result.latencies {
            prop_assert!(latency.stats.count >= latency.stats.censored);
            prop_assert!(latency.stats.count > 0);
        }
        let mut live = Live::new(&plan);
        events.iter().for_each(|event| live.apply(event));
        prop_assert_eq!(live.view().at_us, result.run.duration_us);
        let json = Summary::from(&result).to_json().unwrap();
        prop_assert!(Summary::from_json(json.as_bytes()).is_ok());
    }
}

/// No check passes or fails where nothing was seen.
#[test]
fn a_log_that_says_nothing_decides_nothing() {
    let plan = log_builder::every_check();
    assert_eq!(plan.expectations.len(), 20);
    let ended = Event {
        at_us: 1,
        kind: EventKind::RunEnded { reason: harness_record::event::EndReason::Completed, detail: String::new() },
    };
    for events in [vec![], vec![ended]] {
        for expectation in crate::result_of(&plan, events).expectations {
            assert_eq!(expectation.verdict, Verdict::Inconclusive, "{expectation:#?}");
        }
    }
}

#[test]
fn histograms_survive_the_log() {
    let result = crate::result_of(&plan(), run(&Fault::None));
    let text = write_hlog(&result).unwrap();
    let rows = read_hlog(&text).unwrap();
    assert_eq!(rows.len(), result.latencies.len());
    for (row, latency) in rows.iter().zip(&result.latencies) {
        assert_eq!((row.name.as_str(), &row.labels), (latency.name.as_str(), &latency.labels));
        assert_eq!(row.histogram, latency.samples.histogram());
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z0-9-]{1,8}", "\\PC{0,12}"]
}

fn us() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..100_000_000, any::<u64>()]
}

fn any_milestone() -> impl Strategy<Value = EventKind> {
    let kind = prop_oneof![
        Just(ObjectKind::Pod),
        Just(ObjectKind::NodeClaim),
        Just(ObjectKind::Node),
        Just(ObjectKind::NodePool),
        Just(ObjectKind::GitRepository),
        Just(ObjectKind::Kustomization),
    ];
    let reached = prop::sample::select(vec![
        Reached::Created,
        Reached::Unschedulable,
        Reached::Scheduled,
        Reached::Launched,
        Reached::Registered,
        Reached::Initialized,
        Reached::Ready,
        Reached::NotReady,
        Reached::Drifted,
        Reached::Disrupted,
        Reached::Fetched,
        Reached::Applied,
        Reached::Healthy,
        Reached::Deleting,
        Reached::Spared,
        Reached::Deleted,
    ]);
    let seen = prop_oneof![Just(Seen::Live), Just(Seen::Listed), Just(Seen::Inferred)];
    let key = prop::sample::select(vec![
        attribute::WORKLOAD,
        attribute::NODE,
        attribute::NODECLAIM,
        attribute::NODEPOOL,
        attribute::INSTANCE_TYPE,
        attribute::CAPACITY_TYPE,
        attribute::ZONE,
        attribute::REASON,
        attribute::REVISION,
        attribute::CPU_MILLICORES,
        attribute::MEMORY_BYTES,
    ]);
    let value = prop_oneof![
        text(),
        Just("web".to_owned()),
        Just("general-purpose".to_owned()),
        Just("4000".to_owned()),
        Just("n".to_owned())
    ];
    let server = option::of((0_i64..4_000_000_000).prop_map(|second| jiff::Timestamp::from_second(second).unwrap()));
    let key_map = btree_map(key.prop_map(str::to_owned), value, 0..4);
    (kind, reached, seen, server, key_map, 0_u32..6, text()).prop_map(
        |(kind, reached, seen, server, attributes, uid, namespace)| {
            let object = ObjectKey { kind, namespace, name: format!("n{uid}"), uid: uid.to_string() };
            EventKind::Milestone(Milestone { object, reached, seen, server, attributes })
        },
    )
}

fn any_azure() -> impl Strategy<Value = EventKind> {
    use AzureFactKind::*;
    let what = prop::sample::select(vec![
        VmAccepted,
        VmCreating,
        VmBooted,
        NodeRegistered,
        NodeReady,
        VmDeleteRequested,
        VmDeleted,
        NodeDeleted,
        ProvisioningFailed,
        Throttled,
        Refused,
        FaultBegan,
        FaultEnded,
        SpotNotice,
        SpotEvicted,
        VmCrashed,
        VmPriceChanged,
        PricesRead,
        UnmodelledCall,
        FactsLost,
    ]);
    let numbers = (option::of(1_u32..64), option::of(0_u64..9_000_000), option::of(0_u64..9_000_000));
    let quota = option::of((text(), 0_u32..99).prop_map(|(scope, cores)| QuotaSet { scope, cores }));
    (what, us(), vec(text(), 11), numbers, option::of(0_u64..9), quota).prop_map(
        |(
            what,
            occurred_us,
            texts,
            (vcpus, price_micro_usd_per_hour, on_demand_micro_usd_per_hour),
            instance,
            quota,
        )| {
            let text = |index: usize| texts[index].clone();
            EventKind::Azure(AzureFact {
                what,
                occurred_us,
                vm: text(0),
                instance,
                nodeclaim: text(1),
                nodepool: text(2),
                instance_type: text(3),
                family: text(9),
                quota_family: text(10),
                zone: text(4),
                capacity_type: text(5),
                vcpus,
                price_micro_usd_per_hour,
                on_demand_micro_usd_per_hour,
                code: text(6),
                message: text(7),
                fault: text(8),
                quota,
            })
        },
    )
}

fn any_action() -> impl Strategy<Value = EventKind> {
    let what = prop_oneof![
        (0_u32..9).prop_map(ActionKind::Planned),
        (option::of(0_u32..9), "[0-9a-f]{40}").prop_map(|(id, revision)| ActionKind::Push { id, revision }),
        text().prop_map(|receiver| ActionKind::ReceiverCall { receiver }),
    ];
    (text(), what, us(), option::of(us()), option::of(us()), option::of(text())).prop_map(
        |(phase, what, intended_us, sent_us, acked_us, error)| {
            EventKind::Action(ActionStamps { what, phase, intended_us, sent_us, acked_us, error })
        },
    )
}

fn any_event() -> impl Strategy<Value = Event> {
    let outcome = prop::sample::select(vec![
        PhaseOutcome::Reached,
        PhaseOutcome::Held,
        PhaseOutcome::DeadlinePassed,
        PhaseOutcome::Cancelled,
    ]);
    let phase =
        || prop::sample::select(vec!["prepare", "burst", "hold", "drain", "cleanup", "?"]).prop_map(str::to_owned);
    let end = prop::sample::select(vec![
        EndReason::Completed,
        EndReason::NotRun,
        EndReason::TargetFailed,
        EndReason::Interrupted,
    ]);
    let audit = prop_oneof![
        vec(us(), 0..4).prop_map(|lag_us| Audit::WatchLag { lag_us }),
        (text(), text()).prop_map(|(watch, error)| Audit::WatchRestarted { watch, error }),
        (text(), 0_u64..9).prop_map(|(queue, lost)| Audit::QueueOverflow { queue, lost }),
        us().prop_map(|sent| Audit::Requests { sent }),
    ];
    let usage = vec((text(), 0_u64..1 << 40, 0_u64..1 << 40), 0..3).prop_map(|processes| {
        let process = |(name, cpu_ms, rss_bytes)| ProcessUsage { name, cpu_ms, rss_bytes, rss_max_bytes: rss_bytes };
        EventKind::Usage { processes: processes.into_iter().map(process).collect() }
    });
    let reason = vec(text(), 4).prop_map(|texts| {
        EventKind::Reason(Reason {
            kind: texts[0].clone(),
            name: texts[1].clone(),
            reason: texts[2].clone(),
            message: texts[3].clone(),
            severity: "Warning".to_owned(),
        })
    });
    let field = (text(), text(), option::of(0_u32..5), text()).prop_map(|(object, path, value, uid)| {
        EventKind::Field(FieldValue { object, path, value: value.map(Into::into), uid, seen: Seen::Live })
    });
    let account = || {
        (0_u64..9, 0_u64..1 << 40, 0_u64..1 << 40).prop_map(|(vms, running_us, micro_usd)| Account {
            vms,
            running_us,
            micro_usd,
        })
    };
    let counts = vec(0_u64..5, 7);
    let ledger = (us(), counts, btree_map(text(), 0_u64..5, 0..3), account(), account()).prop_map(
        |(until_us, counts, failed, spot, on_demand)| {
            let [after, forgotten, accepted, booted, deleted, evicted, crashed] = counts[..] else { unreachable!() };
            EventKind::Ledger(Ledger {
                until_us,
                after,
                forgotten,
                accepted,
                booted,
                deleted,
                evicted,
                crashed,
                failed,
                spot,
                on_demand,
            })
        },
    );
    let budget = prop_oneof![(0_u32..9).prop_map(Amount::Count), (0_u32..=100).prop_map(Amount::Percent)];
    let budget = (budget, vec(text(), 0..2), text(), text())
        .prop_map(|(nodes, reasons, schedule, duration)| DisruptionBudget { nodes, reasons, schedule, duration });
    let limits = (option::of(0_u64..99_000), option::of(0_u64..1 << 40), option::of(0_u64..9))
        .prop_map(|(cpu, memory, nodes)| Limits { cpu: cpu.map(Millicores), memory: memory.map(Bytes), nodes });
    let pool = prop_oneof![text(), Just("general-purpose".to_owned())];
    let node_pool = (pool, text(), limits, 0_u32..9, btree_map(text(), text(), 0..2), vec(budget, 0..2)).prop_map(
        |(name, uid, limits, weight, labels, budgets)| {
            let taints = labels.keys().cloned().collect();
            EventKind::NodePool(NodePoolSpec { name, uid, seen: Seen::Live, limits, weight, labels, taints, budgets })
        },
    );
    let kind = prop_oneof![
        1 => ledger,
        1 => node_pool,
        4 => any_milestone(),
        1 => field,
        2 => any_azure(),
        2 => any_action(),
        1 => Just(run(&Fault::None).swap_remove(0).kind),
        1 => phase().prop_map(|phase| EventKind::PhaseBegan { phase }),
        1 => (phase(), outcome, text()).prop_map(|(phase, outcome, detail)| EventKind::PhaseEnded { phase, outcome, detail }),
        1 => reason,
        1 => audit.prop_map(EventKind::Audit),
        1 => usage,
        1 => (text(), text()).prop_map(|(kind, name)| EventKind::Leak { kind, name }),
        1 => (end, text()).prop_map(|(reason, detail)| EventKind::RunEnded { reason, detail }),
    ];
    (us(), kind).prop_map(|(at_us, kind)| Event { at_us, kind })
}
