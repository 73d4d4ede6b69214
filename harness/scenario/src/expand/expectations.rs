//! Expectations with their names and their values filled in.

use std::fmt::Write;

use crate::Span;
use crate::model::{ExpectationSpec, Scalar, Selection, Setting};
use crate::parameters::Values;
use crate::plan::{Check, Expectation, LatencyCheck, Phase};

/// The name of an expectation, the same in every report: what is checked and the limits that hold in this run.
pub(crate) fn name(spec: &ExpectationSpec, values: &Values) -> String {
    match spec {
        ExpectationSpec::Placement(placement) => {
            let only = if placement.exclusively { ", exclusively" } else { "" };
            format!("placement of {} on their class{only}", say(&placement.workloads.value, "workloads"))
        }
        ExpectationSpec::Latency(latency) => {
            let mut name = format!("latency {}", latency.of.value);
            if let Some(by) = &latency.by {
                write!(name, " by {}", by.value.as_str()).expect("writing to a text does not fail");
            }
            let mut limits: Vec<String> = latency
                .limits()
                .into_iter()
                .map(|(_, key, limit)| format!("{key} <= {}", values.of(&limit.value)))
                .collect();
            limits.extend(latency.censored.as_ref().map(|most| format!("censored <= {}", values.of(&most.value))));
            format!("{name} {}", limits.join(", "))
        }
        ExpectationSpec::Limits(limits) => format!("limits of {}", say(&limits.nodepools.value, "nodepools")),
        ExpectationSpec::Fleet(fleet) => {
            let parts = [
                fleet.vms.map(|_| "as many VMs as NodeClaims".to_owned()),
                fleet.at_the_end.as_ref().map(|left| format!("{} VMs at the end", values.of(&left.value))),
            ];
            format!("fleet: {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
    }
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
        let (until, within) = (phase.until?, phase.within?);
        Some(Expectation {
            name: format!("phase {} reaches {} within {within}", phase.name, until.as_str()),
            check: Check::Phase { phase: phase.name.clone() },
        })
    })
}

/// What the scenario expects, on these workloads and pools. `None` where nothing of this tree can be checked.
pub(super) fn of_spec(
    spec: &ExpectationSpec,
    values: &Values,
    workloads: &[String],
    limited: &[String],
) -> Option<Expectation> {
    let check = match spec {
        ExpectationSpec::Placement(placement) => Check::Placement {
            workloads: chosen(&placement.workloads.value, workloads)?,
            exclusively: placement.exclusively,
        },
        ExpectationSpec::Latency(latency) => Check::Latency(LatencyCheck {
            of: latency.of.value,
            by: latency.by.as_ref().map(|by| by.value),
            limits: latency
                .limits()
                .into_iter()
                .map(|(percentile, _, limit)| (percentile, values.of::<Span>(&limit.value)))
                .collect(),
            censored: number(latency.censored.as_ref(), values).map(u64::from),
            samples_min: number(latency.samples_min.as_ref(), values).map_or(1, u64::from),
        }),
        ExpectationSpec::Limits(limits) => Check::Limits { nodepools: chosen(&limits.nodepools.value, limited)? },
        ExpectationSpec::Fleet(fleet) => Check::Fleet {
            as_many_as_nodeclaims: fleet.vms.is_some(),
            at_the_end: number(fleet.at_the_end.as_ref(), values),
        },
    };
    Some(Expectation { name: name(spec, values), check })
}

fn number<T: Scalar>(setting: Option<&Setting<T>>, values: &Values) -> Option<T> {
    setting.map(|setting| values.of(&setting.value))
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
