//! Names: well formed, unique, and known where they are referred to.

use std::collections::BTreeMap;

use super::Context;
use crate::model::{ExpectationSpec, Selection, UntilSpec};
use harness_yaml::Diagnostic;
use harness_yaml::suggest;
use harness_yaml::{Located, Mark};

/// Names become file names, labels and names of Deployments.
const NAME_LENGTH_MAX: usize = 42;

pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= NAME_LENGTH_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

pub(super) fn malformed(context: &Context<'_>, what: &str, name: &str, mark: Mark) -> Option<Diagnostic> {
    (!is_name(name)).then(|| {
        let hint = format!(
            "use lower-case letters, digits and hyphens, begin with a letter, at most {NAME_LENGTH_MAX} characters"
        );
        context.error(mark, format!("`{name}` cannot be the name of {what}"), hint)
    })
}

pub(super) fn scenario_and_phases(context: &Context<'_>) -> Vec<Diagnostic> {
    let scenario = context.scenario;
    let mut found: Vec<_> = malformed(context, "a scenario", &scenario.name, scenario.name.mark).into_iter().collect();
    if scenario.phases.is_empty() {
        found.push(context.error(
            context.key_mark(&["phases"]),
            "there are no phases",
            "a scenario does something in at least one",
        ));
    }
    let mut seen: BTreeMap<&str, Mark> = BTreeMap::new();
    for phase in &scenario.phases {
        found.extend(malformed(context, "a phase", &phase.name, phase.name.mark));
        if let Some(first) = seen.insert(&phase.name, phase.name.mark) {
            let message = format!("a second phase named `{}`; the first is in line {}", phase.name.value, first.line);
            found.push(context.error(phase.name.mark, message, "reports refer to phases by name: give each its own"));
        }
    }
    found
}

pub(super) fn workloads(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, workload) in &context.scenario.workloads {
        found.extend(malformed(context, "a workload", name, context.key_mark(&["workloads", name])));
        for (what, mark, zero) in [
            ("cpu", workload.cpu.mark, workload.cpu.value.0 == 0),
            ("memory", workload.memory.mark, workload.memory.value.0 == 0),
        ] {
            if zero {
                let message = format!("the pods of `{name}` request no {what}");
                let hint = "pods without a request never need a new node: give a quantity above 0";
                found.push(context.error(mark, message, hint));
            }
        }
    }
    found
}

pub(super) fn selections(context: &Context<'_>) -> Vec<Diagnostic> {
    let scenario = context.scenario;
    let expected = scenario.expect.iter().filter_map(|expectation| expectation.value.workloads());
    let mut found = Vec::new();
    for selection in expected {
        found.extend(unknown(context, selection));
    }
    for selection in scenario.expect.iter().filter_map(|expectation| expectation.value.nodepools()) {
        found.extend(repeated(context, selection));
    }
    found
}

/// Workloads and phases that are named one at a time.
pub(super) fn references(context: &Context<'_>) -> Vec<Diagnostic> {
    let scenario = context.scenario;
    let workloads = || scenario.workloads.keys().map(String::as_str);
    let mut named: Vec<&Located<String>> = Vec::new();
    for phase in &scenario.phases {
        for until in phase.until.iter().flat_map(|until| &until.0) {
            match until {
                UntilSpec::Happened(spec) => named.extend(&spec.workload),
                UntilSpec::ReadyPods(spec) => named.push(&spec.workload),
                _ => {}
            }
        }
    }
    for expectation in &scenario.expect {
        if let ExpectationSpec::Happened(spec) = &expectation.value {
            named.extend(&spec.workload);
        }
    }
    let mut found = Vec::new();
    for name in named.into_iter().filter(|name| !workloads().any(|known| known == name.value)) {
        let message = format!("unknown workload `{}`", name.value);
        found.push(context.error(name.mark, message, suggest::hint(name, workloads())));
    }
    let phases = || scenario.phases.iter().map(|phase| phase.name.as_str());
    for name in scenario.expect.iter().flat_map(|expectation| expectation.value.phases()) {
        if !phases().any(|known| known == name.value) {
            let message = format!("unknown phase `{}`", name.value);
            found.push(context.error(name.mark, message, suggest::hint(name, phases())));
        }
    }
    found
}

fn unknown(context: &Context<'_>, selection: &Located<Selection>) -> Vec<Diagnostic> {
    let Selection::Named(names) = &selection.value else { return Vec::new() };
    let known = &context.scenario.workloads;
    let mut found = repeated(context, selection);
    for name in names.iter().filter(|name| !known.contains_key(&name.value)) {
        let message = format!("unknown workload `{}`", name.value);
        let hint = if known.is_empty() {
            "write `all`: the workloads of this scenario are derived from the tree".to_owned()
        } else {
            suggest::hint(name, known.keys().map(String::as_str))
        };
        found.push(context.error(name.mark, message, hint));
    }
    found
}

fn repeated(context: &Context<'_>, selection: &Located<Selection>) -> Vec<Diagnostic> {
    let Selection::Named(names) = &selection.value else { return Vec::new() };
    let again = |(index, name): (usize, &Located<String>)| {
        names[..index]
            .contains(name)
            .then(|| context.error(name.mark, format!("`{}` is named twice", name.value), "name it once"))
    };
    names.iter().enumerate().filter_map(again).collect()
}
