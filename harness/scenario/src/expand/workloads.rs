//! Which workloads a run has on this tree.

use std::collections::BTreeSet;

use super::Inputs;
use crate::model::{OtherClasses, Tolerations, WorkloadSpec};
use harness_plan::{NodeClass, Workload};
use harness_tree::derive::{Aim, PodSize, aim, capacity, derived_size, pods_on};
use harness_tree::max_pods;
use harness_yaml::Diagnostic;
use harness_yaml::suggest;

/// A workload and how many of its pods the class can hold.
pub(super) struct Sized {
    pub(super) workload: Workload,
    /// The most of its pods that a node of its class can hold.
    pub(super) per_node: u64,
    /// The maximum number of replicas; more would wait for ever.
    bound: Option<u32>,
    /// Set once the bound has cut the number of a phase.
    asked: u32,
}

impl Sized {
    /// The wanted replicas, as far as there is room.
    pub(super) fn bounded(&mut self, replicas: u32) -> u32 {
        self.asked = self.asked.max(replicas);
        self.bound.map_or(replicas, |bound| replicas.min(bound))
    }

    /// What was cut.
    pub(super) fn note(&self) -> Option<String> {
        let bound = self.bound.filter(|bound| *bound < self.asked)?;
        Some(format!(
            "`{}` has {bound} pods where the scenario asks for {}: more do not fit into the limits of `{}`",
            self.workload.name, self.asked, self.workload.class
        ))
    }
}

/// What the tree gives a scenario.
pub(super) struct Chosen {
    pub(super) workloads: Vec<Sized>,
    pub(super) classes: Vec<NodeClass>,
    pub(super) notes: Vec<String>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

pub(super) fn choose(inputs: &Inputs<'_>) -> Chosen {
    let pools = &inputs.tree.pools;
    let aims: Vec<Aim<'_>> = pools.iter().map(|pool| aim(pool, pools, inputs.skus)).collect();
    let mut choice = Choice {
        inputs,
        chosen: Chosen {
            workloads: Vec::new(),
            classes: aims.iter().map(class).collect(),
            notes: Vec::new(),
            diagnostics: Vec::new(),
        },
        used: BTreeSet::new(),
    };
    let model = &inputs.bound.file;
    for (name, spec) in &model.workloads {
        choice.named(name, spec, &aims);
    }
    let unnamed: Vec<&Aim<'_>> = aims.iter().filter(|aim| !choice.used.contains(aim.pool.name.as_str())).collect();
    if model.other_classes == OtherClasses::Derived {
        unnamed.into_iter().for_each(|aim| choice.derived(aim));
    }
    choice.nothing_left();
    choice.chosen
}

fn class(aim: &Aim<'_>) -> NodeClass {
    let pool = aim.pool;
    NodeClass {
        name: pool.name.clone(),
        node_class: pool.node_class.clone(),
        weight: pool.weight,
        limits: pool.limits.clone(),
        at: pool.at(),
        untestable: aim.untestable.clone(),
        aimed_by: aim.because.clone(),
    }
}

struct Choice<'a> {
    inputs: &'a Inputs<'a>,
    chosen: Chosen,
    /// Pools that a named workload is for.
    used: BTreeSet<String>,
}

impl Choice<'_> {
    /// On the tree that a scenario is written for, what it names must be there and fit.
    fn own_tree(&self) -> bool {
        self.inputs.tree.source == self.inputs.scenario.node_config()
    }

    fn error(&mut self, mark: harness_yaml::Mark, message: String, hint: String) {
        let file = self.inputs.scenario.file();
        self.chosen.diagnostics.push(Diagnostic::new(file, mark, message).with_hint(hint));
    }

    fn named(&mut self, name: &str, spec: &WorkloadSpec, aims: &[Aim<'_>]) {
        let Some(aim) = aims.iter().find(|aim| aim.pool.name == spec.class.value) else {
            if self.own_tree() {
                let names = aims.iter().map(|aim| aim.pool.name.as_str());
                let hint = suggest::hint(&spec.class, names);
                let message =
                    format!("there is no class `{}` in the tree `{}`", spec.class.value, self.inputs.tree.source);
                self.error(spec.class.mark, message, hint);
            } else {
                let note = format!("`{name}` is left out: the tree has no class `{}`", spec.class.value);
                self.chosen.notes.push(note);
            }
            return;
        };
        if aim.untestable.is_some() {
            self.used.insert(aim.pool.name.clone());
            return;
        }
        if spec.stays_pending {
            self.control(name, spec, aim);
            return;
        }
        let pod = PodSize { cpu: spec.cpu.value, memory: spec.memory.value };
        let pods_max = max_pods(aim.pool.max_pods);
        if !aim.fitting.iter().any(|sku| pods_on(sku, pod, pods_max) > 0) {
            let largest = aim.fitting.last().map_or("none", |sku| sku.name.as_str());
            let message = format!(
                "a pod of `{name}` ({}, {}) is larger than every size that `{}` can use, of which the largest is {largest}",
                pod.cpu, pod.memory, aim.pool.name
            );
            if self.own_tree() {
                self.error(spec.cpu.mark, message, "request less".to_owned());
                self.used.insert(aim.pool.name.clone());
            } else {
                self.chosen.notes.push(format!("{message}; a workload is derived instead"));
            }
            return;
        }
        self.used.insert(aim.pool.name.clone());
        let fallback = self.fallback(spec, aims);
        let (mut most, mut surely) = capacity(&aim.fitting, &aim.pool.limits, pod, pods_max);
        for aim in &fallback {
            let more = capacity(&aim.fitting, &aim.pool.limits, pod, max_pods(aim.pool.max_pods));
            (most, surely) = (most.saturating_add(more.0), surely.saturating_add(more.1));
        }
        let bound = match () {
            () if !spec.awaited => u64::MAX,
            () if self.own_tree() => most,
            () => surely,
        };
        self.add(name.to_owned(), aim, pod, bound, Some(spec));
        if let Some(sized) = self.chosen.workloads.last_mut() {
            widen(&mut sized.workload, &fallback, spec);
        }
    }

    /// The other classes on which the pods may run, of those that the tree has.
    fn fallback<'a>(&mut self, spec: &WorkloadSpec, aims: &'a [Aim<'a>]) -> Vec<&'a Aim<'a>> {
        let mut found = Vec::new();
        for class in &spec.fallback {
            match aims.iter().find(|aim| aim.pool.name == class.value) {
                Some(aim) => found.push(aim),
                None if self.own_tree() => {
                    let hint = suggest::hint(class, aims.iter().map(|aim| aim.pool.name.as_str()));
                    let message =
                        format!("there is no class `{}` in the tree `{}`", class.value, self.inputs.tree.source);
                    self.error(class.mark, message, hint);
                }
                None => self.chosen.notes.push(format!("the tree has no class `{}` to fall back to", class.value)),
            }
        }
        found
    }

    /// A negative control: whether it fits is what the run asks. Its class still wants a workload that does fit.
    fn control(&mut self, name: &str, spec: &WorkloadSpec, aim: &Aim<'_>) {
        let pod = PodSize { cpu: spec.cpu.value, memory: spec.memory.value };
        self.add(name.to_owned(), aim, pod, u64::MAX, Some(spec));
    }

    fn derived(&mut self, aim: &Aim<'_>) {
        if aim.untestable.is_some() {
            return;
        }
        let limits = &aim.pool.limits;
        let Some(pod) = derived_size(&aim.fitting, limits) else {
            let reason = "its limits are smaller than one node of every size that it can use";
            self.untestable(&aim.pool.name, reason);
            return;
        };
        let (_, surely) = capacity(&aim.fitting, limits, pod, max_pods(aim.pool.max_pods));
        let name = self.free_name(&aim.pool.name);
        self.add(name, aim, pod, surely, None);
    }

    fn untestable(&mut self, name: &str, reason: &str) {
        if let Some(class) = self.chosen.classes.iter_mut().find(|class| class.name == name) {
            class.untestable = Some(reason.to_owned());
        }
    }

    /// A Deployment's name for a pool: labels allow fewer characters than names of pools.
    fn free_name(&self, pool: &str) -> String {
        let taken = |name: &str| {
            self.chosen.workloads.iter().any(|sized| sized.workload.name == name)
                || self.inputs.bound.file.workloads.contains_key(name)
        };
        let base: String = pool.replace('.', "-").chars().take(48).collect();
        let base = base.trim_end_matches('-');
        std::iter::once(base.to_owned())
            .chain((2_u32..).map(|number| format!("{base}-{number}")))
            .find(|name| !taken(name))
            .unwrap_or_default()
    }

    fn add(&mut self, name: String, aim: &Aim<'_>, pod: PodSize, bound: u64, spec: Option<&WorkloadSpec>) {
        let mut workload = Workload {
            node_selector: aim.node_selector.clone(),
            tolerations: aim.tolerations.clone(),
            ..Workload::new(name, &aim.pool.name, pod.cpu, pod.memory)
        };
        if let Some(spec) = spec {
            adorn(&mut workload, spec);
        }
        let pods_max = max_pods(aim.pool.max_pods);
        let per_node = aim.fitting.iter().map(|sku| pods_on(sku, pod, pods_max)).max().unwrap_or(0);
        self.chosen.workloads.push(Sized { workload, per_node, bound: u32::try_from(bound).ok(), asked: 0 });
    }

    fn nothing_left(&mut self) {
        // A scenario about something else than pods asks for none.
        let mut actions = self.inputs.bound.file.phases.iter().flat_map(|phase| &phase.actions);
        let asks = actions.any(|action| matches!(action.variant, harness_plan::Action::Scale(_)));
        if !asks || !self.chosen.workloads.is_empty() || !self.chosen.diagnostics.is_empty() {
            return;
        }
        let reasons: Vec<String> = self
            .chosen
            .classes
            .iter()
            .filter_map(|class| Some(format!("{} at {}: {}", class.name, class.at, class.untestable.as_ref()?)))
            .collect();
        let hint = if reasons.is_empty() {
            "name workloads for its classes, or set `otherClasses: derived`".to_owned()
        } else {
            reasons.join("; ")
        };
        let message = format!("no class of the tree `{}` can be tested by this scenario", self.inputs.tree.source);
        let mark = self.inputs.scenario.key_mark(&["workloads"]);
        self.error(mark, message, hint);
    }
}

/// Lets the pods run on nodes of other classes too: they are reached by name, and tolerate the taints of all of them.
fn widen(workload: &mut Workload, fallback: &[&Aim<'_>], spec: &WorkloadSpec) {
    if fallback.is_empty() {
        return;
    }
    workload.fallback = fallback.iter().map(|aim| aim.pool.name.clone()).collect();
    // A node selector names one of them only.
    workload.node_selector = spec.node_selector.clone();
    if spec.tolerations == Tolerations::OfTheClass {
        let more = fallback.iter().flat_map(|aim| &aim.tolerations);
        let more: Vec<_> = more.filter(|toleration| !workload.tolerations.contains(toleration)).cloned().collect();
        workload.tolerations.extend(more);
    }
}

/// What a scenario says of a workload beyond its class and size.
fn adorn(workload: &mut Workload, spec: &WorkloadSpec) {
    workload.node_selector.extend(spec.node_selector.clone());
    if spec.tolerations == Tolerations::None {
        workload.tolerations.clear();
    }
    workload.stays_pending = spec.stays_pending;
    workload.awaited = spec.awaited && !spec.stays_pending;
    workload.do_not_disrupt = spec.do_not_disrupt;
    workload.disruption_budget = spec.disruption_budget;
    workload.spread = spec.spread.as_ref().map(|spread| spread.value.clone()).unwrap_or_default();
    workload.affinity = spec.affinity.iter().map(|affinity| affinity.value.clone()).collect();
    workload.prefers = spec.prefers.clone();
    workload.priority = spec.priority;
    workload.termination_grace_period = spec.termination_grace_period;
    workload.autoscale = spec.autoscale.clone();
}
