//! The control endpoint and its client.

use std::time::{Duration, Instant};

use harness_azure::control::{Client, ControlError};
use harness_azure::{FactKind, Secret};
use harness_simulation::ArmFaultMode;
use harness_simulation::{CapacityType, Fault, FaultKind, VmSelector};
use harness_units::Share;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fake_kube::FakeKube;
use crate::support::{ANSWER, Lab, instant, of};

#[tokio::test]
async fn a_wrong_token_is_refused_and_never_repeated() {
    let lab = Lab::start(instant(), None).await;
    let stranger = Client::new(lab.sim.control_url(), Secret::new("a-wrong-token")).unwrap();
    let error = stranger.vms().await.unwrap_err();
    assert!(matches!(error, ControlError::Refused { status: 401, .. }), "{error}");
    assert!(!format!("{error:?}{stranger:?}").contains("a-wrong-token"));
}

#[tokio::test]
async fn a_behaviour_is_replaced_and_read_back() {
    let lab = Lab::start(instant(), None).await;
    let mut behaviour = harness_simulation::Behaviour { seed: 99, ..harness_simulation::Behaviour::azure_estimate() };
    behaviour.faults = vec![Fault::new(FaultKind::ArmOutage { mode: ArmFaultMode::Unavailable }).named("down")];
    lab.control.set_behaviour(&behaviour).await.unwrap();
    assert_eq!(lab.control.behaviour().await.unwrap(), behaviour);
    assert_eq!(lab.get(&lab.pool()).await.status, 503);
    lab.control.set_behaviour(&instant()).await.unwrap();
    assert_eq!(lab.get(&lab.pool()).await.status, 200);
    lab.fact("ended", |k| matches!(k, FactKind::FaultEnded { id, .. } if id == "down")).await;
}

#[tokio::test]
async fn an_invalid_behaviour_is_refused_with_the_reason() {
    let lab = Lab::start(instant(), None).await;
    let mut behaviour = instant();
    behaviour.boot = Some(harness_simulation::Distribution::Samples(Vec::new()));
    let error = lab.control.set_behaviour(&behaviour).await.unwrap_err();
    assert!(error.to_string().contains("boot.samples"), "{error}");
    assert_eq!(lab.control.behaviour().await.unwrap(), instant());
}

#[tokio::test]
async fn reading_facts_waits_for_the_first_and_keeps_their_order() {
    let lab = Lab::start(instant(), None).await;
    let after = lab.sim.facts().after(0).next;
    let started = Instant::now();
    let empty = lab.control.facts(after, Duration::from_millis(120)).await.unwrap();
    assert!(empty.facts.is_empty() && started.elapsed() >= Duration::from_millis(120));
    let waiting = tokio::spawn({
        let control = lab.control.clone();
        async move { control.facts(after, ANSWER.get()).await.unwrap() }
    });
    lab.create("web-1", "Standard_D4s_v5", false).await;
    let page = waiting.await.unwrap();
    assert!(matches!(page.facts[0].kind, FactKind::VmAccepted { .. }), "{page:?}");
    assert_eq!(page.facts[0].seq, after + 1);
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    let all = lab.control.facts(0, Duration::ZERO).await.unwrap().facts;
    assert!(all.windows(2).all(|w| w[0].seq + 1 == w[1].seq && w[0].monotonic_ns <= w[1].monotonic_ns));
}

#[tokio::test]
async fn the_monotonic_clock_is_that_of_the_machine() {
    let lab = Lab::start(instant(), None).await;
    let before = harness_azure::clock::monotonic_ns();
    lab.create("web-1", "Standard_D4s_v5", false).await;
    let after = harness_azure::clock::monotonic_ns();
    let fact = lab.fact("accepted", |k| matches!(k, FactKind::VmAccepted { .. })).await;
    assert!((before..=after).contains(&fact.monotonic_ns));
    let record = lab.control.vm("web-1").await.unwrap();
    assert_eq!(record.accepted.monotonic_ns, fact.monotonic_ns, "record and fact are the same stamp");
}

#[tokio::test]
async fn a_reset_removes_vms_and_nodes_and_counts_from_zero() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    for n in 0..5 {
        lab.create(&format!("web-{n}"), "Standard_D4s_v5", false).await;
    }
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    let before = lab.sim.facts().after(0).next;
    lab.control.reset().await.unwrap();
    assert!(lab.control.vms().await.unwrap().is_empty());
    assert!(lab.control.counters().await.unwrap().is_empty());
    assert!(lab.sim.facts().after(0).next > before, "the numbers of facts go on");
    let deadline = Instant::now() + ANSWER.get();
    while kube.nodes() > 0 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(lab.create("web-0", "Standard_D4s_v5", false).await.status, 201);
    assert_eq!(lab.control.vm("web-0").await.unwrap().ordinal, 0);
}

/// A machine whose spot creation fails, and that is created again on demand under the same name: the first attempt costs nothing, and the
/// second costs what an on-demand VM does. Another one is evicted.
#[tokio::test]
async fn the_ledger_has_an_entry_for_each_attempt_and_agrees_with_the_facts() {
    let lab = Lab::start(instant(), None).await;
    let opening = lab.control.ledger(0).await.unwrap();
    assert_eq!((opening.instance, opening.fact), (0, lab.sim.facts().newest()));
    lab.create("batch-1", "Standard_D4s_v5", true).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    let only = VmSelector { capacity_type: Some(CapacityType::Spot), ..VmSelector::default() };
    let fault = Fault::new(FaultKind::NoCapacity { only, code: None, share: Share(1.0) });
    lab.control.add_fault(&fault).await.unwrap();
    lab.create("web-1", "Standard_D4s_v5", true).await;
    let failed = lab.fact("failed", |k| matches!(k, FactKind::ProvisioningFailed { .. })).await;
    lab.delete_machines(&["web-1"]).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. }) && of("web-1", k)).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    let booted = lab.fact("on demand", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-1", k)).await;
    lab.control.crash("web-1").await.unwrap();
    lab.control.evict("batch-1", None).await.unwrap();
    lab.fact("evicted", |k| matches!(k, FactKind::VmDeleted { .. }) && of("batch-1", k)).await;

    let instance = |fact: &harness_azure::Fact| fact.kind.vm().map(|vm| (vm.instance, vm.capacity_type));
    assert_eq!(instance(&failed), Some((2, CapacityType::Spot)));
    assert_eq!(instance(&booted), Some((3, CapacityType::OnDemand)));
    let sums = lab.control.ledger(0).await.unwrap();
    assert_eq!((sums.accepted, sums.booted, sums.deleted, sums.evicted, sums.crashed), (3, 2, 2, 1, 1));
    assert_eq!(sums.failed.values().sum::<u64>(), 1, "{:?}", sums.failed);
    assert_eq!((sums.spot.vms, sums.on_demand.vms), (1, 1));
    let facts = lab.sim.facts().after(0).facts;
    let at_ns = |wanted: fn(&FactKind) -> bool, machine: &str| {
        facts.iter().find(|fact| wanted(&fact.kind) && of(machine, &fact.kind)).unwrap().monotonic_ns
    };
    let spot_ns = at_ns(|k| matches!(k, FactKind::SpotEvicted { .. }), "batch-1")
        - at_ns(|k| matches!(k, FactKind::VmBooted { .. }), "batch-1");
    assert_eq!(sums.spot.running_us, spot_ns / 1_000);
    assert_eq!(sums.on_demand.running_us, (sums.at.monotonic_ns - booted.monotonic_ns) / 1_000);
    let later = lab.control.ledger(1).await.unwrap();
    assert_eq!((later.accepted, later.evicted, later.spot.vms, later.on_demand.vms), (2, 0, 0, 1));
}

#[tokio::test]
async fn a_quota_fault_says_what_the_quota_is_from_now_on() {
    let lab = Lab::start(instant(), None).await;
    let quota = FaultKind::Quota { scope: "F".to_owned(), cores: 8 };
    lab.control.add_fault(&Fault::new(quota)).await.unwrap();
    let started = lab.fact("started", |k| matches!(k, FactKind::FaultStarted { .. })).await;
    let FactKind::FaultStarted { quota: Some(set), .. } = started.kind else { panic!("{started:?}") };
    assert_eq!((set.scope.as_str(), set.cores), ("F", 8));
}

#[tokio::test]
async fn commands_say_why_they_cannot_be_carried_out() {
    let lab = Lab::start(instant(), None).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    let unknown = lab.control.crash("no/such").await.unwrap_err();
    assert!(
        matches!(&unknown, ControlError::Refused { status: 404, message, .. } if message.contains("no/such")),
        "{unknown}"
    );
    let regular = lab.control.evict("web-1", None).await.unwrap_err();
    assert!(matches!(regular, ControlError::Refused { status: 409, .. }), "{regular}");
    let missing = lab.control.remove_fault("no-such").await.unwrap_err();
    assert!(matches!(missing, ControlError::Refused { status: 404, .. }), "{missing}");
    lab.control.delete_vm("web-1").await.unwrap();
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
    assert!(lab.control.vm("web-1").await.unwrap().deleted.is_some(), "records outlive their VMs");
}

#[tokio::test]
async fn a_stopped_simulator_no_longer_answers() {
    let lab = Lab::start(instant(), None).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    let (url, control) = (lab.sim.arm_url(), lab.control.clone());
    let reader = tokio::spawn({
        let (control, after) = (control.clone(), u64::from(u32::MAX));
        async move { control.facts(after, Duration::from_secs(30)).await }
    });
    tokio::task::yield_now().await;
    let started = Instant::now();
    lab.sim.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(5), "a waiting reader must not hold it up");
    assert!(lab.http.get(url).send().await.is_err());
    assert!(control.vms().await.is_err());
    drop(reader.await);
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_clear_error() {
    let lab = Lab::start(instant(), None).await;
    let port: u16 = lab.sim.control_url().rsplit(':').next().unwrap().parse().unwrap();
    let config = harness_azure::Config { control_port: port, ..harness_azure::Config::default() };
    let error = harness_azure::Simulator::start(config, None).await.unwrap_err();
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
}

/// A reset waits up to 8 s for VMs, and up to 30 s for what AKS puts into the cluster. Before, its client had given up after 10 s.
#[tokio::test(start_paused = true)]
async fn a_reset_may_take_as_long_as_the_simulator_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(format!("http://{}", listener.local_addr().unwrap()), Secret::new("token")).unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        tokio::time::sleep(Duration::from_secs(38)).await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        // The client reads it before the connection ends.
        stream
    };
    let (answer, _stream) = tokio::join!(client.reset(), server);
    answer.unwrap();
}
