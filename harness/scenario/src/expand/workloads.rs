//! Which workloads a run has on this tree.

use std::collections::BTreeSet;

use super::inputs::Inputs;
use super::moments::{Moment, Moments};
use super::sized::{Bound, Lack, Sized, together};
use crate::model::{OtherClasses, Tolerations, WorkloadSpec};
use harness_plan::{NodeClass, Workload};
use harness_tree::derive::{Aim, NodeOverhead, PodSize, aim, derived_size, pods_on, room_in};
use harness_tree::{NodePool, is_well_known, max_pods};
use harness_units::count;
use harness_yaml::suggest;
use harness_yaml::{Diagnostic, Located, Mark};

/// What the tree gives a scenario.
pub(super) struct Chosen {
    pub(super) workloads: Vec<Sized>,
    pub(super) classes: Vec<NodeClass>,
    pub(super) notes: Vec<String>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

pub(super) fn choose(inputs: &Inputs<'_>, moments: &Moments) -> Chosen {
    let pools = &inputs.tree.pools;
    let aims: Vec<Aim<'_>> = pools.iter().map(|pool| at_every_moment(aim(pool, pools, inputs.skus), moments)).collect();
    let mut choice = Choice {
        inputs,
        moments,
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
        choice.named(name, spec);
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
    moments: &'a Moments,
    chosen: Chosen,
    /// Pools that a named workload is for.
    used: BTreeSet<String>,
}

/// What else takes room on a node.
fn beside(overhead: NodeOverhead) -> String {
    let NodeOverhead { requests, pods } = overhead;
    if pods == 0 {
        String::new()
    } else {
        format!(
            "; the DaemonSets of AKS take {} and {} of it, with {}",
            requests.cpu,
            requests.memory,
            count(pods, "pod")
        )
    }
}

impl<'a> Choice<'a> {
    /// On the tree that a scenario is written for, what it names must be there and fit.
    fn own_tree(&self) -> bool {
        self.inputs.is_own_tree()
    }

    fn error(&mut self, mark: Mark, message: String, hint: String) {
        let file = self.inputs.scenario.file();
        self.chosen.diagnostics.push(Diagnostic::new(file, mark, message).with_hint(hint));
    }

    /// The way to a class, by the first tree that has it and lets it be used: a commit may bring it, or its limits. It leads to the class at all
    /// later moments too.
    fn aim_at(&self, class: &str) -> Option<Aim<'a>> {
        let mut aims = self.moments.all().iter().filter_map(|moment| {
            let pool = moment.pools.iter().find(|pool| pool.name == class)?;
            Some(aim(pool, &moment.pools, self.inputs.skus))
        });
        let first = aims.next()?;
        let usable = match first.untestable {
            None => first,
            Some(_) => aims.find(|aim| aim.untestable.is_none()).unwrap_or(first),
        };
        Some(at_every_moment(usable, self.moments))
    }

    /// An error about a class that the tree never has.
    fn unknown_class(&mut self, class: &Located<String>) {
        let pools = self.moments.all().iter().flat_map(|moment| &moment.pools);
        let names: BTreeSet<&str> = pools.map(|pool| pool.name.as_str()).collect();
        let hint = suggest::hint(class, names);
        let message = format!("there is no class `{}` in the tree `{}`", class.value, self.inputs.tree.source);
        self.error(class.mark, message, hint);
    }

    /// The other classes on which the pods may run, of those that the tree has.
    fn fallback(&mut self, spec: &WorkloadSpec) -> Vec<Aim<'a>> {
        let mut found = Vec::new();
        for class in &spec.fallback {
            match self.aim_at(class) {
                Some(aim) => found.push(aim),
                None if self.own_tree() => self.unknown_class(class),
                None => self.chosen.notes.push(format!("the tree has no class `{}` to fall back to", class.value)),
            }
        }
        found
    }

    fn named(&mut self, name: &str, spec: &WorkloadSpec) {
        let Some(aim) = self.aim_at(&spec.class) else {
            if self.own_tree() {
                self.unknown_class(&spec.class);
            } else {
                let note = format!("`{name}` is left out: the tree has no class `{}`", spec.class.value);
                self.chosen.notes.push(note);
            }
            return;
        };
        if let Some(reason) = &aim.untestable {
            let class = &aim.pool.name;
            if self.own_tree() {
                let message = format!("the class `{class}` cannot be used: {reason}");
                self.error(spec.class.mark, message, "name another class, or mend this NodePool".to_owned());
            } else {
                self.chosen.notes.push(format!("`{name}` is left out: `{class}` cannot be used: {reason}"));
            }
            self.used.insert(class.clone());
            return;
        }
        if spec.stays_pending {
            self.control(name, spec, &aim);
            return;
        }
        let pod = PodSize { cpu: spec.cpu.value, memory: spec.memory.value };
        let pods_max = max_pods(aim.pool.max_pods);
        let overhead = self.inputs.overhead();
        if !aim.fitting.iter().any(|sku| pods_on(sku, overhead, pod, pods_max) > 0) {
            let largest = aim.fitting.last().map_or("none", |sku| sku.name.as_str());
            let message = format!(
                "a pod of `{name}` ({}, {}) is larger than every size that `{}` can use, of which the largest is {largest}{}",
                pod.cpu,
                pod.memory,
                aim.pool.name,
                beside(overhead)
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
        if spec.awaited && self.own_tree() && self.labels_of_nobody(name, spec) {
            return;
        }
        let room = match () {
            () if !spec.awaited => Room::Any,
            () if self.own_tree() => Room::Most,
            () => Room::Sure,
        };
        self.add(name.to_owned(), &aim, pod, room, Some(spec));
    }

    /// Errors about labels that no node of the workload's classes carries at any moment. Returns whether there are some.
    fn labels_of_nobody(&mut self, name: &str, spec: &WorkloadSpec) -> bool {
        let (moments, scenario) = (self.moments, self.inputs.scenario);
        let classes = || std::iter::once(&spec.class).chain(&spec.fallback);
        let pools = || {
            let states = moments.all().iter().flat_map(|moment| &moment.pools);
            states.filter(|pool| classes().any(|class| class.value == pool.name))
        };
        let mut found = false;
        for (key, value) in &spec.node_selector {
            if !is_of_tree(key, moments) || pools().any(|pool| pool.can_have(key, value)) {
                continue;
            }
            let label = format!("{key}={value}");
            let there: BTreeSet<String> =
                pools().flat_map(NodePool::own_labels).map(|(key, value)| format!("{key}={value}")).collect();
            let nearest = match suggest::closest(&label, there.iter().map(String::as_str)) {
                Some(nearest) => format!("did you mean `{nearest}`? Or give"),
                None if there.is_empty() => "give".to_owned(),
                None => format!("its nodes carry {}: ask for one of these, or give", listed(&there)),
            };
            let hint = format!(
                "{nearest} the NodePool the label, under `spec.template.metadata.labels`; where the pods are to wait for ever, mark the \
                 workload `staysPending: true`"
            );
            let path = ["workloads", name, "nodeSelector", key].map(str::to_owned);
            let message = format!("no node of `{}` ever has the label {label}", spec.class.value);
            self.error(scenario.mark_at(scenario.top(), &path, false), message, hint);
            found = true;
        }
        found
    }

    /// A negative control: whether it fits is what the run asks. Its class still wants a workload that does fit.
    fn control(&mut self, name: &str, spec: &WorkloadSpec, aim: &Aim<'_>) {
        let pod = PodSize { cpu: spec.cpu.value, memory: spec.memory.value };
        self.add(name.to_owned(), aim, pod, Room::Any, Some(spec));
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
        let name = self.free_name(&aim.pool.name);
        self.add(name, aim, pod, Room::Sure, None);
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

    fn add(&mut self, name: String, aim: &Aim<'_>, pod: PodSize, room: Room, spec: Option<&WorkloadSpec>) {
        let mut workload = Workload {
            node_selector: aim.node_selector.clone(),
            tolerations: aim.tolerations.clone(),
            ..Workload::new(name, &aim.pool.name, pod.cpu, pod.memory)
        };
        if let Some(spec) = spec {
            adorn(&mut workload, spec);
            widen(&mut workload, &self.fallback(spec), spec);
        }
        let bounds = workload.classes().map(|class| self.bounds(&workload, class, pod, room));
        let bounds = bounds.reduce(together).unwrap_or_default();
        let pods_max = max_pods(aim.pool.max_pods);
        let per_node =
            aim.fitting.iter().map(|sku| pods_on(sku, self.inputs.overhead(), pod, pods_max)).max().unwrap_or(0);
        self.chosen.workloads.push(Sized::new(workload, per_node, bounds));
    }

    /// How many pods a class holds at each moment: none before it is in the tree, after it is gone, or where they do not fit its nodes.
    fn bounds(&self, workload: &Workload, class: &str, pod: PodSize, room: Room) -> Vec<Bound> {
        if room == Room::Any {
            return vec![Bound { pods: None, lack: Lack::Room }; self.moments.all().len()];
        }
        let mut last: Option<(&NodePool, u64)> = None;
        let bound = |moment: &'a Moment| {
            let Some(pool) = moment.pool(class) else {
                return Bound { pods: Some(0), lack: if last.is_some() { Lack::Removed } else { Lack::TooEarly } };
            };
            let pods = match last {
                Some((known, bound)) if holds_as_many(pool, known) => bound,
                _ => {
                    let (most, surely) =
                        room_in(pool, self.inputs.skus, self.inputs.overhead(), pod, max_pods(pool.max_pods));
                    if room == Room::Most { most } else { surely }
                }
            };
            last = Some((pool, pods));
            match self.misfit(workload, pool) {
                Some(lack) => Bound { pods: Some(0), lack },
                None => Bound { pods: u32::try_from(pods).ok(), lack: Lack::Room },
            }
        };
        self.moments.all().iter().map(bound).collect()
    }

    /// Why no node of a pool takes the pods, whatever its size.
    fn misfit(&self, workload: &Workload, pool: &NodePool) -> Option<Lack> {
        let taint = pool.taints.iter().find(|taint| !taint.is_tolerated(&workload.tolerations));
        let label = || {
            let lacks = |(key, value): &(&String, &String)| is_of_tree(key, self.moments) && !pool.can_have(key, value);
            workload.node_selector.iter().find(lacks).map(|(key, value)| Lack::Label(format!("{key}={value}")))
        };
        taint.map(|taint| Lack::Taint(taint.to_string())).or_else(label)
    }

    fn nothing_left(&mut self) {
        // A scenario about something else than pods asks for none.
        let asks =
            self.inputs.bound.file.actions().any(|action| matches!(action.variant, harness_plan::Action::Scale(_)));
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

/// The same way, so that it leads to the pool at every moment: nodes that replace others, and pods that replace others, come at any of them.
fn at_every_moment<'a>(mut aim: Aim<'a>, moments: &Moments) -> Aim<'a> {
    let states = moments.all().iter().flat_map(|moment| &moment.pools).filter(|pool| pool.name == aim.pool.name);
    states.for_each(|state| aim.widen(state));
    aim
}

/// Whether only the tree gives nodes a label: one of its NodePools names it, or it has no prefix. Whoever else puts labels on nodes writes a
/// prefix, and which of them there are cannot be known. Source: "Labels and Selectors" of the Kubernetes documentation, "Syntax and character
/// set".
fn is_of_tree(key: &str, moments: &Moments) -> bool {
    let mut pools = moments.all().iter().flat_map(|moment| &moment.pools);
    !is_well_known(key)
        && (!key.contains('/')
            || pools.any(|pool| {
                pool.labels.contains_key(key) || pool.requirements.iter().any(|requirement| requirement.key == key)
            }))
}

fn listed(labels: &BTreeSet<String>) -> String {
    labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ")
}

/// Lets the pods run on nodes of other classes too: they are reached by name, and tolerate the taints of all of them.
fn widen(workload: &mut Workload, fallback: &[Aim<'_>], spec: &WorkloadSpec) {
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

/// How many pods a workload may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    /// As many as the scenario asks for.
    Any,
    /// As many as its class can hold.
    Most,
    /// As many as its class holds whichever of its sizes the provisioner takes.
    Sure,
}

/// Whether two states of a pool hold the same number of pods.
fn holds_as_many(a: &NodePool, b: &NodePool) -> bool {
    (&a.limits, a.max_pods, &a.requirements, &a.labels) == (&b.limits, b.max_pods, &b.requirements, &b.labels)
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
    workload.image = spec.image.clone();
    workload.termination_grace_period = spec.termination_grace_period;
    workload.containers = spec.containers.clone();
    workload.autoscale = spec.autoscale.clone();
}
