//! A gate that cannot fail proves nothing.

use super::{Context, Story};
use crate::expand::expectation_title;
use crate::model::{ExpectationSpec, PendingSpec, Selection, Setting};
use harness_plan::COMPONENTS;
use harness_units::Amount;
use harness_yaml::Diagnostic;
use harness_yaml::suggest;
use harness_yaml::{Located, Mark};

pub(super) fn can_fail(context: &Context<'_>) -> Vec<Diagnostic> {
    let story = Story::of(context.scenario);
    let anything_runs = story.scalings().any(|scaling| scaling.to > 0);
    let has_layers = context.scenario.gitops.as_ref().is_some_and(|gitops| gitops.tree.is_some());
    let mut found = Vec::new();
    for expectation in &context.scenario.expect {
        match &expectation.value {
            ExpectationSpec::Placement(placement) => {
                let names: Vec<&str> = match &placement.workloads.value {
                    Selection::All if anything_runs => Vec::new(),
                    Selection::All => {
                        let hint = "scale workloads up in a phase, or remove this";
                        found.push(context.error(
                            placement.workloads.mark,
                            "a placement over no pods cannot fail",
                            hint,
                        ));
                        continue;
                    }
                    Selection::Named(names) => names.iter().map(|name| name.as_str()).collect(),
                };
                for name in names.into_iter().filter(|name| !story.ever_runs(name)) {
                    let message = format!("`{name}` never has a pod, so that its placement cannot fail");
                    found.push(context.error(
                        placement.workloads.mark,
                        message,
                        "scale it up in a phase, or leave it out",
                    ));
                }
            }
            ExpectationSpec::Limits(limits) if !anything_runs => {
                let hint = "scale workloads up in a phase, or remove this";
                found.push(context.error(
                    limits.nodepools.mark,
                    "limits of pools without nodes cannot be exceeded",
                    hint,
                ));
            }
            ExpectationSpec::Fleet(fleet) if fleet.vms.is_none() && fleet.at_the_end.is_none() => {
                found.push(context.error(expectation.mark, "this expects nothing", "give `vms`, `at-the-end` or both"));
            }
            // Pods of layers need machines too.
            ExpectationSpec::Fleet(fleet) if fleet.vms.is_some() && !anything_runs && !has_layers => {
                let hint = "scale workloads up in a phase, or remove this";
                found.push(context.error(expectation.mark, "a fleet without VMs agrees with every cluster", hint));
            }
            other => found.extend(proves_nothing(context, other, expectation.mark)),
        }
    }
    found
}

/// Expectations that hold whatever happens.
fn proves_nothing(context: &Context<'_>, expectation: &ExpectationSpec, mark: Mark) -> Vec<Diagnostic> {
    let number = |setting: &Option<Setting<u32>>| setting.as_ref().map(|setting| setting.value);
    let (message, hint) = match expectation {
        ExpectationSpec::Happened(spec) => match (number(&spec.at_least), number(&spec.at_most)) {
            (Some(0), None) => ("whatever happens, it happens at least 0 times", "give `atLeast: 1`, or `atMost`"),
            (Some(least), Some(most)) if least > most => ("nothing is between these bounds", "swap them"),
            _ => return Vec::new(),
        },
        ExpectationSpec::Notified(_) if context.scenario.webhook.is_none() => {
            ("nobody listens for notifications", "have the run listen: `webhook: {}`")
        }
        ExpectationSpec::Notified(spec) => match (number(&spec.at_least), number(&spec.at_most)) {
            (Some(0), None) => ("there are always at least 0 notifications", "give `atLeast: 1`, or `atMost`"),
            (Some(least), Some(most)) if least > most => ("nothing is between these bounds", "swap them"),
            _ => return Vec::new(),
        },
        ExpectationSpec::Available(spec) if spec.at_least.value.of(100) == 0 => {
            ("at least no pod at all is always available", "give a number above 0")
        }
        ExpectationSpec::Replaced(spec) if number(&spec.at_least) == Some(0) => {
            ("at least no node at all is always replaced", "give a number above 0")
        }
        ExpectationSpec::AtOnce(spec) if spec.at_most.value == Amount::Percent(100) => {
            ("no more than all nodes can be disrupted at once", "give less than 100%")
        }
        ExpectationSpec::Price(spec) if spec.at_most_percent.value == 0 => {
            ("a fleet that costs nothing has no nodes", "expect `fleet: {at-the-end: 0}`")
        }
        ExpectationSpec::Savings(spec) if spec.at_least_percent.value == 0 => {
            ("savings of at least nothing cannot be missed", "give a percentage above 0")
        }
        ExpectationSpec::Quota(_) if context.scenario.azure.quota_cores.is_empty() => {
            ("there is no quota that could be exceeded", "set `azure: {quotaCores: {F: 16}}`")
        }
        ExpectationSpec::Pending(spec) => return not_pending(context, spec),
        ExpectationSpec::Order(spec) if spec.kustomizations.len() < 2 => {
            ("one Kustomization alone is always in order", "name those that follow it too")
        }
        ExpectationSpec::Usage(spec) => return no_processes(context, &spec.processes),
        _ => return Vec::new(),
    };
    vec![context.error(mark, message, hint)]
}

/// Pods that phases wait for cannot be expected to stay pending.
fn not_pending(context: &Context<'_>, spec: &PendingSpec) -> Vec<Diagnostic> {
    let workloads = &context.scenario.workloads;
    let hint = "mark them: `staysPending: true`";
    match &spec.workloads.value {
        Selection::All if workloads.values().any(|workload| workload.stays_pending) => Vec::new(),
        Selection::All => vec![context.error(spec.workloads.mark, "no workload is to stay pending", hint)],
        Selection::Named(names) => names
            .iter()
            .filter(|name| workloads.get(&name.value).is_some_and(|workload| !workload.stays_pending))
            .map(|name| context.error(name.mark, format!("phases wait for the pods of `{}`", name.value), hint))
            .collect(),
    }
}

/// A process that no sample can name.
fn no_processes(context: &Context<'_>, names: &[Located<String>]) -> Vec<Diagnostic> {
    let known = || COMPONENTS.into_iter().chain(["supervisor"]);
    let unknown = names.iter().filter(|name| !known().any(|process| process == name.value));
    unknown
        .map(|name| {
            let message = format!("no process is named `{}`", name.value);
            context.error(name.mark, message, suggest::hint(name, known()))
        })
        .collect()
}

pub(super) fn are_different(context: &Context<'_>) -> Vec<Diagnostic> {
    let expect = &context.scenario.expect;
    let names: Vec<String> = expect.iter().map(expectation_title).collect();
    expect
        .iter()
        .enumerate()
        .filter(|(index, _)| names[..*index].contains(&names[*index]))
        .map(|(index, one)| {
            context.error(one.mark, format!("`{}` is expected twice", names[index]), "remove one of them")
        })
        .collect()
}
