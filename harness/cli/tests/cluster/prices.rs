//! The prices by which the controller decides are those that a report adds up.

use harness_testing::{limits, wait_for};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::binary::{Ran, harness, scenario};
use crate::shared::SharedCluster;

/// Less than any price has digits: what the controller adds up in floating point may differ by that.
const ROUNDING_USD: f64 = 1e-9;

/// Whether two prices are the same.
pub(crate) fn is_same_price(one: f64, other: f64) -> bool {
    (one - other).abs() < ROUNDING_USD
}

/// What the nodes of a pool cost, US dollars an hour, by the prices that the controller goes by: its gauge `karpenter_nodepools_cost_total`.
///
/// A NodeClaim counts, with the price that its offering has then, once it has the labels of its machine (`pkg/state/cost/cost.go` of Karpenter), and the sum
/// is exported within ten seconds (`pkg/controllers/metrics/nodepool`). Prices are looked up again after a start and every hour
/// (`pkg/controllers/state/informer/pricing.go`), the list is read after a start and every twelve. The Azure provider exports no price of a single
/// offering: `instanceTypeOfferingPriceEstimate` is a comment in its `pkg/providers/instancetype/instancetypes.go`.
pub(crate) async fn cost_by_the_controller(metrics: &str, pool: &str) -> Result<f64, String> {
    let text = reqwest::get(metrics).await.map_err(|error| error.to_string())?;
    let text = text.text().await.map_err(|error| error.to_string())?;
    let pool = format!("nodepool=\"{pool}\"");
    let line = text.lines().find(|line| line.starts_with("karpenter_nodepools_cost_total{") && line.contains(&pool));
    let cost = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    cost.ok_or_else(|| format!("no cost of {pool}"))
}

/// An on-demand node and a spot node, after the price of spot VMs has changed: the controller's metric has for each what the report of the run has.
///
/// The report has the price of all VMs at the dearest moment. Up to the end of the first node's phase that is the price of the first, and in the end that of both.
pub(crate) fn the_controller_goes_by_the_prices_of_the_report(shared: &SharedCluster) {
    let started = shared.start(&[&scenario("prices"), "--seed", "7"]);
    started.wait_for_phase("", "look");
    let [on_demand, spot] = shared.with(async |cluster| {
        let metrics = cluster.status().await.unwrap().endpoints["karpenter-metrics"].clone();
        wait_for("the controller has counted both nodes", limits::NODES, async || {
            let on_demand = cost_by_the_controller(&metrics, "on-demand").await?;
            let spot = cost_by_the_controller(&metrics, "spot").await?;
            if on_demand > 0.0 && spot > 0.0 { Ok([on_demand, spot]) } else { Err(format!("{on_demand}, {spot}")) }
        })
        .await
    });
    started.signal(Signal::SIGINT);
    let ran = started.ended();
    assert_eq!(ran.code, 130, "{}", ran.report());
    ran.assert_reports();
    ran.assert_nothing_left();

    let cost = &ran.summary["cost"];
    assert_eq!((&cost["vms"], &cost["spotVms"], &cost["vmsWithoutPrice"]), (&json!(2), &json!(1), &json!(0)), "{cost}");
    let of_the_first = dearest(&reported_until(&ran, "on-demand-node"));
    let of_both = dearest(&ran.summary);
    assert!(is_same_price(on_demand, of_the_first), "{on_demand} of the controller, {of_the_first} of the report");
    assert!(
        is_same_price(on_demand + spot, of_both),
        "{on_demand} and {spot} of the controller, {of_both} of the report"
    );
    assert!(is_same_price(spot, 0.6 * on_demand), "{spot} is not the price that was set, of {on_demand} on demand");
    let set = shared.with(async |cluster| cluster.azure().unwrap().prices().await.unwrap());
    assert!(set.is_empty(), "the next run has the prices of this one: {set:?}");
}

/// What the VMs of a run cost at the dearest moment, US dollars an hour.
fn dearest(summary: &Value) -> f64 {
    summary["cost"]["usdPerHourPeak"].as_f64().unwrap_or_else(|| panic!("{}", summary["cost"]))
}

/// The summary of the run as its log was when a phase ended.
fn reported_until(ran: &Ran, phase: &str) -> Value {
    let log = std::fs::read_to_string(ran.run().join("events.jsonl")).unwrap();
    let is_end = |line: &str| serde_json::from_str::<Value>(line).unwrap()["e"]["phase_ended"]["phase"] == phase;
    let last = log.lines().position(is_end).unwrap_or_else(|| panic!("{phase} has not ended\n{}", ran.report()));
    let until: Vec<&str> = log.lines().take(last + 1).collect();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(ran.run().join("plan.json"), folder.path().join("plan.json")).unwrap();
    std::fs::write(folder.path().join("events.jsonl"), until.join("\n") + "\n").unwrap();
    let report = harness().arg("report").arg(folder.path()).args(["--format", "json"]).output().unwrap();
    // A log without an end.
    assert_eq!(report.status.code(), Some(4), "{}", String::from_utf8_lossy(&report.stderr));
    serde_json::from_slice(&report.stdout).unwrap()
}
