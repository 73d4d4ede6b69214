//! Occurrences in a log, as conditions and verdicts count them.

use crate::log_builder::{self, Fault, LogBuilder, MS, S};
use harness_plan::{EventPattern, OccurrenceKind};
use harness_record::event::*;
use harness_record::occurrence::Counter;
use rstest::rstest;

fn count(events: &[Event], of: &EventPattern) -> u32 {
    let mut counter = Counter::new();
    events.iter().filter(|event| counter.learn(event).is_some_and(|occurrence| occurrence.is(of))).count() as u32
}

fn fact(what: AzureFactKind, vm: &str) -> AzureFact {
    AzureFact { vm: vm.to_owned(), ..AzureFact::new(what, 2 * S) }
}

/// A spot NodeClaim in zone 2 whose attributes become known bit by bit, its VM, which is evicted, and a pod.
fn log() -> Vec<Event> {
    let mut builder = LogBuilder::default();
    let claim = builder.key(ObjectKind::NodeClaim, "batch-x1");
    builder.reached(S, &claim, Reached::Created, &[("nodepool", "batch"), ("capacity-type", "spot")]);
    let accepted = AzureFact {
        nodepool: "batch".to_owned(),
        capacity_type: "spot".to_owned(),
        zone: "eastus-2".to_owned(),
        ..fact(AzureFactKind::VmAccepted, "vm1")
    };
    builder.at(2 * S, EventKind::Azure(accepted));
    builder.reached(3 * S, &claim, Reached::Launched, &[("zone", "eastus-2"), ("instance-type", "Standard_F4s_v2")]);
    // The watch was interrupted and listed again.
    builder.reached(3 * S + MS, &claim, Reached::Launched, &[]);
    builder.at(
        9 * S,
        EventKind::Azure(AzureFact { code: "Preempted".to_owned(), ..fact(AzureFactKind::SpotEvicted, "vm1") }),
    );
    builder.reached(10 * S, &claim, Reached::Disrupted, &[("reason", "Drifted")]);
    builder.reached(11 * S, &claim, Reached::Deleting, &[]);
    let pod = builder.key(ObjectKind::Pod, "web-5d9c-abcde");
    builder.reached(11 * S, &pod, Reached::Created, &[("workload", "web")]);
    builder.reached(12 * S, &pod, Reached::Ready, &[]);
    builder.reached(13 * S, &pod, Reached::NotReady, &[]);
    builder.reached(14 * S, &pod, Reached::Ready, &[]);
    for (kind, name) in
        [("Pod", "web-5d9c-abcde"), ("Pod", "api-77f-zzzzz"), ("NodeClaim", "batch-x1"), ("NodeClaim", "other-y2")]
    {
        builder.at(
            15 * S,
            EventKind::Reason(Reason {
                kind: kind.to_owned(),
                name: name.to_owned(),
                reason: "FailedScheduling".to_owned(),
                message: "no instance type satisfied resources".to_owned(),
                severity: "Warning".to_owned(),
            }),
        );
    }
    builder.at(16 * S, EventKind::Azure(AzureFact { code: "429".to_owned(), ..fact(AzureFactKind::Throttled, "") }));
    builder.events()
}

#[rstest]
#[case::milestones_once(OccurrenceKind::NodeclaimLaunched, &[], 1)]
#[case::a_later_milestone_knows_what_an_earlier_told(OccurrenceKind::NodeclaimLaunched, &[("nodepool", "batch"), ("capacity", "spot")], 1)]
#[case::not_known_yet(OccurrenceKind::NodeclaimCreated, &[("zone", "2")], 0)]
#[case::by_the_number_of_its_zone(OccurrenceKind::NodeclaimLaunched, &[("zone", "2")], 1)]
#[case::by_the_name_of_its_zone(OccurrenceKind::NodeclaimLaunched, &[("zone", "eastus-2")], 1)]
#[case::by_its_size(OccurrenceKind::NodeclaimDisrupted, &[("size", "Standard_F4s_v2")], 1)]
#[case::another_size(OccurrenceKind::NodeclaimDisrupted, &[("size", "Standard_F8s_v2")], 0)]
#[case::the_reason_of_the_disruption(OccurrenceKind::NodeclaimDisrupted, &[("code", "Drifted")], 1)]
#[case::another_reason(OccurrenceKind::NodeclaimDisrupted, &[("code", "Empty")], 0)]
#[case::the_reason_stays_with_the_claim(OccurrenceKind::NodeclaimDeleting, &[("code", "Drifted")], 1)]
#[case::a_fact_knows_what_an_earlier_told(OccurrenceKind::SpotEvicted, &[("nodepool", "batch"), ("zone", "2"), ("code", "Preempted")], 1)]
#[case::ready_again(OccurrenceKind::PodReady, &[("workload", "web")], 2)]
#[case::another_workload(OccurrenceKind::PodReady, &[("workload", "api")], 0)]
#[case::of_no_object(OccurrenceKind::CallThrottled, &[("code", "429")], 1)]
#[case::but_not_of_a_pool(OccurrenceKind::CallThrottled, &[("nodepool", "batch")], 0)]
#[case::reasons(OccurrenceKind::Reason, &[("code", "FailedScheduling")], 4)]
#[case::what_they_say(OccurrenceKind::Reason, &[("says", "no instance type")], 4)]
#[case::what_they_do_not_say(OccurrenceKind::Reason, &[("says", "quota")], 0)]
#[case::about_a_pod(OccurrenceKind::Reason, &[("workload", "web")], 1)]
#[case::about_a_pod_that_was_not_seen(OccurrenceKind::Reason, &[("workload", "api")], 1)]
#[case::about_a_claim(OccurrenceKind::Reason, &[("nodepool", "batch")], 1)]
#[case::about_a_claim_that_was_not_seen(OccurrenceKind::Reason, &[("nodepool", "other")], 1)]
fn every_given_key_must_match(#[case] what: OccurrenceKind, #[case] keys: &[(&str, &str)], #[case] expected: u32) {
    let mut of = EventPattern::any(what);
    for (key, value) in keys {
        let value = Some((*value).to_owned());
        match *key {
            "workload" => of.workload = value,
            "nodepool" => of.nodepool = value,
            "size" => of.instance_type = value,
            "capacity" => of.capacity_type = value,
            "zone" => of.zone = value,
            "code" => of.code = value,
            _ => of.message_contains = value,
        }
    }
    assert_eq!(count(&log(), &of), expected, "{of}");
}

#[test]
fn flux_reaches_the_same_with_each_revision() {
    let mut builder = LogBuilder::default();
    let layer = builder.key(ObjectKind::Kustomization, "apps");
    let at_revision = |revision: &'static str| [(attribute::REVISION, revision)];
    for (at, revision) in [(1, "main@sha1:a"), (2, "main@sha1:b")] {
        builder.reached(at * S, &layer, Reached::Applied, &at_revision(revision));
    }
    let failure = [(attribute::REASON, "BuildFailed"), (attribute::SAYS, "no such file")];
    builder.reached(3 * S, &layer, Reached::Failed, &failure);
    let events = builder.events();
    let of = |what, object: &str| EventPattern { object: Some(object.to_owned()), ..EventPattern::any(what) };
    assert_eq!(count(&events, &of(OccurrenceKind::RevisionApplied, "apps")), 2);
    assert_eq!(count(&events, &of(OccurrenceKind::RevisionApplied, "node-config")), 0);
    let failed = |code: &str, says: &str| EventPattern {
        code: Some(code.to_owned()),
        message_contains: Some(says.to_owned()),
        ..of(OccurrenceKind::KustomizationFailed, "apps")
    };
    assert_eq!(count(&events, &failed("BuildFailed", "such")), 1);
    assert_eq!(count(&events, &failed("BuildFailed", "other")), 0);
    assert_eq!(count(&events, &failed("HealthCheckFailed", "such")), 0);
}

#[test]
fn a_whole_run_is_counted_as_its_result_counts_it() {
    let plan = log_builder::plan();
    let events = log_builder::run(&Fault::None);
    let result = crate::result_of(&plan, events.clone());
    let of = |what| u64::from(count(&events, &EventPattern::any(what)));
    assert_eq!(of(OccurrenceKind::PodCreated), result.counts.pods_created);
    assert_eq!(of(OccurrenceKind::NodeclaimLaunched), result.counts.nodeclaims_launched);
    assert_eq!(of(OccurrenceKind::VmBooted), result.counts.vms_booted);
    assert_eq!(of(OccurrenceKind::VmDeleted), result.counts.vms_deleted);
    assert!(of(OccurrenceKind::PodReady) > 0);
}

/// The first VM failed on spot; the one that booted under its name is on demand, also where the booting fact does not repeat it, and where a
/// fact about the first one comes last.
#[rstest]
#[case::with_instances(Some((1, 2)))]
#[case::without(None)]
fn a_vm_has_the_attributes_of_its_own_creation(#[case] instances: Option<(u64, u64)>) {
    let of = |what, instance: Option<u64>, capacity_type: &str, zone: &str| {
        let (capacity_type, zone) = (capacity_type.to_owned(), zone.to_owned());
        Event { at_us: 0, kind: EventKind::Azure(AzureFact { instance, capacity_type, zone, ..fact(what, "vm1") }) }
    };
    let (first, second) = (instances.map(|it| it.0), instances.map(|it| it.1));
    let mut events = vec![
        of(AzureFactKind::VmAccepted, first, "spot", "eastus-2"),
        of(AzureFactKind::ProvisioningFailed, first, "", ""),
        of(AzureFactKind::VmDeleted, first, "", ""),
        of(AzureFactKind::VmAccepted, second, "on-demand", ""),
        of(AzureFactKind::VmBooted, second, "", ""),
    ];
    if instances.is_some() {
        events.insert(4, of(AzureFactKind::NodeDeleted, first, "spot", "eastus-2"));
    }
    let booted = |capacity_type: Option<&str>, zone: Option<&str>| EventPattern {
        capacity_type: capacity_type.map(str::to_owned),
        zone: zone.map(str::to_owned),
        ..EventPattern::any(OccurrenceKind::VmBooted)
    };
    assert_eq!(count(&events, &booted(Some("on-demand"), None)), 1);
    assert_eq!(count(&events, &booted(Some("spot"), None)), 0);
    assert_eq!(count(&events, &booted(None, Some("eastus-2"))), 0, "the zone is that of the first");
    let failed = EventPattern { capacity_type: Some("spot".to_owned()), ..EventPattern::any(OccurrenceKind::VmFailed) };
    assert_eq!(count(&events, &failed), 1);
}
