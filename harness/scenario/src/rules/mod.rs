//! What the structure of a scenario cannot say: one function a rule, each with every error that it finds.

mod actions;
mod estimate;
mod expectations;
mod names;
mod needs;
mod phases;
mod schedule;

use std::collections::BTreeMap;

use crate::model::{PhaseSpec, ScenarioFile, WorkloadSpec};
use crate::schema::Use;
use harness_plan::{Action, Condition, Facts, Names};
use harness_simulation::{Fault, FaultKind};
use harness_units::Span;
use harness_yaml::Diagnostic;
use harness_yaml::{Located, Mark, Node, Problem};

pub(crate) use estimate::{CONSOLIDATE_AFTER, expected};
use schedule::DERIVED;
pub(crate) use schedule::{PhaseSchedule, Schedule};

/// The input of a rule.
pub(crate) struct Context<'a> {
    pub(crate) file: &'a str,
    pub(crate) document: &'a Node,
    pub(crate) scenario: &'a ScenarioFile,
    pub(crate) uses: &'a [Use],
}

impl Context<'_> {
    fn error(&self, mark: Mark, message: impl Into<String>, hint: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.file, mark, message).with_hint(hint)
    }

    /// A value, and the parameter that it is from where it is from one: `5m ($podReadyP99)`.
    fn value_and_parameter<T: std::fmt::Display>(&self, value: &Located<T>) -> String {
        match self.uses.iter().find(|used| used.mark == value.mark) {
            Some(used) => format!("{} (${})", value.value, used.parameter),
            None => value.value.to_string(),
        }
    }

    /// What the scenario names.
    fn names(&self) -> Names<'_> {
        Names {
            workloads: self.scenario.workloads.keys().map(String::as_str).collect(),
            objects: &self.scenario.objects,
            phases: self.scenario.phases.iter().map(|phase| phase.name.as_str()).collect(),
            faults: self.scenario.faults().filter(|fault| !fault.kind.is_instant()).filter_map(Fault::name).collect(),
            codes: self.scenario.faults().filter_map(|fault| fault.kind.own_code()).collect(),
        }
    }

    /// What the scenario names and does, for its expectations.
    fn facts(&self) -> Facts<'_> {
        let scenario = self.scenario;
        let schedule = Schedule::of(scenario);
        let names = self.names();
        let marked = |is: fn(&WorkloadSpec) -> bool| {
            scenario.workloads.iter().filter(move |(_, workload)| is(workload)).map(|(name, _)| name.as_str())
        };
        Facts {
            peaks: peaks(scenario, &schedule),
            derived_peak: schedule.peak(DERIVED),
            scales_up: schedule.scalings().any(|scaling| scaling.to > 0),
            pending: marked(|workload| workload.stays_pending).collect(),
            not_awaited: marked(|workload| workload.stays_pending || !workload.awaited).collect(),
            budgeted: marked(|workload| workload.disruption_budget.is_some()).collect(),
            pods_at_end: pods_at_end(scenario, &schedule),
            has_layers: scenario.gitops.as_ref().is_some_and(|gitops| gitops.tree.is_some()),
            has_webhook: scenario.webhook.is_some(),
            has_quota: !scenario.azure.quota_cores.is_empty()
                || self.scenario.faults().any(|fault| matches!(fault.kind, FaultKind::Quota { .. })),
            pushes: self.any_action(Action::pushes),
            names,
        }
    }

    /// Whether any phase has an action of this kind.
    fn any_action(&self, is: impl Fn(&Action) -> bool) -> bool {
        self.scenario.actions().any(|action| is(&action.variant))
    }

    /// Problems of the value that stands at a place.
    fn all_placed(&self, value: Mark, problems: Vec<Problem>) -> Vec<Diagnostic> {
        let Some(node) = self.document.find(value) else { return Vec::new() };
        problems.into_iter().map(|problem| self.placed(node, problem)).collect()
    }

    /// A problem of the value at a node.
    fn placed(&self, node: &Node, problem: Problem) -> Diagnostic {
        let place = if problem.is_key { node.key_place(&problem.path) } else { node.place(&problem.path) };
        let message = match self.uses.iter().find(|used| used.mark == place) {
            Some(used) => format!("{} (from ${})", problem.message, used.parameter),
            None => problem.message,
        };
        self.error(place, message, problem.hint)
    }

    /// The place of the number of replicas that an action asks for.
    fn scale_mark(&self, action: Mark) -> Mark {
        let path = ["scale".to_owned(), "to".to_owned()];
        self.document.find(action).map_or(action, |node| node.place(&path))
    }

    fn key_mark(&self, path: &[&str]) -> Mark {
        key_mark(self.document, path)
    }
}

/// The most pods that each workload ever has. An autoscaler sleeps while its workload has no replicas; one may also change what the run has made
/// by hand, and then there may be any number.
fn peaks<'a>(scenario: &'a ScenarioFile, schedule: &Schedule) -> BTreeMap<&'a str, u32> {
    let is_changed = |workload: &str| {
        scenario.actions().any(|action| {
            let Action::Change(change) = &action.variant else { return false };
            let object = change.known_as(&scenario.objects).and_then(|name| scenario.objects.get(name));
            object.is_some_and(|object| object.name == workload && object.namespace.as_deref() == Some("{namespace}"))
        })
    };
    let peak = |(name, spec): (&'a String, &WorkloadSpec)| {
        let asked = match is_changed(name) {
            true => u32::MAX,
            false => schedule.peak(name),
        };
        let autoscaled = spec.autoscale.as_ref().map_or(0, |autoscale| autoscale.max);
        (asked > 0).then(|| (name.as_str(), asked.max(autoscaled)))
    };
    scenario.workloads.iter().filter_map(peak).collect()
}

/// Whether pods that were Ready are certainly there when the last phase ends: the phases waited for all of them, and did nothing more than to scale
/// afterwards.
fn pods_at_end(scenario: &ScenarioFile, schedule: &Schedule) -> bool {
    let waits = |phase: &PhaseSpec| {
        !phase.deadline_may_pass && phase.until.as_ref().is_some_and(|until| until.0.contains(&Condition::AllPodsReady))
    };
    let Some(waited) = scenario.phases.iter().rposition(waits) else { return false };
    let only_scales = scenario.phases[waited + 1..]
        .iter()
        .all(|phase| phase.actions.iter().all(|action| matches!(action.variant, Action::Scale(_))));
    let stays = |(name, spec): (&String, &WorkloadSpec)| {
        let plain = spec.awaited && !spec.stays_pending && spec.autoscale.is_none();
        plain && schedule.fewest_from(name, waited).is_some_and(|replicas| replicas > 0)
    };
    let is_calm = scenario.faults().next().is_none();
    only_scales && is_calm && scenario.workloads.iter().any(stays)
}

type Rule = fn(&Context<'_>) -> Vec<Diagnostic>;

const RULES: [Rule; 17] = [
    names::scenario_and_phases,
    names::workloads,
    needs::cover_the_actions,
    needs::placeholders_have_values,
    phases::end,
    phases::have_time,
    phases::count_from_earlier_ones,
    actions::make_sense,
    actions::are_in_time,
    actions::change_something,
    actions::follow_each_other,
    actions::undo_what_is_there,
    azure_is_possible,
    expectations::can_fail,
    expectations::are_different,
    expectations::limits_can_fail,
    names::objects,
];

/// Applies every rule.
pub(crate) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    RULES.iter().flat_map(|rule| rule(context)).collect()
}

/// The simulated Azure: distributions that exist, faults that happen.
fn azure_is_possible(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(node) = context.document.get("azure") else { return Vec::new() };
    context.scenario.azure.problems().into_iter().map(|problem| context.placed(node, problem)).collect()
}

/// The most that a phase can last: its deadline, or how long it is held.
pub(crate) fn length(phase: &PhaseSpec) -> Span {
    let setting = phase.within.as_ref().or(phase.hold.as_ref());
    setting.map_or(Span::ZERO, |setting| setting.value)
}

/// A text in backticks, or in quotes where it has backticks itself.
pub(crate) fn quoted(text: &str) -> String {
    if text.contains('`') { format!("\u{201c}{text}\u{201d}") } else { format!("`{text}`") }
}

/// The place of the key at the end of a path; the start of the file where there is none.
pub(crate) fn key_mark(document: &Node, path: &[&str]) -> Mark {
    let Some((last, parents)) = path.split_last() else { return Mark::START };
    document.at(parents).and_then(|parent| parent.entry(last)).map_or(Mark::START, |entry| entry.key_mark)
}
