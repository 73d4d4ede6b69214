//! Expectations with their names and their values filled in.

use std::fmt::Write;

use super::objects;
use crate::model::{ExpectationSpec, Expected, FieldSpec, HappenedSpec, ReplacedSpec, Selection, Setting, UsageSpec};
use harness_plan::{Check, Expectation, LatencyCheck, Phase, QuotaScope, Workload, bounds};
use harness_simulation::Behaviour;
use harness_yaml::Located;

/// The name of an expectation, the same in every report: what is checked and the limits that hold in this run.
fn name(spec: &ExpectationSpec) -> String {
    let pods = |selection: &Located<Selection>| say(&selection.value, "workloads");
    let pools = |selection: &Located<Selection>| say(&selection.value, "nodepools");
    match spec {
        ExpectationSpec::Placement(placement) => {
            let only = if placement.exclusively { ", exclusively" } else { "" };
            format!("placement of {} on their class{only}", pods(&placement.workloads))
        }
        ExpectationSpec::Latency(latency) => {
            let mut name = format!("latency {}", latency.of.value);
            if let Some(by) = &latency.by {
                write!(name, " by {}", by.value.as_str()).expect("writing to a text does not fail");
            }
            let mut limits: Vec<String> =
                latency.limits().into_iter().map(|(_, key, limit)| format!("{key} <= {}", limit.value)).collect();
            limits.extend(latency.censored.as_ref().map(|most| format!("censored <= {}", most.value)));
            format!("{name} {}", limits.join(", "))
        }
        ExpectationSpec::Limits(limits) => format!("limits of {}", pools(&limits.nodepools)),
        ExpectationSpec::Fleet(fleet) => {
            let parts = [
                fleet.vms.map(|_| "as many VMs as NodeClaims".to_owned()),
                fleet.at_the_end.as_ref().map(|left| format!("{} VMs at the end", left.value)),
            ];
            format!("fleet: {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
        ExpectationSpec::Happened(spec) => {
            let (least, most) = how_often(spec);
            let times = bounds(least, most);
            format!("{times} x {}{}", spec.happening(), within(&spec.phases))
        }
        ExpectationSpec::Pending(spec) => {
            let says = spec.says.as_ref().map_or(String::new(), |says| format!(", because `{says}`"));
            format!("{} stay pending{says}", pods(&spec.workloads))
        }
        ExpectationSpec::Undisturbed(spec) => {
            format!("{} undisturbed{}", pods(&spec.workloads), within(&spec.phases))
        }
        ExpectationSpec::Available(spec) => {
            let least = spec.at_least.value;
            format!("at least {least} of {} available{}", pods(&spec.workloads), within(&spec.phases))
        }
        ExpectationSpec::Replaced(spec) => replaced(spec),
        ExpectationSpec::Kept(spec) => format!("nodes of {} kept{}", pools(&spec.nodepools), within(&spec.phases)),
        ExpectationSpec::AtOnce(spec) => {
            let because = spec.because.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
            let most = spec.at_most.value;
            let pools = pools(&spec.nodepools);
            format!("at most {most} nodes at once disrupted{because} of {pools}{}", within(&spec.phases))
        }
        ExpectationSpec::Price(spec) => {
            let percent = spec.at_most_percent.value;
            format!("price after {} at most {percent}% of that after {}", spec.after.value, spec.before.value)
        }
        ExpectationSpec::Savings(spec) => {
            format!("spot saves at least {}%", spec.at_least_percent.value)
        }
        ExpectationSpec::Quota(_) => "quota never exceeded".to_owned(),
        ExpectationSpec::ReplacedBeforeLoss(spec) => format!("replaced before the loss{}", within(&spec.phases)),
        ExpectationSpec::Field(spec) => field(spec),
        ExpectationSpec::Changes(spec) => {
            let (least, most) = (number(spec.at_least.as_ref()), number(spec.at_most.as_ref()));
            let (object, path) = (&spec.object.value, &spec.path.value);
            format!("{object}: {path} changes {} times{}", bounds(least, most), within(&spec.phases))
        }
        ExpectationSpec::Order(spec) => {
            format!("{} in this order{}", names(&spec.kustomizations).join(", "), within(&spec.phases))
        }
        ExpectationSpec::Usage(spec) => usage(spec),
        ExpectationSpec::Notified(spec) => {
            let (least, most) = so_often((spec.at_least.as_ref(), spec.at_most.as_ref()));
            format!("{} x {}{}", bounds(least, most), spec.happening(), within(&spec.phases))
        }
        ExpectationSpec::AppliedInOrder(spec) => {
            let last = if spec.last { ", the last in force" } else { "" };
            format!("revisions applied in order{last}{}", within(&spec.phases))
        }
    }
}

fn field(spec: &FieldSpec) -> String {
    let when = match (spec.always, spec.phases.last()) {
        (true, None) => " always".to_owned(),
        (true, Some(_)) => format!(" always{}", within(&spec.phases)),
        (false, None) => " at the end".to_owned(),
        (false, Some(last)) => format!(" at the end of {}", last.value),
    };
    format!("{}: {} {}{when}", spec.object.value, spec.path.value, objects::must(spec))
}

/// The name of an item of `expect`: in its own words or in ours, with its group before it.
pub(crate) fn title(expected: &Expected) -> String {
    let title = expected.title.clone().unwrap_or_else(|| name(&expected.value));
    match &expected.group {
        Some(group) => format!("{group}: {title}"),
        None => title,
    }
}

fn usage(spec: &UsageSpec) -> String {
    let limits = [
        spec.cpu.as_ref().map(|most| format!("CPU <= {}", most.value)),
        spec.memory.as_ref().map(|most| format!("memory <= {}", most.value)),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    let what = if limits.is_empty() { "run all the time".to_owned() } else { limits.join(", ") };
    format!("{} {what}{}", names(&spec.processes).join(", "), within(&spec.phases))
}

fn replaced(spec: &ReplacedSpec) -> String {
    let least = spec.at_least.as_ref().map_or("all".to_owned(), |least| format!("at least {}", least.value));
    let mut name = format!("{least} nodes of {} replaced", say(&spec.nodepools.value, "nodepools"));
    for (front, what) in [
        (" because ", spec.because.as_deref()),
        (" by ones of another ", spec.differs_in.map(|property| property.as_str())),
        (" in ", Some(spec.phase.value.as_str())),
    ] {
        if let Some(what) = what {
            write!(name, "{front}{what}").expect("writing to a text does not fail");
        }
    }
    name
}

fn within(phases: &[Located<String>]) -> String {
    if phases.is_empty() { String::new() } else { format!(" in {}", names(phases).join(", ")) }
}

fn names(located: &[Located<String>]) -> Vec<String> {
    located.iter().map(|name| name.value.clone()).collect()
}

/// The bounds of a happening; one that says none must happen.
fn how_often(spec: &HappenedSpec) -> (Option<u32>, Option<u32>) {
    so_often((spec.at_least.as_ref(), spec.at_most.as_ref()))
}

fn so_often((least, most): (Option<&Setting<u32>>, Option<&Setting<u32>>)) -> (Option<u32>, Option<u32>) {
    let (least, most) = (number(least), number(most));
    if least.is_none() && most.is_none() { (Some(1), None) } else { (least, most) }
}

fn say(selection: &Selection, of_what: &str) -> String {
    match selection {
        Selection::All => format!("all {of_what}"),
        Selection::Named(names) => names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", "),
    }
}

/// That each phase with a condition reaches it in time.
pub(super) fn of_phases(phases: &[Phase]) -> impl Iterator<Item = Expectation> {
    phases.iter().filter_map(|phase| {
        let (until, within) = (phase.until.as_ref()?, phase.within?);
        let name = format!("phase {} reaches {until} within {within}", phase.name);
        Some(Expectation::new(name, Check::Phase { phase: phase.name.clone() }))
    })
}

/// What of this tree can be checked.
pub(super) struct There<'a> {
    /// The workloads that ever have pods.
    pub(super) workloads: &'a [&'a Workload],
    /// The NodePools.
    pub(super) pools: &'a [String],
    /// Those with limits.
    pub(super) limited: &'a [String],
    /// How Azure behaves from the start.
    pub(super) azure: &'a Behaviour,
}

impl There<'_> {
    fn pods(&self, selection: &Located<Selection>, pending: bool) -> Option<Vec<String>> {
        let names: Vec<String> = self
            .workloads
            .iter()
            .filter(|workload| workload.stays_pending == pending)
            .map(|workload| workload.name.clone())
            .collect();
        chosen(&selection.value, &names)
    }
}

/// What the scenario expects, on these workloads and pools. `None` where nothing of this tree can be checked.
pub(super) fn of_spec(expected: &Expected, there: &There<'_>) -> Option<Expectation> {
    let check = match &expected.value {
        ExpectationSpec::Placement(placement) => {
            Check::Placement { workloads: there.pods(&placement.workloads, false)?, exclusively: placement.exclusively }
        }
        ExpectationSpec::Latency(latency) => Check::Latency(LatencyCheck {
            of: latency.of.value,
            by: latency.by.as_ref().map(|by| by.value),
            limits: latency.limits().into_iter().map(|(percentile, _, limit)| (percentile, limit.value)).collect(),
            censored: number(latency.censored.as_ref()).map(u64::from),
            samples_min: number(latency.samples_min.as_ref()).map_or(1, u64::from),
        }),
        ExpectationSpec::Limits(limits) => Check::Limits { nodepools: chosen(&limits.nodepools.value, there.limited)? },
        ExpectationSpec::Fleet(fleet) => {
            Check::Fleet { as_many_as_nodeclaims: fleet.vms.is_some(), at_the_end: number(fleet.at_the_end.as_ref()) }
        }
        ExpectationSpec::Happened(spec) => {
            let known = |name: &Option<Located<String>>, mut there: Box<dyn Iterator<Item = &str> + '_>| {
                name.as_ref().is_none_or(|name| there.any(|one| one == name.value))
            };
            let workloads = there.workloads.iter().map(|workload| workload.name.as_str());
            let pools = there.pools.iter().map(String::as_str);
            if !known(&spec.workload, Box::new(workloads)) || !known(&spec.nodepool, Box::new(pools)) {
                return None;
            }
            let (at_least, at_most) = how_often(spec);
            Check::Happened { of: spec.happening(), phases: names(&spec.phases), at_least, at_most }
        }
        ExpectationSpec::Pending(spec) => {
            Check::Pending { workloads: there.pods(&spec.workloads, true)?, says: spec.says.clone() }
        }
        ExpectationSpec::Undisturbed(spec) => {
            Check::Undisturbed { workloads: there.pods(&spec.workloads, false)?, phases: names(&spec.phases) }
        }
        ExpectationSpec::Available(spec) => Check::Available {
            workloads: there.pods(&spec.workloads, false)?,
            at_least: spec.at_least.value,
            phases: names(&spec.phases),
        },
        ExpectationSpec::Replaced(spec) => Check::Replaced {
            nodepools: chosen(&spec.nodepools.value, there.pools)?,
            phase: spec.phase.value.clone(),
            reason: spec.because.clone(),
            at_least: number(spec.at_least.as_ref()),
            differs_in: spec.differs_in,
        },
        ExpectationSpec::Kept(spec) => {
            Check::Kept { nodepools: chosen(&spec.nodepools.value, there.pools)?, phases: names(&spec.phases) }
        }
        ExpectationSpec::AtOnce(spec) => Check::AtOnce {
            nodepools: chosen(&spec.nodepools.value, there.pools)?,
            reason: spec.because.clone(),
            at_most: spec.at_most.value,
            phases: names(&spec.phases),
        },
        ExpectationSpec::Price(spec) => Check::Price {
            before: spec.before.value.clone(),
            after: spec.after.value.clone(),
            at_most_percent: spec.at_most_percent.value,
        },
        ExpectationSpec::Savings(spec) => Check::Savings { at_least_percent: spec.at_least_percent.value },
        ExpectationSpec::Quota(_) => Check::Quota {
            scopes: there
                .azure
                .quota_cores
                .iter()
                .map(|(scope, cores)| QuotaScope { scope: scope.clone(), cores: *cores })
                .collect(),
        },
        ExpectationSpec::ReplacedBeforeLoss(spec) => Check::ReplacedBeforeLoss { phases: names(&spec.phases) },
        ExpectationSpec::Field(spec) => {
            Check::Field { of: objects::field(spec), phases: names(&spec.phases), always: spec.always }
        }
        ExpectationSpec::Changes(spec) => Check::Changes {
            object: spec.object.value.clone(),
            path: objects::path(&spec.path.value),
            at_least: number(spec.at_least.as_ref()),
            at_most: number(spec.at_most.as_ref()),
            phases: names(&spec.phases),
        },
        ExpectationSpec::Order(spec) => {
            Check::Order { kustomizations: names(&spec.kustomizations), phases: names(&spec.phases) }
        }
        ExpectationSpec::Usage(spec) => Check::Usage {
            processes: names(&spec.processes),
            cpu: number(spec.cpu.as_ref()),
            memory: number(spec.memory.as_ref()),
            phases: names(&spec.phases),
        },
        ExpectationSpec::Notified(spec) => {
            let (at_least, at_most) = so_often((spec.at_least.as_ref(), spec.at_most.as_ref()));
            Check::Happened { of: spec.happening(), phases: names(&spec.phases), at_least, at_most }
        }
        ExpectationSpec::AppliedInOrder(spec) => Check::AppliedInOrder { last: spec.last, phases: names(&spec.phases) },
    };
    Some(Expectation { name: title(expected), group: expected.group.clone(), check })
}

fn number<T: Copy>(setting: Option<&Setting<T>>) -> Option<T> {
    setting.map(|setting| setting.value)
}

fn chosen(selection: &Selection, from: &[String]) -> Option<Vec<String>> {
    let chosen: Vec<String> = match selection {
        Selection::All => from.to_vec(),
        Selection::Named(names) => {
            from.iter().filter(|one| names.iter().any(|name| name.value == **one)).cloned().collect()
        }
    };
    (!chosen.is_empty()).then_some(chosen)
}
