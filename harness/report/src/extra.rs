//! Lines that several formats share: counts, the cost of the VMs, what the system takes, and published figures.

use harness_record::RunResult;
use harness_record::result::{PublishedFigure, SystemShare};
use harness_record::text::{significant, usd};

use crate::text;

/// A name and its value.
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Fact {
    pub(crate) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// Where the prices are from.
pub(crate) fn price_source(result: &RunResult) -> &'static str {
    if result.simulated.is_empty() { "prices of the log's facts" } else { "the simulated Azure's price table" }
}

/// What the VMs cost; empty where no price is known.
pub(crate) fn cost(result: &RunResult) -> Vec<Fact> {
    let Some(cost) = &result.cost else { return Vec::new() };
    let hours = format!("{} VM-hours", significant(cost.vm_us as f64 / 3.6e9));
    let mut lines =
        vec![Fact::new("All VMs", format!("{} ({hours}, {})", usd(cost.micro_usd()), text::counted(cost.vms, "VM")))];
    if cost.spot_vms > 0 {
        lines.push(Fact::new("On demand", usd(cost.on_demand_micro_usd)));
        lines.push(Fact::new("Spot", format!("{} ({})", usd(cost.spot_micro_usd), text::counted(cost.spot_vms, "VM"))));
        let same = match cost.at_on_demand_prices_micro_usd.zip(cost.saved_percent) {
            Some((same, saved)) => format!("{} ({saved}% saved)", usd(same)),
            None => "not known".to_owned(),
        };
        lines.push(Fact::new("The same VMs on demand", same));
    }
    lines.push(Fact::new("At most in an hour", usd(cost.peak_micro_usd_per_hour)));
    if cost.vms_without_price > 0 {
        lines.push(Fact::new("VMs without a known price", text::count(cost.vms_without_price)));
    }
    lines
}

/// What the cluster's own DaemonSets take of the nodes of each VM size; empty where it has none.
pub(crate) fn system(result: &RunResult) -> Vec<Fact> {
    let line = |it: &SystemShare| {
        let cpu = format!(
            "{}m of {}m CPU ({})",
            it.cpu_millicores,
            it.allocatable_cpu_millicores,
            text::share(it.cpu_share())
        );
        let memory = format!(
            "{} of {} memory ({})",
            text::bytes(it.memory_bytes),
            text::bytes(it.allocatable_memory_bytes),
            text::share(it.memory_share())
        );
        Fact::new(&it.instance_type, format!("{cpu}, {memory}, on {}", text::counted(it.nodes, "node")))
    };
    result.system.iter().map(line).collect()
}

/// Counts, without those that are 0 in most runs and in this one.
pub(crate) fn counts(result: &RunResult) -> Vec<Fact> {
    let counts = &result.counts;
    let of = |part: u64, what: &str| format!("{} {what}", text::count(part));
    let mut lines = vec![
        Fact::new(
            "Pods",
            [of(counts.pods_planned, "planned"), of(counts.pods_created, "created"), of(counts.pods_ready, "Ready")]
                .join(", "),
        ),
        Fact::new(
            "NodeClaims",
            [
                of(counts.nodeclaims, "seen"),
                of(counts.nodeclaims_launched, "launched"),
                of(counts.nodeclaims_deleted, "gone"),
            ]
            .join(", "),
        ),
    ];
    if counts.vms_accepted > 0 {
        let parts =
            [of(counts.vms_accepted, "accepted"), of(counts.vms_booted, "booted"), of(counts.vms_deleted, "gone")];
        lines.push(Fact::new("VMs", parts.join(", ")));
    }
    let by = |map: &std::collections::BTreeMap<String, u64>| -> String {
        map.iter().map(|(name, count)| format!("{} {name}", text::count(*count))).collect::<Vec<_>>().join(", ")
    };
    let rare = [
        ("Pods replaced", counts.pods_replaced),
        ("Nodes replaced", counts.nodes_replaced),
        ("Spot VMs evicted", counts.vms_evicted),
        ("VMs crashed", counts.vms_crashed),
        ("Calls answered 429", counts.arm_throttled),
        ("Calls refused by an outage", counts.arm_refused),
    ];
    lines.extend(
        rare.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| Fact::new(name, text::count(count))),
    );
    if !counts.disruptions.is_empty() {
        lines.push(Fact::new("NodeClaims chosen for disruption", by(&counts.disruptions)));
    }
    if !counts.vms_failed.is_empty() {
        lines.push(Fact::new("VM creations that failed", by(&counts.vms_failed)));
    }
    lines
}

/// A published figure beside ours, as text.
pub(crate) struct PublishedLine {
    /// `node_fill`.
    pub(crate) name: String,
    /// `p70 of general-purpose`.
    pub(crate) of: String,
    pub(crate) theirs: String,
    pub(crate) ours: String,
    pub(crate) count: String,
    pub(crate) source: String,
    pub(crate) differs: String,
}

pub(crate) fn published(result: &RunResult) -> Vec<PublishedLine> {
    result.published.iter().map(PublishedLine::new).collect()
}

impl PublishedLine {
    fn new(figure: &PublishedFigure) -> Self {
        let percent = if figure.percent >= 100 { "max".to_owned() } else { format!("p{}", figure.percent) };
        let group: Vec<&str> = figure.labels.values().map(String::as_str).collect();
        Self {
            name: figure.name.clone(),
            of: if group.is_empty() { percent } else { format!("{percent} of {}", group.join(", ")) },
            theirs: text::duration(figure.published_us),
            ours: text::percentile(figure.ours),
            count: text::count(figure.count),
            source: figure.source.clone(),
            differs: figure.differs.clone(),
        }
    }
}
