//! A gate that cannot fail proves nothing.

use super::{Context, Story};
use crate::diagnostic::Diagnostic;
use crate::expand::expectation_name;
use crate::model::{ExpectationSpec, Selection};

pub(super) fn can_fail(context: &Context<'_>) -> Vec<Diagnostic> {
    let story = Story::of(context.scenario, context.values);
    let anything_runs = story.scalings().any(|scaling| scaling.to > 0);
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
            ExpectationSpec::Fleet(fleet) if fleet.vms.is_some() && !anything_runs => {
                let hint = "scale workloads up in a phase, or remove this";
                found.push(context.error(expectation.mark, "a fleet without VMs agrees with every cluster", hint));
            }
            _ => {}
        }
    }
    found
}

pub(super) fn are_different(context: &Context<'_>) -> Vec<Diagnostic> {
    let expect = &context.scenario.expect;
    let names: Vec<String> = expect.iter().map(|one| expectation_name(&one.value, context.values)).collect();
    expect
        .iter()
        .enumerate()
        .filter(|(index, _)| names[..*index].contains(&names[*index]))
        .map(|(index, one)| {
            context.error(one.mark, format!("`{}` is expected twice", names[index]), "remove one of them")
        })
        .collect()
}
