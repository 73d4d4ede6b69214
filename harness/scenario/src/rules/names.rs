//! Names: well formed and unique.

use std::collections::BTreeMap;

use super::Context;
use harness_yaml::{Diagnostic, Mark};

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
            "use lower-case letters, digits and hyphens, start with a letter, at most {NAME_LENGTH_MAX} characters"
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
        if let (Some(autoscale), Some(node)) =
            (&workload.autoscale, context.document.at(&["workloads", name, "autoscale"]))
        {
            found.extend(autoscale.problems().into_iter().map(|problem| context.placed(node, problem)));
        }
        if let (Some(containers), Some(node)) =
            (&workload.containers, context.document.at(&["workloads", name, "containers"]))
        {
            found.extend(containers.problems().into_iter().map(|problem| context.placed(node, problem)));
            if containers.never_ready && workload.awaited {
                let mark = context.key_mark(&["workloads", name, "containers", "neverReady"]);
                let message = "phases wait for these pods, which are never Ready";
                found.push(context.error(mark, message, "mark the workload `awaited: false`"));
            }
        }
        if let Some(spread) = &workload.spread {
            found.extend(context.all_placed(spread.mark, spread.problems()));
        }
        for affinity in &workload.affinity {
            found.extend(context.all_placed(affinity.mark, affinity.problems(&context.names())));
        }
    }
    found
}

/// An object of the cluster has one name.
pub(super) fn objects(context: &Context<'_>) -> Vec<Diagnostic> {
    let objects = &context.scenario.objects;
    let mut found = Vec::new();
    let mut addresses: BTreeMap<_, &str> = BTreeMap::new();
    for (name, spec) in objects {
        let mark = context.key_mark(&["objects", name]);
        found.extend(malformed(context, "an object", name, mark));
        let address = (&spec.api_version, &spec.kind, &spec.namespace, &spec.name);
        if let Some(first) = addresses.insert(address, name) {
            let message = format!("`{name}` is the same object as `{first}`");
            found.push(context.error(mark, message, "name it once"));
        }
    }
    found
}
