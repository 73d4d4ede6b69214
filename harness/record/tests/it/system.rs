//! How much of each node the cluster's own DaemonSets take.

use harness_record::event::{DaemonSetRequests, EventKind, Milestone, ObjectKind, attribute};
use harness_record::result::SystemShare;
use harness_record::{Event, RunResult, Timelines};

use crate::log_builder::{self, Fault};

/// Before the first action.
const BEFORE: u64 = 1_000;

fn requests(name: &str, cpu_millicores: u64, memory_mib: u64) -> DaemonSetRequests {
    DaemonSetRequests { name: name.to_owned(), cpu_millicores, memory_bytes: memory_mib << 20 }
}

/// A run on a cluster with these DaemonSets, whose nodes say what they offer to pods where `allocatable` is set.
fn shares(all: Vec<DaemonSetRequests>, allocatable: bool) -> Vec<SystemShare> {
    let plan = log_builder::plan();
    let mut events = log_builder::run(&Fault::None);
    events.insert(1, Event { at_us: BEFORE, kind: EventKind::DaemonSets { all } });
    for event in &mut events {
        if let EventKind::Milestone(Milestone { object, attributes, .. }) = &mut event.kind
            && object.kind == ObjectKind::Node
            && allocatable
        {
            attributes.insert(attribute::ALLOCATABLE_CPU_MILLICORES.to_owned(), "3860".to_owned());
            attributes.insert(attribute::ALLOCATABLE_MEMORY_BYTES.to_owned(), (4_985_u64 << 20).to_string());
        }
    }
    let mut timelines = Timelines::of_plan(&plan);
    events.iter().for_each(|event| timelines.apply(event));
    RunResult::from_timelines(&plan, &timelines, None).system
}

#[test]
fn daemon_sets_take_their_sum_of_what_a_node_offers() {
    let shares = shares(vec![requests("cni", 140, 300), requests("logs", 170, 600)], true);
    let [share] = shares.as_slice() else { panic!("{shares:?}") };
    assert_eq!(share.instance_type, "Standard_F4s_v2");
    assert!(share.nodes > 0);
    assert_eq!((share.cpu_millicores, share.memory_bytes >> 20), (310, 900));
    assert_eq!((share.allocatable_cpu_millicores, share.allocatable_memory_bytes >> 20), (3860, 4985));
    let percent = |share: f64| (share * 100.0).round();
    assert_eq!((percent(share.cpu_share()), percent(share.memory_share())), (8.0, 18.0));
}

#[test]
fn nothing_is_said_where_nothing_is_known() {
    assert_eq!(shares(Vec::new(), true), []);
    // A log of before version 2.4 does not say what nodes offer.
    assert_eq!(shares(vec![requests("cni", 140, 300)], false), []);
}
